"""Who is signed in, and may they: the guard before every page of the dashboard."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from urllib.parse import urlsplit
from uuid import UUID

import structlog
from aiohttp import web
from aiohttp_session import Session
from yarl import URL

from gateway.domain.roles import may
from gateway.queue.client import is_redis_unavailable
from gateway.storage.users import UserRecord, find_user
from gateway.web.calls import Call, Member
from gateway.web.client_addresses import client_address
from gateway.web.csrf import VisitorTokens, check_source, check_token
from gateway.web.errors import NotPermitted, NotSignedIn
from gateway.web.routes import PAGES, Access, Route
from gateway.web.services import Services
from gateway.web.session_storage import (
    SessionState,
    SessionStorage,
    cookie_name,
    id_of,
    state_of,
)
from gateway.web.wishes import wants_page

__all__ = ["SESSIONS", "OpenSession", "Sessions", "is_dashboard_path"]

logger = structlog.get_logger(__name__)

_SAFE = frozenset({"GET", "HEAD"})
_CSRF_BYTES = 24
_SEEN_EVERY_SECONDS = 60
_AGENT_CHARACTERS_MAX = 256
_PATH_CHARACTERS_MAX = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenSession:
    """One of a user's sessions, for that user to look at; `current` is the one that looks."""

    id: str
    state: SessionState
    current: bool


class Sessions:
    """Opens, checks and ends sessions.

    A session ends after `session_idle_seconds` without a request, and after
    `session_lifetime_seconds` in any case. It ends with a user who is deactivated, gets another
    password or signs out everywhere, whether Redis is there or not: the user's row decides.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self._settings = services.settings
        self._store = services.sessions
        secure = not services.settings.test_mode
        self._storage = SessionStorage(services.sessions, secure=secure)
        self.visitors = VisitorTokens(
            services.vault, cookie_name("visitor", secure=secure), secure=secure
        )

    async def admit(self, request: web.Request, call: Call, route: Route) -> None:
        """Raise unless the caller may use the route, and the request is no forgery.

        Whoever is not signed in is sent to the sign-in page, or is NotSignedIn if no person.
        """
        changes = request.method not in _SAFE
        if changes:
            check_source(request, self._settings.public_url)
        if route.access is Access.VISITOR:
            if changes:
                await self.visitors.check(request)
            return
        member = await self.find(request)
        if member is None:
            raise _sign_in_first(request)
        call.member = member
        if changes:
            await check_token(request, member.csrf_token)
        if not may(member.role, route.permission):
            raise NotPermitted("Your role does not allow this")

    async def find(self, request: web.Request) -> Member | None:
        """Who is signed in. Raises when Redis or the database is away."""
        session = await self._storage.load_session(request)
        state = state_of(session)
        if state is None or self._is_over(state):
            return None
        async with self._services.pool.acquire() as connection:
            user = await find_user(connection, UUID(state.user))
        if user is None or not user.active or user.session_epoch != state.epoch:
            return None
        await self._note_seen(request, session, state)
        return Member(
            user=user,
            mode=state.mode,
            csrf_token=state.csrf,
            confirmed_at=state.confirmed,
            notice=state.notice,
            address=client_address(request, self._settings.trusted_proxies),
            session=session,
        )

    async def open(
        self,
        request: web.Request,
        response: web.Response,
        user: UserRecord,
        *,
        mode: str | None = None,
        notice: str = "",
    ) -> None:
        """Sign the user in: always under a new token, and whatever session there was is over.

        Raises when Redis is away; then nobody was signed in.
        """
        now = self._now()
        state = SessionState(
            user=str(user.id),
            epoch=user.session_epoch,
            mode=mode or ("test" if self._settings.test_mode else "live"),
            csrf=secrets.token_urlsafe(_CSRF_BYTES),
            started=now,
            seen=now,
            confirmed=now,
            address=client_address(request, self._settings.trusted_proxies),
            agent=request.headers.get("User-Agent", "")[:_AGENT_CHARACTERS_MAX],
            notice=notice,
        )
        session = await self._storage.new_session()
        session.update(asdict(state))
        await self._storage.end(await self._storage.load_session(request))
        await self._storage.save_session(request, response, session)

    async def close(self, response: web.Response, member: Member) -> None:
        """Sign this browser out. Raises when Redis is away."""
        await self._storage.forget(response, member.session)

    async def set_mode(self, member: Member, mode: str) -> None:
        """Look at test or live data from now on. Raises when Redis is away."""
        await self._store.change(id_of(member.session), {"mode": mode})

    async def say(self, member: Member, notice: str) -> None:
        """Have the next page tell what was done."""
        await self._note(member.session, {"notice": notice})

    async def confirm(self, member: Member) -> None:
        """The password was entered again. Raises when Redis is away."""
        await self._store.change(id_of(member.session), {"confirmed": str(self._now())})

    def is_confirmed(self, member: Member) -> bool:
        """Whether the password was entered within `session_confirmed_seconds`."""
        seconds: int = self._settings.session_confirmed_seconds
        return self._now() - member.confirmed_at < seconds

    async def list_of(self, member: Member) -> Sequence[OpenSession]:
        """The member's open sessions, the youngest first. Raises when Redis is away."""
        current = id_of(member.session)
        found = []
        for stored in await self._store.of_user(str(member.user.id)):
            state = state_of(stored.fields)
            if state and state.epoch == member.user.session_epoch and not self._is_over(state):
                found.append(OpenSession(id=stored.id, state=state, current=stored.id == current))
        return found

    async def end(self, member: Member, session_id: str) -> None:
        """End one of the member's own sessions. Raises when Redis is away."""
        if session_id in {each.id for each in await self._store.of_user(str(member.user.id))}:
            await self._store.delete(str(member.user.id), [session_id])

    def _is_over(self, state: SessionState) -> bool:
        idle: int = self._settings.session_idle_seconds
        lifetime: int = self._settings.session_lifetime_seconds
        now = self._now()
        return now - state.seen >= idle or now - state.started >= lifetime

    async def _note_seen(self, request: web.Request, session: Session, state: SessionState) -> None:
        """At most once a minute, and when a notice is shown, which is shown once."""
        now = self._now()
        changes = {}
        if now - state.seen >= _SEEN_EVERY_SECONDS:
            changes["seen"] = str(now)
        if state.notice and request.method == "GET" and wants_page(request):
            changes["notice"] = ""
        if changes:
            await self._note(session, changes)

    async def _note(self, session: Session, changes: Mapping[str, str]) -> None:
        """Write what may be lost: a Redis that has just gone does no harm here."""
        try:
            await self._store.change(id_of(session), changes)
        except Exception as error:
            if not is_redis_unavailable(error):
                raise
            logger.warning("session_not_noted", error=type(error).__name__)

    def _now(self) -> int:
        return int(self._services.clock.now().timestamp())


SESSIONS: web.AppKey[Sessions] = web.AppKey("sessions", Sessions)


def is_dashboard_path(path: str) -> bool:
    """Whether a browser may be sent there after signing in: one of our own pages, surely."""
    if len(path) > _PATH_CHARACTERS_MAX or not path.isascii() or not path.isprintable():
        return False
    parts = urlsplit(path)
    if parts.scheme or parts.netloc or "\\" in path or " " in path:
        return False
    return parts.path == "/dashboard" or parts.path.startswith("/dashboard/")


def _sign_in_first(request: web.Request) -> Exception:
    if not wants_page(request):
        return NotSignedIn()
    path = request.rel_url.raw_path_qs
    if request.method not in _SAFE:
        # A form cannot be sent again by a redirection: the page it belongs to is where to go on.
        path = "/".join(request.path.split("/")[:3])
        path = path if path in request.app[PAGES] else ""
    query = {"next": path} if is_dashboard_path(path) else {}
    return web.HTTPSeeOther(URL("/login").with_query(query))
