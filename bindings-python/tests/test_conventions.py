"""What users of Python expect of any value: frozen, comparable, picklable, readable, typed."""

from __future__ import annotations

import array
import copy
import ipaddress
import multiprocessing
import pickle
import types
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, cast

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
    check,
    check_json,
)

if TYPE_CHECKING:
    from collections.abc import Callable

DOCUMENT = {
    "allow_out": ["*.example.com", "192.0.2.0/24"],
    "deny_out": [ALL_TRAFFIC],
    "allow_in": ["203.0.113.0/24:443"],
    "deny_in": [ALL_TRAFFIC],
    "mask_request_host": "app-${PORT}.example.com",
}
POLICY = Policy(DOCUMENT, guardrails=Guardrails(exempt_ports=[80]), egress_ports=True, limits=Limits(diagnostics=3))


def refusal(document: object) -> PolicyError:
    with pytest.raises(PolicyError) as raised:
        Policy(cast("Any", document))
    return raised.value


VALUES: list[object] = [
    POLICY,
    POLICY.decide_ingress("203.0.113.7", 443),
    POLICY.decide_egress("198.51.100.1", 443, sni="api.example.com"),
    POLICY.decide_ingress("203.0.113.7", 443).entry,
    Guardrails(),
    Guardrails.none(),
    Limits(entry_bytes=7),
    check(cast("Any", {"denyin": []})),
    check_json('{"denyin": []}').diagnostics[0],
    ClientAddress.peer(),
    ClientAddress.trusted_hops(2, proxies=["10.0.0.0/8"]),
    ClientAddress.trusted_proxies(["10.0.0.0/8"]),
    HostMask("a.example"),
]


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_values_are_frozen_hashable_comparable_and_picklable(value: object) -> None:
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        again = pickle.loads(pickle.dumps(value, protocol))
        assert again == value
        assert hash(again) == hash(value)
        assert again is not value
    assert copy.deepcopy(value) == value
    assert value != object()
    assert repr(value) == repr(copy.copy(value))
    assert " object at 0x" not in repr(value)
    assert type(value).__module__ == "sandgate"
    with pytest.raises(AttributeError):
        cast("Any", value).anything = 1
    with pytest.raises(TypeError):
        type("Sub", (type(value),), {})


def test_options_are_part_of_a_policy() -> None:
    again = pickle.loads(pickle.dumps(POLICY))
    assert (again.egress_ports, again.ipv6_ingress) == (True, False)
    assert again.guardrails == Guardrails(exempt_ports=[80])
    assert again.limits.diagnostics == 3
    assert Policy(DOCUMENT) != POLICY
    assert len({POLICY, again, Policy(DOCUMENT)}) == 2


def test_a_repr_can_be_read() -> None:
    many = Policy({"deny_out": [f"198.51.100.{last}" for last in range(100)]})
    assert repr(many) == (
        "<Policy denyOut=[198.51.100.0/32, 198.51.100.1/32, 198.51.100.2/32, 198.51.100.3/32, 198.51.100.4/32, "
        "198.51.100.5/32, and 94 more]>"
    )
    assert repr(Limits()) == (
        "Limits(document_bytes=16777216, entries_per_list=100000, entry_bytes=1024, diagnostics=100)"
    )
    for value in (Guardrails(), Guardrails.none(), Limits(entry_bytes=1), POLICY.decide_ingress(None, 443)):
        assert eval(repr(value), dict(vars(sandgate))) == value  # noqa: S307 - that it can be read is the point


def test_an_error_tells_everything() -> None:
    error = refusal({"denyin": [], "deny_out": ["10.1.2.3/8", "x y"]})
    assert isinstance(error, ValueError)
    assert [(found.code, found.path) for found in error.diagnostics] == [
        ("unknown-field", "/denyin"),
        ("host-bits", "/deny_out/0"),
        ("whitespace", "/deny_out/1"),
    ]
    assert len(str(error).splitlines()) == 3
    assert pickle.loads(pickle.dumps(error)).report == error.report


def raise_refusal() -> None:
    Policy(cast("Any", {"denyin": []}))


def test_an_error_survives_another_process() -> None:
    with multiprocessing.get_context("spawn").Pool(1) as pool, pytest.raises(PolicyError) as raised:
        pool.apply(raise_refusal)
    assert raised.value.diagnostics[0].code == "unknown-field"


def test_diagnostics_of_text_have_lines_and_columns() -> None:
    report = check_json('{"denyOut": ["0.0.0.0/0"],\n "é": 1, "denyin": [],\n\t"allowIn": ["10.1.2.3/8"]}')
    assert [(found.code, found.line, found.column) for found in report.errors] == [
        ("unknown-field", 2, 2),
        ("unknown-field", 2, 10),
        ("host-bits", 3, 15),
        ("missing-deny-all", 3, 27),
    ]
    assert str(report).startswith("2:2: /é: error[unknown-field]")
    assert check(cast("Any", {"denyin": []})).errors[0].line is None


def test_a_report_is_true_if_it_is_valid() -> None:
    assert check({})
    assert not check(cast("Any", {"denyin": []}))
    doubtful = check({"deny_out": ["192.0.2.1", "192.0.2.1"]})
    assert doubtful
    assert doubtful.warnings == doubtful.diagnostics
    kept = check({"deny_out": ["x y"] * 9}, limits=Limits(diagnostics=2))
    assert (len(kept.diagnostics), kept.more, kept.error_count) == (2, 7, 9)
    assert str(kept).endswith("and 7 more")


def test_a_name_is_never_true() -> None:
    decision = POLICY.decide_egress("198.51.100.1", 443, sni="api.example.com")
    assert (decision.verdict, decision.name, decision.allowed, bool(decision)) == (
        "allow-by-name",
        "api.example.com",
        False,
        False,
    )
    assert decision.summary == "a domain pattern matches the host name"
    assert decision.entry == DecidingEntry("allowOut", 0, "*.example.com")
    assert POLICY.decide_egress("198.51.100.1", 443, sni=b"api.example.com") == decision
    assert POLICY.decide_egress("198.51.100.1", 443, host="api.example.com:443") == decision
    with pytest.raises(TypeError, match="not both"):
        POLICY.decide_egress("198.51.100.1", 443, host="a", sni="a")


@pytest.mark.parametrize(
    "build",
    [
        lambda: Decision(cast("Any", "maybe"), "default-allow"),
        lambda: Decision("allow", cast("Any", "because")),
        lambda: Decision("allow", "default-allow", name="a.example"),
        lambda: Decision("allow-by-name", "allow-name"),
        lambda: DecidingEntry(cast("Any", "allowAll"), 0, "x"),
        lambda: ClientAddress.trusted_hops(0),
        lambda: ClientAddress.trusted_proxies(["10.0.0.1/8"]),
    ],
)
def test_no_value_holds_what_it_cannot_mean(build: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match=r"."):
        build()


def test_addresses_of_every_kind_are_judged_alike() -> None:
    for address in ("203.0.113.7", "::ffff:203.0.113.7"):
        read = ipaddress.ip_address(address)
        for form in (address, read, read.packed, type("Text", (str,), {})(address)):
            assert POLICY.allows_ingress(form, 443)
            assert not POLICY.allows_ingress(form, 444)


@pytest.mark.parametrize("client", [None, "", "203.0.113.07", "203.0.113.7:443", "\ud800", "localhost", "fe80::1%eth0"])
def test_an_unknown_client_is_denied_and_no_exception(client: str | None) -> None:
    assert POLICY.decide_ingress(client, 443).reason == "unknown-client"
    assert not POLICY.allows_ingress(client, 443)


def test_an_object_with_a_zone_or_a_prefix_is_no_address() -> None:
    for client in (ipaddress.ip_address("fe80::1%eth0"), ipaddress.ip_interface("203.0.113.7/24")):
        assert POLICY.decide_ingress(client, 443).reason == "unknown-client"
        with pytest.raises(ValueError, match="is not an IPv4 or IPv6 address"):
            POLICY.allows_egress(client, 443)


@pytest.mark.parametrize("address", [1, 3405803783, 1.5, True, [], b"203.0.113.7", b"", bytearray(4), object(), ("a",)])
def test_another_type_of_address_is_a_type_error(address: Any) -> None:
    for question in (POLICY.allows_ingress, POLICY.decide_ingress, POLICY.allows_egress, POLICY.decide_egress):
        with pytest.raises(TypeError, match="address"):
            question(address, 443)
    with pytest.raises(TypeError):
        POLICY.allows_resolved(address)


def test_an_egress_address_that_is_none_is_refused() -> None:
    with pytest.raises(TypeError):
        POLICY.allows_egress(cast("Any", None), 443)
    with pytest.raises(ValueError, match=r"'example\.com' is not an IPv4 or IPv6 address"):
        POLICY.allows_egress("example.com", 443)


@pytest.mark.parametrize("port", [True, False, 443.0, "443", "443abc", None, b"1", [443]])
def test_another_type_of_port_is_a_type_error(port: Any) -> None:
    for question in (POLICY.allows_ingress, POLICY.decide_ingress, POLICY.allows_egress, POLICY.decide_egress):
        with pytest.raises(TypeError, match="a port is an int"):
            question("203.0.113.7", port)
    with pytest.raises(TypeError):
        POLICY.masked_host(port)
    with pytest.raises(TypeError):
        HostMask("a.example").masked(port)


@pytest.mark.parametrize("port", [-1, 65536, 1 << 80])
def test_a_port_out_of_range_is_a_value_error(port: int) -> None:
    with pytest.raises(ValueError, match="from 0 to 65535"):
        POLICY.allows_ingress("203.0.113.7", port)


@pytest.mark.parametrize(
    ("document", "codes"),
    [
        (None, {"wrong-type"}),
        ([], {"wrong-type"}),
        ("{}", {"wrong-type"}),
        (b"{}", {"wrong-type"}),
        ({"denyIn": "0.0.0.0/0"}, {"wrong-type"}),
        ({"denyIn": {"0.0.0.0/0"}}, {"wrong-type"}),
        ({"denyIn": iter(["0.0.0.0/0"])}, {"wrong-type"}),
        ({"denyIn": [b"0.0.0.0/0"]}, {"wrong-type"}),
        ({"denyIn": [ipaddress.ip_network("10.0.0.0/8")]}, {"wrong-type"}),
        ({"denyIn": [443, 1.5, True, None]}, {"wrong-type"}),
        ({"allowInternetAccess": 0}, {"wrong-type"}),
        ({"allowPublicTraffic": None}, {"wrong-type"}),
        ({"maskRequestHost": 1}, {"wrong-type"}),
        ({1: [], None: [], b"denyIn": [], ("denyIn",): []}, {"unknown-field"}),
        ({"denyIn": [], "deny_in": ["0.0.0.0/0"]}, {"duplicate-field"}),
        ({"denyIn": ["\ud800"]}, {"invalid-idna"}),
        ({"allowOut": ["a\ud800.example"], "denyOut": [ALL_TRAFFIC]}, {"invalid-idna"}),
        ({"\ud800": []}, {"unknown-field"}),
        ({"denyIn": ["192.0.2.1"] * 100_001}, {"too-many-entries"}),
    ],
    ids=str,
)
def test_what_is_no_document_is_told_and_not_guessed(document: Any, codes: set[str]) -> None:
    report = check(document)
    assert not report
    assert {found.code for found in report.diagnostics} == codes
    assert refusal(document).report == report


def test_any_mapping_and_tuples_are_documents() -> None:
    assert Policy(types.MappingProxyType(DOCUMENT)) == Policy(DOCUMENT)
    assert Policy({"deny_in": ("192.0.2.1",)}) == Policy({"denyIn": ["192.0.2.1"]})
    assert Policy({"deny_in": None, "mask_request_host": None}) == Policy({})


def test_a_document_that_holds_itself_is_short() -> None:
    cyclic: dict[str, Any] = {}
    cyclic["denyIn"] = [cyclic, [cyclic]]
    cyclic["self"] = cyclic
    assert [found.code for found in check(cyclic).diagnostics] == ["wrong-type", "wrong-type", "unknown-field"]


def test_a_mapping_that_raises_is_not_an_empty_document() -> None:
    class Hostile(Mapping[str, object]):
        def __getitem__(self, key: str) -> object:
            raise KeyError(key)

        def __iter__(self) -> Iterator[str]:
            return iter(["denyIn"])

        def __len__(self) -> int:
            return 1

    with pytest.raises(KeyError):
        Policy(Hostile())


@pytest.mark.parametrize("keyword", ["guardrails", "limits", "egress_ports", "ipv6_ingress"])
def test_options_are_keywords_of_their_own_types(keyword: str) -> None:
    with pytest.raises(TypeError):
        cast("Any", Policy)({}, {})
    with pytest.raises(TypeError):
        Policy({}, **cast("Any", {keyword: "yes"}))
    with pytest.raises(TypeError):
        check({}, **cast("Any", {keyword: 1}))


def test_guardrails_keep_the_defaults_of_what_is_omitted() -> None:
    assert Guardrails(always_denied=[]).exempt_ports == Guardrails().exempt_ports == (49983,)
    assert Guardrails(always_denied=[], exempt_ports=[], name_server=None) == Guardrails.none()
    assert Guardrails(name_server="10.0.0.53:53").name_server == "10.0.0.53:53"
    assert Guardrails().always_denies("10.0.0.1")
    assert not Guardrails.none().always_denies(b"\x0a\0\0\1")
    with pytest.raises(PolicyError, match="unknown-field"):
        Guardrails(**cast("Any", {"always_deny": []}))
    with pytest.raises(PolicyError, match="wrong-type"):
        Guardrails(always_denied=cast("Any", None))
    with pytest.raises(TypeError):
        cast("Any", Guardrails)([])


def test_json_text_is_text() -> None:
    assert Policy.from_json(b'{"denyIn": []}') == Policy.from_json('{"denyIn": []}')
    others: list[Any] = [{}, None, bytearray(b"{}")]
    for other in others:
        with pytest.raises(TypeError, match="JSON text"):
            Policy.from_json(other)
        with pytest.raises(TypeError, match="JSON text"):
            check_json(other)
    for text in (b'{"denyIn": ["\xff"]}', b'{"\xff": []}', b"\xff", '{"denyIn": ["\ud800"]}', b"\xef\xbb\xbf{}"):
        assert not check_json(text)


def test_headers_are_lines_and_not_letters() -> None:
    for lines in ("203.0.113.7", b"203.0.113.7"):
        with pytest.raises(TypeError, match="sequence of header lines"):
            ClientAddress.peer().derive("10.0.0.1", cast("Any", lines))
        with pytest.raises(TypeError, match="sequence of header lines"):
            sandgate.from_internal_header(cast("Any", lines))
    with pytest.raises(TypeError):
        ClientAddress.peer().derive("10.0.0.1", cast("Any", [1]))
    with pytest.raises(TypeError):
        ClientAddress.trusted_proxies(cast("Any", "10.0.0.0/8"))
    assert ClientAddress.peer().derive("::ffff:192.0.2.1") == "192.0.2.1"
    for peer in ("", "unix:", None):
        assert ClientAddress.trusted_hops(1).derive(peer, ["203.0.113.7, 10.0.0.1"]) is None


def test_many_questions_are_as_many_answers() -> None:
    clients = ["203.0.113.7", None, "", ipaddress.ip_address("203.0.113.9"), b"\xcb\0\x71\x08"]
    assert POLICY.allows_ingress_many(clients, 443) == [True, False, False, True, True]
    assert POLICY.allows_ingress_many(clients[:2], (443, 443)) == [True, False]
    assert POLICY.allows_ingress_many([], []) == []
    buffer = POLICY.allows_ingress_many(array.array("I", [0xCB007107, 0]), array.array("H", [443, 443]))
    assert buffer.tolist() == [True, False]
    assert isinstance(buffer[0], bool)
    with pytest.raises(ValueError, match="2 addresses and 1 ports"):
        POLICY.allows_ingress_many(["203.0.113.7"] * 2, [443])
    with pytest.raises(ValueError, match=r"^\[1\]: 'x' is not an IPv4 or IPv6 address"):
        POLICY.allows_egress_many(["192.0.2.1", "x"], 443)
    for ports in (True, 443.0, "443", [443.0], [True], array.array("I", [443])):
        with pytest.raises(TypeError):
            POLICY.allows_ingress_many(["203.0.113.7"], cast("Any", ports))
    for addresses in ("203.0.113.7", b"\0\0\0\0", array.array("H", [1]), array.array("i", [1]), 7, [7]):
        with pytest.raises(TypeError):
            POLICY.allows_ingress_many(cast("Any", addresses), 443)


def test_a_panic_of_the_core_is_an_ordinary_exception() -> None:
    with pytest.raises(RuntimeError, match="treat the answer as a denial"):
        _native._provoke_panic()  # pyright: ignore[reportPrivateUsage]


def test_the_schemas_are_schemas() -> None:
    config, update = sandgate.network_config_schema(), sandgate.network_update_schema()
    assert config["additionalProperties"] is update["additionalProperties"] is False
    assert set(config["properties"]) == set(sandgate.NetworkConfig.__annotations__)
    assert set(update["properties"]) == set(sandgate.NetworkUpdate.__annotations__)


def test_everything_public_is_documented() -> None:
    for name in sandgate.__all__:
        value = getattr(sandgate, name)
        if isinstance(value, (type, types.BuiltinFunctionType)):
            assert value.__doc__, name
    assert isinstance(Report.valid, types.GetSetDescriptorType)
    assert Diagnostic.code.__doc__
