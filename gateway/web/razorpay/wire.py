"""A route of this surface as its resource writes it down."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.web.routes import Access, Handler, Route

__all__ = ["SURFACE", "WireRoute"]

SURFACE = "razorpay"


@dataclass(frozen=True, slots=True)
class WireRoute:
    """Method, path and handler; `permission` is that of the same call of `/api/v1`.

    Without a permission anybody may call it. `step` is one of those that errors of this surface
    know.
    """

    method: str
    path: str
    handler: Handler
    permission: str = ""
    step: str = "payment_initiation"

    def as_route(self) -> Route:
        """The same for the router."""
        return Route(
            method=self.method,
            path=self.path,
            handler=self.handler,
            access=Access.KEY if self.permission else Access.ANYBODY,
            permission=self.permission,
            step=self.step,
            surface=SURFACE,
        )
