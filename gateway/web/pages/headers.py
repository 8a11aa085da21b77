"""What browsers are told to forbid: nothing from elsewhere, nothing inline, no strange frames.

Content Security Policy Level 3. A page says with a `Policy` what it needs beyond that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

__all__ = ["Policy", "page_headers"]

_SELF = "'self'"
_FIXED: Mapping[str, str] = {
    "Content-Type": "text/html; charset=utf-8",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "strict-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), usb=(), browsing-topics=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What a page may do. Sources must be origins or keywords, never what a stranger wrote.

    `frame_ancestors`: who may frame it. `images`, `forms`: further places to load images from, and
    to send forms to. `frames`: what it may frame.
    """

    frame_ancestors: Sequence[str] = ()
    images: Sequence[str] = ()
    forms: Sequence[str] = ()
    frames: Sequence[str] = ()


def page_headers(policy: Policy, nonce: str, *, secure: bool) -> dict[str, str]:
    """The headers of a page; `secure` when the gateway is reached by https only."""
    directives = {
        "default-src": ("'none'",),
        "script-src": (f"'nonce-{nonce}'",),
        "style-src": (_SELF, f"'nonce-{nonce}'"),
        "img-src": (_SELF, "data:", *policy.images),
        "connect-src": (_SELF,),
        "form-action": (_SELF, *policy.forms),
        "frame-src": policy.frames or ("'none'",),
        "frame-ancestors": policy.frame_ancestors or ("'none'",),
        "base-uri": ("'none'",),
    }
    content = "; ".join(f"{name} {' '.join(sources)}" for name, sources in directives.items())
    headers = {**_FIXED, "Content-Security-Policy": content}
    if not policy.frame_ancestors:
        headers["X-Frame-Options"] = "DENY"
    if secure:
        headers["Strict-Transport-Security"] = "max-age=31536000"
    return headers
