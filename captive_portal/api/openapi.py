"""The OpenAPI 3.1 document (https://spec.openapis.org/oas/v3.1.1.html), made of the operations and their types."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import TypeAdapter
from pydantic.json_schema import JsonSchemaMode

from captive_portal.api.access import KEY_SCHEME, TOKEN_SCHEME
from captive_portal.api.operations import Operation
from captive_portal.api.problems import MEDIA_TYPE, PREFIX, Kind, Problem
from captive_portal.storage.api_keys import SCOPES

VERSION: Final = "1.0.0"
_REFERENCE: Final = "#/components/schemas/{model}"
_ABOUT: Final = (
    "Venues and their state for everybody; a resident's own data, by a token that they make on My data; and what "
    "staff's programs do, by a council's key. Times are in UTC (RFC 3339), sizes are octets, durations are seconds. "
    "A change that could break a program gets a new version beside this one; new fields and operations do not, so "
    "leave out what you do not know. Errors are problem details (RFC 9457). Pages of other sites may read what "
    "everybody may (CORS)."
)
_RETRY_AFTER: Final = {
    "description": "In so many seconds it is worth asking again.",
    "required": True,
    "schema": {"type": "integer", "minimum": 1},
}
_Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class _Schemas:
    """What the types of all operations are in JSON Schema."""

    # By operation and part: asked, body, answer.
    of_part: Mapping[tuple[_Key, JsonSchemaMode], Any]
    # Those that they refer to, by name.
    named: Mapping[str, Any]

    def of(self, operation: Operation, part: str) -> Any:
        """The schema of a body, or of an answer."""
        return self.of_part[(operation.name, part), "serialization" if part == "answer" else "validation"]

    def properties(self, operation: Operation) -> Mapping[str, Any]:
        """The schema of what is asked by path and query, itself and not by its name."""
        schema: Mapping[str, Any] = self.named[_name_of(self.of(operation, "asked"))]
        return schema

    @property
    def problem(self) -> Any:
        return self.of_part[_PROBLEM, "serialization"]


_PROBLEM: Final = ("", "problem")


def document(operations: Iterable[Operation], public_url: str) -> dict[str, Any]:
    """The whole document, for a portal that is reached at ``public_url``."""
    listed = tuple(operations)
    schemas = _schemas(listed)
    paths: dict[str, dict[str, Any]] = {}
    for one in listed:
        paths.setdefault(one.path, {})[one.method.lower()] = _operation(one, schemas)
    # Those stand at their operations, as parameters.
    asked = {_name_of(schemas.of(one, "asked")) for one in listed if one.asked is not None}
    return {
        "openapi": "3.1.1",
        "info": {"title": "CityWiFi", "version": VERSION, "description": _ABOUT},
        "servers": [{"url": public_url.rstrip("/") + PREFIX}],
        "tags": [
            {"name": tag.name, "description": tag.description} for tag in dict.fromkeys(one.tag for one in listed)
        ],
        "paths": paths,
        "components": {
            "schemas": {name: schema for name, schema in schemas.named.items() if name not in asked},
            "securitySchemes": _security_schemes(),
        },
    }


def _schemas(listed: tuple[Operation, ...]) -> _Schemas:
    inputs: list[tuple[_Key, JsonSchemaMode, TypeAdapter[Any]]] = [(_PROBLEM, "serialization", TypeAdapter(Problem))]
    for one in listed:
        parts: tuple[tuple[str, JsonSchemaMode, TypeAdapter[Any] | None], ...] = (
            ("asked", "validation", one.asked),
            ("body", "validation", one.body),
            ("answer", "serialization", one.answer),
        )
        inputs += [((one.name, part), mode, adapter) for part, mode, adapter in parts if adapter is not None]
    of_part, definitions = TypeAdapter.json_schemas(inputs, ref_template=_REFERENCE)
    return _Schemas(of_part, definitions["$defs"])


def _name_of(reference: Mapping[str, Any]) -> str:
    return str(reference["$ref"]).rpartition("/")[2]


def _operation(one: Operation, schemas: _Schemas) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": one.name,
        "tags": [one.tag.name],
        "summary": one.summary,
        "description": one.description,
        "security": one.access.security,
        "responses": _responses(one, schemas),
    }
    if one.asked is not None:
        described["parameters"] = _parameters(schemas.properties(one), one.path)
    if one.body is not None:
        content = {"application/json": {"schema": schemas.of(one, "body")}}
        described["requestBody"] = {"required": True, "content": content}
    return described


def _parameters(schema: Mapping[str, Any], path: str) -> list[dict[str, Any]]:
    required = schema.get("required", ())
    return [
        {
            "name": name,
            "in": "path" if f"{{{name}}}" in path else "query",
            "required": name in required,
            "description": one.get("description", ""),
            "schema": _given(one),
        }
        for name, one in schema["properties"].items()
    ]


def _given(schema: Mapping[str, Any]) -> dict[str, Any]:
    """What a parameter is where it is given: no address can say null."""
    choices = [one for one in schema.get("anyOf", ()) if one.get("type") != "null"]
    given = choices[0] if len(choices) == 1 else schema
    unsaid = ("description", "title", *(("default",) if schema.get("default", "") is None else ()))
    return {name: value for name, value in given.items() if name not in unsaid}


def _responses(one: Operation, schemas: _Schemas) -> dict[str, Any]:
    good: dict[str, Any] = {"description": "Done." if one.answer is None else f"{one.summary}."}
    if one.answer is not None:
        good["content"] = {one.media_type: {"schema": schemas.of(one, "answer")}}
    by_status: dict[int, list[Kind]] = {}
    for kind in one.problems:
        by_status.setdefault(kind.status, []).append(kind)
    problems = {str(status): _problem(kinds, schemas.problem) for status, kinds in sorted(by_status.items())}
    return {str(one.status): good, **problems}


def _problem(kinds: list[Kind], schema: Mapping[str, Any]) -> dict[str, Any]:
    response: dict[str, Any] = {
        "description": " ".join(f"`{kind.name}`: {kind.title}." for kind in kinds),
        "content": {MEDIA_TYPE: {"schema": schema}},
    }
    if all(kind.says_when for kind in kinds):
        response["headers"] = {"Retry-After": _RETRY_AFTER}
    elif any(kind.says_when for kind in kinds):
        response["headers"] = {"Retry-After": {**_RETRY_AFTER, "required": False}}
    return response


def _security_schemes() -> dict[str, Any]:
    scopes = "; ".join(f"`{scope}`: {meaning}" for scope, meaning in SCOPES.items())
    return {
        KEY_SCHEME: {
            "type": "http",
            "scheme": "bearer",
            "description": "A key of a council's program (`citywifi api-key add`). Its scopes say what it may do. "
            + scopes,
        },
        TOKEN_SCHEME: {
            "type": "http",
            "scheme": "bearer",
            "description": "A token that a resident makes on My data. It is good for some hours, for their own data "
            "only; with `delete` it may also delete everything.",
        },
    }
