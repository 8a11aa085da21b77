"""Where aiohttp-session keeps the dashboard's sessions: in Redis, found by a cookie.

The cookie holds a random token and nothing else; Redis holds the session under the token's hash, so
that whoever reads Redis cannot sign in with what is there.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import asdict, dataclass, field
from typing import Any
from uuid import UUID

from aiohttp import web
from aiohttp_session import AbstractStorage, Session

from gateway.queue.sessions import SessionStore, session_id_of

__all__ = ["SessionState", "SessionStorage", "cookie_name", "id_of", "state_of"]

_TOKEN_BYTES = 32
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")


@dataclass(slots=True, kw_only=True)
class SessionState:
    """What is known of a session. Times are unix seconds of the gateway's clock.

    `epoch` is the user's when it was opened; `confirmed`: when the password was entered last;
    `notice` is to be read on the next page.
    """

    user: str
    epoch: int
    mode: str
    csrf: str = field(repr=False)
    started: int
    seen: int
    confirmed: int
    address: str
    agent: str
    notice: str = ""

    def __post_init__(self) -> None:
        UUID(self.user)
        for name in ("epoch", "started", "seen", "confirmed"):
            setattr(self, name, int(getattr(self, name)))


def cookie_name(name: str, *, secure: bool) -> str:
    """With the prefix that makes browsers refuse it from other hosts (RFC 6265bis, 4.1.3)."""
    return f"__Host-{name}" if secure else name


def id_of(session: Session) -> str:
    """Under which id a session that was kept is found."""
    return session_id_of(str(session.identity))


def state_of(fields: Any) -> SessionState | None:
    """The state; None where the session is new, or was written by a gateway of another age."""
    try:
        return SessionState(**fields)
    except (TypeError, ValueError):
        return None


class SessionStorage(AbstractStorage):
    """Sessions by cookie. Each call raises what `is_redis_unavailable` knows."""

    def __init__(self, store: SessionStore, *, secure: bool) -> None:
        super().__init__(
            cookie_name=cookie_name("session", secure=secure),
            path="/",
            secure=secure,
            httponly=True,
            samesite="Lax",
        )
        self._store = store

    async def load_session(self, request: web.Request) -> Session:
        """The session of the request's cookie, else a new one."""
        token = self.load_cookie(request)
        if token is None or not _TOKEN.fullmatch(token):
            return await self.new_session()
        fields = await self._store.load(session_id_of(token))
        if not fields:
            return await self.new_session()
        return Session(token, data={"session": dict(fields)}, new=False)

    async def save_session(
        self, request: web.Request, response: web.StreamResponse, session: Session
    ) -> None:
        """Keep a new session under a new token, and give the token to the browser."""
        del request
        state = state_of(session)
        if state is None:
            raise AssertionError("the session has no state")
        session.set_new_identity(secrets.token_urlsafe(_TOKEN_BYTES))
        fields = {name: str(value) for name, value in asdict(state).items()}
        await self._store.add(id_of(session), state.user, fields, opened=state.started)
        self.save_cookie(response, str(session.identity))

    async def forget(self, response: web.StreamResponse, session: Session) -> None:
        """End the session, and have the browser forget its token."""
        response.del_cookie(
            self.cookie_name, path="/", secure=self.cookie_params["secure"], httponly=True
        )
        await self.end(session)

    async def end(self, session: Session) -> None:
        """End the session, if it is one."""
        state = state_of(session)
        if state is not None:
            await self._store.delete(state.user, [id_of(session)])
