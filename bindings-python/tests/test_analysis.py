"""Explanations and differences: values of Python, for questions and policies of any kind.

What they say is tested by the vectors.
"""

from __future__ import annotations

import copy
import json
import pickle
import subprocess
import sys
import threading
from dataclasses import FrozenInstanceError, fields, is_dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pytest
import sandgate
from sandgate import (
    ALL_TRAFFIC,
    Difference,
    Explanation,
    Guardrails,
    NamesMatching,
    NamesNotMatching,
    Policy,
    _analysis,
    diff,
    equivalent,
    tightens,
    widening,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

OLD = Policy(
    {
        "allow_out": ["*.example.com", "198.51.100.1"],
        "deny_out": [ALL_TRAFFIC],
        "allow_in": ["203.0.113.0/24:443"],
        "deny_in": [ALL_TRAFFIC],
        "mask_request_host": "localhost:1",
    },
    guardrails=Guardrails(always_denied=["10.0.0.0/8"], exempt_ports=[]),
)
NEW = Policy(
    {
        "allow_out": ["a.example.com"],
        "deny_out": [ALL_TRAFFIC],
        "deny_in": ["203.0.113.128/25"],
        "allow_public_traffic": False,
        "mask_request_host": "localhost:${PORT}",
    },
    guardrails=Guardrails(always_denied=["10.0.0.0/9"], exempt_ports=[8080]),
)
EXPLANATIONS = [
    OLD.explain_ingress("203.0.113.7", 80),
    OLD.explain_ingress(None, 443),
    OLD.explain_egress("64:ff9b::cb00:7105", 443, host="API.example.com:8443"),
    OLD.explain_egress("192.0.2.1", 443, sni="a..b"),
    NEW.explain_egress("192.0.2.1", 443, sni="www.example.com"),
]
DIFFERENCES = [diff(OLD, NEW), diff(NEW, OLD), widening(OLD, NEW), diff(OLD, OLD)]
QUESTIONS: list[Callable[[Any, Any], object]] = [diff, widening, tightens, equivalent]


def parts(value: Any) -> Iterator[Any]:
    """A value, and every value within it."""
    if isinstance(value, tuple):
        for element in cast("Iterable[Any]", value):
            yield from parts(element)
    elif is_dataclass(value):
        yield value
        for field in fields(value):
            yield from parts(getattr(value, field.name))


ALL: list[Any] = [*EXPLANATIONS, *DIFFERENCES]
PARTS: dict[type, Any] = {type(part): part for value in ALL for part in parts(value)}


def test_there_is_a_value_of_every_class() -> None:
    assert set(PARTS) == set(_analysis._ALL)  # pyright: ignore[reportPrivateUsage]
    assert all(getattr(sandgate, told.__name__) is told for told in PARTS)
    assert len(_analysis._CLASSES) == len(PARTS)  # pyright: ignore[reportPrivateUsage]


def test_what_is_imported_late_is_there() -> None:
    assert set(sandgate.__all__) <= set(dir(sandgate))
    assert all(hasattr(sandgate, name) for name in sandgate.__all__)
    with pytest.raises(AttributeError, match="no attribute 'Explanations'"):
        cast("Any", sandgate).Explanations  # noqa: B018 - it is what is asked
    # A process that has only the pickle finds the classes.
    code = "import pickle, sys; print(pickle.loads(sys.stdin.buffer.read()).verdict)"
    saved = pickle.dumps(EXPLANATIONS[0])
    ran = subprocess.run([sys.executable, "-c", code], input=saved, check=True, capture_output=True)
    assert ran.stdout.split() == [b"deny"]


@pytest.mark.parametrize("value", PARTS.values(), ids=lambda value: type(value).__name__)
def test_values_are_frozen_hashable_comparable_and_picklable(value: Any) -> None:
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        again = pickle.loads(pickle.dumps(value, protocol))
        assert (again, hash(again)) == (value, hash(value))
    assert copy.copy(value) == copy.deepcopy(value) == value
    assert value != object()
    assert eval(repr(value), dict(vars(sandgate))) == value  # noqa: S307 - that it can be read is the point
    assert type(value).__module__ == "sandgate"
    assert not hasattr(value, "__dict__")
    for field in fields(value):
        with pytest.raises(FrozenInstanceError):
            setattr(value, field.name, None)
    assert json.loads(json.dumps(value.to_dict())) == value.to_dict()


@pytest.mark.parametrize("value", ALL, ids=lambda value: type(value).__name__)
def test_nothing_here_is_true_or_false(value: Any) -> None:
    with pytest.raises(TypeError, match="neither true nor false"):
        bool(value)
    with pytest.raises(TypeError, match="neither true nor false"):
        _ = not value
    with pytest.raises(TypeError, match="neither true nor false"):
        _ = value and value


def test_names_are_told_by_their_type() -> None:
    assert {type(change.names) for change in DIFFERENCES[0].changes} >= {NamesMatching, NamesNotMatching, type(None)}
    matching = [change.names for change in DIFFERENCES[0].changes if isinstance(change.names, NamesMatching)]
    closed = {"matching": [{"pattern": "*.example.com", "except": ["a.example.com"]}]}
    (names,) = (names for names in matching if names.to_dict() == closed)
    assert names.matching[0].except_ == ("a.example.com",)
    assert "any" in {change.names for change in diff(Policy({}), Policy({"deny_out": ["192.0.2.1"]})).changes}


def test_a_flip_does_what_it_says() -> None:
    explanation = OLD.explain_ingress("203.0.113.7", 80)
    (flip,) = explanation.flips
    document: dict[str, Any] = {**OLD.config}
    assert (flip.edit, flip.index, len(document[flip.list])) == ("add", 1, 1)
    document[flip.list] = [*document[flip.list], flip.text]
    decision = Policy(document, guardrails=OLD.guardrails).decide_ingress("203.0.113.7", 80)
    assert (decision.verdict, decision.reason) == (flip.verdict, flip.reason) == ("allow", "allow-entry")


def test_what_was_asked_is_told_as_it_was_given() -> None:
    for given in ("::ffff:203.0.113.7", b"\0" * 10 + b"\xff\xff\xcb\0\x71\x07"):
        told = OLD.explain_ingress(given, 443).input
        assert (told.address, told.canonical) == ("::ffff:203.0.113.7", "203.0.113.7")
    assert OLD.explain_ingress("203.0.113.07", 443).input.address is None
    with pytest.raises(ValueError, match="not an IPv4 or IPv6 address"):
        OLD.explain_egress("203.0.113.07", 443)
    with pytest.raises(TypeError, match="host or sni, not both"):
        OLD.explain_egress("203.0.113.7", 443, host="a.example", sni="a.example")
    for name in ("\ud800", b"\xff", "é", "a\0b", "x" * 100_000):
        host = OLD.explain_egress("192.0.2.1", 443, sni=name).input.host
        assert host is not None
        assert host.name is None
        assert host.flaw


@pytest.mark.parametrize(
    "value",
    [None, {}, "{}", 1, True, Policy, object(), OLD.config, OLD.fingerprint, np.zeros(1), [OLD], (OLD, NEW)],
    ids=lambda value: type(value).__name__,
)
def test_only_policies_are_compared(value: Any) -> None:
    for question in QUESTIONS:
        with pytest.raises(TypeError):
            question(value, OLD)
        with pytest.raises(TypeError):
            question(OLD, value)
        with pytest.raises(TypeError):
            cast("Any", question)(OLD)


def test_what_only_claims_to_be_a_policy_is_none() -> None:
    def claimed(_liar: object) -> type:
        return Policy

    liar: Any = type("Liar", (), {"__class__": property(claimed)})()
    assert isinstance(liar, Policy)
    for question in QUESTIONS:
        for pair in ((liar, OLD), (OLD, liar)):
            with pytest.raises(TypeError):
                question(*pair)
    with pytest.raises(TypeError):
        type("Sub", (Policy,), {})


def test_an_object_that_the_package_does_not_know_is_no_value() -> None:
    for wire in ({}, {"low": 1}, {"low": 1, "high": 2, "more": 3}, {**EXPLANATIONS[0].to_dict(), "allowed": True}):
        with pytest.raises(KeyError):
            _analysis.read(json.dumps(wire))
    for value in ALL:
        assert _analysis.read(json.dumps(value.to_dict())) == value


def test_large_policies_are_compared_and_explained() -> None:
    def entries(ports: int) -> list[str]:
        return [f"10.{number // 256}.{number % 256}.0/24:{1 + number % ports}" for number in range(10_000)]

    old = Policy({"allow_in": entries(1000), "deny_in": [ALL_TRAFFIC]})
    new = Policy({"allow_in": entries(999), "deny_in": [ALL_TRAFFIC]})
    difference, wider = diff(old, new), widening(old, new)
    assert not tightens(old, new)
    assert not equivalent(old, new)
    assert {(change.before, change.after) for change in difference.changes} == {("deny", "allow"), ("allow", "deny")}
    assert wider.changes == tuple(change for change in difference.changes if change.after == "allow")
    for change in difference.changes:
        for region in change.regions:
            witness = region.witness
            for policy, outcome in ((old, witness.before), (new, witness.after)):
                assert policy.allows_ingress(witness.address, witness.port) is (outcome.verdict == "allow")

    many = Policy({"deny_in": ["192.0.2.0/24"] * 10_000})
    explanation = many.explain_ingress("192.0.2.1", 443)
    assert (len(explanation.others), explanation.more) == (100, 9_899)
    assert explanation.flips == ()
    assert explanation.no_flip


def test_threads_ask_the_same_and_get_the_same() -> None:
    answers: list[tuple[Difference, Explanation, bool]] = []

    def ask() -> None:
        for _ in range(20):
            answers.append((diff(OLD, NEW), OLD.explain_ingress("203.0.113.7", 80), tightens(OLD, NEW)))  # noqa: PERF401

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 80
    assert set(answers) == {(DIFFERENCES[0], EXPLANATIONS[0], False)}
