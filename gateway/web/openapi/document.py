"""The OpenAPI 3.1 document: a walk over the routes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue, models_json_schema
from pydantic_core import core_schema

from gateway.domain.versions import VERSIONS
from gateway.web.api.descriptions import ANSWERS, BODIES, CREATING, FINDING, STREAMING, WAITING
from gateway.web.fields import EVENT_TYPES
from gateway.web.openapi.examples import example_of
from gateway.web.openapi.parameters import HEADER_PARAMETERS, parameters_of
from gateway.web.openapi.problems import Problem, problem_responses, problem_statuses
from gateway.web.openapi.webhooks import EVENT_MODELS, webhook_of
from gateway.web.routes import Access, Route

__all__ = ["document_of"]

_SCHEMA = "#/components/schemas/{model}"
_SECURITY: Mapping[Access, list[dict[str, list[str]]]] = {
    Access.KEY: [{"key": [], "secret": []}, {"basic": []}],
    Access.PROCESSOR: [{"signature": []}],
}
_DESCRIPTION = """\
Amounts are integers in the currency's minor unit, times RFC 3339 in UTC. Payments, captures,
voids and refunds are carried out by a payment processor; webhooks tell how they end. Send an
`Idempotency-Key` with every POST that moves money: a repeat is answered like the first request."""
_HEADERS: Mapping[str, Any] = {
    "X-Request-Id": {
        "description": "What the logs of both sides know the request by.",
        "schema": {"type": "string"},
    },
    "Gateway-Version": {
        "description": "The version that was spoken, where the request got as far as that.",
        "schema": {"type": "string", "format": "date"},
    },
    "Retry-After": {
        "description": "Seconds after which to try again.",
        "schema": {"type": "integer", "minimum": 0},
    },
    "Idempotent-Replayed": {
        "description": "The request was answered before: this is that answer.",
        "schema": {"const": "true"},
    },
    "Preference-Applied": {
        "description": "How many seconds the request was ready to wait, where it said so.",
        "schema": {"type": "string", "pattern": "^wait=[0-9]+$"},
    },
}
# Of each event, as it goes over the wire.
_STREAMED: Mapping[str, Any] = {
    "type": "object",
    "required": ["data"],
    "properties": {
        "event": {"type": "string"},
        "data": {"type": "string", "contentMediaType": "application/json"},
    },
}


class _Schemas(GenerateJsonSchema):
    """What may be left out is left out: no default of null, no title that repeats the name."""

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        made = super().default_schema(schema)
        if made.get("default", made) is None:
            del made["default"]
        return made

    def field_title_should_be_set(self, schema: Any) -> bool:
        del schema
        return False


def document_of(routes: Iterable[Route]) -> dict[str, Any]:
    """The OpenAPI document of the routes of `/api/v1`, and of what the checkout asks as it does."""
    chosen = [route for route in routes if _is_public(route)]
    schemas, names = _schemas(chosen)
    paths: dict[str, dict[str, Any]] = {}
    for route in chosen:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, schemas, names)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Payment gateway",
            "version": VERSIONS.current,
            "description": _DESCRIPTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "webhooks": {name: webhook_of(name, schemas) for name in sorted(EVENT_TYPES)},
        "components": {
            "schemas": schemas,
            "responses": problem_responses(),
            "parameters": HEADER_PARAMETERS,
            "headers": _HEADERS,
            "securitySchemes": {
                "key": {"type": "apiKey", "in": "header", "name": "X-Api-Key"},
                "secret": {"type": "apiKey", "in": "header", "name": "X-Api-Secret"},
                "basic": {"type": "http", "scheme": "basic"},
                "signature": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "X-ANET-Signature",
                    "description": "`sha512=` and the HMAC-SHA512 of the body's bytes in hex. "
                    "Other processors than Authorize.Net sign in ways of their own.",
                },
            },
        },
    }


def _is_public(route: Route) -> bool:
    """Whether its answers and errors are a program's: pages and operations are left out."""
    if route.access is Access.SHOPPER:
        return route.surface == "api"
    return route.path.startswith("/api/") and route.access is not Access.ANYBODY


def _models(routes: Iterable[Route]) -> Iterator[type[BaseModel]]:
    for route in routes:
        for table in (BODIES, ANSWERS):
            model = table.get(route.handler)
            if model is not None:
                yield model
    yield Problem
    yield from EVENT_MODELS.values()


def _schemas(
    routes: Iterable[Route],
) -> tuple[dict[str, Any], Mapping[type[BaseModel], str]]:
    """All models as schemas, and what each is called."""
    models = sorted(set(_models(routes)), key=lambda each: each.__name__)
    references, definitions = models_json_schema(
        [(model, "validation") for model in models],
        ref_template=_SCHEMA,
        schema_generator=_Schemas,
    )
    names = {model: references[model, "validation"]["$ref"].rpartition("/")[2] for model in models}
    return definitions["$defs"], names


def _names(route: Route) -> list[str]:
    """What its path consists of, without the version."""
    path = route.path.removeprefix("/api/v1")
    return path.replace("{", "").replace("}", "").strip("/").split("/")


def _operation(
    route: Route, schemas: Mapping[str, Any], names: Mapping[type[BaseModel], str]
) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": _operation_id(route),
        "summary": _summary(route),
        "tags": [_names(route)[0]],
        "security": _SECURITY.get(route.access, []),
        "parameters": parameters_of(route),
        "responses": _responses(route, schemas, names),
    }
    if route.permission:
        operation["x-permission"] = route.permission
    model = BODIES.get(route.handler)
    if model is not None:
        operation["requestBody"] = {
            "required": _has_required(model),
            "content": {"application/json": _content(names[model], schemas)},
        }
    return operation


def _operation_id(route: Route) -> str:
    """One handler may serve several paths."""
    return ".".join((route.method.lower(), *_names(route)))


def _summary(route: Route) -> str:
    """The first line of the handler's docstring, without the call it begins with."""
    text = (route.handler.__doc__ or "").partition("\n")[0]
    summary = text.partition("`: ")[2] or text
    return summary[:1].upper() + summary[1:]


def _responses(
    route: Route, schemas: Mapping[str, Any], names: Mapping[type[BaseModel], str]
) -> dict[str, Any]:
    headers = {
        name: {"$ref": f"#/components/headers/{name}"}
        for name in ("X-Request-Id", "Gateway-Version")
    }
    if route.method == "POST" and route.access is not Access.PROCESSOR:
        headers["Idempotent-Replayed"] = {"$ref": "#/components/headers/Idempotent-Replayed"}
    if route.handler in STREAMING:
        content: dict[str, Any] = {"text/event-stream": {"schema": _STREAMED}}
    else:
        content = {"application/json": _content(names[ANSWERS[route.handler]], schemas)}
    good = {"description": "Done", "headers": headers, "content": content}
    answers = dict.fromkeys(_good_statuses(route), good)
    waits = route.handler in WAITING
    if waits:
        headers["Preference-Applied"] = {"$ref": "#/components/headers/Preference-Applied"}
        answers[202] = {**good, "description": "Not done yet: a webhook will tell how it ends"}
    has_body = route.handler in BODIES
    for status in problem_statuses(route, has_body=has_body, waits=waits):
        answers[status] = {"$ref": f"#/components/responses/{status}"}
    return {str(status): answers[status] for status in sorted(answers)}


def _good_statuses(route: Route) -> tuple[int, ...]:
    if route.handler in FINDING:
        return 200, 201
    return (201,) if route.handler in CREATING else (200,)


def _content(name: str, schemas: Mapping[str, Any]) -> dict[str, Any]:
    reference = {"$ref": _SCHEMA.format(model=name)}
    return {"schema": reference, "example": example_of(reference, schemas)}


def _has_required(model: type[BaseModel]) -> bool:
    return any(field.is_required() for field in model.model_fields.values())
