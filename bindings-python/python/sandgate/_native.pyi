"""The compiled part of the package `sandgate`."""

from array import array
from collections.abc import Iterable, Mapping, Sequence
from ipaddress import IPv4Address, IPv6Address
from typing import Any, Final, NoReturn, SupportsIndex, TypeAlias, final, overload

import numpy as np
import numpy.typing as npt

from sandgate._analysis import Difference, Explanation
from sandgate._documents import NetworkConfig
from sandgate._literals import Code, HostBits, ListName, Reason, Severity, Verdict

_Address: TypeAlias = str | bytes | IPv4Address | IPv6Address
_Array: TypeAlias = npt.NDArray[np.uint32] | npt.NDArray[np.uint8]
_Buffer: TypeAlias = array[int] | memoryview[int]
_Ports: TypeAlias = SupportsIndex | Sequence[SupportsIndex] | npt.NDArray[np.uint16] | _Buffer

ALL_TRAFFIC: Final = "0.0.0.0/0"
"""All traffic: the entry `0.0.0.0/0`. In a deny list it also means every IPv6 address (A-2)."""
INTERNAL_HEADER: Final = "sandgate-client-address"
"""The header that carries the client address from edge to node (C-6)."""
VERSION: Final[str]

@final
class Policy:
    """A compiled, immutable network policy.

    It can be shared between threads, compared, hashed and pickled; its guardrails, capabilities and
    limits are part of it. An exception from a question means: treat the answer as a denial.
    """

    def __new__(
        cls,
        document: Mapping[str, object],
        *,
        guardrails: Guardrails | None = None,
        egress_ports: bool = False,
        ipv6_ingress: bool = False,
        limits: Limits | None = None,
    ) -> Policy:
        """Judge and compile a document: a mapping with fields in snake or camel case.

        Raises `PolicyError` with every violation. `guardrails` defaults to `Guardrails()`.
        `egress_ports` lets egress entries have ports (R-4), `ipv6_ingress` lets ingress entries be
        IPv6 (R-6): state them if the platform enforces them.
        """

    @staticmethod
    def from_json(
        text: str | bytes,
        *,
        guardrails: Guardrails | None = None,
        egress_ports: bool = False,
        ipv6_ingress: bool = False,
        limits: Limits | None = None,
    ) -> Policy:
        """Judge and compile JSON text. Diagnostics have lines and columns.

        Unlike a dictionary, text shows a field that is given twice (D-3).
        """

    def allows_ingress(self, client: _Address | None, port: SupportsIndex) -> bool:
        """Whether a client may reach a port of the sandbox, 0 to 65535.

        `None`, and text that is no address, is the unknown client, which every rule denies (I-3).
        """

    def decide_ingress(self, client: _Address | None, port: SupportsIndex) -> Decision:
        """Whether a client may reach a port of the sandbox, and why (I-1 to I-7)."""

    def explain_ingress(self, client: _Address | None, port: SupportsIndex) -> Explanation:
        """Tell everything that leads to the answer of `decide_ingress`, and what would change it.

        It is for a person who wonders, and takes time in proportion to the policy.
        """

    def allows_egress(self, address: _Address, port: SupportsIndex) -> bool:
        """Whether the sandbox may connect to this very address; port 0 for traffic without one.

        It takes no host name: a name never makes it true. Raises `ValueError` for text that is no
        address.
        """

    def decide_egress(
        self,
        address: _Address,
        port: SupportsIndex,
        *,
        host: str | bytes | None = None,
        sni: str | bytes | None = None,
    ) -> Decision:
        """Whether the sandbox may connect, to the address or by name, and why (E-1 to E-7).

        `host` is what stood in an HTTP Host header, `sni` the server name of TLS; at most one.
        """

    def explain_egress(
        self,
        address: _Address,
        port: SupportsIndex,
        *,
        host: str | bytes | None = None,
        sni: str | bytes | None = None,
    ) -> Explanation:
        """Tell everything that leads to the answer of `decide_egress`, and what would change it."""

    def allows_resolved(self, address: _Address) -> bool:
        """Whether a connection by name may go to this address that the name resolved to (E-8)."""

    @overload
    def allows_ingress_many(self, clients: Sequence[_Address | None], ports: _Ports) -> list[bool]: ...
    @overload
    def allows_ingress_many(self, clients: _Array, ports: _Ports) -> npt.NDArray[np.bool_]: ...
    @overload
    def allows_ingress_many(self, clients: _Buffer, ports: _Ports) -> memoryview[bool]:
        """Put many questions at once; `ports` is one port for all, or as many as there are clients.

        For a sequence the answers are a list, for an array of NumPy an array, for another buffer a
        memoryview. An array holds uint32 values of IPv4 addresses, `int(IPv4Address(...))`, or has
        the shape (n, 16) and holds the bytes of IPv6 addresses; ports in an array are uint16.
        """

    @overload
    def allows_egress_many(self, addresses: Sequence[_Address], ports: _Ports) -> list[bool]: ...
    @overload
    def allows_egress_many(self, addresses: _Array, ports: _Ports) -> npt.NDArray[np.bool_]: ...
    @overload
    def allows_egress_many(self, addresses: _Buffer, ports: _Ports) -> memoryview[bool]:
        """Put many questions at once, each the question of `allows_egress`."""

    def masked_host(self, port: SupportsIndex) -> str | None:
        """Return the Host header that a request to this port carries, if it is masked (M-3)."""

    @property
    def host_mask(self) -> str | None:
        """The host mask of the document."""
    @property
    def allows_public_traffic(self) -> bool:
        """Whether requests reach the sandbox without its traffic access token."""
    @property
    def config(self) -> NetworkConfig:
        """The document that compiles to this policy, every entry in its canonical text (G-10)."""
    @property
    def fingerprint(self) -> str:
        """A hash of everything that decides, as 64 hexadecimal digits (H-3).

        It is the same for documents that differ only in order, repetition and spelling.
        """
    @property
    def canonical_text(self) -> str:
        """The text that the fingerprint is the SHA-256 of."""
    @property
    def effects(self) -> tuple[Effect, ...]:
        """What the policy does and its lists do not show: open name servers, IPv6, hidden names."""
    @property
    def guardrails(self) -> Guardrails:
        """The operator's layer that the policy was compiled with."""
    @property
    def egress_ports(self) -> bool:
        """Whether egress entries may have ports (R-4)."""
    @property
    def ipv6_ingress(self) -> bool:
        """Whether ingress entries may be IPv6 (R-6)."""
    @property
    def limits(self) -> Limits:
        """The limits that the document was read within."""
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[Any, tuple[str]]: ...
    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any: ...

@final
class Effect:
    """Something that a policy does and its lists do not show. Codes are stable; messages are not."""

    def __new__(cls, code: str, message: str) -> Effect: ...
    @property
    def code(self) -> str:
        """The stable code, in kebab case."""
    @property
    def message(self) -> str:
        """One sentence: what happens."""
    def __hash__(self) -> int: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...

@final
class Decision:
    """What to do with a connection, and why. True if, and only if, its verdict is `allow`."""

    def __new__(
        cls, verdict: Verdict, reason: Reason, *, entry: DecidingEntry | None = None, name: str | None = None
    ) -> Decision: ...
    @property
    def verdict(self) -> Verdict:
        """What to do.

        `allow-by-name`: resolve `name` as an absolute name, and connect only to addresses that
        `Policy.allows_resolved` accepts.
        """
    @property
    def allowed(self) -> bool:
        """Whether this very address and port may be connected to. `False` for `allow-by-name`."""
    @property
    def reason(self) -> Reason:
        """Which step decided. The texts are stable."""
    @property
    def summary(self) -> str:
        """One sentence for a person: why."""
    @property
    def entry(self) -> DecidingEntry | None:
        """The entry that decided, if it was one."""
    @property
    def name(self) -> str | None:
        """The normalised name to resolve, if the verdict is `allow-by-name`."""
    def __bool__(self) -> bool: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __getnewargs_ex__(self) -> tuple[tuple[str, str], dict[str, Any]]: ...

@final
class DecidingEntry:
    """The entry that decided: the first that matches, in document order (X-1)."""

    def __new__(cls, list: ListName, index: int, text: str) -> DecidingEntry: ...
    @property
    def list(self) -> ListName:
        """The list it stands in."""
    @property
    def index(self) -> int:
        """Its place in the list, counted from 0."""
    @property
    def text(self) -> str:
        """Its canonical text."""
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __getnewargs__(self) -> tuple[str, int, str]: ...

@final
class Diagnostic:
    """One violation or warning. Codes, severities, paths and spans are stable; texts are not."""

    def __new__(
        cls,
        code: Code,
        severity: Severity,
        path: str,
        message: str,
        *,
        span: tuple[int, int] | None = None,
        help: str | None = None,
        line: int | None = None,
        column: int | None = None,
    ) -> Diagnostic: ...
    @property
    def code(self) -> Code:
        """The stable identifier of the problem."""
    @property
    def severity(self) -> Severity:
        """Whether the problem refuses the document."""
    @property
    def path(self) -> str:
        """The place in the document as a JSON Pointer; empty for the document itself."""
    @property
    def span(self) -> tuple[int, int] | None:
        """The part of the text at `path` that is meant, in UTF-8 bytes; `None` for all of it."""
    @property
    def message(self) -> str:
        """One sentence: what is wrong."""
    @property
    def help(self) -> str | None:
        """A concrete repair, where there is one."""
    @property
    def line(self) -> int | None:
        """The line in the JSON text, from 1, if the document was read from text."""
    @property
    def column(self) -> int | None:
        """The character in the line, from 1, if the document was read from text."""
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __getnewargs_ex__(self) -> tuple[tuple[str, str, str, str], dict[str, Any]]: ...

@final
class Report:
    """Every problem of a document, in the order of its text. True if the document is valid."""

    def __new__(cls, diagnostics: Sequence[Diagnostic], *, error_count: int, warning_count: int) -> Report: ...
    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """The problems that were kept, errors and warnings."""
    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        """The errors that were kept."""
    @property
    def warnings(self) -> tuple[Diagnostic, ...]:
        """The warnings that were kept."""
    @property
    def error_count(self) -> int:
        """The exact number of errors, kept or not."""
    @property
    def warning_count(self) -> int:
        """The exact number of warnings, kept or not."""
    @property
    def more(self) -> int:
        """The exact number of problems that were found but not kept."""
    @property
    def valid(self) -> bool:
        """Whether the document holds: no errors. Warnings do not count."""
    def __bool__(self) -> bool: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __getnewargs_ex__(self) -> tuple[tuple[tuple[Diagnostic, ...]], dict[str, int]]: ...

@final
class Repair:
    """One entry that was rewritten or removed."""

    def __new__(
        cls, list: ListName, index: int, before: str, after: str | None, reasons: tuple[str, ...]
    ) -> Repair: ...
    @property
    def list(self) -> ListName:
        """The list of the entry."""
    @property
    def index(self) -> int:
        """Its place in the list as it was, counted from 0."""
    @property
    def before(self) -> str:
        """What stood there."""
    @property
    def after(self) -> str | None:
        """What stands there now; `None` if it was removed."""
    @property
    def reasons(self) -> tuple[str, ...]:
        """Why, a sentence each, for a person."""
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __getnewargs__(self) -> tuple[str, int, str, str | None, tuple[str, ...]]: ...

@final
class Repaired:
    """A document as far as it can be repaired, what was done, and what is left.

    It is neither true nor false: ask `report.valid` before the text replaces anything.
    """

    def __new__(cls, text: str, repairs: Sequence[Repair], report: Report) -> Repaired: ...
    @property
    def text(self) -> str:
        """The document as far as it is repaired. Every byte that no repair is about is as it was.

        If `report.valid` is false, it is not a policy yet, and whatever reads it refuses it. What is no
        Unicode becomes a character that no policy holds.
        """
    @property
    def repairs(self) -> tuple[Repair, ...]:
        """What was done, list by list and in the order of the entries. Empty: nothing."""
    @property
    def report(self) -> Report:
        """What `check_json` says of `text`.

        If it is valid, the document is repaired and means what it said. If it is not, its errors are
        what only the author of the document can decide.
        """
    def __bool__(self) -> NoReturn: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __getnewargs__(self) -> tuple[str, tuple[Repair, ...], Report]: ...

@final
class Guardrails:
    """The operator's layer, which no entry of a policy can override (section 6)."""

    def __new__(
        cls,
        *,
        always_denied: Sequence[str] = ...,
        always_allowed: Sequence[str] = ...,
        exempt_ports: Sequence[int] = ...,
        name_server: str | None = ...,
    ) -> Guardrails:
        """Build guardrails. What is omitted keeps its default; an empty list is none at all.

        Fields in camel case are read as well: `Guardrails(**document)`. Raises `PolicyError`.
        """
    @staticmethod
    def none() -> Guardrails:
        """No networks, no exempt ports, no name server."""
    @staticmethod
    def from_json(text: str | bytes) -> Guardrails:
        """Read a guardrails document in JSON text. What is omitted keeps its default."""
    def always_denies(self, address: _Address) -> bool:
        """Whether an egress address is denied whatever the lists of a policy say (E-3)."""
    @property
    def always_denied(self) -> tuple[str, ...]:
        """The networks that are always denied."""
    @property
    def always_allowed(self) -> tuple[str, ...]:
        """The networks that are always allowed."""
    @property
    def exempt_ports(self) -> tuple[int, ...]:
        """The ports of the sandbox that ingress rules do not judge (I-1)."""
    @property
    def name_server(self) -> str | None:
        """The name server that a policy with domain patterns reaches (E-2)."""
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __getnewargs_ex__(self) -> tuple[tuple[()], dict[str, Any]]: ...

@final
class Limits:
    """How much a document may hold (D-6)."""

    def __new__(
        cls,
        *,
        document_bytes: int = 16777216,
        entries_per_list: int = 100000,
        entry_bytes: int = 1024,
        diagnostics: int = 100,
    ) -> Limits: ...
    @property
    def document_bytes(self) -> int:
        """Bytes of JSON text."""
    @property
    def entries_per_list(self) -> int:
        """Entries of one list."""
    @property
    def entry_bytes(self) -> int:
        """Bytes of one entry or of the mask."""
    @property
    def diagnostics(self) -> int:
        """Diagnostics that a report keeps; it counts the rest."""
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __getnewargs_ex__(self) -> tuple[tuple[()], dict[str, int]]: ...

@final
class ClientAddress:
    """How the client address is derived. There is no default: trust has to be chosen (section 8)."""

    @staticmethod
    def peer() -> ClientAddress:
        """Take the peer address of the connection (C-2)."""
    @staticmethod
    def trusted_hops(hops: int, *, proxies: Sequence[str] | None = None) -> ClientAddress:
        """Take the entry with exactly `hops` entries to its right (C-3).

        If `proxies` is given, a peer outside these networks is the client itself.
        """
    @staticmethod
    def trusted_proxies(proxies: Sequence[str]) -> ClientAddress:
        """Take the first entry from the right that lies outside these networks (C-4)."""
    def derive(self, peer: _Address | None, forwarded_for: Iterable[str | bytes] | None = None) -> str | None:
        """Find the client of a connection from `peer` with these `X-Forwarded-For` lines.

        The lines come in the order they were received. `None` is the unknown client, which a peer of
        unknown address has.
        """
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __reduce__(self) -> tuple[Any, tuple[int, list[str] | None]]: ...

@final
class HostMask:
    """A replacement for the Host header, with placeholders for the port of the sandbox (M-1)."""

    def __new__(cls, text: str) -> HostMask:
        """Read a mask. Raises `PolicyError`."""
    def masked(self, port: SupportsIndex) -> str:
        """Fill in the port."""
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...
    def __getnewargs__(self) -> tuple[str]: ...

def check(
    document: Mapping[str, object],
    *,
    update: bool = False,
    guardrails: Guardrails | None = None,
    egress_ports: bool = False,
    ipv6_ingress: bool = False,
    limits: Limits | None = None,
) -> Report:
    """Find every error and, if there is none, every warning of a document.

    Never raises on a bad document. An update is judged by itself: as the update of a configuration
    that allows internet access.
    """

def check_json(
    text: str | bytes,
    *,
    update: bool = False,
    guardrails: Guardrails | None = None,
    egress_ports: bool = False,
    ipv6_ingress: bool = False,
    limits: Limits | None = None,
) -> Report:
    """Find every error and warning of a document in JSON text, with lines and columns."""

def repair_json(
    text: str | bytes,
    *,
    host_bits: HostBits | None = None,
    minimize: bool = False,
    guardrails: Guardrails | None = None,
    egress_ports: bool = False,
    ipv6_ingress: bool = False,
    limits: Limits | None = None,
) -> Repaired:
    """Rewrite the entries of a configuration whose meaning is certain, and remove repeated ones.

    Never raises on a bad document: what is left stands in the report of what it returns. Rewritten
    are leading zeros that no reader takes for octal, upper case and trailing dots.

    `host_bits` says what `10.1.2.3/8` means, the network `10.0.0.0/8` or the address `10.1.2.3/32`;
    without it, such an entry is left. `minimize` also removes entries that another one of their list
    covers; the policy is then equivalent.
    """

def canonical_entry(entry: str) -> str:
    """Return the canonical text of an entry of `allowOut`, which takes every kind of entry.

    Raises `PolicyError`.
    """

def apply_update(config: Mapping[str, object], update: Mapping[str, object]) -> NetworkConfig:
    """Return the configuration after an update (D-4): lists and mask replaced, the rest kept.

    Raises `PolicyError` if the shape of one of them is wrong; entries are not judged.
    """

def diff(old: Policy, new: Policy) -> Difference:
    """Tell exactly what two policies do differently: where, for which names, with a query to show it.

    All that decides is compared, guardrails and capabilities included (H-3). Order and spelling of
    entries decide nothing, and neither do limits. Time is near linear in the entries of both.
    """

def widening(old: Policy, new: Policy) -> Difference:
    """Tell what the new policy lets through and the old one does not; empty if it tightens.

    Verdicts are in the order deny, allow by name, allow. Requests that no longer need the traffic
    access token are wider too, and so are addresses that names may lead to (E-8).
    """

def tightens(old: Policy, new: Policy) -> bool:
    """Whether the new policy lets nothing through that the old one does not."""

def equivalent(one: Policy, other: Policy) -> bool:
    """Whether two policies do all the same. Reasons may differ, and so may the entries that decide."""

def from_internal_header(values: Iterable[str | bytes]) -> str | None:
    """Return the client in the values of `INTERNAL_HEADER`, or `None`, the unknown client (C-6).

    Only for an authenticated connection from the edge.
    """

def network_config_schema() -> dict[str, Any]:
    """Return the JSON Schema of a network configuration."""

def network_update_schema() -> dict[str, Any]:
    """Return the JSON Schema of a network update."""

def _provoke_panic() -> None: ...
def _restore_policy(saved: str) -> Policy: ...
def _restore_client_address(hops: int, proxies: Sequence[str] | None) -> ClientAddress: ...
