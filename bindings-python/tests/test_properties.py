"""The standard library as a second opinion: `ipaddress` reads and contains as the core does.

Generated texts and networks. Where the two differ is listed in `tests/opinions` and checked by `test_opinions.py`.
"""

from __future__ import annotations

import ipaddress
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from hypothesis import assume, example, given
from hypothesis import strategies as st
from sandgate import ALL_TRAFFIC, Guardrails, Policy, PolicyError, canonical_entry

BARE = Guardrails.none()

V4 = st.builds(IPv4Address, st.integers(1, 2**32 - 1))
V6 = st.builds(IPv6Address, st.integers(1, 2**128 - 1))


@st.composite
def networks(draw: st.DrawFn) -> IPv4Network | IPv6Network:
    address = draw(V4 | V6)
    length = draw(st.integers(0, address.max_prefixlen))
    network = ipaddress.ip_network((address, length), strict=False)
    assume(int(network.network_address) != 0 or length == 0)
    return network


@st.composite
def near(draw: st.DrawFn, network: IPv4Network | IPv6Network) -> IPv4Address | IPv6Address:
    """An address at an edge of a network, one beside it, or inside."""
    first, last = int(network.network_address), int(network.broadcast_address)
    value = draw(st.sampled_from([first - 1, first, first + 1, last - 1, last, last + 1]) | st.integers(first, last))
    most = (1 << network.max_prefixlen) - 1
    kind = IPv4Address if network.version == 4 else IPv6Address
    return kind(min(max(value, 0), most))


def is_read(read: type[IPv4Network | IPv6Network], text: str) -> bool:
    try:
        read(text)
    except ValueError:
        return False
    return True


@given(networks())
def test_a_network_is_its_canonical_text(network: IPv4Network | IPv6Network) -> None:
    canonical = canonical_entry(str(network))
    if network.version == 4 or network.network_address.ipv4_mapped is None:
        assert ipaddress.ip_network(canonical) == network


@given(st.from_regex(r"[0-9a-f.:/]{1,24}", fullmatch=True))
@example("1.2.3.4/024")
@example("10.0.0.0/255.0.0.0")
@example("::/00")
def test_text_is_read_as_a_network_by_both_or_by_none(text: str) -> None:
    prefix = text.partition("/")[2]
    # The differences on purpose: masks, and leading zeros of a prefix length.
    assume("." not in prefix and not (prefix.startswith("0") and prefix != "0"))
    # Ports and mapped networks are no matter of `ipaddress`.
    assume(is_read(IPv6Network, text) or text.count(":") != 1)
    assume("::ffff:" not in text)
    expected = is_read(IPv4Network, text) or is_read(IPv6Network, text)
    try:
        Policy({"denyOut": [text]}, guardrails=BARE)
    except PolicyError as error:
        assert not expected or error.diagnostics[0].code == "unspecified-network"
    else:
        assert expected


@given(st.data(), st.lists(networks(), min_size=1, max_size=6))
def test_a_deny_list_holds_what_its_networks_hold(data: st.DataObject, denied: list[IPv4Network | IPv6Network]) -> None:
    denied = [network for network in denied if not carries(network.network_address)]
    assume(denied)
    policy = Policy({"denyOut": [str(network) for network in denied]}, guardrails=BARE)
    address = data.draw(near(data.draw(st.sampled_from(denied))))
    assume(not carries(address))
    expected = not any(address in network for network in denied)
    # All traffic is all of IPv6 as well.
    if any(str(network) == ALL_TRAFFIC for network in denied):
        expected = False
    for form in (address, str(address), address.packed):
        assert policy.allows_egress(form, 443) is expected
        assert policy.decide_egress(form, 443).allowed is expected


def carries(address: IPv4Address | IPv6Address) -> bool:
    """Whether it is an IPv6 address with an IPv4 address in it, which A-1 and A-3 judge."""
    if isinstance(address, IPv4Address):
        return False
    value = int(address)
    return value >> 32 in {0, 0xFFFF, 0xFFFF << 16, 0x64_FF9B << 64} or value >> 112 == 0x2002


@given(V4)
def test_a_mapped_address_is_its_ipv4_address(address: IPv4Address) -> None:
    policy = Policy({"denyOut": [f"{address}/32"]}, guardrails=BARE)
    assert not policy.allows_egress(IPv6Address(f"::ffff:{address}"), 443)
    assert not policy.allows_egress(f"64:ff9b::{address}", 443)
