"""The gateway as it would be if it knew its one caller: `python -m benchmarks.unguarded serve`.

The first request is authenticated; all others are taken to come from the same caller. What it saves
is what authentication costs.
"""

from __future__ import annotations

from multidict import CIMultiDictProxy

from gateway.cli import main as gateway_main
from gateway.web.authentication import Authenticator
from gateway.web.calls import Caller

__all__ = ["main"]


def main() -> None:
    """Run the gateway's command line."""
    authenticate = Authenticator.authenticate
    known: list[Caller] = []

    async def authenticate_once(self: Authenticator, headers: CIMultiDictProxy[str]) -> Caller:
        if not known:
            known.append(await authenticate(self, headers))
        return known[0]

    Authenticator.authenticate = authenticate_once  # type: ignore[method-assign] # the measure
    gateway_main()


if __name__ == "__main__":
    main()
