"""The guard before the dashboard: no session, wrong role, forged request, on every route."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from uuid import uuid4

import pytest

from gateway.domain.roles import PERMISSIONS, ROLES, may
from gateway.seeding import TEST_EMAIL, TEST_PASSWORD
from gateway.web.dashboard import dashboard_routes
from gateway.web.routes import Access, Route
from tests.dashboard.people import Browser, Page, People

ROLES_OF_PEOPLE = sorted(ROLES)
FAULT = 500
STREAMS = {"/dashboard/changes"}  # these do not end by themselves
FORMS = [route for route in dashboard_routes() if route.method != "GET"]


def path_of(route: Route) -> str:
    """The route's path with ids of nothing in it."""
    return re.sub(r"\{[^}]+\}", lambda _: str(uuid4()), route.path)


def member_routes() -> Iterable[Route]:
    return (route for route in dashboard_routes() if route.access is Access.SESSION)


async def asked(browser: Browser, route: Route) -> Page:
    """What the browser gets, the token of its own session sent along."""
    path = path_of(route)
    if route.path in STREAMS:
        return await browser.request("HEAD", path)
    return await (browser.get(path) if route.method == "GET" else browser.post(path))


async def test_without_a_session_nothing_is_there(browser: Browser) -> None:
    """Every page leads to the sign-in page, and nothing is done."""
    for route in member_routes():
        page = await asked(browser, route)

        assert 303 == page.status, route.path
        assert page.location.startswith("/login"), route.path


@pytest.mark.parametrize("role", ROLES_OF_PEOPLE)
async def test_every_route_asks_for_its_permission(people: People, role: str) -> None:
    """A role gets 403 from exactly the routes whose permission it has not."""
    browser = await people.signed_in(role)
    leave = {"/logout", "/dashboard/account/sign-out-everywhere"}
    for route in member_routes():
        if route.path in leave:
            continue
        page = await asked(browser, route)
        allowed = may(role, route.permission)

        assert allowed == (page.status != 403), f"{role} {route.method} {route.path}"
        assert page.status < FAULT, f"{role} {route.method} {route.path}"


def test_the_table_of_roles() -> None:
    """Owners may all that is a merchant's, operators nothing of it, and readers change nothing."""
    of_merchants = {each for each in PERMISSIONS if not each.startswith("gateway:")}

    assert of_merchants == ROLES["owner"]
    assert {"account:write", "gateway:read", "gateway:write"} == ROLES["operator"]
    assert {"account:write"} == {each for each in ROLES["read_only"] if "read" not in each}
    assert may("support", "refunds:write")
    assert not may("support", "keys:write")
    assert may("developer", "webhooks:write")
    assert not may("developer", "refunds:write")
    assert not may("nobody", "account:write")


def test_a_route_names_a_permission_there_is() -> None:
    """A mistyped permission is found when the route is made."""

    async def nothing(_request: object) -> None: ...

    for access, permission in (
        (Access.SESSION, "refunds:wirte"),
        (Access.SESSION, ""),
        (Access.VISITOR, "refunds:write"),
    ):
        with pytest.raises(ValueError, match="permission"):
            Route(method="GET", path="/x", handler=nothing, access=access, permission=permission)


class TestForgery:
    """A request that changes something was not made by our own page."""

    async def test_nothing_without_the_token(self, owner: Browser, people: People) -> None:
        """No token, a wrong one, an endless one, somebody else's: 403 and a page that explains."""
        others = (await people.signed_in("owner")).csrf_token
        for route in FORMS:
            for token in ("", "wrong", "x" * 5000, others, "ä"):
                owner.csrf_token = token
                page = await owner.post(path_of(route))

                assert 403 == page.status, (route.path, token)
                assert "This page is too old" in page.text

    @pytest.mark.parametrize(
        "headers",
        [
            {"Sec-Fetch-Site": "cross-site"},
            {"Sec-Fetch-Site": "same-site"},
            {"Sec-Fetch-Site": ""},
            {"Origin": "https://evil.example"},
            {"Origin": "null"},
            {"Origin": "http://127.0.0.1"},
            {"Origin": "http://127.0.0.1:1.evil.example"},
        ],
        ids=str,
    )
    async def test_nothing_from_elsewhere(self, owner: Browser, headers: dict[str, str]) -> None:
        """With the right token, but from another site as the browser says: 403."""
        for route in FORMS:
            page = await owner.request(
                "POST", path_of(route), headers=headers, data={"csrf_token": owner.csrf_token}
            )

            assert 403 == page.status, route.path

    async def test_our_own_origin_will_do(self, owner: Browser) -> None:
        """A browser without Fetch Metadata says where the form was, and that is enough."""
        page = await owner.request(
            "POST",
            "/dashboard/mode",
            headers={"Origin": owner.url},
            data={"csrf_token": owner.csrf_token, "mode": "live"},
        )

        assert 303 == page.status

    async def test_scripts_send_the_token_in_a_header(self, owner: Browser) -> None:
        """What is no form brings the token in a header."""
        page = await owner.request(
            "POST",
            "/dashboard/mode",
            headers={"X-CSRF-Token": owner.csrf_token, "Sec-Fetch-Site": "same-origin"},
        )

        assert 303 == page.status

    async def test_nobody_is_signed_in_by_a_stranger(
        self, browser: Browser, browser_for: Callable[[], Browser]
    ) -> None:
        """The sign-in form of one browser is worth nothing in another."""
        stranger = browser_for()
        await stranger.get("/login")
        await browser.get("/login")
        browser.csrf_token = stranger.csrf_token
        page = await browser.post("/login", email=TEST_EMAIL, password=TEST_PASSWORD)

        assert 403 == page.status
        assert browser.cookie() is None

    async def test_a_form_must_be_a_form(self, owner: Browser) -> None:
        """Broken, foreign and endless bodies are refused as bad requests, never as faults."""
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        for body, headers, status in (
            (b"csrf_token=%00", kind, 400),
            (b"name=%ff%fe", kind, 400),
            (b"\xff\xfe", kind, 400),
            (b"&".join([b"a=b"] * 500), kind, 400),
            (b'{"csrf_token": "x"}', {"Content-Type": "application/json"}, 403),
            (b"x" * 300_000, kind, 413),
        ):
            page = await owner.request(
                "POST", "/dashboard/account/name", headers=headers, data=body
            )

            assert status == page.status, body[:20]
