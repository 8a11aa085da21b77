"""The document describes every route there is, and only these; its examples hold."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest

from gateway.settings import Settings
from gateway.web.api import api_routes
from gateway.web.api.descriptions import ANSWERS, BODIES, FILTERS, STREAMING
from gateway.web.checkout.live import get_result, live_routes
from gateway.web.openapi import document_of
from gateway.web.routes import Access, Route
from tests.web.client import ApiClient

ROUTES = [*api_routes(Settings(test_mode=True, test_controls=True)), *live_routes()]
DOCUMENT = document_of(ROUTES)
OPERATIONS = [
    (f"{method} {path}", operation)
    for path, operations in DOCUMENT["paths"].items()
    for method, operation in operations.items()
]


def contents(operation: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every content that a call takes or answers, references followed."""
    yield from operation.get("requestBody", {}).get("content", {}).values()
    for answer in operation["responses"].values():
        reference = answer.get("$ref", "").rpartition("/")[2]
        found = DOCUMENT["components"]["responses"][reference] if reference else answer
        yield from found["content"].values()


def schema_problems(schema: dict[str, Any], value: object) -> list[str]:
    """What is wrong with a value, by a schema of the document."""
    whole = {**schema, "components": DOCUMENT["components"]}
    validator = jsonschema_rs.Draft202012Validator(whole, validate_formats=True)
    return [error.message for error in validator.iter_errors(value)]


async def test_the_document_and_its_page(api: ApiClient) -> None:
    """Both are served without credentials, and name every call; the page runs nothing."""
    document = (await api.get("//openapi.json")).json
    page = await api.get("//docs", headers={"Accept-Encoding": "identity"})
    text = page.body.decode()

    assert "3.1.0" == document["openapi"]
    assert 200 == page.status
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    for path in document["paths"]:
        assert path in text


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_every_call_is_described(route: Route) -> None:
    """A route that takes a body, is a list or answers something cannot be forgotten."""
    operation = DOCUMENT["paths"][route.path][route.method.lower()]

    assert operation["summary"]
    assert "`/" not in operation["summary"], "the docstring says no more than the path"
    assert (route.access in (Access.KEY, Access.PROCESSOR)) == bool(operation["security"])
    assert (route.handler in ANSWERS) != (route.handler in STREAMING)
    if route.method in ("POST", "PUT", "PATCH"):
        assert route.handler in BODIES
    whole = ("/webhook-endpoints", "/processor-accounts", "/processors", "/routing-rules")
    answers_all = route.path.endswith(whole)
    if route.handler.__name__.startswith("list_") and not answers_all:
        assert route.handler in FILTERS


def test_what_the_checkout_asks_is_described_and_no_page() -> None:
    """The result with what it is asked by, the stream with what it answers; no page of it."""
    page = Route(
        method="GET", path="/page", handler=get_result, access=Access.SHOPPER, surface="pages"
    )
    document = document_of([*ROUTES, page])
    result = document["paths"]["/checkout/result"]["get"]
    stream = document["paths"]["/checkout/payments/{id}/events"]["get"]

    assert ["payment_id", "order_id", "key"] == [each["name"] for each in result["parameters"]]
    assert ["text/event-stream"] == list(stream["responses"]["200"]["content"])
    assert (["checkout"], []) == (result["tags"], result["security"])
    assert "/page" not in document["paths"]


@pytest.mark.parametrize(("name", "operation"), OPERATIONS, ids=[name for name, _ in OPERATIONS])
def test_examples_are_valid(name: str, operation: dict[str, Any]) -> None:
    """Every example of a request, an answer or an error is one by its own schema."""
    found = list(contents(operation))

    for content in found:
        if "example" in content:
            assert [] == schema_problems(content["schema"], content["example"])
        else:
            assert "/checkout/payments/{id}/events" in name


def test_a_wrong_example_would_be_seen() -> None:
    """The check of the examples finds an order without a currency, and an amount that is text."""
    order = {"$ref": "#/components/schemas/Order"}
    content = next(contents(DOCUMENT["paths"]["/api/v1/orders"]["post"]))
    answered = DOCUMENT["paths"]["/api/v1/orders"]["post"]["responses"]["201"]["content"]
    example = answered["application/json"]["example"]

    assert schema_problems(order, {k: v for k, v in example.items() if k != "currency"})
    assert schema_problems(content["schema"], {**content["example"], "amount": "50000"})


def test_webhooks_are_described_with_what_they_bring() -> None:
    """An event's body names its event, and has the payment, refund or order it is about."""
    webhooks = DOCUMENT["webhooks"]
    for name, parts in {
        "payment.success": {"payment"},
        "refund.processed": {"refund", "payment"},
        "order.paid": {"order"},
    }.items():
        content = webhooks[name]["post"]["requestBody"]["content"]["application/json"]
        assert [] == schema_problems(content["schema"], content["example"])
        assert name == content["example"]["event"]
        assert parts <= content["example"]["data"].keys()
        assert schema_problems(content["schema"], {**content["example"], "event": "other"})


def test_references_lead_somewhere() -> None:
    """Every `$ref` names a part of the document, and every operation has a name of its own."""
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

    walk(DOCUMENT)
    assert found
    for reference in found:
        part: Any = DOCUMENT
        for name in reference.removeprefix("#/").split("/"):
            part = part[name]
    names = [operation["operationId"] for _, operation in OPERATIONS]
    assert len(set(names)) == len(names)


async def test_paths_do_not_swallow_their_neighbours(api: ApiClient) -> None:
    """A wrong method is 405 also where a path with a parameter would fit."""
    answer = await api.get("/webhooks/config")

    assert 405 == answer.status
    assert "PUT" == answer.headers["Allow"]
