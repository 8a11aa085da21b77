"""The command line. What a command needs is imported when it runs, so that --help is quick."""

from __future__ import annotations

import click

from gateway.cli.accounts import key, merchant, user
from gateway.cli.checking import check, migrate, reseal
from gateway.cli.resolving import resolve
from gateway.cli.sandbox import sandbox
from gateway.cli.serving import demo, serve

__all__ = ["main"]


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="payment-gateway")
def main() -> None:
    """A payment gateway in one process.

    Settings come from the environment; `gateway check` shows all of them, and what is wrong.
    """


for _command in (serve, demo, check, migrate, reseal, resolve, merchant, user, key, sandbox):
    main.add_command(_command)
