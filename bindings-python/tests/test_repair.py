"""Repaired documents as values, and hostile texts and arguments where documents are repaired.

What is repaired, and what is left, is tested by the vectors.
"""

# Types are what these tests lie about.
# pyright: reportUnknownArgumentType=false, reportUnknownVariableType=false

from __future__ import annotations

import copy
import json
import pickle
import threading
from typing import TYPE_CHECKING, Any, cast

import pytest
import sandgate
from sandgate import Guardrails, Limits, Policy, Repair, Repaired, check_json, repair_json

if TYPE_CHECKING:
    from collections.abc import Callable

LEGACY = '{"denyIn":\n["10.0.0.0/08", "10.0.0.0/8", "192.0.2.7/24"]}'
LEFT = repair_json(LEGACY)
DONE = repair_json(LEGACY, host_bits="network")


def test_a_document_is_repaired_or_told_what_is_left() -> None:
    assert DONE.text == '{"denyIn":\n["10.0.0.0/8", "192.0.2.0/24"]}'
    assert DONE.report.valid
    assert [(done.list, done.index, done.before, done.after) for done in DONE.repairs] == [
        ("denyIn", 0, "10.0.0.0/08", "10.0.0.0/8"),
        ("denyIn", 1, "10.0.0.0/8", None),
        ("denyIn", 2, "192.0.2.7/24", "192.0.2.0/24"),
    ]
    assert Policy.from_json(DONE.text)
    assert LEFT.text == '{"denyIn":\n["10.0.0.0/8", "10.0.0.0/8", "192.0.2.7/24"]}'
    # The place is that of the text as far as it is repaired.
    assert [(left.code, left.line, left.column) for left in LEFT.report.errors] == [("host-bits", 2, 31)]
    assert len(LEFT.repairs) == 1


def test_warnings_of_what_is_repaired_are_left() -> None:
    repaired = repair_json('{"denyIn": ["192.0.2.0/028", "192.0.2.1"]}')
    assert repaired.report.valid
    assert [left.code for left in repaired.report.warnings] == ["covered-entry"]
    minimal = repair_json(repaired.text, minimize=True)
    assert (minimal.text, minimal.report.warnings) == ('{"denyIn": ["192.0.2.0/28"]}', ())


def test_options_are_those_of_the_report() -> None:
    text = '{"denyOut": ["10.0.0.0/08:80"], "allowIn": ["2001:DB8::/32"], "denyIn": ["0.0.0.0/0"]}'
    assert [left.code for left in repair_json(text).report.errors] == ["ports-not-enabled", "ipv6-ingress-not-enabled"]
    everything: dict[str, Any] = {"egress_ports": True, "ipv6_ingress": True, "guardrails": Guardrails.none()}
    repaired = repair_json(text.encode(), **everything)
    assert repaired.text == '{"denyOut": ["10.0.0.0/8:80"], "allowIn": ["2001:db8::/32"], "denyIn": ["0.0.0.0/0"]}'
    assert repaired.report == check_json(repaired.text, **everything)
    assert repaired.report.valid
    kept = repair_json(json.dumps({"denyIn": ["010.0.0.1"] * 9}), limits=Limits(diagnostics=2)).report
    assert (len(kept.errors), kept.error_count) == (2, 9)


@pytest.mark.parametrize("value", [DONE, LEFT, *DONE.repairs], ids=repr)
def test_values_are_frozen_hashable_comparable_and_picklable(value: Any) -> None:
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        again = pickle.loads(pickle.dumps(value, protocol))
        assert (again, hash(again)) == (value, hash(value))
        assert again is not value
    assert copy.copy(value) == copy.deepcopy(value) == value
    assert value != object()
    assert type(value).__module__ == "sandgate"
    for name in ("anything", "text", "after"):
        with pytest.raises(AttributeError):
            setattr(value, name, None)
    with pytest.raises(TypeError):
        type("Sub", (type(value),), {})


def test_values_tell_what_they_are() -> None:
    assert repr(DONE) == "<Repaired: 3 repairs, 0 errors left>"
    assert repr(LEFT) == "<Repaired: 1 repairs, 1 errors left>"
    assert DONE != LEFT
    spoilt = Repair("denyIn", 7, "'\"\n\\\0\U0001f600\u202e", None, ("a 'reason'", "another"))
    for repair in (*DONE.repairs, spoilt):
        assert eval(repr(repair), dict(vars(sandgate))) == repair  # noqa: S307 - that it can be read is the point
    assert {LEFT.repairs[0]: 1}[DONE.repairs[0]] == 1


@pytest.mark.parametrize("value", [DONE, LEFT, repair_json("{}")], ids=repr)
def test_nothing_here_is_true_or_false(value: Any) -> None:
    with pytest.raises(TypeError, match="neither true nor false"):
        bool(value)
    with pytest.raises(TypeError, match="neither true nor false"):
        _ = not value


def test_values_are_not_made_of_other_types() -> None:
    repair, report = DONE.repairs[0], DONE.report
    builds: list[Callable[[], object]] = [
        lambda: Repair(cast("Any", 1), 0, "x", None, ()),
        lambda: Repair("denyIn", cast("Any", 0.0), "x", None, ()),
        lambda: Repair("denyIn", 0, cast("Any", None), None, ()),
        lambda: Repair("denyIn", 0, "x", cast("Any", b"x"), ()),
        lambda: Repair("denyIn", 0, "x", None, cast("Any", "a reason")),
        lambda: Repair("denyIn", 0, "x", None, cast("Any", (1,))),
        lambda: Repaired(cast("Any", b"{}"), (), report),
        lambda: Repaired("{}", cast("Any", repair), report),
        lambda: Repaired("{}", cast("Any", [("denyIn", 0)]), report),
        lambda: Repaired("{}", [repair], cast("Any", "valid")),
        cast("Any", Repaired),
    ]
    for build in builds:
        with pytest.raises(TypeError):
            build()
    with pytest.raises(ValueError, match="no list"):
        Repair(cast("Any", "denyAll"), 0, "x", None, ())
    with pytest.raises(ValueError, match="an index"):
        Repair("denyIn", -1, "x", None, ())


class Text(str):
    """A text of a class of its own, which lies."""

    __slots__ = ()

    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return hash("network")


def test_what_host_bits_mean_is_said_by_name() -> None:
    for meaning in ("", "Network", "network ", "addresses", "none", "\ud800", "network\0", Text("x"), "x" * 10_000_000):
        with pytest.raises(ValueError, match="host_bits is 'network', 'address' or None"):
            repair_json("{}", host_bits=cast("Any", meaning))
    others: list[Any] = [True, False, 0, 1, b"network", ["network"], ("network",), object(), str, 1.5, {}]
    for other in others:
        with pytest.raises(TypeError, match="host_bits is 'network', 'address' or None, not"):
            repair_json("{}", host_bits=other)
    assert repair_json(LEGACY, host_bits=None) == LEFT
    assert repair_json(LEGACY, host_bits=cast("Any", Text("network"))) == DONE


@pytest.mark.parametrize("value", [0, 1, "yes", None, b"", [], object(), bool], ids=repr)
def test_another_type_of_argument_is_a_type_error(value: Any) -> None:
    for keyword in ("minimize", "egress_ports", "ipv6_ingress"):
        with pytest.raises(TypeError):
            repair_json("{}", **cast("Any", {keyword: value}))
    if value is not None:
        for keyword in ("guardrails", "limits"):
            with pytest.raises(TypeError):
                repair_json("{}", **cast("Any", {keyword: value}))
    if not isinstance(value, (str, bytes)):
        with pytest.raises(TypeError, match="JSON text"):
            repair_json(cast("Any", value))
    for more in ((), ("{}", "network"), ("{}", value)):
        with pytest.raises(TypeError):
            cast("Any", repair_json)(*more)
    with pytest.raises(TypeError):
        repair_json("{}", **cast("Any", {"update": True}))


HOSTILE = [
    "", " ", "null", "[]", "1", '"x"', "{", '{"denyIn": ["10.0.0.0/08"', '{"denyIn": "10.0.0.0/08"}', "\0", "\ufeff{}",
    '{"denyIn": ["10.0.0.0/08"], "denyIn": []}', '{"denyIn": ["10.0.0.0/08", 1]}', '{"deny_in": ["10.0.0.0/08"]}',
    '{"denyIn": ["\\ud800"]}', '{"denyIn": ["\ud800"]}', '{"denyIn": ["10.0.0.0/08\ud800"]}', '{"\ud800": []}',
    '{"denyIn": ["10.0.0.0/08\\u0000"]}', '{"denyIn": [[["10.0.0.0/08"]]]}', "[" * 100_000, '{"denyIn":' * 100_000,
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text[:40]))
def test_a_text_of_another_shape_is_left_as_it_is(text: str) -> None:
    for minimize in (False, True):
        repaired = repair_json(text, host_bits="network", minimize=minimize)
        assert not repaired.report.valid
        assert repaired.repairs == ()
        # What is no Unicode cannot be given back: each of its bytes is replaced.
        assert repaired.text == text.replace("\ud800", "\ufffd" * 3)
        assert repaired.report == check_json(text)
        assert repair_json(text.encode(errors="surrogatepass"), minimize=minimize).repairs == ()


@pytest.mark.parametrize("spoilt", [b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\0", b"\xef\xbb\xbf"])
def test_bytes_that_are_no_text_are_never_repaired_away(spoilt: bytes) -> None:
    entry = b"10.0.0.0/08"
    for before, after in ((b"", spoilt), (spoilt, b"")):
        for text in (
            before + b'{"denyIn": ["' + entry + b'"]}' + after,
            b'{"denyIn": ["' + before + entry + after + b'"]}',
            b'{"' + before + b"denyIn" + after + b'": ["' + entry + b'"]}',
        ):
            repaired = repair_json(text, host_bits="address", minimize=True)
            assert not repaired.report.valid
            with pytest.raises(sandgate.PolicyError):
                Policy.from_json(repaired.text)


def test_a_text_as_large_as_a_document_may_be_is_repaired() -> None:
    # Every entry is repaired, and the rest is room between two of them.
    entries = ",".join(f'"10.{number >> 8 & 255}.{number & 255}.0/029"' for number in range(50_000))
    head, tail = '{"denyIn": [', f"{entries}]}}"
    text = head + " " * ((16 << 20) - len(head) - len(tail)) + tail
    repaired = repair_json(text)
    assert repaired.report.valid
    assert repaired.text == text.replace("/029", "/29")
    assert [repair.index for repair in repaired.repairs] == list(range(50_000))
    # One byte more is not looked into.
    larger = repair_json(text + " ")
    assert [left.code for left in larger.report.errors] == ["document-too-large"]
    assert (larger.text, larger.repairs) == (text + " ", ())


def test_what_is_over_the_limits_is_left() -> None:
    huge = "x" * 100_000_000
    for text in (huge, huge.encode(), f'{{"denyIn": ["{huge}"]}}'):
        repaired = repair_json(text)
        assert [left.code for left in repaired.report.errors] == ["document-too-large"]
        assert repaired.repairs == ()
        assert len(repaired.text) == len(text)
    # All but one would be removed.
    many = repair_json(json.dumps({"denyIn": ["192.0.2.1"] * 100_001}))
    assert [left.code for left in many.report.errors] == ["too-many-entries"]
    assert many.repairs == ()
    long = json.dumps({"denyIn": ["192.0.2.0/028", "A" * 2000]})
    assert "entry-too-long" in {left.code for left in repair_json(long).report.errors}
    for limits in (Limits(document_bytes=9), Limits(entries_per_list=1), Limits(entry_bytes=9)):
        repaired = repair_json(LEGACY, host_bits="network", limits=limits)
        assert repaired.report == check_json(repaired.text, limits=limits)
        assert not repaired.report.valid


def test_threads_repair_the_same_and_get_the_same() -> None:
    answers: list[Repaired] = []

    def ask() -> None:
        answers.extend(repair_json(LEGACY, host_bits="network") for _ in range(50))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(answers), set(answers)) == (200, {DONE})
