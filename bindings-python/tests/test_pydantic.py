"""Documents and policies as fields of pydantic models, and the FastAPI application that has them."""

from __future__ import annotations

import importlib
import json
import re
import sys
from pathlib import Path
from typing import Annotated, Any, cast

import pytest
from fastapi.testclient import TestClient
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError
from sandgate import ALL_TRAFFIC, Guardrails, NetworkConfig, NetworkUpdate, Policy, SnakeNetworkConfig
from sandgate.pydantic import Options

EXAMPLE = Path(__file__).parents[2] / "examples" / "python"
PORTS = {"denyOut": ["192.0.2.1:443"]}


class Sandbox(BaseModel):
    """A model with each of the types."""

    model_config = ConfigDict(frozen=True)

    network: NetworkConfig = {}
    snake: SnakeNetworkConfig = {}
    update: NetworkUpdate = {}
    policy: Policy = Policy({})
    with_ports: Annotated[Policy, Options(egress_ports=True)] = Policy({})


def errors(question: Any, value: object) -> list[tuple[str, tuple[str | int, ...]]]:
    with pytest.raises(ValidationError) as raised:
        question(value)
    return [(error["type"], error["loc"]) for error in raised.value.errors()]


@pytest.mark.parametrize("field", ["network", "snake", "update", "policy", "with_ports"])
def test_every_diagnostic_is_an_error_at_its_place(field: str) -> None:
    document = {"denyin": [ALL_TRAFFIC], "denyOut": ["192.0.2.1", "10.1.2.3/8", 7], "a/b": 1}
    assert errors(Sandbox.model_validate, {field: document}) == [
        ("unknown-field", (field, "denyin")),
        ("host-bits", (field, "denyOut", 1)),
        ("wrong-type", (field, "denyOut", 2)),
        ("unknown-field", (field, "a/b")),
    ]
    assert errors(Sandbox.model_validate_json, json.dumps({field: document}))[1] == ("host-bits", (field, "denyOut", 1))
    assert errors(Sandbox.model_validate, {field: "no document"}) == [("wrong-type", (field,))]
    assert errors(Sandbox.model_validate, {field: None}) == [("wrong-type", (field,))]


def test_an_error_has_the_input_and_the_help() -> None:
    with pytest.raises(ValidationError) as raised:
        TypeAdapter(NetworkConfig).validate_python({"denyOut": ["10.1.2.3/8"], "{message}": 1})
    first, second = cast("list[Any]", raised.value.errors())
    assert first["input"] == "10.1.2.3/8"
    assert first["ctx"]["help"] == "write `10.0.0.0/8` or `10.1.2.3/32`"
    assert (first["ctx"]["path"], first["ctx"]["span"]) == ("/denyOut/0", (0, 10))
    assert first["msg"] == "`10.1.2.3/8` has bits beyond its prefix length"
    assert second["loc"] == ("{message}",)


def test_more_errors_than_are_kept_are_counted() -> None:
    found = errors(TypeAdapter(NetworkConfig).validate_python, {"denyOut": ["x y"] * 150})
    assert (len(found), found[-1][0]) == (101, "more-errors")


def test_valid_fields_are_what_was_given() -> None:
    document: NetworkConfig = {"allowIn": ["203.0.113.7"], "denyIn": [ALL_TRAFFIC]}
    sandbox = Sandbox.model_validate({"network": document, "policy": document, "with_ports": PORTS})
    assert sandbox.network == document
    assert sandbox.policy == Policy(document)
    assert sandbox.with_ports == Policy(PORTS, egress_ports=True)
    assert Sandbox(policy=sandbox.policy).policy is sandbox.policy
    assert sandbox.model_dump()["policy"] == sandbox.policy.config
    assert json.loads(sandbox.model_dump_json())["policy"] == sandbox.policy.config
    assert Sandbox.model_validate_json(sandbox.model_dump_json()) == sandbox


def test_options_belong_to_the_field() -> None:
    assert errors(Sandbox.model_validate, {"policy": PORTS}) == [("ports-not-enabled", ("policy", "denyOut", 0))]
    bare = TypeAdapter[Policy](Annotated[Policy, Options(guardrails=Guardrails.none())])
    assert bare.validate_python({}).guardrails == Guardrails.none()
    with pytest.raises(TypeError, match="is for a Policy or a document"):
        TypeAdapter(Annotated[int, Options()])


def test_the_schema_of_a_model_is_whole() -> None:
    schema = Sandbox.model_json_schema()
    for field in ("network", "snake", "update", "policy"):
        properties = schema["properties"][field]
        assert properties["additionalProperties"] is False
        assert "pattern" in properties["properties"]["denyOut"]["items"]
    assert "$ref" not in json.dumps(schema)


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> TestClient:
    monkeypatch.setattr(sys, "path", [str(EXAMPLE), *sys.path])
    return TestClient(importlib.import_module("app").app)


def test_the_example_answers_as_its_readme_says(client: TestClient) -> None:
    readme = (EXAMPLE / "README.md").read_text(encoding="utf-8")
    (body,) = re.findall(r"/network .*\n\s+-d '(.*)'", readme)
    (answer,) = re.findall(r"```json\n(.*)\n```", readme)

    assert client.post("/sandboxes/one", json={}).status_code == 201
    refused = client.put("/sandboxes/one/network", content=body, headers={"content-type": "application/json"})
    assert (refused.status_code, refused.json()) == (422, json.loads(answer))

    update = {"allowIn": ["203.0.113.0/24:443"], "denyIn": [ALL_TRAFFIC]}
    assert client.put("/sandboxes/one/network", json=update).status_code == 204
    asked = client.get("/sandboxes/one/ingress/443", params={"client": "203.0.113.7"})
    assert asked.json() == {"verdict": "allow", "reason": "allow-entry"}
    asked = client.get("/sandboxes/one/ingress/443", params={"client": "198.51.100.7"})
    assert asked.json() == {"verdict": "deny", "reason": "deny-entry"}
    assert client.put("/sandboxes/two/network", json=update).status_code == 404
    assert client.put("/sandboxes/one/network", json={"allowPublicTraffic": True}).status_code == 422
    refused = client.post("/sandboxes/two", json={"network": {"denyin": []}})
    assert (refused.status_code, refused.json()["detail"][0]["loc"]) == (422, ["body", "network", "denyin"])


def test_the_api_describes_the_documents(client: TestClient) -> None:
    description = client.get("/openapi.json").json()
    body = description["paths"]["/sandboxes/{name}/network"]["put"]["requestBody"]["content"]["application/json"]
    assert set(body["schema"]["properties"]) == set(NetworkUpdate.__annotations__)
