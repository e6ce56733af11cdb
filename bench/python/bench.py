"""Measures the Python package side by side with what people use instead, and prints a page.

Answers are compared before anything is timed: with the obvious evaluator over `ipaddress`, or for
contestants that answer less, with its membership.
"""

from __future__ import annotations

import gc
import ipaddress
import platform
import random
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import netaddr
import numpy as np
import pytricia
import radix
from sandgate import Guardrails, Policy

if TYPE_CHECKING:
    from collections.abc import Callable

SEED = 2026
SAMPLES = 15
# A sample takes about this long, in seconds.
SAMPLE = 0.02
EVERY_PORT = (0, 65535)
BGP = [24] * 60 + [22, 23] * 8 + [16, 17, 18, 19, 20, 21] * 4 + [8]


@dataclass(frozen=True)
class Rule:
    """An entry: a third allow, the rest deny; a fifth has ports."""

    network: ipaddress.IPv4Network
    ports: tuple[int, int]
    allow: bool

    @property
    def text(self) -> str:
        """The entry as it is written."""
        low, high = self.ports
        if self.ports == EVERY_PORT:
            return str(self.network)
        return f"{self.network}:{low}" if low == high else f"{self.network}:{low}-{high}"


Query = tuple[str, int]


def rules(count: int) -> list[Rule]:
    """Prefix lengths as in the global routing table."""
    dice = random.Random(SEED)
    made: list[Rule] = []
    for _ in range(count):
        length = dice.choice(BGP)
        address = 0x0C00_0000 + dice.randrange(0xC000_0000)
        network = ipaddress.IPv4Network((address >> (32 - length) << (32 - length), length))
        low = 1 + dice.randrange(60_000)
        ports = (low, low + dice.choice([0, dice.randrange(2_000)])) if dice.randrange(5) == 0 else EVERY_PORT
        made.append(Rule(network, ports, dice.randrange(3) == 0))
    return made


def queries(entries: list[Rule], count: int) -> list[Query]:
    """Half inside some entry, half misses, of these half near one."""
    dice = random.Random(SEED + 1)
    asked: list[Query] = []
    for _ in range(count):
        rule = dice.choice(entries)
        first, last = int(rule.network.network_address), int(rule.network.broadcast_address)
        address = dice.choice(
            [dice.randint(first, last), dice.randint(first, last), last + 1 + dice.randrange(3), dice.randrange(2**32)]
        )
        port = rule.ports[0] if rule.ports != EVERY_PORT and dice.random() < 0.5 else dice.randrange(65536)
        asked.append((str(ipaddress.IPv4Address(address % 2**32)), port))
    return asked


def linear(entries: list[Rule]) -> Callable[[str, int], bool]:
    """Make the obvious evaluator: what everybody writes first."""
    allowed = [(rule.network, *rule.ports) for rule in entries if rule.allow]
    denied = [(rule.network, *rule.ports) for rule in entries if not rule.allow]

    def ask(text: str, port: int) -> bool:
        address = ipaddress.ip_address(text)
        if any(address in network and low <= port <= high for network, low, high in allowed):
            return True
        return not any(address in network and low <= port <= high for network, low, high in denied)

    return ask


def disjoint(entries: list[Rule]) -> np.ndarray[Any, np.dtype[np.uint32]]:
    """List the bounds at which membership changes, for a binary search over them."""
    bounds: list[int] = []
    for first, last in sorted((int(r.network.network_address), int(r.network.broadcast_address)) for r in entries):
        if bounds and first <= bounds[-1]:
            bounds[-1] = max(bounds[-1], last + 1)
        else:
            bounds += [first, last + 1]
    return np.array([min(bound, 2**32 - 1) for bound in bounds], np.uint32)


@dataclass
class Contestant:
    """Something that answers questions; `run` puts them all."""

    name: str
    run: Callable[[], object]
    questions: int
    samples: list[float]

    @property
    def median(self) -> float:
        """Nanoseconds a question."""
        return statistics.median(self.samples)


def one_by_one(name: str, ask: Callable[..., object], asked: list[Query], *, ports: bool) -> Contestant:
    """Put one question a call, from a loop that costs the same for all."""
    addresses = [address for address, _ in asked]

    def with_ports() -> None:
        for address, port in asked:
            ask(address, port)

    def without_ports() -> None:
        for address in addresses:
            ask(address)

    return Contestant(name, with_ports if ports else without_ports, len(asked), [])


def measure(contestants: list[Contestant]) -> None:
    """Take samples in turns, so that what the machine does meanwhile happens to all."""
    rounds: list[int] = []
    for contestant in contestants:
        start = time.perf_counter()
        contestant.run()
        rounds.append(max(1, round(SAMPLE / max(time.perf_counter() - start, 1e-9))))
    gc.disable()
    for _ in range(SAMPLES):
        for contestant, count in zip(contestants, rounds, strict=True):
            start = time.perf_counter_ns()
            for _ in range(count):
                contestant.run()
            contestant.samples.append((time.perf_counter_ns() - start) / count / contestant.questions)
    gc.enable()


@dataclass
class Page:
    """What is printed: tables below, a line for each target above."""

    tables: list[str]
    targets: list[tuple[str, float, float]]

    def add(self, heading: str, contestants: list[Contestant]) -> None:
        """Add a table, the first contestant of which is Sandgate."""
        self.tables += [f"\n{heading}\n", "| contestant | ns a question | spread | ratio |", "|---|---:|---:|---:|"]
        for contestant in contestants:
            quarters = statistics.quantiles(contestant.samples)
            ratio = contestant.median / contestants[0].median
            spread = quarters[2] - quarters[0]
            self.tables.append(f"| {contestant.name} | {contestant.median:.1f} | {spread:.1f} | {ratio:.2f} |")
            sys.stderr.write(f"  {heading}: {contestant.name} {contestant.median:.1f} ns, x{ratio:.2f}\n")

    def target(self, what: str, wanted: float, figure: float) -> None:
        """Note a ratio that is wanted, and the one that was measured."""
        self.targets.append((what, wanted, figure))

    def __str__(self) -> str:
        lines = ["| target | wanted | figure | |", "|---|---:|---:|---|"]
        for what, wanted, figure in self.targets:
            verdict = "reached" if figure >= wanted else "**not reached**"
            lines.append(f"| {what} | at least {wanted:g}x | {figure:.2f}x | {verdict} |")
        reached = sum(figure >= wanted for _, wanted, figure in self.targets)
        return "\n".join(
            [f"\n## Targets: {reached} of {len(self.targets)} reached\n", *lines, "\n## Questions", *self.tables]
        )


def check(name: str, answers: list[bool], expected: list[bool]) -> None:
    """Refuse to measure what answers something else."""
    if answers != expected:
        sys.exit(f"{name} answers {sum(a != e for a, e in zip(answers, expected, strict=True))} questions otherwise")


def measure_size(page: Page, count: int) -> None:
    """Compare everything at one number of entries."""
    entries = rules(count)
    asked = queries(entries, 1_000 if count < 10_000 else 200)
    texts = {allow: [rule.text for rule in entries if rule.allow is allow] for allow in (True, False)}
    policy = Policy({"allowOut": texts[True], "denyOut": texts[False]}, guardrails=Guardrails.none(), egress_ports=True)
    obvious = linear(entries)
    tree, radix_tree = pytricia.PyTricia(32), radix.Radix()
    for rule in entries:
        tree[str(rule.network)] = rule.allow
        radix_tree.add(str(rule.network))
    networks = netaddr.IPSet([str(rule.network) for rule in entries])

    expected = [obvious(*query) for query in asked]
    check("Sandgate", [policy.allows_egress(*query) for query in asked], expected)
    members = [any(ipaddress.ip_address(a) in rule.network for rule in entries) for a, _ in asked]
    check("pytricia", [a in tree for a, _ in asked], members)
    check("py-radix", [radix_tree.search_best(a) is not None for a, _ in asked], members)
    check("netaddr", [a in networks for a, _ in asked], members)

    single = [
        one_by_one("**Sandgate**", policy.allows_egress, asked, ports=True),
        one_by_one("`ipaddress`, linear", obvious, asked, ports=True),
        one_by_one("*`pytricia`*", tree.get, asked, ports=False),
        one_by_one("*`py-radix`*", radix_tree.search_best, asked, ports=False),
        one_by_one("*`netaddr.IPSet`*", networks.__contains__, asked, ports=False),
        one_by_one("Sandgate, explained", policy.decide_egress, asked, ports=True),
    ]
    measure(single)
    page.add(f"One question, {count} entries", single)
    wanted = {10: 35.0, 1_000: 1_000.0}.get(count)
    if wanted:
        page.target(f"against `ipaddress`, {count} entries", wanted, single[1].median / single[0].median)
    page.target(f"against `pytricia`, {count} entries", 1.0, single[2].median / single[0].median)

    many = queries(entries, 100_000)
    addresses = np.array([int(ipaddress.IPv4Address(address)) for address, _ in many], np.uint32)
    ports = np.array([port for _, port in many], np.uint16)
    bounds = disjoint(entries)
    strings = [address for address, _ in many]
    port_list = ports.tolist()

    def search() -> Any:
        return np.searchsorted(bounds, addresses, side="right") % 2 == 1

    check("the batch", policy.allows_egress_many(addresses, ports).tolist(), [policy.allows_egress(*q) for q in many])
    by_tree = [a in tree for a in strings]
    check("numpy.searchsorted", search().tolist(), by_tree)
    batch = [
        Contestant("**Sandgate**, arrays", lambda: policy.allows_egress_many(addresses, ports), len(many), []),
        Contestant("*`numpy.searchsorted`*", search, len(many), []),
        Contestant("Sandgate, lists", lambda: policy.allows_egress_many(strings, port_list), len(many), []),
    ]
    measure(batch)
    page.add(f"100,000 questions at once, {count} entries", batch)
    page.target(f"batch against `numpy.searchsorted`, {count} entries", 4.0, batch[1].median / batch[0].median)


def import_times() -> str:
    """How long an import takes in a new process, above what an empty one takes."""

    def run(code: str) -> float:
        start = time.perf_counter()
        subprocess.run([sys.executable, "-I", "-c", code], check=True)
        return (time.perf_counter() - start) * 1e3

    codes = {"pass": "nothing", "import sandgate": "`sandgate`", "import ipaddress": "`ipaddress`"}
    samples = {code: [run(code) for _ in range(3)] for code in codes}
    for _ in range(SAMPLES):
        for code in codes:
            samples[code].append(run(code))
    empty = statistics.median(samples["pass"])
    lines = ["\n## Import\n", "Above an empty interpreter.\n", "| module | ms |", "|---|---:|"]
    lines += [f"| {name} | {statistics.median(samples[code]) - empty:.1f} |" for code, name in list(codes.items())[1:]]
    return "\n".join(lines)


def main() -> None:
    """Print the page."""
    page = Page([], [])
    for count in (10, 1_000, 10_000):
        measure_size(page, count)
    peers = ", ".join(f"{name} {version(name)}" for name in ("numpy", "pytricia", "py-radix", "netaddr"))
    print(f"# Python\n\nCPython {platform.python_version()}. Peers: {peers}.")
    print(
        "\nOne question is a `str` and an `int` in a loop that is the same for all; contestants in italics answer less:"
    )
    print("whether any entry holds the address, whatever its list and ports.")
    print(page)
    print(import_times())


if __name__ == "__main__":
    main()
