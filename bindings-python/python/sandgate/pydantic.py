"""Documents and policies as fields of pydantic models, with the core's diagnostics as errors.

    class Sandbox(BaseModel):
        network: NetworkConfig                      # the document, judged
        policy: Policy                              # the document, judged and compiled

Each diagnostic becomes an error of its own. Its `loc` goes on to the entry, its `type` is the code,
and `ctx` holds path, span and help.

A web framework that parses JSON itself keeps the last of two equal fields before this sees the
document. Where that matters, read the body with `Policy.from_json`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from pydantic_core import CoreSchema, InitErrorDetails, PydanticCustomError, ValidationError, core_schema

from sandgate._documents import NetworkConfig, NetworkUpdate, SnakeNetworkConfig, SnakeNetworkUpdate
from sandgate._errors import PolicyError
from sandgate._native import (
    Diagnostic,
    Guardrails,
    Limits,
    Policy,
    Report,
    check,
    network_config_schema,
    network_update_schema,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
    from pydantic.json_schema import JsonSchemaValue
    from typing_extensions import LiteralString

__all__ = ["Options"]

_UPDATES = (NetworkUpdate, SnakeNetworkUpdate)
_DOCUMENTS = (NetworkConfig, SnakeNetworkConfig, *_UPDATES)


@dataclass(frozen=True, kw_only=True)
class Options:
    """What the operator decides, for one field: `Annotated[Policy, Options(egress_ports=True)]`."""

    guardrails: Guardrails | None = None
    egress_ports: bool = False
    ipv6_ingress: bool = False
    limits: Limits | None = None

    def __get_pydantic_core_schema__(self, source: Any, _handler: GetCoreSchemaHandler) -> CoreSchema:
        """Judge the field with the core."""
        if source is Policy:
            return core_schema.no_info_plain_validator_function(
                self._policy,
                metadata=_described(network_config_schema),
                serialization=core_schema.plain_serializer_function_ser_schema(_config),
            )
        if source in _DOCUMENTS:
            is_update = source in _UPDATES
            return core_schema.no_info_plain_validator_function(
                self._update if is_update else self._document,
                metadata=_described(network_update_schema if is_update else network_config_schema),
            )
        message = f"sandgate.pydantic.Options is for a Policy or a document of sandgate, not {source!r}"
        raise TypeError(message)

    def _policy(self, value: object) -> Policy:
        if isinstance(value, Policy):
            return value
        try:
            return Policy(cast("Mapping[str, object]", value), **self._keywords())
        except PolicyError as error:
            raise _errors(error.report, value) from None

    def _document(self, value: object) -> object:
        return self._checked(value, update=False)

    def _update(self, value: object) -> object:
        return self._checked(value, update=True)

    def _checked(self, value: object, *, update: bool) -> object:
        report = check(cast("Mapping[str, object]", value), update=update, **self._keywords())
        if not report.valid:
            raise _errors(report, value)
        return value

    def _keywords(self) -> dict[str, Any]:
        return {
            "guardrails": self.guardrails,
            "egress_ports": self.egress_ports,
            "ipv6_ingress": self.ipv6_ingress,
            "limits": self.limits,
        }


def _config(policy: Policy) -> NetworkConfig:
    return policy.config


def _errors(report: Report, value: object) -> ValidationError:
    """Turn each error into one of pydantic's, at its place below the field."""
    errors = [_error(diagnostic, value) for diagnostic in report.errors]
    more = report.error_count - len(errors)
    if more:
        told = PydanticCustomError("more-errors", "and {more} more", {"more": more})
        errors.append(InitErrorDetails(type=told, loc=(), input=None))
    return ValidationError.from_exception_data("NetworkConfig", errors)


def _error(diagnostic: Diagnostic, value: object) -> InitErrorDetails:
    context = {"path": diagnostic.path, "span": diagnostic.span, "help": diagnostic.help}
    # A message may quote what was written, and braces in it are no places to fill in.
    code = cast("LiteralString", diagnostic.code)
    error = PydanticCustomError(code, "{message}", {"message": diagnostic.message, **context})
    location = _location(diagnostic.path)
    return InitErrorDetails(type=error, loc=location, input=_at(value, location))


def _location(path: str) -> tuple[str | int, ...]:
    parts = [part.replace("~1", "/").replace("~0", "~") for part in path.split("/")[1:]]
    # The second part of a path is a place in a list.
    return tuple(int(part) if index == 1 else part for index, part in enumerate(parts))


def _at(value: Any, location: tuple[str | int, ...]) -> Any:
    try:
        for part in location:
            value = value[part]
    except (KeyError, IndexError, TypeError):
        return None
    return value


def _described(schema: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    def describe(_core: CoreSchema, _handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        document = schema()
        definitions = document.pop("$defs", {})
        document.pop("$schema", None)
        # A model's schema has definitions of its own, so these go to where they are used.
        return cast("JsonSchemaValue", _inlined(document, definitions))

    return {"pydantic_js_functions": [describe]}


def _inlined(value: Any, definitions: dict[str, Any]) -> Any:
    if isinstance(value, list):
        return [_inlined(element, definitions) for element in cast("Iterable[Any]", value)]
    if not isinstance(value, dict):
        return value
    members = cast("dict[str, Any]", value)
    reference = members.get("$ref")
    if isinstance(reference, str):
        return definitions[reference.rpartition("/")[2]]
    return {name: _inlined(member, definitions) for name, member in members.items()}
