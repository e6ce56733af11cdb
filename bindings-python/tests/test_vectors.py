"""Runs every vector of the suite through the public API, one named test each."""

from __future__ import annotations

import ipaddress
import json
import pickle
import re
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import pytest
import sandgate
from sandgate import (
    ClientAddress,
    Decision,
    Difference,
    Explanation,
    Guardrails,
    HostMask,
    Limits,
    Policy,
    PolicyError,
    Report,
    apply_update,
    canonical_entry,
    check,
    check_json,
    diff,
    equivalent,
    from_internal_header,
    repair_json,
    tightens,
    widening,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Json = dict[str, Any]
Told = TypeVar("Told", Explanation, Difference)

FOLDER = Path(__file__).parents[2] / "tests" / "vectors"


def load() -> dict[str, Json]:
    """Every vector, by `file::name`."""
    return {
        f"{path.stem}::{vector['name']}": vector
        for path in sorted(FOLDER.glob("*.json"))
        for vector in json.loads(path.read_text(encoding="utf-8"))["vectors"]
    }


VECTORS = load()


@pytest.mark.parametrize("vector", VECTORS.values(), ids=VECTORS.keys())
def test_vector(vector: Json) -> None:
    RUN[vector["kind"]](vector)


def snake(name: str) -> str:
    return re.sub("[A-Z]", lambda capital: "_" + capital.group().lower(), name)


def snaked(document: Json) -> Json:
    """The document under the names of Python."""
    return {snake(name): value for name, value in document.items()}


def options(vector: Json) -> Json:
    plain = dict(vector.get("options", {}))
    guardrails = plain.pop("guardrails", None)
    if guardrails is not None:
        plain["guardrails"] = Guardrails.none() if guardrails == "none" else Guardrails(**guardrails)
    if "limits" in plain:
        plain["limits"] = Limits(**snaked(plain["limits"]))
    return snaked(plain)


def policy(vector: Json, document: str = "policy") -> Policy:
    """Compile by both doors; the policies are the same."""
    compiled = Policy(snaked(vector[document]), **options(vector))
    assert compiled == Policy(vector[document], **options(vector))
    assert compiled == Policy.from_json(json.dumps(vector[document]), **options(vector))
    assert compiled == pickle.loads(pickle.dumps(compiled))
    return compiled


def run_help(given: str | None, expected: Mapping[str, Any]) -> None:
    for text in expected.get("help", []):
        assert f"`{text}`" in (given or "")
    for text in expected.get("helpLacks", []):
        assert text not in (given or "")


def run_diagnostics(report: Report, expected: list[Json]) -> None:
    assert [(found.code, found.path) for found in report.diagnostics] == [
        (want["code"], want["path"]) for want in expected
    ]
    for found, want in zip(report.diagnostics, expected, strict=True):
        assert found.severity == want.get("severity", "error")
        if "span" in want:
            assert found.span == tuple(want["span"])
        run_help(found.help, want)


def run_flaw(question: Callable[[str], object], text: str, flaw: Json) -> None:
    with pytest.raises(PolicyError) as raised:
        question(text)
    (found,) = raised.value.diagnostics
    assert (found.code, found.path) == (flaw["code"], "")
    if "span" in flaw:
        assert found.span == tuple(flaw["span"])
    run_help(found.help, flaw)


def run_entry(vector: Json) -> None:
    if "code" in vector:
        run_flaw(canonical_entry, vector["entry"], vector)
        return
    assert canonical_entry(vector["entry"]) == vector["canonical"]
    assert canonical_entry(vector["canonical"]) == vector["canonical"]


def run_mask(vector: Json) -> None:
    if "code" in vector:
        run_flaw(HostMask, vector["mask"], vector)
        return
    mask = HostMask(vector["mask"])
    assert str(mask) == vector["mask"]
    for port, host in vector["masked"].items():
        assert mask.masked(int(port)) == host


def repeated(text: str | list[list[Any]]) -> str:
    """A text, or texts and how often each stands there."""
    return text if isinstance(text, str) else "".join(part * times for part, times in text)


def run_check(vector: Json) -> None:
    text = (
        repeated(vector["text"])
        if "text" in vector
        else json.dumps(vector["document"], ensure_ascii=False, separators=(",", ":"))
    )
    keywords = {**options(vector), "update": vector.get("form") == "update"}
    report = check_json(text, **keywords)
    assert (report.valid, report.more) == (vector["valid"], vector.get("more", 0))
    run_diagnostics(report, vector.get("diagnostics", []))
    assert check_json(text.encode(), **keywords) == report
    if "document" in vector and "document-too-large" not in {found.code for found in report.diagnostics}:
        run_check_of_objects(vector, report, keywords)
    if "canonical" in vector:
        config = Policy.from_json(text, **options(vector)).config
        for name, texts in vector["canonical"].items():
            assert config.get(name, []) == texts
    if not vector["valid"] and vector.get("form") != "update":
        with pytest.raises(PolicyError) as raised:
            Policy.from_json(text, **options(vector))
        # A refused document has no warnings.
        assert raised.value.report == report


def run_check_of_objects(vector: Json, report: Report, keywords: Json) -> None:
    """Judge the same document without its text: all but the places in the text is the same."""
    objects = check(vector["document"], **keywords)
    run_diagnostics(objects, vector.get("diagnostics", []))
    assert (objects.error_count, objects.warning_count) == (report.error_count, report.warning_count)
    if not vector["valid"] and not keywords["update"]:
        with pytest.raises(PolicyError) as raised:
            Policy(vector["document"], **options(vector))
        assert raised.value.report == objects


def run_decide(vector: Json) -> None:
    compiled = policy(vector)
    for asked in vector["queries"]:
        query = dict(asked["query"])
        direction, port = query.pop("direction"), query.pop("port")
        if direction == "ingress":
            client = query["client"]
            decision = compiled.decide_ingress(client, port)
            assert compiled.allows_ingress(client, port) is decision.allowed
            assert compiled.allows_ingress_many([client], port) == [decision.allowed]
            masked = compiled.masked_host(port)
        else:
            address = query.pop("address")
            decision = compiled.decide_egress(address, port, **query)
            assert decision == compiled.decide_egress(ipaddress.ip_address(address), port, **query)
            assert decision == compiled.decide_egress(ipaddress.ip_address(address).packed, port, **query)
            masked = None
            if not query:
                assert compiled.allows_egress(address, port) is decision.allowed
                assert compiled.allows_egress_many([address], [port]) == [decision.allowed]
        entry = decision.entry and {
            "list": decision.entry.list,
            "index": decision.entry.index,
            "text": decision.entry.text,
        }
        found = (decision.verdict, decision.reason, entry, decision.name, masked)
        assert found == (
            asked["verdict"],
            asked["reason"],
            asked.get("entry"),
            asked.get("name"),
            asked.get("maskedHost"),
        )
        assert decision.allowed is bool(decision) is (asked["verdict"] == "allow")


def run_resolved(vector: Json) -> None:
    compiled = policy(vector)
    for resolved in vector["addresses"]:
        assert compiled.allows_resolved(resolved["address"]) is resolved["allowed"]
        assert compiled.guardrails.always_denies(resolved["address"]) is not resolved["allowed"]


def run_summary(vector: Json) -> None:
    compiled = policy(vector)
    assert compiled.canonical_text == "".join(line + "\n" for line in vector["text"])
    assert compiled.fingerprint == vector["fingerprint"]
    assert [effect.code for effect in compiled.effects] == vector["effects"]
    assert pickle.loads(pickle.dumps(compiled.effects)) == compiled.effects


def run_client(vector: Json) -> None:
    mode = vector["mode"]
    proxies = mode.get("trustedProxies")
    if mode.get("peer"):
        derive = ClientAddress.peer()
    elif "trustedHops" in mode:
        derive = ClientAddress.trusted_hops(mode["trustedHops"], proxies=proxies)
    else:
        derive = ClientAddress.trusted_proxies(proxies)
    lines = vector.get("forwardedFor", [])
    assert derive.derive(vector["peer"], lines) == vector.get("client")
    assert pickle.loads(pickle.dumps(derive)) == derive
    assert derive.derive(vector["peer"], [line.encode() for line in lines]) == vector.get("client")


def run_internal_header(vector: Json) -> None:
    assert from_internal_header(vector["values"]) == vector.get("client")


def run_update(vector: Json) -> None:
    assert apply_update(vector["config"], vector["update"]) == vector["result"]
    assert apply_update(snaked(vector["config"]), snaked(vector["update"])) == vector["result"]


def run_same(vector: Json) -> None:
    left, right = policy(vector["left"]), policy(vector["right"])
    assert (left == right) is vector["same"]
    assert (hash(left) == hash(right)) is vector["same"]


def run_guardrails(vector: Json) -> None:
    document, expected = vector["document"], vector.get("diagnostics", [])
    for read in (partial(Guardrails.from_json, json.dumps(document)), partial(guardrails_of, document)):
        if vector.get("valid") and not expected:
            guardrails = read()
            assert pickle.loads(pickle.dumps(guardrails)) == guardrails
            continue
        with pytest.raises(PolicyError) as raised:
            read()
        run_diagnostics(raised.value.report, expected)


def guardrails_of(document: Any) -> Guardrails:
    """From objects where there are keywords for them; a document that is no object has none."""
    return (
        Guardrails(**cast("Json", document))
        if isinstance(document, dict)
        else Guardrails.from_json(json.dumps(document))
    )


def take(told: Json, *sentences: str) -> None:
    """Take sentences for people away, and leave null, as the schema of the vectors says."""
    for name in sentences:
        found = told[name]
        if found is not None:
            assert isinstance(found, str)
            assert found
            del told[name]


def without_sentences(told: Json) -> Json:
    take(told, "combination", "noFlip")
    for address in told["addresses"]:
        for step in address["steps"]:
            take(step, "title", "why")
    for flip in told["flips"]:
        take(flip, "note")
    if told["input"]["host"] is not None:
        take(told["input"]["host"], "flaw")
    return told


def ask(compiled: Policy, query: Json) -> Decision:
    if query["direction"] == "ingress":
        return compiled.decide_ingress(query["client"], query["port"])
    name = {where: query[where] for where in ("host", "sni") if query.get(where) is not None}
    return compiled.decide_egress(query["address"], query["port"], **name)


def run_explain(vector: Json) -> None:
    compiled, query = policy(vector), dict(vector["query"])
    direction, port = query.pop("direction"), query.pop("port")
    if direction == "ingress":
        explanation = compiled.explain_ingress(query["client"], port)
    else:
        address = query.pop("address")
        explanation = compiled.explain_egress(address, port, **query)
        given = ipaddress.ip_address(address)
        assert explanation == compiled.explain_egress(given, port, **query)
        assert explanation == compiled.explain_egress(given.packed, port, **query)
    assert without_sentences(explanation.to_dict()) == vector["explanation"]
    assert run_value(explanation) == explanation
    decision = ask(compiled, vector["query"])
    assert (explanation.verdict, explanation.reason, explanation.name) == (
        decision.verdict,
        decision.reason,
        decision.name,
    )


def run_diff(vector: Json) -> None:
    old, new = policy(vector["old"]), policy(vector["new"])
    difference = diff(old, new)
    assert difference.to_dict() == vector["difference"]
    assert difference.is_empty is equivalent(old, new) is vector["equivalent"]
    nothing = Difference(changes=(), resolved=(), access_token=None, host_mask=None)
    wider = widening(old, new)
    assert wider.to_dict() == vector.get("widening", nothing.to_dict())
    assert wider.is_empty is tightens(old, new) is vector["tightens"]
    for told in (difference, wider):
        assert run_value(told) == told
        run_witnesses(old, new, told)


def run_repair(vector: Json) -> None:
    keywords: Json = {**options(vector), "host_bits": vector.get("hostBits"), "minimize": vector.get("minimize", False)}
    repaired = repair_json(vector["text"], **keywords)
    assert repaired.text == vector["repaired"]
    assert [
        {
            "list": done.list,
            "index": done.index,
            "before": done.before,
            "after": done.after,
            "reasons": len(done.reasons),
        }
        for done in repaired.repairs
    ] == vector["repairs"]
    left = vector.get("left", [])
    assert repaired.report.valid is (not left)
    if left:
        run_diagnostics(repaired.report, left)
    assert repaired.report == check_json(repaired.text, **options(vector))
    assert repaired == repair_json(vector["text"].encode(), **keywords) == pickle.loads(pickle.dumps(repaired))
    # What is repaired has no more to repair.
    again = repair_json(repaired.text, **keywords)
    assert (again.text, again.repairs) == (repaired.text, ())


def run_witnesses(old: Policy, new: Policy, difference: Difference) -> None:
    """Ask again what is said to show the difference."""
    for change in difference.changes:
        for witness in (region.witness for region in change.regions):
            query: Json = {"direction": change.direction, "port": witness.port, "sni": witness.host}
            query["client" if change.direction == "ingress" else "address"] = witness.address
            for compiled, outcome in ((old, witness.before), (new, witness.after)):
                decision = ask(compiled, query)
                entry = decision.entry and (decision.entry.list, decision.entry.index, decision.entry.text)
                stated = outcome.entry and (outcome.entry.list, outcome.entry.index, outcome.entry.text)
                assert (decision.verdict, decision.reason, entry) == (outcome.verdict, outcome.reason, stated)
            assert (witness.before.verdict, witness.after.verdict) == (change.before, change.after)
    for resolved in difference.resolved:
        for compiled, verdict in ((old, resolved.before), (new, resolved.after)):
            assert compiled.allows_resolved(resolved.witness) is (verdict == "allow")
    if difference.host_mask:
        assert old.masked_host(difference.host_mask.port) != new.masked_host(difference.host_mask.port)


def run_value(told: Told) -> Told:
    """What every value does: it is hashed, it is copied, and its text builds it again."""
    restored: Told = pickle.loads(pickle.dumps(told))
    assert hash(restored) == hash(told)
    assert eval(repr(told), dict(vars(sandgate))) == told  # noqa: S307 - the text of a value of ours
    return restored


RUN: dict[str, Callable[[Json], None]] = {
    "entry": run_entry,
    "mask": run_mask,
    "check": run_check,
    "decide": run_decide,
    "resolved": run_resolved,
    "summary": run_summary,
    "client": run_client,
    "internalHeader": run_internal_header,
    "update": run_update,
    "same": run_same,
    "guardrails": run_guardrails,
    "explain": run_explain,
    "diff": run_diff,
    "repair": run_repair,
}
