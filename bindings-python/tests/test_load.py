"""What only shows under load: threads, memory, the time of an import."""

from __future__ import annotations

import gc
import json
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import sandgate
from sandgate import ALL_TRAFFIC, Policy, PolicyError, check

if TYPE_CHECKING:
    from collections.abc import Callable

DOCUMENT = {"allow_in": ["203.0.113.0/24:443"], "deny_in": [ALL_TRAFFIC], "mask_request_host": "a-${PORT}.example"}


def resident() -> int:
    """The memory of this process in bytes."""
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * 4096


def grown_by(question: Callable[[], object], rounds: int) -> int:
    """How much more memory is used after the second half of the rounds than after the first."""
    for _ in range(rounds // 2):
        question()
    gc.collect()
    before = resident()
    for _ in range(rounds // 2):
        question()
    gc.collect()
    return resident() - before


def test_a_million_decisions_leak_nothing() -> None:
    policy = Policy(DOCUMENT)
    assert grown_by(lambda: policy.decide_ingress("203.0.113.7", 443), 1_000_000) < 2 << 20
    assert grown_by(lambda: policy.allows_ingress("203.0.113.7", 443), 1_000_000) < 2 << 20


def test_ten_thousand_compiles_leak_nothing() -> None:
    document = {"deny_out": [f"198.51.{third}.0/24" for third in range(200)]}
    assert grown_by(lambda: Policy(document), 10_000) < 4 << 20
    text = json.dumps({"denyOut": document["deny_out"]})
    assert grown_by(lambda: Policy.from_json(text), 10_000) < 4 << 20


def refuse() -> None:
    try:
        Policy({"denyin": [], "denyOut": ["x y"] * 100})
    except PolicyError as error:
        assert error.diagnostics
    else:
        raise AssertionError


def test_refusals_and_batches_leak_nothing() -> None:
    policy = Policy(DOCUMENT)
    assert grown_by(refuse, 4_000) < 2 << 20
    assert grown_by(lambda: policy.allows_ingress_many(["203.0.113.7"] * 50, 443), 20_000) < 2 << 20


def test_a_policy_answers_many_threads() -> None:
    policy = Policy(DOCUMENT)
    clients = [f"203.0.113.{last}" for last in range(256)] + [f"198.51.100.{last}" for last in range(256)]
    expected = [policy.allows_ingress(client, 443) for client in clients]
    start = threading.Barrier(8)

    def ask(_: int) -> list[bool]:
        start.wait()
        answers = [policy.decide_ingress(client, 443).allowed for client in clients]
        assert answers == policy.allows_ingress_many(clients * 10, 443)[: len(clients)]
        assert Policy(DOCUMENT) == policy
        return answers

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, range(8))) == [expected] * 8


LONG = json.dumps({"denyOut": [f"{a}.{b}.{c}.0/24" for a in range(11, 13) for b in range(200) for c in range(240)]})


SLOW: dict[str, Callable[[Policy], object]] = {
    "compiling": lambda _: Policy.from_json(LONG),
    "diff": lambda policy: sandgate.diff(policy, Policy({})),
    "tightens": lambda policy: sandgate.tightens(policy, Policy({})),
    "explaining": lambda policy: policy.explain_egress("11.0.0.1", 443),
}


@pytest.mark.parametrize("question", SLOW.values(), ids=SLOW.keys())
def test_other_threads_run_while_a_question_takes_its_time(question: Callable[[Policy], object]) -> None:
    policy = Policy.from_json(LONG)
    started, ran_meanwhile = threading.Event(), False
    seen: list[bool] = []

    def ask() -> None:
        started.set()
        question(policy)
        seen.append(ran_meanwhile)

    # Nobody has to hand over the lock for a minute: who runs meanwhile, runs because it was released.
    before = sys.getswitchinterval()
    sys.setswitchinterval(60)
    try:
        thread = threading.Thread(target=ask)
        thread.start()
        started.wait()
        ran_meanwhile = True
        thread.join()
    finally:
        sys.setswitchinterval(before)
    assert seen == [True]


def test_an_import_is_quick_and_brings_nothing() -> None:
    code = (
        "import sys, time; before = set(sys.modules); start = time.perf_counter(); import sandgate;"
        "print(time.perf_counter() - start, *sorted(set(sys.modules) - before))"
    )
    output = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    seconds, *modules = output.split()
    # An order of magnitude over what it takes: it fails if somebody adds a package, not on a slow day.
    assert float(seconds) < 0.5
    assert {name.partition(".")[0] for name in modules} <= {"sandgate", *sys.stdlib_module_names}
    assert not {"pydantic", "numpy", "ipaddress", "json", "dataclasses"} & set(modules)


def test_the_wheel_is_what_is_tested() -> None:
    assert "site-packages" in Path(sandgate.__file__).parts
    assert check({}).valid
