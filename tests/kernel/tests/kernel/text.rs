//! What the kernel is told: the same in text and in JSON, and only about its own table.

use crate::lab::{LINK, Lab, run, try_run};
use crate::{boundaries::all_settings, worlds::world};
use proptest::{
    strategy::{Strategy, ValueTree},
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use sandgate::{
    Options, Policy,
    nftables::{Log, Place, RuleSet, Settings, Turn, lower},
};
use serde_json::Value;

pub(crate) fn tests() -> Vec<(&'static str, fn())> {
    vec![
        ("text_and_json_make_the_same_rules", text_and_json),
        ("a_replacement_touches_its_own_table_only", own_table),
        ("rules_that_the_kernel_refuses_leave_the_old_ones_in_force", refused),
        ("a_step_for_the_table_that_is_in_force_is_refused", out_of_turn),
        ("the_old_rules_do_not_go_before_the_new_ones_are_in_force", too_early),
        ("the_kernel_lists_entries_counters_and_log_lines", listed),
        ("rules_of_every_length_of_interface_name_are_taken", names),
    ]
}

fn policy(text: &str) -> Policy {
    Policy::from_json(text, &Options::default()).unwrap_or_else(|report| panic!("{report}"))
}

/// What the kernel has, without the numbers that it gives to things, and without what its own
/// packets have counted meanwhile.
fn listing() -> Vec<Value> {
    let text = run("nft", &["-j", "list", "ruleset"], "");
    let mut listed: Value = serde_json::from_str(&text).expect("nft prints JSON");
    let objects = listed["nftables"].as_array_mut().expect("a list");
    for object in objects.iter_mut().filter_map(Value::as_object_mut).flat_map(|object| object.values_mut()) {
        let object = object.as_object_mut().expect("an object");
        for number in ["handle", "packets", "bytes"] {
            object.remove(number);
        }
    }
    std::mem::take(objects)
}

fn load_json(rules: &RuleSet) {
    run("nft", &["-j", "-f", "-"], &serde_json::to_string(rules).expect("rules are JSON"));
}

fn text_and_json() {
    let lab = Lab::get();
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    for number in 0..60 {
        let policy = world().new_tree(&mut runner).expect("worlds are valid").current().policy();
        let mut all = all_settings();
        all.push(Settings::new(Place::Sandbox));
        let settings = Settings {
            counters: number % 2 == 0,
            ingress_proxies: ["192.0.2.1", "2001:db8::1"].map(|text| text.parse().expect("an address")).to_vec(),
            log: [Log::Off, Log::Kernel, Log::Group(5)][number % 3],
            ..all[number % all.len()].clone()
        };
        let rules = lower(&policy, &settings);
        lab.load_alone(&rules);
        let of_text = listing();
        lab.unload();
        load_json(&rules);
        assert_eq!(of_text, listing(), "{rules}");
        // And again in the place of what is there.
        load_json(&rules);
        lab.replace(&rules);
        assert_eq!(of_text, listing(), "{rules}");
        // In steps, in the place of the other table.
        let next = lower(&policy, &Settings { turn: Turn::Second, ..settings });
        for step in next.steps() {
            run("nft", &["-f", "-"], &step.to_string());
        }
        let of_steps = listing();
        assert_eq!(of_steps.len(), of_text.len(), "{next}");
        lab.load_alone(&rules);
        for step in next.steps() {
            run("nft", &["-j", "-f", "-"], &serde_json::to_string(&step).expect("steps are JSON"));
        }
        assert_eq!(of_steps, listing(), "{next}");
    }
    lab.unload();
}

fn own_table() {
    let lab = Lab::get();
    lab.unload();
    run("nft", &["-f", "-"], "table inet other { chain c { type filter hook input priority 0; policy accept; }; }");
    let others = listing();
    let settings = |name: &str| Settings::new(Place::interface(name.parse().expect("a name"), None));
    let (one, two) = (policy(r#"{"denyOut": ["203.0.113.0/24"]}"#), policy(r#"{"denyIn": [":22"]}"#));
    lab.replace(&lower(&one, &settings("tap1")));
    lab.replace(&lower(&one, &settings("tap2")));
    let tables = || listing().iter().filter(|object| object.get("table").is_some()).count();
    assert_eq!(tables(), 3);
    lab.replace(&lower(&two, &settings("tap1")));
    assert_eq!(tables(), 3);
    run("nft", &["-f", "-"], "delete table inet sandgate_tap1; delete table inet sandgate_tap2");
    assert_eq!(listing(), others);
    lab.unload();
}

fn refused() {
    let lab = Lab::get();
    let settings = Settings::new(Place::interface(LINK.parse().expect("a name"), None));
    lab.load_alone(&lower(&policy(r#"{"denyOut": ["203.0.113.0/24"]}"#), &settings));
    let before = listing();
    let next = lower(&policy(r#"{"denyOut": ["198.51.100.0/24"]}"#), &settings);
    // A mistake at the very end: all before it is undone.
    let text = format!("{next}add rule inet {} no_such_chain accept\n", next.table);
    let (output, said) = try_run("nft", &["-f", "-"], &text);
    assert!(output.is_none() && !said.is_empty());
    assert_eq!(listing(), before);
    lab.unload();
}

fn out_of_turn() {
    let lab = Lab::get();
    let settings = Settings::new(Place::interface(LINK.parse().expect("a name"), None));
    lab.load_alone(&lower(&policy(r#"{"denyOut": ["203.0.113.0/24"]}"#), &settings));
    let before = listing();
    let next = lower(&policy(r#"{"denyOut": ["198.51.100.0/24"]}"#), &settings);
    let [prepare, ..] = next.steps().map(|step| step.to_string());
    let (output, said) = try_run("nft", &["-f", "-"], &prepare);
    assert!(output.is_none() && said.contains("File exists"), "{said}");
    assert_eq!(listing(), before);
    lab.unload();
}

fn too_early() {
    let lab = Lab::get();
    let settings = Settings::new(Place::interface(LINK.parse().expect("a name"), None));
    let next = Settings { turn: Turn::Second, ..settings.clone() };
    let next = lower(&policy(r#"{"denyOut": ["198.51.100.0/24"]}"#), &next);
    let [prepare, _, retire] = next.steps();
    lab.load_alone(&lower(&policy(r#"{"denyOut": ["203.0.113.0/24"]}"#), &settings));
    for before in ["", &prepare.to_string()] {
        run("nft", &["-f", "-"], before);
        let before = listing();
        let json = serde_json::to_string(&retire).expect("steps are JSON");
        for (arguments, step) in [(&["-f", "-"][..], retire.to_string()), (&["-j", "-f", "-"], json)] {
            let (output, said) = try_run("nft", arguments, &step);
            assert!(output.is_none() && said.contains("No such file"), "{said}");
            assert_eq!(listing(), before);
        }
    }
    lab.unload();
}

fn listed() {
    let lab = Lab::get();
    let settings = Settings {
        counters: true,
        log: Log::Group(3),
        ..Settings::new(Place::interface(LINK.parse().expect("a name"), None))
    };
    lab.load_alone(&lower(&policy(r#"{"denyOut": ["198.51.100.7", "203.0.113.0/24", "203.0.113.9"]}"#), &settings));
    let text = run("nft", &["list", "ruleset"], "");
    for wanted in [
        "198.51.100.7 comment \"denyOut[0]\"",
        "203.0.113.0/24 comment \"denyOut[1]\"",
        "counter name \"egress_deny_entry\"",
        "log prefix \"sandgate egress deny deny-entry \" group 3",
        "comment \"deny: always-denied\"",
    ] {
        assert!(text.contains(wanted), "{wanted} is not in\n{text}");
    }
    lab.unload();
}

fn names() {
    let lab = Lab::get();
    for length in 1..=15 {
        let name = "a.b-c_d9e.f-g_h"[..length].to_owned();
        let settings = Settings::new(Place::interface(name.parse().expect("a name"), None));
        lab.load_alone(&lower(&policy("{}"), &settings));
        let text = run("nft", &["list", "tables"], "");
        assert_eq!(text.trim(), format!("table inet sandgate_{name}"));
    }
    lab.unload();
}
