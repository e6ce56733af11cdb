"""The network policy of a sandbox: parsed, validated, compiled, decided and explained in one place.

>>> from sandgate import ALL_TRAFFIC, Policy
>>> policy = Policy({"allow_in": ["203.0.113.0/24:443"], "deny_in": [ALL_TRAFFIC]})
>>> policy.allows_ingress("203.0.113.7", 443)
True
>>> policy.decide_ingress("198.51.100.7", 443)
Decision('deny', 'deny-entry', entry=DecidingEntry('denyIn', 0, '0.0.0.0/0'))
"""

from sandgate._documents import NetworkConfig, NetworkUpdate, SnakeNetworkConfig, SnakeNetworkUpdate
from sandgate._errors import PolicyError
from sandgate._literals import Code, ListName, Reason, Severity, Verdict
from sandgate._native import (
    ALL_TRAFFIC,
    INTERNAL_HEADER,
    ClientAddress,
    DecidingEntry,
    Decision,
    Diagnostic,
    Effect,
    Guardrails,
    HostMask,
    Limits,
    Policy,
    Report,
    apply_update,
    canonical_entry,
    check,
    check_json,
    from_internal_header,
    network_config_schema,
    network_update_schema,
)
from sandgate._native import VERSION as __version__  # noqa: N811 - a version of the core is a constant

__all__ = [
    "ALL_TRAFFIC",
    "INTERNAL_HEADER",
    "ClientAddress",
    "Code",
    "DecidingEntry",
    "Decision",
    "Diagnostic",
    "Effect",
    "Guardrails",
    "HostMask",
    "Limits",
    "ListName",
    "NetworkConfig",
    "NetworkUpdate",
    "Policy",
    "PolicyError",
    "Reason",
    "Report",
    "Severity",
    "SnakeNetworkConfig",
    "SnakeNetworkUpdate",
    "Verdict",
    "__version__",
    "apply_update",
    "canonical_entry",
    "check",
    "check_json",
    "from_internal_header",
    "network_config_schema",
    "network_update_schema",
]
