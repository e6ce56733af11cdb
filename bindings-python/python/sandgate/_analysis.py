"""Explanations and differences as values: what the core says, under names of Python.

The core writes them as JSON. Here stands what there is to read, and how JSON becomes that and is
made of it again. No rule of the semantics lives here.
"""

import json
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Literal, NoReturn, cast

from sandgate._literals import Direction, Edit, ListName, Reason, Rule, SeenIn, StepOutcome, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class _Told:
    """What the core says. It cannot be changed, and equal parts make it equal."""

    def to_dict(self) -> dict[str, Any]:
        """Return it as on the wire, as `sandgate explain` and `sandgate diff` print it."""
        return {wire: _plain(getattr(self, name)) for wire, name in _names(type(self)).items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class CitedEntry(_Told):
    """An entry of a policy, and where it stands."""

    list: ListName
    """The list it stands in."""
    index: int
    """Its place in the list, counted from 0."""
    text: str
    """Its canonical text (G-10)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostInput(_Told):
    """A host name as it was sent, and as it is read."""

    sent: str
    """What was sent."""
    seen_in: SeenIn
    """Where it was seen (N-7)."""
    name: str | None
    """The normalised name; `None` if it is no domain name (N-8)."""
    flaw: str | None
    """Why it is none, for a person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Input(_Told):
    """What was asked, as it was given and as it is read."""

    address: str | None
    """The destination or the client as it was given. `None` is the unknown client (I-3)."""
    canonical: str | None
    """The address that is judged: IPv4 if it was IPv4-mapped (A-1)."""
    embedded: str | None
    """The IPv4 address that an egress destination carries, judged as well (A-3)."""
    port: int
    """The port; 0 is traffic without one (A-5)."""
    host: HostInput | None
    """The host name that an egress client sent, if one was seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step(_Told):
    """A step of section 7 of the semantics."""

    rule: Rule
    """The rule: `E-1` to `E-7`, or `I-1` to `I-7`."""
    title: str
    """What the step is about, for a person."""
    outcome: StepOutcome
    """What came of it."""
    why: str
    """What matched, or why nothing did, for a person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressSteps(_Told):
    """The steps for one address. A destination that carries another has them twice (A-3)."""

    address: str | None
    """The address; `None` is the unknown client (I-3)."""
    verdict: Verdict
    """What the steps say of this address by itself."""
    reason: Reason
    """Which of them says so."""
    steps: tuple[Step, ...]
    """All seven, in order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flip(_Told):
    """A change of one entry that turns a deny into something else, or something else into a deny."""

    edit: Edit
    """What is done with the entry. One that is added stands at the end of its list."""
    list: ListName
    """The list."""
    index: int
    """The place of the entry in the list, counted from 0."""
    text: str
    """The canonical text of the entry."""
    verdict: Verdict
    """The verdict of the changed document, which is valid."""
    reason: Reason
    """Which step of it decides."""
    note: str | None
    """What else the change does, for a person, if that is easily overlooked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation(_Told):
    """An answer with everything that led to it. It is no decision, and neither true nor false.

    The sentences for people, `title`, `why`, `flaw`, `combination`, `note` and `no_flip`, may change
    with any release. Everything else is stable.
    """

    direction: Direction
    """Whose connection was asked about."""
    input: Input
    """What was asked."""
    verdict: Verdict
    """What to do, as the decision about the same question says."""
    reason: Reason
    """Which step decided."""
    entry: CitedEntry | None
    """The entry that decided, if it was one: the first that matches (X-1)."""
    name: str | None
    """The name to connect to, if the verdict is `allow-by-name` (E-8)."""
    addresses: tuple[AddressSteps, ...]
    """The steps for each address that is judged."""
    decided_by: int
    """The index in `addresses` of those steps that decided."""
    combination: str | None
    """How the answers about two addresses make one (A-3), for a person."""
    others: tuple[CitedEntry, ...]
    """The other entries of both lists that match, in document order, as many as a report keeps."""
    more: int
    """How many match beyond those."""
    flips: tuple[Flip, ...]
    """Single changes of the document that would flip the verdict, the narrowest first."""
    no_flip: str | None
    """Why there is none, for a person, if there is none."""

    def __bool__(self) -> NoReturn:
        message = "an explanation is neither true nor false: compare its `verdict`, or ask the policy for a decision"
        raise TypeError(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressRange(_Told):
    """Addresses of one family from the first to the last, both included.

    A range of IPv6 may reach across the IPv4-mapped addresses; they are not meant (A-1).
    """

    first: str
    """The lowest address."""
    last: str
    """The highest address."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PortSpan(_Told):
    """Ports from the lowest to the highest, both included. Port 0 is traffic without one (A-5)."""

    low: int
    """The lowest port, or 0."""
    high: int
    """The highest port."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NameTerm(_Told):
    """Names that one pattern matches, without those that its exceptions match."""

    pattern: str
    """The pattern."""
    except_: tuple[str, ...]
    """Patterns within it whose names are not meant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NamesMatching(_Told):
    """Names that one of the terms means."""

    matching: tuple[NameTerm, ...]
    """The terms. No two share a name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NamesNotMatching(_Told):
    """Connections without a valid name, and names that none of the patterns matches."""

    not_matching: tuple[str, ...]
    """The patterns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome(_Told):
    """What one policy decides about a query (X-1)."""

    verdict: Verdict
    """What to do."""
    reason: Reason
    """Which step decided."""
    entry: CitedEntry | None
    """The entry that decided, if it was one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Witness(_Told):
    """A query that two policies answer differently, and both answers. It can be asked again."""

    address: str | None
    """The destination or the client. `None` is the unknown client (I-3)."""
    port: int
    """The port; 0 is traffic without one (A-5)."""
    host: str | None
    """The host name that an egress connection is for, as in SNI, if it has one."""
    before: Outcome
    """The answer of the old policy."""
    after: Outcome
    """The answer of the new policy."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Region(_Told):
    """Addresses times ports where one change holds."""

    addresses: tuple[AddressRange, ...]
    """The addresses, in order, IPv4 first. Empty for the unknown client (I-3)."""
    networks: tuple[str, ...]
    """The same as networks."""
    ports: tuple[PortSpan, ...]
    """The ports, in order."""
    witness: Witness
    """A query within the region."""
    entries_before: tuple[CitedEntry, ...]
    """Entries of the old policy that decide in the region about the name of the witness."""
    entries_after: tuple[CitedEntry, ...]
    """The same of the new policy."""
    cites_all: bool
    """Whether these are all that decide in the region. Of one with many places, some are cited."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change(_Told):
    """Regions where the verdict changes in one way."""

    direction: Direction
    """Whose connections are meant."""
    before: Verdict
    """The verdict of the old policy."""
    after: Verdict
    """The verdict of the new policy."""
    names: Literal["any"] | NamesMatching | NamesNotMatching | None
    """The names that egress connections are for; `None` for ingress, which has none."""
    regions: tuple[Region, ...]
    """Where. No two share a query."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedChange(_Told):
    """Addresses that an allowed name may lead to under one policy only (E-8)."""

    before: Verdict
    """What the guardrails of the old policy say: `deny` or `allow`."""
    after: Verdict
    """The same of the new policy."""
    addresses: tuple[AddressRange, ...]
    """The addresses, in order, IPv4 first."""
    witness: str
    """One of them, for `Policy.allows_resolved`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenChange(_Told):
    """Ports of the sandbox whose requests need the traffic access token under one policy only."""

    no_longer_needed: tuple[PortSpan, ...]
    """Ports that no longer need it."""
    needed: tuple[PortSpan, ...]
    """Ports that need it now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskChange(_Told):
    """What the Host header of some requests is replaced by (M-3); `None` is no replacement."""

    before: str | None
    """The mask of the old policy."""
    after: str | None
    """The mask of the new policy."""
    port: int
    """The lowest port whose requests carry another Host header."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference(_Told):
    """What two policies do differently, exactly. It is neither true nor false.

    A query that lies in a change and in one of its regions gets the verdicts that the change states.
    Every other query gets one verdict from both policies.
    """

    changes: tuple[Change, ...]
    """Verdicts that change, egress first."""
    resolved: tuple[ResolvedChange, ...]
    """Addresses that an allowed name may lead to under one policy only (E-8)."""
    access_token: TokenChange | None
    """Ports whose requests need the traffic access token under one policy only."""
    host_mask: MaskChange | None
    """What the Host header of some requests is replaced by."""

    @property
    def is_empty(self) -> bool:
        """Whether the policies do all the same."""
        return not self.changes and not self.resolved and self.access_token is None and self.host_mask is None

    def __bool__(self) -> NoReturn:
        message = "a difference is neither true nor false: ask `is_empty`, or `tightens(old, new)`"
        raise TypeError(message)


def _names(told: type[_Told]) -> dict[str, str]:
    """The fields of a class, by their names on the wire."""
    return {_camel(field.name): field.name for field in fields(told)}


def _camel(name: str) -> str:
    head, *tail = name.rstrip("_").split("_")
    return head + "".join(word.capitalize() for word in tail)


# fmt: off
_ALL: tuple[type[_Told], ...] = (
    AddressRange, AddressSteps, Change, CitedEntry, Difference, Explanation, Flip, HostInput, Input, MaskChange,
    NameTerm, NamesMatching, NamesNotMatching, Outcome, PortSpan, Region, ResolvedChange, Step, TokenChange, Witness,
)
# fmt: on
for _told in _ALL:
    _told.__module__ = "sandgate"
# Every object of the wire has the fields of one class and of no other.
_CLASSES = {frozenset(_names(told)): told for told in _ALL}


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(element) for element in cast("Iterable[Any]", value)]
    return value.to_dict() if isinstance(value, _Told) else value


def _value(wire: dict[str, Any]) -> _Told:
    """The value of an object whose members are values already. Other fields are a `KeyError`."""
    told = _CLASSES[frozenset(wire)]
    return told(**{name: _member(wire[name_on_wire]) for name_on_wire, name in _names(told).items()})


def _member(value: Any) -> Any:
    return tuple(cast("Iterable[Any]", value)) if isinstance(value, list) else value


def read(text: str) -> Any:
    """Read what the core writes. What it gives is an `Explanation` or a `Difference`."""
    return json.loads(text, object_hook=_value)
