//! The JSON form of a difference, which other languages show.

use sandgate::{Options, Policy, diff};
use serde_json::json;

/// Other programs read this form: it changes only with a word in the change log.
#[test]
fn the_json_form_is_stable() {
    let policy = |text: &str| Policy::from_json(text, &Options::default()).unwrap();
    let old = policy(r#"{"allowOut": ["*.a.example"], "denyOut": ["0.0.0.0/0"], "denyIn": ["192.0.2.0/31"]}"#);
    let new = policy(
        r#"{"allowOut": ["*.a.example", "203.0.113.7"], "denyOut": ["0.0.0.0/0"], "denyIn": ["192.0.2.0"],
            "allowPublicTraffic": false, "maskRequestHost": "a"}"#,
    );
    let all = json!({"list": "denyOut", "index": 0, "text": "0.0.0.0/0"});
    let entry = json!({"list": "allowOut", "index": 1, "text": "203.0.113.7/32"});
    let pattern = json!({"list": "allowOut", "index": 0, "text": "*.a.example"});
    let denied = json!({"list": "denyIn", "index": 0, "text": "192.0.2.0/31"});
    let addresses = json!([{"first": "203.0.113.7", "last": "203.0.113.7"}]);
    let ports = json!([{"low": 0, "high": 65535}]);
    let after = json!({"verdict": "allow", "reason": "allow-entry", "entry": entry});
    let expected = json!({
        "changes": [
            {
                "direction": "egress", "before": "deny", "after": "allow",
                "names": {"notMatching": ["*.a.example"]},
                "regions": [{
                    "addresses": addresses, "networks": ["203.0.113.7/32"], "ports": ports,
                    "witness": {
                        "address": "203.0.113.7", "port": 1, "host": null,
                        "before": {"verdict": "deny", "reason": "deny-entry", "entry": all},
                        "after": after,
                    },
                    "entriesBefore": [all], "entriesAfter": [entry], "citesAll": true,
                }],
            },
            {
                "direction": "egress", "before": "allow-by-name", "after": "allow",
                "names": {"matching": [{"pattern": "*.a.example", "except": []}]},
                "regions": [{
                    "addresses": addresses, "networks": ["203.0.113.7/32"], "ports": ports,
                    "witness": {
                        "address": "203.0.113.7", "port": 1, "host": "www.a.example",
                        "before": {"verdict": "allow-by-name", "reason": "allow-name", "entry": pattern},
                        "after": after,
                    },
                    "entriesBefore": [pattern], "entriesAfter": [entry], "citesAll": true,
                }],
            },
            {
                "direction": "ingress", "before": "deny", "after": "allow", "names": null,
                "regions": [{
                    "addresses": [{"first": "192.0.2.1", "last": "192.0.2.1"}], "networks": ["192.0.2.1/32"],
                    "ports": [{"low": 0, "high": 49982}, {"low": 49984, "high": 65535}],
                    "witness": {
                        "address": "192.0.2.1", "port": 1, "host": null,
                        "before": {"verdict": "deny", "reason": "deny-entry", "entry": denied},
                        "after": {"verdict": "allow", "reason": "default-allow", "entry": null},
                    },
                    "entriesBefore": [denied], "entriesAfter": [], "citesAll": true,
                }],
            },
        ],
        "resolved": [],
        "accessToken": {
            "noLongerNeeded": [],
            "needed": [{"low": 1, "high": 49982}, {"low": 49984, "high": 65535}],
        },
        "hostMask": {"before": null, "after": "a", "port": 1},
    });
    assert_eq!(serde_json::to_value(diff(&old, &new)).unwrap(), expected);
}
