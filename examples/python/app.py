"""A control API in one file: sandboxes with a network policy, refused with the core's diagnostics.

PUT /sandboxes/{id}/network replaces egress, ingress and host mask together.
"""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Body, FastAPI, HTTPException, Response
from pydantic import BaseModel, Field
from sandgate import NetworkConfig, NetworkUpdate, Policy, PolicyError, apply_update

app = FastAPI(title="Sandboxes")


@dataclass
class Sandbox:
    """A sandbox, and the policy that its node asks."""

    config: NetworkConfig
    policy: Policy


class Creation(BaseModel):
    """What creates a sandbox."""

    network: NetworkConfig = Field(default_factory=NetworkConfig)


SANDBOXES: dict[str, Sandbox] = {}


@app.post("/sandboxes/{name}", status_code=201)
def create(name: str, creation: Creation) -> NetworkConfig:
    """Create a sandbox. The body was judged before this runs; 422 lists what is wrong with it."""
    policy = Policy(creation.network)
    SANDBOXES[name] = Sandbox(policy.config, policy)
    return policy.config


@app.put("/sandboxes/{name}/network", status_code=204)
def replace(name: str, update: Annotated[NetworkUpdate, Body()]) -> Response:
    """Replace the policy of a sandbox: what the update omits is cleared."""
    sandbox = SANDBOXES.get(name)
    if sandbox is None:
        raise HTTPException(404, f"there is no sandbox `{name}`")
    try:
        # An update is valid by itself or not; what it makes of this sandbox is judged here.
        config = apply_update(sandbox.config, update)
        policy = Policy(config)
    except PolicyError as error:
        raise HTTPException(422, str(error)) from error
    SANDBOXES[name] = Sandbox(policy.config, policy)
    return Response(status_code=204)


@app.get("/sandboxes/{name}/ingress/{port}")
def ingress(name: str, port: int, client: str) -> dict[str, str]:
    """Whether a client may reach a port of the sandbox, and why."""
    sandbox = SANDBOXES.get(name)
    if sandbox is None:
        raise HTTPException(404, f"there is no sandbox `{name}`")
    decision = sandbox.policy.decide_ingress(client, port)
    return {"verdict": decision.verdict, "reason": decision.reason}
