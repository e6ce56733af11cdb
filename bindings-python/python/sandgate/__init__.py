"""The network policy of a sandbox: parsed, validated, compiled, decided and explained in one place.

>>> from sandgate import ALL_TRAFFIC, Policy
>>> policy = Policy({"allow_in": ["203.0.113.0/24:443"], "deny_in": [ALL_TRAFFIC]})
>>> policy.allows_ingress("203.0.113.7", 443)
True
>>> policy.decide_ingress("198.51.100.7", 443)
Decision('deny', 'deny-entry', entry=DecidingEntry('denyIn', 0, '0.0.0.0/0'))
"""

from typing import TYPE_CHECKING

from sandgate._documents import NetworkConfig, NetworkUpdate, SnakeNetworkConfig, SnakeNetworkUpdate
from sandgate._errors import PolicyError
from sandgate._literals import (
    Code,
    Direction,
    Edit,
    HostBits,
    ListName,
    Reason,
    Rule,
    SeenIn,
    Severity,
    StepOutcome,
    Verdict,
)
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
    Repair,
    Repaired,
    Report,
    apply_update,
    canonical_entry,
    check,
    check_json,
    diff,
    equivalent,
    from_internal_header,
    network_config_schema,
    network_update_schema,
    repair_json,
    tightens,
    widening,
)
from sandgate._native import VERSION as __version__  # noqa: N811 - a version of the core is a constant

if TYPE_CHECKING:
    from sandgate._analysis import (
        AddressRange,
        AddressSteps,
        Change,
        CitedEntry,
        Difference,
        Explanation,
        Flip,
        HostInput,
        Input,
        MaskChange,
        NamesMatching,
        NamesNotMatching,
        NameTerm,
        Outcome,
        PortSpan,
        Region,
        ResolvedChange,
        Step,
        TokenChange,
        Witness,
    )

__all__ = [
    "ALL_TRAFFIC",
    "INTERNAL_HEADER",
    "AddressRange",
    "AddressSteps",
    "Change",
    "CitedEntry",
    "ClientAddress",
    "Code",
    "DecidingEntry",
    "Decision",
    "Diagnostic",
    "Difference",
    "Direction",
    "Edit",
    "Effect",
    "Explanation",
    "Flip",
    "Guardrails",
    "HostBits",
    "HostInput",
    "HostMask",
    "Input",
    "Limits",
    "ListName",
    "MaskChange",
    "NameTerm",
    "NamesMatching",
    "NamesNotMatching",
    "NetworkConfig",
    "NetworkUpdate",
    "Outcome",
    "Policy",
    "PolicyError",
    "PortSpan",
    "Reason",
    "Region",
    "Repair",
    "Repaired",
    "Report",
    "ResolvedChange",
    "Rule",
    "SeenIn",
    "Severity",
    "SnakeNetworkConfig",
    "SnakeNetworkUpdate",
    "Step",
    "StepOutcome",
    "TokenChange",
    "Verdict",
    "Witness",
    "__version__",
    "apply_update",
    "canonical_entry",
    "check",
    "check_json",
    "diff",
    "equivalent",
    "from_internal_header",
    "network_config_schema",
    "network_update_schema",
    "repair_json",
    "tightens",
    "widening",
]

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        """Import what explanations and differences are made of once it is asked for.

        Most programs only decide, and it takes ten times as long to import as all the rest.
        """
        if name not in __all__:
            message = f"module {__name__!r} has no attribute {name!r}"
            raise AttributeError(message)
        from sandgate import _analysis

        return globals().setdefault(name, getattr(_analysis, name))

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
