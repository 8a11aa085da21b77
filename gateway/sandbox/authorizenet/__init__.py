"""A stand-in for Authorize.Net: its JSON API, its webhooks, and the faults that tests arm.

docs/sandbox.md says how to use it. What is known of the real one, and where it is guessed, stands
there, too.
"""

from __future__ import annotations

from gateway.sandbox.authorizenet.options import Options
from gateway.sandbox.authorizenet.server import Sandbox

__all__ = ["Options", "Sandbox"]
