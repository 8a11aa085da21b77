"""A payment gateway in one process."""

from importlib.metadata import PackageNotFoundError, version

__all__ = ["__version__"]

try:
    __version__ = version("payment-gateway")
except PackageNotFoundError:  # a checkout that was not installed
    __version__ = "0"
