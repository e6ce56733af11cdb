"""The documents as types, for whoever writes them as dictionaries.

`Policy` and `check` take any mapping and judge it; these types let a type checker judge its
fields before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler
    from pydantic_core import CoreSchema


class NetworkConfig(TypedDict, total=False):
    """A network configuration as on the wire. An absent list, or `None`, is an empty one."""

    allowOut: list[str] | None
    denyOut: list[str] | None
    allowIn: list[str] | None
    denyIn: list[str] | None
    maskRequestHost: str | None
    allowInternetAccess: bool
    allowPublicTraffic: bool


class NetworkUpdate(TypedDict, total=False):
    """A network update as on the wire: what it omits is cleared; internet access stays as it was."""

    allowOut: list[str] | None
    denyOut: list[str] | None
    allowIn: list[str] | None
    denyIn: list[str] | None
    maskRequestHost: str | None
    allowInternetAccess: bool


class SnakeNetworkConfig(TypedDict, total=False):
    """A network configuration with the names that Python would give its fields."""

    allow_out: list[str] | None
    deny_out: list[str] | None
    allow_in: list[str] | None
    deny_in: list[str] | None
    mask_request_host: str | None
    allow_internet_access: bool
    allow_public_traffic: bool


class SnakeNetworkUpdate(TypedDict, total=False):
    """A network update with the names that Python would give its fields."""

    allow_out: list[str] | None
    deny_out: list[str] | None
    allow_in: list[str] | None
    deny_in: list[str] | None
    mask_request_host: str | None
    allow_internet_access: bool


def _judged_by_the_core(source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
    """Give pydantic the core's judgement of a document in place of its own.

    Its own would pass over a field that it does not know, and with it a misspelt `denyIn`.
    """
    from sandgate.pydantic import Options

    return Options().__get_pydantic_core_schema__(source, handler)


def _tell_pydantic(*documents: Any) -> None:
    # A TypedDict has no methods of its own.
    for document in documents:
        document.__get_pydantic_core_schema__ = _judged_by_the_core


_tell_pydantic(NetworkConfig, NetworkUpdate, SnakeNetworkConfig, SnakeNetworkUpdate)
