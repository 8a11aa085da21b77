"""The document describes every route there is, and only these."""

from __future__ import annotations

from gateway.settings import Settings
from gateway.web.api import api_routes
from gateway.web.api.descriptions import BODIES, FILTERS
from gateway.web.checkout.live import get_result, live_routes
from gateway.web.openapi import document_of
from gateway.web.routes import Access, Route
from tests.web.client import ApiClient


async def test_the_document_and_its_page(api: ApiClient, settings: Settings) -> None:
    """Both are served without credentials, and name every call."""
    document = (await api.get("//openapi.json")).json
    page = await api.get("//docs")

    assert "3.1.0" == document["openapi"]
    assert 200 == page.status
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    for route in api_routes(settings):
        operation = document["paths"][route.path][route.method.lower()]
        assert operation["summary"]
        assert "`/" not in operation["summary"], "the docstring says no more than the path"
        assert (route.access is Access.KEY) == bool(operation["security"])
        assert route.path in page.body.decode()


def test_what_the_checkout_asks_is_described(settings: Settings) -> None:
    """The result with what it is asked by, the stream with what it answers; no page of it."""
    page = Route(
        method="GET", path="/page", handler=get_result, access=Access.SHOPPER, surface="pages"
    )
    document = document_of([*api_routes(settings), *live_routes(), page])
    result = document["paths"]["/checkout/result"]["get"]
    stream = document["paths"]["/checkout/payments/{id}/events"]["get"]

    assert ["payment_id", "order_id", "key"] == [each["name"] for each in result["parameters"]]
    assert ["text/event-stream"] == list(stream["responses"]["200"]["content"])
    assert (["checkout"], []) == (result["tags"], result["security"])
    assert "/page" not in document["paths"]


def test_every_body_and_list_is_described(settings: Settings) -> None:
    """A new route that takes a body or answers a list cannot be forgotten."""
    for route in api_routes(settings):
        if route.method in ("POST", "PUT", "PATCH"):
            assert route.handler in BODIES, (route.method, route.path)
        if route.handler.__name__.startswith("list_") and "endpoints" not in route.path:
            assert route.handler in FILTERS, route.path


def test_references_lead_somewhere(settings: Settings) -> None:
    """Every `$ref` names a schema of the document, and every operation has a name of its own."""
    document = document_of(api_routes(settings))
    schemas = document["components"]["schemas"]
    found: list[str] = []

    def walk(value: object) -> None:
        if isinstance(value, dict):
            if "$ref" in value:
                found.append(value["$ref"])
            for item in value.values():
                walk(item)
        elif isinstance(value, list):
            for item in value:
                walk(item)

    walk(document)
    assert found
    assert set() == {each.rpartition("/")[2] for each in found} - schemas.keys()
    assert {"amount", "currency", "receipt"} <= schemas["OrderBody"]["properties"].keys()
    names = [
        operation["operationId"]
        for operations in document["paths"].values()
        for operation in operations.values()
    ]
    assert len(set(names)) == len(names)
