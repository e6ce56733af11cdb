"""Hostile values: each question ends in an exception of the documented kind or in the answer that closes.

Never in a crash, never in an allow. The groups, in this order:

- wrong types in every position: documents, options, addresses, ports, names, headers, batches, values
- subclasses of str, int, list and dict that lie or raise, and objects that claim another class
- mappings and lists that raise, lie about their length, never end, or change while they are read
- exceptions of every kind out of a callback

Sizes and texts stand in test_abuse_texts.py, buffers in test_abuse_buffers.py, and processes, threads, pickles and
memory in test_abuse_process.py.

`bool` cannot be subclassed. Its closest relatives are numbers of NumPy and objects with `__index__`.
"""

# Types are what these tests lie about.
# pyright: reportUnknownLambdaType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportUnknownParameterType=false

from __future__ import annotations

import decimal
import fractions
import functools
import itertools
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NoReturn, cast

import numpy as np
import pytest
import sandgate
from sandgate import (
    ALL_TRAFFIC,
    ClientAddress,
    DecidingEntry,
    Decision,
    Diagnostic,
    Guardrails,
    HostMask,
    Limits,
    Policy,
    PolicyError,
    Report,
    _native,
    canonical_entry,
    check,
    check_json,
)

CLOSED = {"allow_in": ["203.0.113.0/24:443"], "deny_in": [ALL_TRAFFIC], "allow_out": ["*.example.com"]}
POLICY = Policy({**CLOSED, "deny_out": [ALL_TRAFFIC]})
INSIDE, OUTSIDE = "203.0.113.7", "198.51.100.7"
HUGE = 100_000_000

Question = Callable[[Any], object]

# Every question that takes an address, and every one that takes a port.
OF_ADDRESSES: list[Question] = [
    lambda address: POLICY.allows_ingress(address, 443),
    lambda address: POLICY.decide_ingress(address, 443),
    lambda address: POLICY.allows_egress(address, 443),
    lambda address: POLICY.decide_egress(address, 443),
    lambda address: POLICY.explain_ingress(address, 443),
    lambda address: POLICY.explain_egress(address, 443),
    lambda address: POLICY.allows_ingress_many([address], 443),
    lambda address: POLICY.allows_egress_many([address], 443),
    lambda address: ClientAddress.trusted_hops(1).derive(address, ["203.0.113.7, 10.0.0.1"]),
    POLICY.allows_resolved,
    Guardrails().always_denies,
]
OF_PORTS: list[Question] = [
    lambda port: POLICY.allows_ingress(INSIDE, port),
    lambda port: POLICY.decide_ingress(INSIDE, port),
    lambda port: POLICY.allows_egress(INSIDE, port),
    lambda port: POLICY.decide_egress(INSIDE, port),
    lambda port: POLICY.explain_ingress(INSIDE, port),
    lambda port: POLICY.explain_egress(INSIDE, port),
    lambda port: POLICY.allows_ingress_many([INSIDE], [port]),
    lambda port: POLICY.allows_egress_many([INSIDE], [port]),
    POLICY.masked_host,
    HostMask("a.example").masked,
]
OF_DOCUMENTS: list[Question] = [
    Policy,
    check,
    lambda document: sandgate.apply_update(document, {}),
    lambda document: sandgate.apply_update({}, document),
]


def codes(document: object, **options: Any) -> set[str]:
    """The codes of a document that is refused, alike by both that judge it."""
    report = check(cast("Any", document), **options)
    with pytest.raises(PolicyError) as raised:
        Policy(cast("Any", document), **options)
    assert raised.value.report == report
    assert not report.valid
    return {found.code for found in report.errors}


def quickly(question: Callable[..., Any], *arguments: object, seconds: float = 30) -> Any:
    """What a question gives. Only one that hangs takes longer than the bound."""
    start = time.perf_counter()
    answer = question(*arguments)
    assert time.perf_counter() - start < seconds
    return answer


NOTHING_OF_JSON: list[Any] = [
    object(), Ellipsis, NotImplemented, 1j, b"{}", bytearray(), memoryview(b""), {1}, frozenset[int](), range(3),
    iter([]), (x for x in "x"), int, len, codes, sandgate, decimal.Decimal(1), np.zeros(1), np.str_("x").dtype,
]  # fmt: skip
ALL_TYPES: list[Any] = [*NOTHING_OF_JSON, 0, 1, True, 1.5, float("nan"), "x", [], ()]


@pytest.mark.parametrize("value", ALL_TYPES, ids=lambda value: type(value).__name__)
def test_another_type_of_document_or_list_is_refused(value: Any) -> None:
    assert codes(value) == {"wrong-type"}
    assert codes({"guardrails": value}) == {"unknown-field"}
    for flag in ("allow_internet_access", "allow_public_traffic"):
        if value is not True:
            assert codes({flag: value}) == {"wrong-type"}
    if not isinstance(value, (list, tuple)):
        assert codes({"deny_in": value}) == {"wrong-type"}
    if not isinstance(value, str):
        assert codes({"deny_in": [value]}) == {"wrong-type"}
        assert codes({"mask_request_host": value}) == {"wrong-type"}
        assert codes({cast("Any", value if value.__hash__ else 7): []}) == {"unknown-field"}


@pytest.mark.parametrize("value", NOTHING_OF_JSON, ids=lambda value: type(value).__name__)
def test_another_type_of_option_is_refused(value: Any) -> None:
    for keyword in ("guardrails", "limits", "egress_ports", "ipv6_ingress"):
        for question in (Policy, check):
            with pytest.raises(TypeError):
                question({}, **cast("Any", {keyword: value}))
    with pytest.raises(TypeError):
        check({}, update=value)
    for field in ("always_denied", "always_allowed", "exempt_ports", "name_server"):
        with pytest.raises(PolicyError, match="wrong-type"):
            Guardrails(**cast("Any", {field: value}))
    for field in ("document_bytes", "entries_per_list", "entry_bytes", "diagnostics"):
        with pytest.raises(TypeError):
            Limits(**cast("Any", {field: value}))


@pytest.mark.parametrize(
    "count", [True, 1.0, "1", "\uff11", [], -1, 1 << 70, -(10**5000)], ids=lambda count: str(type(count))
)
def test_what_is_no_count_is_refused(count: Any) -> None:
    kind = ValueError if type(count) is int else TypeError
    for question in (
        lambda: Limits(entry_bytes=count),
        lambda: ClientAddress.trusted_hops(count),
        lambda: DecidingEntry("denyIn", count, "x"),
        lambda: Report([], error_count=count, warning_count=0),
    ):
        with pytest.raises(kind):
            question()


@pytest.mark.parametrize("value", [*NOTHING_OF_JSON, 1, True, 1.5, [], ()], ids=lambda value: type(value).__name__)
def test_another_type_of_text_is_a_type_error(value: Any) -> None:
    questions: list[Question] = [
        *OF_ADDRESSES,
        canonical_entry,
        HostMask,
        lambda name: POLICY.decide_egress(OUTSIDE, 443, host=name),
        lambda name: POLICY.decide_egress(OUTSIDE, 443, sni=name),
        lambda name: POLICY.explain_egress(OUTSIDE, 443, host=name),
        lambda name: POLICY.explain_egress(OUTSIDE, 443, sni=name),
        lambda line: ClientAddress.peer().derive(INSIDE, [line]),
        lambda line: sandgate.from_internal_header([line]),
        lambda proxy: ClientAddress.trusted_proxies([proxy]),
        lambda proxy: ClientAddress.trusted_hops(1, proxies=[proxy]),
        Policy.from_json,
        check_json,
        Guardrails.from_json,
        _native._restore_policy,  # pyright: ignore[reportPrivateUsage]
    ]
    for index, question in enumerate(questions):
        # Bytes are an address of the wrong length, a name, a line or a text that is none.
        if isinstance(value, bytes) and index >= len(OF_ADDRESSES):
            continue
        with pytest.raises(TypeError):
            question(value)


@pytest.mark.parametrize(
    "port",
    ["443", "\uff14\uff14\uff13", "443abc", b"443", 443.0, 443j, decimal.Decimal(443), fractions.Fraction(443), True,
     False, None, np.bool_(True), np.float64(443), slice(443), [443], (443,), {443}, object()],  # noqa: FBT003
    ids=repr,
)  # fmt: skip
def test_another_type_of_port_is_a_type_error(port: Any) -> None:
    for question in OF_PORTS:
        with pytest.raises(TypeError):
            question(port)


@pytest.mark.parametrize(
    "port", [-1, -443, 65536, 2**16 + 443, 2**32 + 443, 2**64 + 443, -(2**64), 10**10_000], ids=int.bit_length
)
def test_a_number_that_is_no_port_is_a_value_error(port: int) -> None:
    for question in OF_PORTS:
        with pytest.raises(ValueError, match="0 to 65535"):
            question(port)


def test_a_list_of_questions_is_not_a_question() -> None:
    for addresses in (
        INSIDE,
        b"\xcb\0\x71\x07",
        iter([INSIDE]),
        (a for a in [INSIDE]),
        7,
        None,
        object(),
        map(str, []),
    ):
        with pytest.raises(TypeError):
            POLICY.allows_ingress_many(cast("Any", addresses), 443)
    for ports in ("443", b"\x01\xbb", iter([443]), 443.0, None, object()):
        with pytest.raises(TypeError):
            POLICY.allows_ingress_many([INSIDE], cast("Any", ports))
    with pytest.raises(ValueError, match="1 addresses"):
        quickly(lambda: POLICY.allows_ingress_many([INSIDE], range(10**12)))


def test_values_are_not_made_of_other_types() -> None:
    for build in (
        lambda: Decision(cast("Any", 1), "default-allow"),
        lambda: Decision("allow", cast("Any", None)),
        lambda: Decision("allow", "allow-entry", entry=cast("Any", ("allowIn", 0, "x"))),
        lambda: Decision("allow-by-name", "allow-name", name=cast("Any", b"a.example")),
        lambda: Diagnostic(cast("Any", 1), "error", "", ""),
        lambda: Report(cast("Any", ["x"]), error_count=0, warning_count=0),
        lambda: Report(cast("Any", 1), error_count=0, warning_count=0),
        lambda: ClientAddress.trusted_proxies(cast("Any", "10.0.0.0/8")),
        lambda: ClientAddress.trusted_proxies(cast("Any", iter(["10.0.0.0/8"]))),
        lambda: cast("Any", Policy.__new__)(Policy),
        lambda: object.__new__(Policy),
    ):
        with pytest.raises(TypeError):
            build()


class Lie(Exception):  # noqa: N818 - it is what the object does
    """What a hostile object raises."""


def lie(*_arguments: object) -> NoReturn:
    raise Lie


def giving(value: object) -> Callable[..., Any]:
    return lambda *_: value


def hostile(base: type, **methods: object) -> Any:
    """A subclass, all of whose usual methods raise but for those that are given."""
    special = "str repr eq hash len iter getitem contains bool int index float format bytes"
    names = [f"__{name}__" for name in special.split()] + ["encode", "get", "keys", "items", "values"]
    return type("Hostile", (base,), {**dict.fromkeys(names, lie), **methods})


def test_a_str_that_lies_is_the_text_that_it_holds() -> None:
    for text in (
        hostile(str),
        hostile(str, __str__=lambda _: INSIDE, __eq__=lambda *_: True, __hash__=lambda _: hash(INSIDE)),
    ):
        assert POLICY.allows_ingress(text(OUTSIDE), 443) is False
        assert POLICY.allows_ingress(text(INSIDE), 443) is True
        assert POLICY.decide_egress(OUTSIDE, 443, sni=text("evil.example")).verdict == "deny"
        assert not Policy({"deny_in": [text(ALL_TRAFFIC)]}).allows_ingress(OUTSIDE, 443)
        assert codes({"deny_in": [text("10.1.2.3/8")]}) == {"host-bits"}
        assert canonical_entry(text("10.0.0.0/8")) == "10.0.0.0/8"
        assert ClientAddress.trusted_hops(1).derive("10.0.0.1", [text(f"{OUTSIDE}, 10.0.0.2")]) == OUTSIDE
        with pytest.raises((ValueError, Lie)):
            POLICY.allows_egress(text("x"), 443)
    name = hostile(str, __hash__=lambda _: 1)("deny_in")
    assert not Policy({name: [ALL_TRAFFIC]}).allows_ingress(OUTSIDE, 443)


def test_an_int_that_lies_is_the_number_that_it_holds() -> None:
    number = hostile(int, __index__=lambda _: 443, __int__=lambda _: 443, __eq__=lambda *_: True)
    assert POLICY.allows_ingress(INSIDE, number(80)) is False
    assert POLICY.allows_ingress(INSIDE, hostile(int)(443)) is True
    with pytest.raises(ValueError, match="0 to 65535"):
        POLICY.allows_ingress(INSIDE, number(65536))
    assert codes({"deny_in": number(0)}) == {"wrong-type"}
    assert Limits(entry_bytes=number(7)).entry_bytes == 7


@pytest.mark.parametrize("index", [True, "443", 443.0, None, 1 << 16, 1 << 80, -1])
def test_an_index_that_is_no_number_is_no_port(index: Any) -> None:
    for question in OF_PORTS:
        with pytest.raises((TypeError, ValueError, DeprecationWarning)):
            question(type("Index", (), {"__index__": lambda _: index})())


def test_an_object_that_claims_another_class_is_not_of_it() -> None:
    for claimed in (str, bytes, int, dict, list, tuple, Policy, Guardrails, Limits, bool):
        liar: Any = type("Liar", (), {"__class__": property(giving(claimed))})()
        for question in (*OF_ADDRESSES, *OF_PORTS):
            with pytest.raises(TypeError):
                question(liar)
        for option in ("guardrails", "limits", "egress_ports"):
            with pytest.raises(TypeError):
                Policy({}, **cast("Any", {option: liar}))
        # What claims to be a mapping is asked for its length and has none.
        with pytest.raises((PolicyError, TypeError)):
            Policy(liar)
        assert liar != POLICY


class Shown(Mapping[str, Any]):
    """A mapping that shows what it is told to."""

    def __init__(
        self, names: Callable[[], Iterator[str]], length: int, value: Callable[[str], Any] = lambda _: [ALL_TRAFFIC]
    ) -> None:
        self.names, self.length, self.value = names, length, value

    def __iter__(self) -> Iterator[str]:
        return self.names()

    def __len__(self) -> int:
        return self.length

    def __getitem__(self, name: str) -> Any:
        return self.value(name)


@pytest.mark.parametrize("method", ["keys", "items", "values", "__iter__", "__getitem__", "__len__"])
@pytest.mark.parametrize("base", [dict, Shown])
def test_what_a_mapping_raises_is_raised(method: str, base: Any) -> None:
    make = type("Hostile", (base,), {method: lie})
    document = make({"deny_in": [ALL_TRAFFIC]}) if base is dict else make(lambda: iter(["deny_in"]), 1)
    for question in OF_DOCUMENTS:
        # A method that is not asked for hides nothing: the document is read, and denies.
        try:
            answer = question(document)
        except Lie:
            continue
        assert not isinstance(answer, Policy) or not answer.allows_ingress(OUTSIDE, 443)


@pytest.mark.parametrize(
    ("names", "length"),
    [
        (lambda: iter(["deny_in"]), 0),
        (lambda: iter([]), 1),
        (lambda: itertools.repeat("deny_in"), 1),
        (lambda: itertools.repeat("deny_in"), 100_000),
        (lambda: (f"field{number}" for number in itertools.count()), 3),
    ],
)
def test_a_mapping_that_lies_about_its_length_is_refused(names: Any, length: int) -> None:
    for question in OF_DOCUMENTS:
        with pytest.raises(RuntimeError, match="lies about its length"):
            quickly(question, Shown(names, length))


@pytest.mark.parametrize("length", [-1, 1 << 62, 1 << 100, "1", None])
def test_a_length_that_none_can_have_is_refused(length: Any) -> None:
    for names in (lambda: iter(["deny_in"]), lambda: itertools.repeat("deny_in")):
        with pytest.raises((ValueError, TypeError, OverflowError)):
            quickly(Policy, Shown(names, length))
    many = hostile(list, __len__=lambda _: length, __iter__=lambda _: itertools.repeat(INSIDE), __class_getitem__=None)
    for question in (
        lambda: Policy({"deny_in": many()}),
        lambda: POLICY.allows_ingress_many(many(), 443),
        lambda: ClientAddress.trusted_proxies(many()),
        lambda: Report(many(), error_count=0, warning_count=0),
    ):
        with pytest.raises((ValueError, TypeError, OverflowError, MemoryError)):
            quickly(question)


def test_items_that_are_no_pairs_are_refused() -> None:
    no_pairs: list[Any] = [[1], ["ab"], [("deny_in",)], [("deny_in", [], 1)], [["deny_in", []]], 7]
    for items in no_pairs:
        document = hostile(dict, __len__=giving(1), items=giving(items))()
        with pytest.raises((TypeError, ValueError)):
            Policy(document)


def test_a_subclass_is_what_it_shows_and_not_what_it_stores() -> None:
    lazy = hostile(dict, __len__=lambda _: 1, items=lambda _: iter([("deny_in", [ALL_TRAFFIC])]))
    assert not Policy(lazy()).allows_ingress(OUTSIDE, 443)
    for base in (list, tuple):
        shows = hostile(base, __len__=lambda _: 1, __iter__=lambda _: iter([ALL_TRAFFIC]))
        assert not Policy({"deny_in": shows()}).allows_ingress(OUTSIDE, 443)
        with pytest.raises(Lie):
            Policy({"deny_in": hostile(base)([ALL_TRAFFIC])})
        for length in (0, 2, 100_000):
            liar = hostile(base, __len__=lambda _, length=length: length, __iter__=lambda _: iter([ALL_TRAFFIC]))
            with pytest.raises(RuntimeError, match="lies about its length"):
                Policy({"deny_in": liar([ALL_TRAFFIC])})
        endless = hostile(base, __len__=lambda _: 2, __iter__=lambda _: itertools.repeat(ALL_TRAFFIC))
        with pytest.raises(RuntimeError, match="lies about its length"):
            Policy({"deny_in": endless()})


@pytest.mark.parametrize(
    "change",
    [list.clear, list.pop, lambda entries: entries.append(entries[0]), lambda entries: entries.insert(0, entries[0])],
)
def test_a_list_that_changes_while_it_is_read_is_refused(change: Callable[[list[Any]], object]) -> None:
    # A list itself runs no code while it is read: what could would be an entry that is no text, and is not asked.
    def entries(self: list[Any]) -> Iterator[Any]:
        for number, entry in enumerate(list.__iter__(self)):
            yield entry
            if number == 0:
                change(self)

    changing = type("Changing", (list,), {"__iter__": entries})
    with pytest.raises(RuntimeError, match="changed while it was read"):
        Policy({"deny_in": changing([ALL_TRAFFIC] * 4)})
    # Neither does a list of questions change: the answers would be to other questions.
    asked: list[Any] = []
    index = type("Port", (), {"__index__": lambda _: (change(asked) and None) or 443})
    asked += [443, index(), 443, 443]
    with pytest.raises(RuntimeError, match="changed while it was read"):
        POLICY.allows_ingress_many([INSIDE] * 4, asked)


def clearing(document: dict[str, Any]) -> Callable[[str], None]:
    return lambda _: document.clear()


def test_a_dict_that_changes_while_it_is_read_is_read_as_it_was_or_refused() -> None:
    for base in (dict, type("Dict", (dict,), {})):
        document = base()
        document["allow_out"] = Shown(lambda: iter(["x"]), 1, clearing(document))
        document["deny_in"] = [ALL_TRAFFIC, "x y"]
        if base is dict:
            found = {(found.code, found.path) for found in check(document).errors}
            assert found == {("wrong-type", "/allow_out"), ("whitespace", "/deny_in/1")}
        else:
            with pytest.raises(RuntimeError, match="changed"):
                check(document)
        assert not document


class Stop(BaseException):
    """It takes more than one argument, so that nobody makes another of it by its text."""

    def __init__(self, one: int, two: int) -> None:
        super().__init__(one, two)


class Held(ValueError):  # noqa: N818 - as above
    """As `Stop`, and of a class that the package raises itself."""

    def __init__(self, *, held: object) -> None:
        super().__init__("held")
        self.held = held


@pytest.mark.parametrize(
    "raised",
    [
        KeyboardInterrupt(),
        SystemExit(3),
        GeneratorExit(),
        Stop(1, 2),
        Held(held=1),
        ValueError("mine"),
        TypeError("mine"),
        OverflowError(),
        StopIteration(),
        MemoryError(),
        RecursionError(),
    ],
    ids=lambda raised: type(raised).__name__,
)
def test_what_a_callback_raises_is_passed_on_as_it_is(raised: BaseException) -> None:
    def throw(*_: object) -> NoReturn:
        raise raised

    number: Any = type("Number", (), {"__index__": throw})()
    sequence: Any = type("Many", (Sequence,), {"__len__": lambda _: 2, "__getitem__": throw, "__iter__": throw})()
    questions: list[Callable[[], object]] = [functools.partial(question, number) for question in OF_PORTS]
    questions += [
        lambda: POLICY.allows_ingress_many(sequence, 443),
        lambda: POLICY.allows_ingress_many([INSIDE] * 2, sequence),
        lambda: ClientAddress.peer().derive(INSIDE, sequence),
        lambda: ClientAddress.trusted_proxies(sequence),
        lambda: Limits(entry_bytes=number),
        lambda: Policy({"deny_in": hostile(list, __len__=lambda _: 1, __iter__=throw)()}),
        lambda: Policy(hostile(dict, __len__=lambda _: 1, items=throw)()),
        lambda: check(hostile(dict, __len__=throw)()),
    ]
    # A generator, as the items of a mapping are, turns this one into another.
    if not isinstance(raised, StopIteration):
        questions += [lambda: Policy(Shown(throw, 1)), lambda: Policy(Shown(lambda: iter(["deny_in"]), 1, throw))]
    claims: Any = type("Claims", (), {"__class__": property(throw)})()
    questions += [
        lambda: Policy(claims),
        lambda: Policy({"deny_in": [claims]}),
        lambda: POLICY.allows_ingress(claims, 443),
    ]
    for question in questions:
        with pytest.raises(type(raised)) as caught:
            question()
        assert caught.value is raised
