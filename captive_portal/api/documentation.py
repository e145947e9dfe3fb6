"""The page that explains the API, made of its OpenAPI document: plain HTML, nothing from elsewhere and no script."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from captive_portal.api.access import KEY_SCHEME, TOKEN_SCHEME
from captive_portal.api.problems import MEDIA_TYPE

_IN_PATH: Final = re.compile(r"\{\w+\}")
_NEEDS: Final = {KEY_SCHEME: "a council's key with the scope", TOKEN_SCHEME: "a resident's token"}


@dataclass(frozen=True, slots=True)
class Named:
    """A parameter or a field."""

    name: str
    type: str
    # The name of the type that it is made of, where that has a chapter of its own.
    schema: str
    description: str
    is_required: bool


@dataclass(frozen=True, slots=True)
class Explained:
    """An operation, in words."""

    id: str
    method: str
    path: str
    summary: str
    description: str
    needs: str
    parameters: tuple[Named, ...]
    body: str
    answers: tuple[Answer, ...]
    example: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What may come back."""

    status: str
    description: str
    schema: str


@dataclass(frozen=True, slots=True)
class Type:
    """A type that operations take or give."""

    name: str
    description: str
    values: tuple[str, ...]
    fields: tuple[Named, ...]


def explain(document: Mapping[str, Any]) -> dict[str, object]:
    """What the page's template asks for."""
    server = document["servers"][0]["url"]
    explained = [
        (one["tags"][0], _operation(method, path, one, server, document))
        for path, methods in document["paths"].items()
        for method, one in methods.items()
    ]
    return {
        "about": document["info"]["description"],
        "version": document["info"]["version"],
        "server": server,
        "chapters": [
            (tag["name"], tag["description"], [one for name, one in explained if name == tag["name"]])
            for tag in document["tags"]
        ],
        "schemes": [one["description"] for one in document["components"]["securitySchemes"].values()],
        "types": [_type(name, schema) for name, schema in document["components"]["schemas"].items()],
    }


def _operation(method: str, path: str, one: Mapping[str, Any], server: str, document: Mapping[str, Any]) -> Explained:
    body = one.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    return Explained(
        id=one["operationId"],
        method=method.upper(),
        path=path,
        summary=one["summary"],
        description=one["description"],
        needs=_needs(one["security"]),
        parameters=tuple(
            _named(each["name"], each["schema"], each["required"], each["description"])
            for each in one.get("parameters", ())
        ),
        body=_schema_name(body),
        answers=tuple(_answers(one["responses"])),
        example=_example(method, server + path, one, body, document),
    )


def _needs(security: list[Mapping[str, list[str]]]) -> str:
    if not security:
        return "nothing"
    ((scheme, scopes),) = security[0].items()
    return " ".join((_NEEDS[scheme], *scopes)) if scheme == KEY_SCHEME else _token(scopes)


def _token(scopes: list[str]) -> str:
    return f"{_NEEDS[TOKEN_SCHEME]} that may {scopes[0]}" if scopes else _NEEDS[TOKEN_SCHEME]


def _answers(responses: Mapping[str, Any]) -> Iterator[Answer]:
    for status, response in responses.items():
        ((media_type, content),) = response.get("content", {"": {}}).items()
        schema = "" if media_type == MEDIA_TYPE else _schema_name(content.get("schema", {}))
        yield Answer(status, response["description"], schema)


def _example(
    method: str, address: str, one: Mapping[str, Any], body: Mapping[str, Any], document: Mapping[str, Any]
) -> str:
    words = ["curl"]
    if method != "get":
        words.append(f"-X {method.upper()}")
    if one["security"]:
        words.append("-H 'Authorization: Bearer …'")
    if name := _schema_name(body):
        properties = document["components"]["schemas"][name]["properties"]
        sample = json.dumps({each: "1234" if schema.get("pattern") else "…" for each, schema in properties.items()})
        words.append(f"-H 'Content-Type: application/json' -d '{sample}'")
    return " ".join((*words, _IN_PATH.sub("1", address)))


def _type(name: str, schema: Mapping[str, Any]) -> Type:
    required = schema.get("required", ())
    return Type(
        name,
        " ".join(schema.get("description", "").split()),
        tuple(schema.get("enum", ())),
        tuple(
            _named(each, described, each in required, described.get("description", ""))
            for each, described in schema.get("properties", {}).items()
        ),
    )


def _named(name: str, schema: Mapping[str, Any], is_required: bool, description: str) -> Named:
    return Named(name, _in_words(schema), _schema_name(schema), description, is_required)


def _in_words(schema: Mapping[str, Any]) -> str:
    """A type such as "list of Venue" or "integer, 1 to 200"."""
    if "anyOf" in schema:
        return " or ".join(_in_words(one) for one in schema["anyOf"])
    if reference := _reference(schema):
        return reference
    kind = str(schema.get("type", "anything"))
    if kind == "array":
        return f"list of {_in_words(schema.get('items', {}))}"
    if kind == "object":
        return f"{_in_words(schema['additionalProperties'])} by name" if schema.get("additionalProperties") else kind
    if schema.get("format") == "date-time":
        return "time"
    bounds = _bounds(schema)
    return f"{kind}, {bounds}" if bounds else kind


def _bounds(schema: Mapping[str, Any]) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    if pattern := schema.get("pattern"):
        return f"as {pattern}"
    if low is not None and high is not None and high < 2**53:
        return f"{low} to {high}"
    return f"{low} or more" if low is not None else ""


def _reference(schema: Mapping[str, Any]) -> str:
    return str(schema.get("$ref", "")).rpartition("/")[2]


def _schema_name(schema: Mapping[str, Any]) -> str:
    """The name of the type that a schema is, or has some of."""
    inner = [schema, schema.get("items", {}), *schema.get("anyOf", ())]
    return next((name for one in inner if (name := _reference(one))), "")
