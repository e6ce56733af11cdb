"""Hostile sizes and texts: refused in a time that fits, and never read as a text that matches.

The groups, in this order:

- cyclic, deep and enormous objects, and objects that share what they hold
- huge texts in every position
- lone surrogates, NULs, and bytes that are no UTF-8
"""

# Types are what these tests lie about.
# pyright: reportUnknownLambdaType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportUnknownParameterType=false

from __future__ import annotations

import itertools
import time
from typing import TYPE_CHECKING, Any, cast

import pytest
import sandgate
from sandgate import (
    ALL_TRAFFIC,
    ClientAddress,
    Guardrails,
    HostMask,
    Limits,
    Policy,
    PolicyError,
    _native,
    canonical_entry,
    check,
    check_json,
)

if TYPE_CHECKING:
    from collections.abc import Callable

POLICY = Policy(
    {
        "allow_in": ["203.0.113.0/24:443"],
        "deny_in": [ALL_TRAFFIC],
        "allow_out": ["*.example.com"],
        "deny_out": [ALL_TRAFFIC],
    }
)
INSIDE, OUTSIDE = "203.0.113.7", "198.51.100.7"
HUGE = 100_000_000


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


def test_an_object_that_holds_itself_is_short() -> None:
    entries: list[Any] = [ALL_TRAFFIC]
    entries.append(entries)
    document: dict[Any, Any] = {"deny_in": entries, "allow_in": [{}]}
    document["allow_in"][0]["x"] = document
    document["deny_out"] = document
    assert codes(document) == {"wrong-type"}
    assert codes(entries) == {"wrong-type"}
    with pytest.raises(PolicyError):
        Guardrails(always_denied=cast("Any", entries))


@pytest.mark.parametrize("kind", [list, dict, tuple])
def test_100_000_levels_are_refused(kind: Any) -> None:
    deep: Any = ALL_TRAFFIC
    for _ in range(100_000):
        deep = kind([deep]) if kind is not dict else {"deny_in": deep}
    for document in (deep, {"deny_in": deep}, {"deny_in": [deep]}):
        assert "wrong-type" in quickly(codes, document)


def test_100_000_levels_of_text_are_refused() -> None:
    for text in ("[" * 100_000, '{"denyIn":' * 100_000, '{"denyIn": [' + "[" * 100_000 + "]" * 100_000 + "]}"):
        assert not quickly(check_json, text)
        with pytest.raises(PolicyError):
            Policy.from_json(text)
        with pytest.raises(ValueError, match=r"recursion|EOF|expected|line"):
            _native._restore_policy(text)  # pyright: ignore[reportPrivateUsage]


def test_what_an_object_shares_is_not_copied_without_end() -> None:
    # Copied, each would be more than any machine has.
    text, entry = "x" * (16 << 20), "192.0.2.1"
    alias: Any = [entry] * 10_000
    for _ in range(9):
        alias = [alias] * 10_000
    documents: list[Any] = [
        {"deny_in": [text] * 100_000},
        {"deny_in": [[text] * 100] * 100_000},
        {"deny_in": [{text: text}] * 100_000},
        {"a": [entry] * 50_000_000},
    ]
    for document in documents:
        # A list in a list is no entry, whatever it holds.
        assert quickly(codes, document) <= {
            "document-too-large",
            "wrong-type",
            "unknown-field",
        }
    assert quickly(codes, {"deny_in": alias}) == {"wrong-type"}
    assert codes({"deny_in": [entry] * 1_000_000}) == {"too-many-entries"}
    assert codes({"deny_in": [entry] * 10}, limits=Limits(entries_per_list=9)) == {"too-many-entries"}
    assert codes({"deny_in": [entry]}, limits=Limits(document_bytes=9)) == {"document-too-large"}
    with pytest.raises(PolicyError, match="document-too-large"):
        Guardrails(always_denied=[text] * 100_000)
    with pytest.raises(PolicyError, match="document-too-large"):
        sandgate.apply_update({}, {"deny_in": [text] * 100_000})


def test_any_number_of_fields_is_counted_or_refused() -> None:
    fields = {f"f{number}": None for number in range(200_000)}
    report = quickly(check, fields)
    assert (len(report.errors), report.error_count) == (100, 200_000)
    longer = {f"field-{number:0100}": None for number in range(200_000)}
    assert quickly(codes, longer) == {"document-too-large"}


@pytest.mark.parametrize("letter", ["1", "x", "é", "\U0001f600", "\ud800", "\0", "."], ids=ascii)
def test_a_huge_text_is_refused_wherever_it_stands(letter: str) -> None:
    huge = letter * (HUGE if letter in "1x" else HUGE // 20)
    assert quickly(codes, {"deny_in": [huge]}) <= {"document-too-large", "entry-too-long"}
    assert quickly(codes, {"mask_request_host": huge}) <= {"document-too-large", "entry-too-long"}
    assert quickly(codes, {huge: []}) <= {"document-too-large", "unknown-field"}
    assert quickly(codes, huge) <= {"document-too-large", "wrong-type"}
    assert POLICY.allows_ingress(huge, 443) is False
    assert POLICY.decide_ingress(huge, 443).reason == "unknown-client"
    assert POLICY.allows_ingress_many([huge, INSIDE], 443) == [False, True]
    for question in (POLICY.allows_egress, POLICY.decide_egress):
        with pytest.raises(ValueError, match="is not an IPv4 or IPv6 address") as raised:
            question(huge, 443)
        assert len(str(raised.value)) < 1000
    assert POLICY.decide_egress(OUTSIDE, 443, host=huge).verdict == "deny"
    assert POLICY.decide_egress(OUTSIDE, 443, sni=huge).verdict == "deny"
    assert not quickly(check_json, huge)
    assert ClientAddress.trusted_hops(1).derive("10.0.0.1", [huge, f"{huge}, 10.0.0.2"]) is None
    assert sandgate.from_internal_header([huge]) is None
    for build in (canonical_entry, HostMask, lambda text: ClientAddress.trusted_proxies([text]), Policy.from_json):
        with pytest.raises(ValueError, match=r".") as refused:
            quickly(build, huge)
        assert len(str(refused.value)) < 50_000


def test_header_lines_that_never_end_are_refused() -> None:
    for lines in (itertools.repeat(INSIDE), (f"10.0.0.{n % 256}" for n in itertools.count())):
        with pytest.raises(ValueError, match="more than 100000 lines"):
            quickly(ClientAddress.trusted_hops(1).derive, "10.0.0.1", lines)
    with pytest.raises(ValueError, match="more than 100000 lines"):
        sandgate.from_internal_header(itertools.repeat(INSIDE))


SPOILT = ["\ud800", "\udfff", "\udcff", "\ud83d\ude00", "\0", "\ufffd", "\x7f", "\x80", "\u202e"]


@pytest.mark.parametrize("spoilt", SPOILT, ids=ascii)
def test_what_is_no_text_never_becomes_a_text_that_matches(spoilt: str) -> None:
    for before, after in (("", spoilt), (spoilt, ""), (spoilt, spoilt)):
        for address in (INSIDE, "2001:db8::1"):
            text = before + address + after
            assert POLICY.allows_ingress(text, 443) is False
            assert ClientAddress.trusted_hops(1).derive("10.0.0.1", [f"{text}, 10.0.0.2"]) is None
            assert sandgate.from_internal_header([text]) is None
            with pytest.raises(ValueError, match="is not an IPv4"):
                POLICY.allows_egress(text, 443)
            with pytest.raises(ValueError, match="is not an IPv4"):
                POLICY.allows_resolved(text)
        for name in ("api.example.com", "example.com"):
            for text in (before + name + after, f"api{spoilt}.example.com", f"api.ex{spoilt}ample.com"):
                assert POLICY.decide_egress(OUTSIDE, 443, host=text).verdict == "deny"
                assert POLICY.decide_egress(OUTSIDE, 443, sni=text).verdict == "deny"
                assert codes({"allow_out": [text], "deny_out": [ALL_TRAFFIC]})
                assert codes({"mask_request_host": text})
                with pytest.raises(PolicyError):
                    HostMask(text)
        assert codes({"deny_in": [before + ALL_TRAFFIC + after]})
        assert codes({before + "deny_in" + after: [ALL_TRAFFIC]}) == {"unknown-field"}
        with pytest.raises(PolicyError):
            canonical_entry(before + "10.0.0.0/8" + after)
        with pytest.raises(PolicyError):
            ClientAddress.trusted_proxies([before + "10.0.0.0/8" + after])
        with pytest.raises(PolicyError):
            Guardrails(always_denied=[before + "10.0.0.0/8" + after])
        assert not check_json('{"denyIn": ["' + before + ALL_TRAFFIC + after + '"]}')
        assert not check_json('{"' + before + "denyIn" + after + '": []}')


@pytest.mark.parametrize(
    "spoilt", [b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xf8\x88\x80\x80\x80", b"\0", b"\xef\xbb\xbf"]
)
def test_bytes_that_are_no_text_never_become_a_text_that_matches(spoilt: bytes) -> None:
    for before, after in ((b"", spoilt), (spoilt, b"")):
        line = before + INSIDE.encode() + after
        assert ClientAddress.trusted_hops(1).derive("10.0.0.1", [line + b", 10.0.0.2"]) is None
        assert sandgate.from_internal_header([line]) is None
        for name in (before + b"api.example.com" + after, b"api" + spoilt + b".example.com"):
            assert POLICY.decide_egress(OUTSIDE, 443, host=name).verdict == "deny"
            assert POLICY.decide_egress(OUTSIDE, 443, sni=name).verdict == "deny"
        assert not check_json(b'{"denyIn": ["' + before + b"0.0.0.0/0" + after + b'"]}')
        assert not check_json(before + b"{}" + after)
        # Sixteen bytes are an address, whatever text they might be; these are not that of the text.
        try:
            assert POLICY.allows_ingress(line, 443) is False
        except TypeError:
            assert len(line) not in {4, 16}
