"""Hostile surroundings: processes that end, fork or run out of memory, threads, pickles.

The groups, in this order:

- pickles that are truncated, damaged, forged or of another version; copies
- threads that ask while others compile and drop
- a low limit of recursion
- the end of the interpreter: exit handlers, finalisers, daemon threads; forks; other interpreters
- memory: what a hostile document takes, and what happens when there is none

**No memory.** What Python allocates fails with `MemoryError`. What the core allocates ends the process with SIGABRT:
Rust has no other answer. The limits keep a document from getting there where there is memory for a few hundred
megabytes; where there is not, the process ends and allows nothing.
"""

# Types are what these tests lie about.
# pyright: reportUnknownLambdaType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false
# pyright: reportUnknownVariableType=false, reportUnknownParameterType=false

from __future__ import annotations

import copy
import json
import os
import pickle
import random
import signal
import subprocess
import sys
import threading
from typing import Any, cast

import pytest
from sandgate import ALL_TRAFFIC, ClientAddress, Guardrails, HostMask, Limits, Policy, PolicyError, _native, check

DOCUMENT = {"allow_in": ["203.0.113.0/24:443"], "deny_in": [ALL_TRAFFIC], "deny_out": ["198.51.100.0/24"]}
POLICY = Policy(DOCUMENT, guardrails=Guardrails(always_denied=["192.0.2.0/24"]), limits=Limits(diagnostics=3))
SAVED = cast("str", cast("Any", POLICY.__reduce__())[1][0])
RESTORE = _native._restore_policy  # pyright: ignore[reportPrivateUsage]

PREFACE = f"""
import sys, sandgate
from sandgate import Policy
policy = Policy({DOCUMENT!r})
def ask():
    assert policy.allows_ingress("203.0.113.7", 443) is True
    assert policy.allows_ingress("198.51.100.7", 443) is False
    assert policy.decide_egress("198.51.100.7", 443, sni="a.example").verdict == "deny"
    assert policy.allows_ingress_many(["198.51.100.7"] * 5000, 443) == [False] * 5000
    return "asked"
"""


def run(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A process of its own, which has to end by itself."""
    command = [sys.executable, "-W", "ignore", "-c", PREFACE + code, *arguments]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)


def told(code: str) -> list[str]:
    """What a process prints that ends well and complains of nothing."""
    ended = run(code)
    assert (ended.returncode, ended.stderr) == (0, "")
    return ended.stdout.splitlines()


class Forged:
    """Pickles as a call of whatever it is told."""

    def __init__(self, function: object, *arguments: object) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> Any:
        return self.call


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_a_truncated_or_damaged_pickle_is_no_other_policy(protocol: int) -> None:
    whole = pickle.dumps(POLICY, protocol)
    for length in range(len(whole)):
        with pytest.raises((pickle.UnpicklingError, EOFError, ValueError, IndexError, KeyError, AttributeError)):
            pickle.loads(whole[:length])
    damage = random.Random(7)  # noqa: S311 - to repeat a run
    for _ in range(2000):
        damaged = bytearray(whole)
        damaged[damage.randrange(len(whole))] ^= 1 << damage.randrange(8)
        try:
            restored = pickle.loads(bytes(damaged))
        except Exception:  # noqa: BLE001, S112 - a damaged pickle names any class and raises anything
            continue
        # What still is a policy was judged: its own document is valid under its own options.
        if isinstance(restored, Policy):
            assert check(restored.config, guardrails=restored.guardrails).valid
            assert not restored.allows_ingress(None, 443)


def saved(config: object, **options: object) -> str:
    return json.dumps({"config": config, "options": {**json.loads(SAVED)["options"], **options}})


FORGED = [
    "",
    "null",
    "[]",
    "{}",
    "1",
    '"x"',
    SAVED[:-1],
    SAVED + "x",
    SAVED + SAVED,
    "\ufeff" + SAVED,
    SAVED.replace('"config"', '"Config"'),
    SAVED.replace('"options"', '"option"'),
    '{"config": {}, "config": {}, "options": {}}',
    '{"config": {}}',
    '{"options": {}}',
    '{"config": {}, "options": {}, "version": 2}',
    '{"config": {}, "options": null}',
    '{"config": null, "options": {}}',
    saved({"denyin": []}),
    saved({"denyOut": ["10.1.2.3/8"]}),
    saved({"allowIn": ["203.0.113.7"]}),
    saved({"allowOut": ["a.example"]}),
    saved({"denyOut": ["10.0.0.0/8:443"]}),
    saved({"denyIn": "0.0.0.0/0"}),
    saved({"denyIn": [None]}),
    saved({"deny_in": []}),
    saved({}, guardrails=None),
    saved({}, guardrails={"alwaysDeny": []}),
    saved({}, guardrails={"alwaysDenied": ["10.0.0.1/8"]}),
    saved({}, guardrails="none"),
    saved({}, capabilities={"egressPorts": 1}),
    saved({}, limits={"entryBytes": -1}),
    saved({}, version=2),
    "[" * 100_000,
    "\0",
    "\ud800",
]


@pytest.mark.parametrize(
    "text",
    FORGED,
    ids=lambda text: ascii(text[:20]),
)
def test_a_forged_pickle_is_judged_again(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        RESTORE(text)
    if text.isascii():
        with pytest.raises(ValueError, match=r"."):
            pickle.loads(pickle.dumps(Forged(RESTORE, text)))


def test_a_forged_pickle_has_guardrails() -> None:
    # What is left out is the default, as in every document of guardrails.
    for text in ('{"config": {}, "options": {}}', saved({}, guardrails={}), saved({}, guardrails={"exemptPorts": []})):
        restored = pickle.loads(pickle.dumps(Forged(RESTORE, text)))
        assert not restored.allows_egress("10.0.0.1", 443)
        assert not restored.allows_egress("169.254.169.254", 80)
    assert pickle.loads(pickle.dumps(POLICY)).guardrails == POLICY.guardrails
    no_texts: list[tuple[Any, ...]] = [(), ({},), (b"{}",), (None,), (SAVED, SAVED), (json.loads(SAVED),)]
    for arguments in no_texts:
        with pytest.raises(TypeError):
            pickle.loads(pickle.dumps(Forged(RESTORE, *arguments)))
    with pytest.raises(PolicyError):
        pickle.loads(pickle.dumps(Forged(Policy, {"denyin": []})))
    for build, arguments in ((ClientAddress.trusted_hops, (0,)), (HostMask, ("a b",)), (Limits, (1,))):
        with pytest.raises((ValueError, TypeError)):
            pickle.loads(pickle.dumps(Forged(build, *arguments)))
    restore = _native._restore_client_address  # pyright: ignore[reportPrivateUsage]
    for hops, proxies in (
        (-1, None),
        (True, None),
        (1.0, None),
        (1, "10.0.0.0/8"),
        (1, [b"10.0.0.0/8"]),
        (0, ["10.0.0.1/8"]),
    ):
        with pytest.raises((ValueError, TypeError)):
            restore(cast("Any", hops), cast("Any", proxies))


def test_nothing_is_set_in_a_copy() -> None:
    for again in (
        copy.copy(POLICY),
        copy.deepcopy(POLICY),
        copy.deepcopy([POLICY])[0],
        pickle.loads(pickle.dumps(POLICY)),
    ):
        assert again == POLICY
        assert again.guardrails == POLICY.guardrails
        states: list[Any] = [{"verdict": "allow"}, (None, {"deny_in": []}), 1]
        for state in states:
            with pytest.raises((AttributeError, TypeError)):
                cast("Any", again).__setstate__(state)
        cast("Any", Policy).__init__(again)
        assert again == POLICY


def test_threads_ask_while_others_compile_and_drop() -> None:
    shared, stop = [Policy(DOCUMENT)], threading.Event()
    wrong: list[object] = []

    def replace() -> None:
        while not stop.is_set():
            shared[0] = Policy({**DOCUMENT, "deny_out": [f"198.51.{third}.0/24" for third in range(200)]})

    def ask() -> None:
        while not stop.is_set():
            asked = shared[0]
            answers = asked.allows_ingress_many(["198.51.100.7"] * 5000, 443)
            if (
                any(answers)
                or asked.allows_egress("198.51.100.7", 443)
                or hash(asked) != hash(pickle.loads(pickle.dumps(asked)))
            ):
                wrong.append(answers)

    threads = [threading.Thread(target=target) for target in (replace, ask, replace, ask)]
    for thread in threads:
        thread.start()
    stop.wait(1.5)
    stop.set()
    for thread in threads:
        thread.join()
    assert not wrong


def test_a_low_limit_of_recursion_is_an_exception_or_no_matter() -> None:
    assert told("""
def deep(levels):
    try:
        return deep(levels + 1)
    except RecursionError:
        return levels
def within(levels):
    if levels:
        return within(levels - 1)
    outcomes = set()
    for question in (lambda: policy.allows_ingress("198.51.100.7", 443),
                     lambda: policy.allows_ingress_many(["198.51.100.7"], 443)[0],
                     lambda: bool(sandgate.check({"deny_in": [[[["x"]]]]})),
                     lambda: bool(policy.decide_egress("198.51.100.7", 443)),
                     lambda: bool(sandgate.check(type("D", (dict,), {})(denyIn=["x y"])))):
        try:
            outcomes.add(question())
        except RecursionError:
            outcomes.add("RecursionError")
    return outcomes
sys.setrecursionlimit(200)
outcomes = set()
room = deep(0)
for levels in range(room - 20, room + 2):
    try:
        outcomes |= within(levels)
    except RecursionError:
        outcomes.add("RecursionError")
assert outcomes == {False, "RecursionError"}, outcomes
print(ask())
""") == ["asked"]  # fmt: skip


def test_a_policy_answers_in_exit_handlers_and_finalisers() -> None:
    assert told("""
import atexit
atexit.register(lambda: print("atexit", ask()))
class AtTheEnd:
    def __init__(self, policy, check, document):
        self.policy, self.check, self.document = policy, check, document
        self.kept = self
    def __del__(self):
        # Modules are gone by now; what this object holds is not.
        assert self.policy.allows_ingress("203.0.113.7", 443) is True
        assert self.policy.allows_ingress("198.51.100.7", 443) is False
        assert self.policy.allows_ingress_many(["198.51.100.7"] * 5000, 443) == [False] * 5000
        try:
            assert not self.check(self.document)
            assert not self.policy.allows_ingress_many(memoryview(bytes(4)).cast("I"), 443)[0]
        except (ImportError, AttributeError, TypeError, NameError) as error:
            pass
        sys.stdout.write("deleted\\n")
sys.held = AtTheEnd(policy, sandgate.check, {"deny_in": ["10.1.2.3/8"]})
held = AtTheEnd(policy, sandgate.check, {"deny_in": ["10.1.2.3/8"]})
""")[:1] == ["atexit asked"]  # fmt: skip


@pytest.mark.parametrize(
    "work",
    [
        "ask()",
        "Policy({'deny_in': ['192.0.2.1'] * 5000})",
        "policy.allows_ingress_many(['198.51.100.7'] * 20000, 443)",
        "sandgate.tightens(policy, Policy({}))",
    ],
)
def test_daemon_threads_ask_while_the_interpreter_ends(work: str) -> None:
    for milliseconds in (0, 1, 5, 20, 50, 51):
        ended = run(f"""
import threading, time
def work():
    while True:
        {work}
for _ in range(4):
    threading.Thread(target=work, daemon=True).start()
time.sleep({milliseconds} / 1000)
""")
        assert ended.returncode == 0, (ended.returncode, ended.stderr)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_policy_answers_after_a_fork() -> None:
    assert told("""
import os, threading
stop = threading.Event()
def work():
    while not stop.is_set():
        Policy({"deny_in": ["192.0.2.1"] * 2000}); ask()
threads = [threading.Thread(target=work) for _ in range(2)]
for thread in threads: thread.start()
for _ in range(20):
    child = os.fork()
    if child == 0:
        ask(); Policy({"deny_in": ["192.0.2.1"] * 2000})
        os._exit(7)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
stop.set()
for thread in threads: thread.join()
print(ask())
""") == ["asked"]  # fmt: skip


def test_another_interpreter_of_the_process_is_refused_or_answered() -> None:
    # PyO3 refuses it with an ImportError. What is promised is that it ends in no crash, and that the first lives on.
    assert told("""
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters
code = "import sandgate; assert not sandgate.Policy({'deny_in': ['0.0.0.0/0']}).allows_ingress('198.51.100.7', 443)"
for _ in range(5):
    other = interpreters.create()
    try:
        failed = interpreters.run_string(other, code)
        assert failed is None or "ImportError" in str(failed.type.__name__), failed
    except Exception as error:
        assert "ImportError" in repr(error) or "subinterpreters" in str(error), error
    interpreters.destroy(other)
    ask()
print(ask())
""") == ["asked"]  # fmt: skip


MEASURED = """
import resource
def most(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
def refused(document):
    before = most()
    report = sandgate.check(document)
    assert not report.valid
    print([found.code for found in report.errors][0], (most() - before) >> 20)
"""


def test_a_hostile_document_takes_no_more_memory_than_its_limits() -> None:
    lines = told(MEASURED + """
refused({"deny_in": ["192.0.2.1"] * 20_000_000})
refused({"deny_in": ["x" * (16 << 20)] * 100_000})
refused({"deny_in": [[]] * 5_000_000})
refused({"deny_in": [None] * 8_000_000})
refused({"deny_in": ["192.0.2.1/33"] * 100_000})
refused(dict.fromkeys(map(str, range(500_000))))
""")  # fmt: skip
    grown = [(code, int(megabytes)) for code, megabytes in (line.split() for line in lines)]
    assert [code for code, _ in grown] == ["document-too-large"] * 2 + [
        "wrong-type",
        "wrong-type",
        "invalid-prefix-length",
        "unknown-field",
    ]
    # The bound is a few times what was measured; the second document would be 1.6 TB.
    assert max(megabytes for _, megabytes in grown) < 600, grown


@pytest.mark.parametrize("megabytes", [2, 8, 16, 32, 64, 128, 256])
def test_without_memory_there_is_an_exception_or_an_end_and_no_answer(megabytes: int) -> None:
    ended = run("""
import resource
entries = [f"{a}.{b}.{c}.0/24" for a in range(11, 12) for b in range(200) for c in range(250)]
texts = ["198.51.100.7"] * 1_000_000
now = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (now + (int(sys.argv[1]) << 20),) * 2)
for question in (lambda: Policy({"deny_in": entries, "allow_in": entries, "deny_out": entries}),
                 lambda: policy.allows_ingress_many(texts, 443), lambda: sandgate.check({"deny_in": ["x y"] * 100_000}),
                 lambda: policy.allows_ingress("198.51.100.7" * 10_000_000, 443)):
    try:
        answer = question()
    except (MemoryError, ValueError) as error:
        print(type(error).__name__, flush=True)
    else:
        assert not any(answer) if isinstance(answer, list) else answer is not True
        print("answered", flush=True)
""", str(megabytes))  # fmt: skip
    assert ended.returncode in {0, 1, -signal.SIGABRT}, ended
    if ended.returncode == -signal.SIGABRT:
        assert "memory allocation of" in ended.stderr
    assert set(ended.stdout.split()) <= {"answered", "MemoryError", "PolicyError", "ValueError"}
    # With this much, all of it fits.
    if megabytes == 256:
        assert ended.returncode == 0, ended
