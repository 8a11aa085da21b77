"""What operators watch, in the Prometheus format. docs/metrics.md lists all of it."""

from gateway.metrics.metrics import CONTENT_TYPE, Metrics
from gateway.metrics.state import Watched

__all__ = ["CONTENT_TYPE", "Metrics", "Watched"]
