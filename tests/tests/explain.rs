//! What an explanation tells a person: what came close, and why nothing changes the verdict.

use sandgate::{Capabilities, Destination, Explanation, Guardrails, Host, Limits, Options, Policy};
use serde_json::{Value, json};

fn policy(document: &Value, options: &Options) -> Policy {
    Policy::from_json(&document.to_string(), options).unwrap()
}

/// An egress question to a policy with these options.
fn egress_with(document: &Value, options: &Options, address: &str, port: u16, sni: Option<&str>) -> Explanation {
    let host = sni.map(|sni| Host::Sni(sni.as_bytes()));
    policy(document, options).explain_egress(&Destination { address: address.parse().unwrap(), port, host })
}

fn egress(document: &Value, address: &str, port: u16, sni: Option<&str>) -> Explanation {
    egress_with(document, &Options::default(), address, port, sni)
}

fn ingress(document: &Value, client: &str, port: u16) -> Explanation {
    policy(document, &Options::default()).explain_ingress(client.parse().ok(), port)
}

/// What the first address's step of this number says, counted from 1.
fn why(explanation: &Explanation, step: usize) -> &str {
    &explanation.addresses[0].steps[step - 1].why
}

fn flips(explanation: &Explanation) -> Vec<String> {
    explanation.flips.iter().map(ToString::to_string).collect()
}

fn with_ports() -> Options {
    Options { capabilities: Capabilities { egress_ports: true, ..Default::default() }, ..Default::default() }
}

#[test]
fn an_entry_that_holds_the_address_and_not_the_port_came_close() {
    let document = json!({ "allowIn": ["192.0.2.1", "203.0.113.0/24:443"], "denyIn": ["0.0.0.0/0"] });
    let explanation = ingress(&document, "203.0.113.7", 80);
    assert_eq!(why(&explanation, 5), "`allowIn[1]` `203.0.113.0/24:443` holds the address, but not port 80");
    let explanation = ingress(&document, "203.0.113.7", 0);
    assert_eq!(
        why(&explanation, 5),
        "`allowIn[1]` `203.0.113.0/24:443` holds the address, but this traffic has no port (A-5)"
    );
}

#[test]
fn all_traffic_in_an_allow_list_is_said_to_be_ipv4_only() {
    let document = json!({ "allowOut": ["0.0.0.0/0"], "denyOut": ["::/0"] });
    let explanation = egress(&document, "2001:db8::1", 443, None);
    assert_eq!(
        why(&explanation, 4),
        "the address entry of `allowOut` does not match: `0.0.0.0/0` in an allow list is IPv4 only (A-2)"
    );
}

#[test]
fn all_traffic_in_a_deny_list_is_said_to_hold_ipv6() {
    let explanation = egress(&json!({ "denyOut": ["0.0.0.0/0"] }), "2001:db8::1", 443, None);
    assert_eq!(why(&explanation, 6), "`denyOut[0]` `0.0.0.0/0` matches: in a deny list it holds IPv6 as well (A-2)");
}

#[test]
fn a_wildcard_over_the_very_name_came_close() {
    let document = json!({ "allowOut": ["*.example.com"], "denyOut": ["0.0.0.0/0"] });
    let explanation = egress(&document, "203.0.113.7", 443, Some("example.com"));
    assert_eq!(
        why(&explanation, 5),
        "the domain pattern of `allowOut` does not match `example.com`: `*.example.com` matches only what is below the name (N-6)"
    );
}

#[test]
fn without_a_name_the_patterns_that_could_match_are_counted() {
    let document = json!({ "allowOut": ["a.example", "b.example"], "denyOut": ["0.0.0.0/0"] });
    let explanation = egress(&document, "203.0.113.7", 443, None);
    assert_eq!(why(&explanation, 5), "no host name was seen; `allowOut` has 2 domain patterns");
}

#[test]
fn what_is_no_host_name_is_told_with_its_flaw() {
    let flaw = |sent: &[u8], is_header: bool| {
        let host = Some(if is_header { Host::Header(sent) } else { Host::Sni(sent) });
        let destination = Destination { host, ..Destination::new([203, 0, 113, 7].into(), 443) };
        let explanation = policy(&json!({}), &Options::default()).explain_egress(&destination);
        explanation.input.host.unwrap().flaw.unwrap()
    };
    assert_eq!(flaw(b"", false), "there is no name");
    assert_eq!(flaw(b"a..b", true), "the name has an empty label: nothing stands beside a dot");
    assert_eq!(flaw(b"a.b:0", true), "`0` is not a port");
    assert_eq!(flaw(b"a.b:443", false), "`:` is not a character of a name");
    assert_eq!(
        flaw(b"192.0.2.1:443", true),
        "`192.0.2.1` ends in a number, so that some programs read it as an address"
    );
    assert_eq!(flaw(b"a\xff", false), "it has bytes that are not ASCII");
}

#[test]
fn a_name_server_that_is_not_opened_says_why() {
    let told = |document: &Value, options: &Options, address: &str| {
        why(&egress_with(document, options, address, 53, None), 2).to_owned()
    };
    let names = json!({ "allowOut": ["a.example"], "denyOut": ["0.0.0.0/0", "8.8.0.0/16"] });
    let options = Options::default();
    let unnamed = Options { guardrails: Guardrails::none(), ..Options::default() };
    assert_eq!(told(&names, &unnamed, "8.8.8.8"), "the operator names no name server");
    assert_eq!(
        told(&json!({ "denyOut": ["8.8.8.8"] }), &options, "8.8.8.8"),
        "`allowOut` has no domain pattern, so no name server is opened"
    );
    assert_eq!(told(&names, &options, "8.8.4.4"), "the name server is `8.8.8.8:53`");
    assert_eq!(told(&names, &options, "8.8.8.8"), "it is the name server, but `denyOut[1]` `8.8.0.0/16` covers it");
}

#[test]
fn always_denied_comes_before_the_name_server_where_an_address_carries_another() {
    let guardrails = r#"{"nameServer": "[64:ff9b::808:808]:53", "alwaysDenied": ["64:ff9b::/96"]}"#;
    let options = Options { guardrails: Guardrails::from_json(guardrails).unwrap(), ..Options::default() };
    let document = json!({ "allowOut": ["a.example"], "denyOut": ["0.0.0.0/0"] });
    let explanation = egress_with(&document, &options, "64:ff9b::808:808", 53, None);
    assert_eq!(explanation.deciding_step().unwrap().rule, "E-3");
    assert_eq!(explanation.decided_by, 0);
    assert_eq!(
        why(&explanation, 2),
        "it is the name server, but E-3 comes first where an address carries another (A-3)"
    );
}

#[test]
fn the_operators_networks_are_named() {
    let guardrails = r#"{"alwaysDenied": ["203.0.113.0/24"], "alwaysAllowed": ["198.51.100.0/24", "2001:db8::/32"]}"#;
    let options = Options { guardrails: Guardrails::from_json(guardrails).unwrap(), ..Options::default() };
    let told = |address: &str| egress_with(&json!({}), &options, address, 443, None);
    assert_eq!(why(&told("198.51.100.1"), 1), "the operator always allows `198.51.100.0/24`");
    assert_eq!(why(&told("203.0.113.7"), 1), "it is in none of the 2 networks that are always allowed");
    assert_eq!(why(&told("203.0.113.7"), 3), "the operator always denies `203.0.113.0/24`");
    assert_eq!(why(&told("192.0.2.1"), 3), "only `203.0.113.0/24` is always denied");
}

#[test]
fn denied_internet_access_is_named_instead_of_an_entry() {
    let explanation = egress(&json!({ "allowInternetAccess": false }), "203.0.113.7", 443, None);
    assert_eq!(why(&explanation, 6), "`allowInternetAccess` is false, which denies what is not allowed (D-7)");
    assert_eq!(flips(&explanation), ["add `203.0.113.7/32` to `allowOut`"]);
}

#[test]
fn a_change_is_for_one_port_where_the_platform_has_ports() {
    let document = json!({ "denyOut": ["0.0.0.0/0"] });
    let explanation = egress_with(&document, &with_ports(), "2001:db8::1", 443, Some("a.example"));
    let all = [
        "add `[2001:db8::1/128]:443` to `allowOut`",
        "add `a.example` to `allowOut`",
        "remove `denyOut[0]` `0.0.0.0/0`",
    ];
    assert_eq!(flips(&explanation), all);
    let notes: Vec<_> = explanation.flips.iter().map(|flip| flip.note.as_deref()).collect();
    assert_eq!(
        notes,
        [
            None,
            Some("a first domain pattern opens the name server `8.8.8.8:53` (E-2)"),
            Some("what no other entry denies is allowed then")
        ]
    );
    let explanation = egress_with(&document, &with_ports(), "203.0.113.7", 0, None);
    assert_eq!(flips(&explanation)[0], "add `203.0.113.7/32` to `allowOut`");
}

#[test]
fn a_change_that_the_document_would_be_refused_for_is_not_proposed() {
    // R-1: without the entry that is needed for the pattern.
    let document = json!({ "allowOut": ["a.example"], "denyOut": ["0.0.0.0/0"] });
    assert_eq!(flips(&egress(&document, "203.0.113.7", 443, None)), ["add `203.0.113.7/32` to `allowOut`"]);
    // R-2: an allow entry, but no denial of all traffic.
    let document = json!({ "denyIn": ["192.0.2.1", "203.0.113.0/24"] });
    assert_eq!(flips(&ingress(&document, "203.0.113.7", 443)), ["remove `denyIn[1]` `203.0.113.0/24`"]);
}

#[test]
fn an_entry_beyond_a_limit_is_not_proposed() {
    let limits = Limits { entries_per_list: 1, ..Limits::default() };
    let document = json!({ "allowOut": ["192.0.2.1"], "denyOut": ["0.0.0.0/0"] });
    let explanation = egress_with(&document, &Options { limits, ..Options::default() }, "203.0.113.7", 443, None);
    assert_eq!(flips(&explanation), ["remove `denyOut[0]` `0.0.0.0/0`"]);

    let limits = Limits { entry_bytes: 10, ..Limits::default() };
    let explanation = egress_with(&document, &Options { limits, ..Options::default() }, "203.0.113.7", 443, None);
    assert_eq!(flips(&explanation), ["remove `denyOut[0]` `0.0.0.0/0`"]);
}

#[test]
fn where_several_entries_decide_alike_the_next_one_is_named_by_its_place() {
    let document = json!({ "allowOut": ["203.0.113.0/24", "192.0.2.1", "203.0.113.7"], "denyOut": ["0.0.0.0/0"] });
    let explanation = egress(&document, "203.0.113.7", 443, None);
    assert_eq!(
        explanation.no_flip.unwrap(),
        "without `allowOut[0]` `203.0.113.0/24`, it is still allowed: `allowOut[2]` `203.0.113.7/32` matches"
    );
}

#[test]
fn an_allow_entry_that_nothing_denies_without_is_told() {
    let explanation = egress(&json!({ "allowOut": ["203.0.113.7"] }), "203.0.113.7", 443, None);
    assert_eq!(
        explanation.no_flip.unwrap(),
        "without `allowOut[0]` `203.0.113.7/32`, it is still allowed: no entry matches"
    );
}

/// The changes with their notes.
fn noted(explanation: &Explanation) -> Vec<(String, &str)> {
    let noted = explanation.flips.iter().map(|flip| (flip.to_string(), flip.note.as_deref().unwrap_or_default()));
    noted.collect()
}

#[test]
fn an_address_that_no_entry_can_name_is_denied_with_its_family() {
    let options = Options { guardrails: Guardrails::none(), ..Options::default() };
    let told = |address| egress_with(&json!({}), &options, address, 443, None);
    let unnamed = "no entry names `0.0.0.0` and nothing else (G-8); for every port: egress entries have no ports (R-4)";
    assert_eq!(noted(&told("0.0.0.0")), [("add `0.0.0.0/0` to `denyOut`".into(), unnamed)]);
    assert_eq!(flips(&told("::")), ["add `::/0` to `denyOut`"]);
    let document = json!({ "allowOut": ["0.0.0.0/0"] });
    assert_eq!(
        egress_with(&document, &options, "0.0.0.0", 443, None).no_flip.unwrap(),
        "with `0.0.0.0/0` in `denyOut`, it is still allowed: `allowOut[0]` `0.0.0.0/0` matches"
    );
}

#[test]
fn an_unknown_client_is_denied_by_a_first_entry() {
    let first = "no entry names an unknown client (I-3); with a first ingress entry, IPv6 and unknown clients are denied (I-3, I-4)";
    let explanation = ingress(&json!({}), "unknown", 443);
    assert_eq!(noted(&explanation), [("add `0.0.0.0/0:443` to `denyIn`".into(), first)]);
    assert_eq!(flips(&ingress(&json!({}), "unknown", 0)), ["add `0.0.0.0/0` to `denyIn`"]);
    let explanation = ingress(&json!({ "denyIn": ["192.0.2.1", "192.0.2.2"] }), "unknown", 443);
    assert_eq!(explanation.no_flip.unwrap(), "no entry names an unknown client (I-3)");
}

#[test]
fn what_is_too_long_for_an_entry_is_changed_by_a_shorter_one() {
    let limits = Limits { entry_bytes: 12, ..Limits::default() };
    let options = Options { limits, ..Options::default() };
    let explanation = policy(&json!({}), &options).explain_ingress("203.0.113.7".parse().ok(), 443);
    let first = "`203.0.113.7/32:443` is longer than an entry may be (D-6); with a first ingress entry, IPv6 and unknown clients are denied (I-3, I-4)";
    assert_eq!(noted(&explanation), [("add `0.0.0.0/0` to `denyIn`".into(), first)]);

    // A name alone allows both addresses of A-3.
    let document = json!({ "denyOut": ["0.0.0.0/0"], "allowOut": ["192.0.2.1", "*.b"] });
    let explanation = egress_with(&document, &options, "64:ff9b::c633:6401", 443, Some("long.long.example"));
    assert_eq!(
        noted(&explanation),
        [("add `*.example` to `allowOut`".into(), "`long.long.example` is longer than an entry may be (D-6)")]
    );
}

#[test]
fn a_name_server_that_is_always_denied_is_opened_by_a_first_pattern() {
    let guardrails = Guardrails::from_json(r#"{"nameServer": "10.0.0.53:53"}"#).unwrap();
    let options = Options { guardrails, ..Options::default() };
    let told = |document: &Value, sni| egress_with(document, &options, "10.0.0.53", 53, sni);
    let opens = "a first domain pattern opens the name server `10.0.0.53:53` (E-2)";
    let denied = json!({ "denyOut": ["0.0.0.0/0"] });
    assert_eq!(noted(&told(&denied, None)), [("add `name.invalid` to `allowOut`".into(), opens)]);
    assert_eq!(noted(&told(&denied, Some("a.example"))), [("add `a.example` to `allowOut`".into(), opens)]);
    let why = told(&json!({}), None).no_flip.unwrap();
    assert!(why.starts_with("with `name.invalid` in `allowOut`, the document is not valid: "), "{why}");
    let closed = json!({ "allowOut": ["a.example"], "denyOut": ["0.0.0.0/0", "10.0.0.53", "10.0.0.0/8"] });
    assert_eq!(
        told(&closed, None).no_flip.unwrap(),
        "without `denyOut[1]` `10.0.0.53/32`, it is still denied: the operator always denies this address"
    );
    let why = egress_with(&closed, &options, "10.0.0.53", 443, None).no_flip.unwrap();
    assert_eq!(why, "the operator decides this, and no entry changes it (H-2)");
}

#[test]
fn the_last_ingress_entry_may_be_removed_for_a_client_that_none_can_name() {
    let explanation = ingress(&json!({ "denyIn": ["192.0.2.1"] }), "unknown", 443);
    assert_eq!(flips(&explanation), ["remove `denyIn[0]` `192.0.2.1/32`"]);
    assert_eq!(explanation.flips[0].note.as_deref(), Some("without ingress entries every client is allowed (I-2)"));
}

#[test]
fn the_entries_that_match_are_bounded_as_reports_are() {
    let limits = Limits { diagnostics: 2, ..Limits::default() };
    let document = json!({ "denyOut": vec!["203.0.113.7"; 6] });
    let explanation = egress_with(&document, &Options { limits, ..Options::default() }, "203.0.113.7", 443, None);
    assert_eq!(explanation.others.len(), 2);
    assert_eq!(explanation.more, 3);
}

#[test]
fn what_two_addresses_come_to_is_said_and_which_of_them_decides() {
    let nat64 = "64:ff9b::c633:6401";
    let names = json!({ "allowOut": ["*.example.com"], "denyOut": ["0.0.0.0/0"] });
    for (document, sni, decided_by, combination) in [
        (json!({}), None, 0, "neither address is denied"),
        (json!({ "denyOut": ["0.0.0.0/0"] }), None, 0, "both addresses are denied"),
        (
            json!({ "denyOut": ["64:ff9b::/96"] }),
            None,
            0,
            "`64:ff9b::c633:6401` is denied, and one of the two is enough",
        ),
        (json!({ "denyOut": ["198.51.100.0/24"] }), None, 1, "`198.51.100.1` is denied, and one of the two is enough"),
        (names, Some("a.example.com"), 0, "neither address is denied, and the name decides where to connect"),
    ] {
        let explanation = egress(&document, nat64, 443, sni);
        assert_eq!(explanation.combination.as_deref(), Some(combination), "{document}");
        assert_eq!(explanation.decided_by, decided_by, "{document}");
    }
    assert_eq!(egress(&json!({}), "198.51.100.1", 443, None).combination, None);
}
