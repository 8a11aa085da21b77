"""The document as a page for people: what `templates/reference/reference.html` shows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

__all__ = ["Section", "error_example_of", "sections_of"]

_DEPTH_MAX = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A parameter or a field, with where it stands: `path`, `query`, `header` or `body`."""

    name: str
    place: str
    kind: str
    required: bool
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a call may answer; `example` is text to look at."""

    status: str
    text: str
    example: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One method of one path. `body` is an example of what it takes."""

    anchor: str
    method: str
    path: str
    summary: str
    permission: str | None
    members: Sequence[Member]
    body: str | None
    good: Sequence[Answer]
    errors: Sequence[Answer]


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """The calls about one kind of thing."""

    anchor: str
    title: str
    calls: Sequence[Call]


def sections_of(document: Mapping[str, Any]) -> Sequence[Section]:
    """The document's calls, by tag."""
    by_tag: dict[str, list[Call]] = {}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            call = _call(document, method, path, operation)
            by_tag.setdefault(operation["tags"][0], []).append(call)
    return [
        Section(anchor=tag, title=tag.replace("-", " ").capitalize(), calls=calls)
        for tag, calls in by_tag.items()
    ]


def error_example_of(document: Mapping[str, Any]) -> str:
    """The envelope of an error, as text to look at."""
    content = document["components"]["responses"]["400"]["content"]
    return _pretty(content["application/problem+json"]["example"])


def _call(
    document: Mapping[str, Any], method: str, path: str, operation: Mapping[str, Any]
) -> Call:
    body = operation.get("requestBody", {}).get("content", {}).get("application/json")
    members = [_parameter(_resolved(document, each)) for each in operation["parameters"]]
    if body is not None:
        members += _fields(document, body["schema"], "", 0)
    answers = [
        _answer(status, _resolved(document, answer))
        for status, answer in operation["responses"].items()
    ]
    return Call(
        anchor=operation["operationId"],
        method=method.upper(),
        path=path,
        summary=operation["summary"],
        permission=operation.get("x-permission"),
        members=members,
        body=_pretty(body["example"]) if body is not None and body["example"] else None,
        good=[answer for answer in answers if answer.status < "4"],
        errors=[answer for answer in answers if answer.status >= "4"],
    )


def _resolved(document: Mapping[str, Any], value: Mapping[str, Any]) -> Mapping[str, Any]:
    if "$ref" not in value:
        return value
    found: Any = document
    for name in value["$ref"].removeprefix("#/").split("/"):
        found = found[name]
    return _resolved(document, found)


def _parameter(parameter: Mapping[str, Any]) -> Member:
    schema = parameter["schema"]
    return Member(
        name=parameter["name"],
        place=parameter["in"],
        kind=_kind(schema),
        required=parameter.get("required", False),
        text=parameter.get("description") or schema.get("description", ""),
    )


def _fields(
    document: Mapping[str, Any], schema: Mapping[str, Any], prefix: str, depth: int
) -> Iterator[Member]:
    """The members of an object, those of objects in it below them with dotted names."""
    whole = _resolved(document, schema)
    required = whole.get("required", ())
    for name, member in whole.get("properties", {}).items():
        inner = _not_null(document, member)
        yield Member(
            name=prefix + name,
            place="body",
            kind=_kind(inner),
            required=name in required and not prefix,
            text=member.get("description") or inner.get("description", ""),
        )
        if depth < _DEPTH_MAX:
            yield from _fields(document, inner, f"{prefix}{name}.", depth + 1)


def _not_null(document: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    for choice in schema.get("anyOf", ()):
        if choice.get("type") != "null":
            return _resolved(document, choice)
    return _resolved(document, schema)


def _kind(schema: Mapping[str, Any]) -> str:
    """The type in words, with the limits that are worth knowing."""
    if "enum" in schema:
        values = [str(each) for each in schema["enum"]]
        return " | ".join(values) if len(values) <= 12 else f"one of {len(values)} texts"
    if "anyOf" in schema:
        return " or ".join(_kind(each) for each in schema["anyOf"])
    kind = str(schema.get("format") or schema.get("type", "any"))
    low, high = schema.get("minimum"), schema.get("maximum")
    if low is not None and high is not None:
        return f"{kind} {low:,} to {high:,}"
    if low is not None:
        return f"{kind} from {low:,}"
    longest = schema.get("maxLength")
    return f"{kind} up to {longest:,} characters" if longest is not None else kind


def _answer(status: str, answer: Mapping[str, Any]) -> Answer:
    content = next(iter(answer["content"].values()))
    example = _pretty(content["example"]) if "example" in content else None
    return Answer(status=status, text=answer["description"], example=example)


def _pretty(value: object) -> str:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
