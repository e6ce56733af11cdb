"""A second opinion of the standard library: `ipaddress`.

Every difference is on a list, which `tests/opinions/README.md` describes. The lists hold for CPython 3.10 to 3.13.
"""

from __future__ import annotations

import ipaddress
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from sandgate import ClientAddress, Guardrails, Policy, PolicyError, canonical_entry

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

TESTS = Path(__file__).parents[2] / "tests"
OPINIONS = TESTS / "opinions"

# What a vector calls a text that is an entry, an address or a host.
KEYS = {
    *("entry", "allowOut", "denyOut", "allowIn", "denyIn", "alwaysDenied", "alwaysAllowed", "trustedProxies"),
    *("address", "client", "peer", "host", "sni"),
}

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

# The input, what Sandgate reads and what the opinion reads. `None` is a refusal.
Reading = tuple[str, str | None, str | None]


def load(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def gather(value: Json) -> Iterator[str]:
    if isinstance(value, list):
        for element in value:
            yield from gather(element)
    elif isinstance(value, dict):
        for key, inner in value.items():
            if key in KEYS:
                yield from (text for text in (inner if isinstance(inner, list) else [inner]) if isinstance(text, str))
            yield from gather(inner)


def inputs() -> list[str]:
    """The texts written for the opinions, and those of the vectors."""
    written = [
        text
        for name in ("addresses", "names")
        for group in load(OPINIONS / "inputs" / f"{name}.json")["groups"]
        for text in group["inputs"]
    ]
    vectors = [text for path in sorted((TESTS / "vectors").glob("*.json")) for text in gather(load(path))]
    return sorted({*written, *vectors})


def compare(name: str, readings: Iterable[Reading]) -> None:
    """Fail unless the readings that differ are those on the list of this name."""
    found = {(text, sandgate, opinion) for text, sandgate, opinion in readings if sandgate != opinion}
    listed: set[Reading] = {
        (entry["input"], entry["sandgate"], entry["opinion"])
        for by_rule in load(OPINIONS / f"{name}.json")["differences"]
        for entry in by_rule["inputs"]
    }

    def line(reading: Reading) -> str:
        return json.dumps(dict(zip(("input", "sandgate", "opinion"), reading, strict=True)))

    message = [f"not on the list: {line(reading)}" for reading in sorted(found - listed, key=repr)]
    message += [f"on the list, and no difference: {line(reading)}" for reading in sorted(listed - found, key=repr)]
    assert not message, f"tests/opinions/{name}.json\n" + "\n".join(message)


def compare_texts(name: str, sandgate: Callable[[str], str | None], opinion: Callable[[str], str | None]) -> None:
    compare(name, ((text, sandgate(text), opinion(text)) for text in inputs()))


def written(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> str:
    """The text of an address; that of a mapped one depends on the version of Python."""
    if isinstance(address, ipaddress.IPv4Address) or address.ipv4_mapped is None:
        return str(address)
    zone = "" if address.scope_id is None else f"%{address.scope_id}"
    return f"::ffff:{address.ipv4_mapped}{zone}"


def network(text: str) -> str | None:
    """The network that a text means as an entry. An entry with ports is no network alone."""
    try:
        entry = canonical_entry(text)
    except PolicyError:
        return None
    return entry if re.search(r"/\d+\Z", entry) else None


def ipaddress_network(text: str, *, strict: bool) -> str | None:
    try:
        read = ipaddress.ip_network(text, strict=strict)
    except ValueError:
        return None
    return f"{written(read.network_address)}/{read.prefixlen}"


def ipaddress_address(text: str) -> str | None:
    try:
        return written(ipaddress.ip_address(text))
    except ValueError:
        return None


def test_ip_address_reads_the_same_addresses_except_where_listed() -> None:
    # A peer is its own client: the address alone, and none if it is none.
    compare_texts("python-address", ClientAddress.peer().derive, ipaddress_address)


def test_ip_network_reads_the_same_networks_except_where_listed() -> None:
    compare_texts("python-network", network, lambda text: ipaddress_network(text, strict=False))


def test_a_strict_ip_network_reads_the_same_networks_except_where_listed() -> None:
    compare_texts("python-network-strict", network, lambda text: ipaddress_network(text, strict=True))


def test_ip_network_holds_the_same_addresses_except_where_listed() -> None:
    file = load(OPINIONS / "inputs" / "memberships.json")

    def readings() -> Iterator[Reading]:
        for text in file["networks"]:
            policy, held = Policy({"denyOut": [text]}, guardrails=Guardrails.none()), ipaddress.ip_network(text)
            for address in file["addresses"]:
                inside = not policy.allows_egress(address, 443)
                answers = ("in" if inside else "out", "in" if ipaddress.ip_address(address) in held else "out")
                yield (f"{address} in {text}", *answers)

    compare("python-contains", readings())
