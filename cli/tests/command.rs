//! What scripts and people rely on: exit codes, JSON, the look of a diagnostic.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

mod support;

use serde_json::{Value, json};
use std::fs;
use support::{sandgate, sandgate_in};

const OFFICE: &str = "examples/policies/database-one-office.json";
const AGENT: &str = "examples/policies/agent-one-model-one-code-host.json";

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn a_policy_with_ten_mistakes_gets_ten_diagnostics_each_with_a_caret_at_its_place() {
    let ran = sandgate(&["check", "examples/policies/refused.json"], "");
    assert_eq!(ran.code, 1);
    assert_eq!(ran.out.matches("error[").count(), 10);
    insta::assert_snapshot!(ran.out);
}

#[test]
fn a_pipe_gets_no_colour() {
    let ran = sandgate(&["check", "examples/policies/refused.json"], "");
    assert!(!ran.out.contains('\x1b'));
}

#[test]
fn check_prints_the_documented_json() {
    let ran = sandgate(&["check", "--format", "json"], r#"{"denyOut": ["10.1.2.3/8"]}"#);
    assert_eq!(ran.code, 1);
    let answer = json(&ran.out);
    assert_eq!(answer["valid"], false);
    let diagnostic = &answer["diagnostics"][0];
    assert_eq!(diagnostic["code"], "host-bits");
    assert_eq!(diagnostic["severity"], "error");
    assert_eq!(diagnostic["path"], "/denyOut/0");
    assert_eq!(diagnostic["span"], json!([0, 10]));
    assert_eq!(diagnostic["help"], "write `10.0.0.0/8` or `10.1.2.3/32`");
    assert_eq!(json(&sandgate(&["check", "--format", "json"], "{}").out), json!({"valid": true, "diagnostics": []}));
}

#[test]
fn a_report_that_is_cut_says_how_many_more_there_are() {
    let document = json!({ "denyOut": vec![""; 103] }).to_string();
    let answer = json(&sandgate(&["check", "--format", "json"], &document).out);
    assert_eq!(answer["diagnostics"].as_array().unwrap().len(), 100);
    assert_eq!(answer["more"], 3);
    assert!(sandgate(&["check"], &document).out.contains("and 3 more"));
}

#[test]
fn warnings_do_not_refuse() {
    let ran = sandgate(&["check"], r#"{"allowOut": ["10.0.0.0/8"], "denyOut": ["192.0.2.1"]}"#);
    assert_eq!(ran.code, 0);
    assert!(ran.out.contains("warning[allow-in-always-denied]"));
    assert!(ran.out.ends_with("standard input: valid, 1 warning\n"));
}

#[test]
fn an_update_is_checked_as_one() {
    let document = r#"{"allowPublicTraffic": true}"#;
    assert_eq!(sandgate(&["check"], document).code, 0);
    let ran = sandgate(&["check", "--update"], document);
    assert_eq!(ran.code, 1);
    assert!(ran.out.contains("fixed-at-creation"));
}

#[test]
fn control_characters_of_a_policy_do_not_reach_the_terminal() {
    let ran = sandgate(&["check"], r#"{"denyOut": ["\u001b[31m1.2.3.4"], "a\u001b[2Jb": 1}"#);
    assert_eq!(ran.code, 1);
    assert!(!ran.out.contains('\x1b'));
}

#[test]
fn a_place_in_a_long_line_has_its_column_and_dots_for_what_is_left_out() {
    let entries = vec![r#""192.0.2.1""#; 2_000].join(",");
    let ran = sandgate(&["check"], &format!(r#"{{"denyOut": [{entries},"10.1.2.3/8",{entries}]}}"#));
    // 13 characters before the first entry, 12 for each of them.
    assert!(ran.out.contains(" --> standard input:1:24015\n"), "{}", ran.out);
    let shown = ran.out.lines().find(|line| line.contains("10.1.2.3/8\"")).unwrap();
    assert!(shown.starts_with("1 | ...") && shown.ends_with("..."), "{shown}");
    let carets = ran.out.lines().find(|line| line.contains("^^^^^^^^^^ /denyOut/2000")).unwrap();
    assert_eq!(carets.find('^'), shown.find("10.1.2.3/8"));
}

#[test]
fn a_control_character_does_not_change_the_place_that_is_told() {
    let ran = sandgate(&["check"], "{\"denyOut\": [\"\u{1}:7:7\", 1]}");
    assert_eq!(ran.code, 1);
    assert!(ran.out.contains(" --> standard input:1:15\n"), "{}", ran.out);
    assert!(!ran.out.contains('\u{1}'));
}

#[test]
fn the_exit_code_of_a_decision_is_its_verdict() {
    let decide = |arguments: &[&str]| sandgate(&[&["decide"], arguments].concat(), "").code;
    assert_eq!(decide(&[OFFICE, "--in", "203.0.113.70", "--port", "5432"]), 0);
    assert_eq!(decide(&[OFFICE, "--in", "203.0.113.70", "--port", "80"]), 1);
    assert_eq!(decide(&[OFFICE, "--in", "nonsense", "--port", "5432"]), 1);
    assert_eq!(decide(&[AGENT, "--out", "203.0.113.1", "--port", "443", "--sni", "api.openai.com"]), 3);
    assert_eq!(decide(&[AGENT, "--out", "nonsense", "--port", "443"]), 2);
    assert_eq!(decide(&["examples/policies/refused.json", "--out", "192.0.2.1", "--port", "443"]), 2);
    assert_eq!(decide(&["no-such-file.json", "--out", "192.0.2.1", "--port", "443"]), 2);
    assert_eq!(decide(&[OFFICE]), 2);
    assert_eq!(decide(&[OFFICE, "--in", "203.0.113.70", "--port", "65536"]), 2);
}

#[test]
fn decide_prints_the_documented_json() {
    let ran = sandgate(&["decide", OFFICE, "--in", "192.0.2.1", "--port", "80", "--format", "json"], "");
    let expected = json!({
        "verdict": "deny",
        "reason": "deny-entry",
        "entry": {"list": "denyIn", "index": 0, "text": "0.0.0.0/0"},
        "name": null,
        "maskedHost": null
    });
    assert_eq!(json(&ran.out), expected);
}

#[test]
fn a_batch_answers_every_line_in_order_and_says_which_it_could_not() {
    let queries = concat!(
        r#"{"direction":"ingress","client":"203.0.113.70","port":5432}"#,
        "\n\n",
        r#"{"direction":"ingress","client":null,"port":5432}"#,
        "\n",
    );
    let ran = sandgate(&["decide", OFFICE, "--batch", "-", "--format", "json"], queries);
    assert_eq!(ran.code, 0);
    let answers: Vec<Value> = ran.out.lines().map(json).collect();
    assert_eq!(answers.len(), 2);
    assert_eq!((&answers[0]["verdict"], &answers[1]["reason"]), (&json!("allow"), &json!("unknown-client")));

    let broken = format!(
        "{queries}{}\n{}",
        r#"{"direction":"ingress","port":1,"typo":1}"#, r#"{"direction":"ingress","client":null,"port":1}"#
    );
    let ran = sandgate(&["decide", OFFICE, "--batch", "-", "--format", "json"], &broken);
    assert_eq!(ran.code, 2);
    let answers: Vec<Value> = ran.out.lines().map(json).collect();
    assert_eq!(answers.len(), 4);
    assert_eq!(answers[2]["error"]["line"], 4);
    assert_eq!(answers[3]["verdict"], "deny");
}

#[test]
fn guardrails_come_from_a_file_or_are_off() {
    let folder = tempfile::tempdir().unwrap();
    let guardrails = folder.path().join("guardrails.json");
    fs::write(&guardrails, r#"{"alwaysDenied": ["198.51.100.0/24"]}"#).unwrap();
    let decide = |address: &str, platform: &[&str]| {
        let arguments = ["decide", "-", "--out", address, "--port", "443"];
        sandgate(&[&arguments, platform].concat(), "{}").code
    };
    assert_eq!(decide("10.0.0.1", &[]), 1);
    assert_eq!(decide("10.0.0.1", &["--no-guardrails"]), 0);
    assert_eq!(decide("198.51.100.1", &["--guardrails", guardrails.to_str().unwrap()]), 1);
    fs::write(&guardrails, r#"{"alwaysdenied": []}"#).unwrap();
    assert_eq!(decide("198.51.100.1", &["--guardrails", guardrails.to_str().unwrap()]), 2);
}

#[test]
fn fmt_rewrites_entries_and_nothing_else() {
    let written = "{ \"denyIn\" : [\"0.0.0.0/0\",\n \"2001:DB8::/32\", \":80-80\"],\t\"maskRequestHost\": \"A.b.\" }";
    let formatted =
        "{ \"denyIn\" : [\"0.0.0.0/0\",\n \"2001:db8::/32\", \"0.0.0.0/0:80\"],\t\"maskRequestHost\": \"A.b.\" }";
    assert_eq!(sandgate(&["fmt"], written).out, formatted);
    assert_eq!(sandgate(&["fmt", "--check"], written).code, 1);
    assert_eq!(sandgate(&["fmt", "--check"], formatted).code, 0);
    assert_eq!(sandgate(&["fmt"], r#"{"denyIn": ["10.1.2.3/8"]}"#).code, 1);
}

#[test]
fn fmt_writes_back_to_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("policy.json");
    fs::write(&file, r#"{"denyOut": ["8.8.8.8"]}"#).unwrap();
    assert_eq!(sandgate(&["fmt", "--write", file.to_str().unwrap()], "").code, 0);
    assert_eq!(fs::read_to_string(&file).unwrap(), r#"{"denyOut": ["8.8.8.8/32"]}"#);
}

#[test]
fn the_example_policies_are_canonical_or_refused() {
    for (name, _) in sandgate_conformance::vector::texts("examples/policies") {
        if !name.contains(".expect.") && name != "refused.json" {
            let ran = sandgate(&["fmt", "--check", &format!("examples/policies/{name}")], "");
            assert_eq!(ran.code, 0, "{name}: {}{}", ran.out, ran.err);
        }
    }
}

#[test]
fn client_ip_answers_in_text_and_json() {
    let ran =
        sandgate(&["client-ip", "--peer", "10.0.0.1", "--xff", "203.0.113.7, 10.0.0.2", "--trusted-hops", "1"], "");
    assert_eq!((ran.code, ran.out.as_str()), (0, "203.0.113.7\n"));
    let ran = sandgate(
        &["client-ip", "--peer", "10.0.0.1", "--xff", "203.0.113.7", "--trusted-hops", "1", "--format", "json"],
        "",
    );
    assert_eq!((ran.code, json(&ran.out)), (0, json!({"client": null})));
    assert_eq!(sandgate(&["client-ip", "--peer", "10.0.0.1:80"], "").code, 2);
    assert_eq!(sandgate(&["client-ip", "--peer", "10.0.0.1", "--trusted-hops", "0"], "").code, 2);
    assert_eq!(sandgate(&["client-ip", "--peer", "10.0.0.1", "--trusted-proxy", "10.0.0.1/8"], "").code, 2);
}

#[test]
fn the_schemas_are_the_committed_ones() {
    for document in ["config", "update"] {
        let committed = format!("{}/../docs/schemas/network-{document}.schema.json", env!("CARGO_MANIFEST_DIR"));
        assert_eq!(sandgate(&["schema", document], "").out, fs::read_to_string(committed).unwrap());
    }
}

#[test]
fn completions_name_the_commands() {
    assert!(sandgate(&["completions", "bash"], "").out.contains("client-ip"));
}

#[test]
fn lint_shows_what_has_no_effect_and_what_the_lists_do_not_show() {
    let document = r#"{
  "allowOut": ["*.example.com", "api.example.com", "198.51.100.0/25", "198.51.100.128/25"],
  "denyOut": ["0.0.0.0/0", "203.0.113.0/24"],
  "denyIn": ["192.0.2.0/24:22", "192.0.2.0/24:22-22"]
}"#;
    let ran = sandgate(&["lint"], document);
    assert_eq!(ran.code, 1);
    insta::assert_snapshot!(ran.out);
}

#[test]
fn lint_ends_with_0_only_if_it_finds_nothing() {
    assert_eq!(sandgate(&["lint", OFFICE, AGENT], "").code, 0);
    assert_eq!(sandgate(&["lint"], r#"{"allowOut": ["10.0.0.0/8"]}"#).code, 1);
    assert_eq!(sandgate(&["lint"], r#"{"denyOut": ["10.1.2.3/8"]}"#).code, 1);
    assert_eq!(sandgate(&["lint", "no such file"], "").code, 2);
}

#[test]
fn lint_annotates_the_place() {
    let document = "{\n  \"denyOut\": [\"10.1.2.3/8\"]\n}";
    let ran = sandgate(&["lint", "--format", "github"], document);
    let place = "::error file=standard input,line=2,col=16,endLine=2,endColumn=26,title=host-bits::/denyOut/0: ";
    assert!(ran.out.starts_with(place), "{}", ran.out);
    assert!(ran.out.contains("%0Awrite `10.0.0.0/8`"), "{}", ran.out);
    let sarif = json(&sandgate(&["lint", "--format", "sarif"], document).out);
    let result = &sarif["runs"][0]["results"][0];
    assert_eq!(result["ruleId"], "host-bits");
    let region = json!({"startLine": 2, "startColumn": 16, "endLine": 2, "endColumn": 26});
    assert_eq!(result["locations"][0]["physicalLocation"]["region"], region);
    let answer = json(&sandgate(&["lint", "--format", "json"], "{}").out);
    assert_eq!(answer["effects"][0]["code"], "ipv6-egress-open");
}

#[test]
fn sarif_names_files_as_uris() {
    let folder = tempfile::tempdir().unwrap();
    let name = "a b#1%\u{e9}.json";
    fs::write(folder.path().join(name), r#"{"denyOut": ["10.1.2.3/8"]}"#).unwrap();
    let uri = |file: &str| {
        let sarif = json(&sandgate_in(folder.path(), &["lint", "--format", "sarif", file], r#"{"denyOut": [""]}"#).out);
        let location = &sarif["runs"][0]["results"][0]["locations"][0]["physicalLocation"];
        location["artifactLocation"]["uri"].as_str().unwrap().to_owned()
    };
    assert_eq!(uri(name), "a%20b%231%25%C3%A9.json");
    assert_eq!(uri(&format!("./{name}")), "./a%20b%231%25%C3%A9.json");
    let absolute = uri(folder.path().join(name).to_str().unwrap());
    assert!(absolute.starts_with("file:///") && absolute.ends_with("/a%20b%231%25%C3%A9.json"), "{absolute}");
    // The standard wants a location where there is a line.
    assert_eq!(uri("-"), "stdin");
}

#[test]
fn a_fingerprint_is_the_hash_of_the_documented_text() {
    let text = "sandgate 1\ndenyIn 0.0.0.0/0\nallowInternetAccess true\nallowPublicTraffic true\negressPorts false\n\
                ipv6Ingress false\ndocumentBytes 16777216\nentriesPerList 100000\nentryBytes 1024\ndiagnostics 100\n";
    let document = r#"{"denyIn": ["0.0.0.0/0", "0.0.0.0/0:1-65535"]}"#;
    let shown = sandgate(&["fingerprint", "--no-guardrails", "--text"], document);
    assert_eq!(shown.out, text);
    // What `sha256sum` says of that text.
    let hash = "2cafd749ad7d01bb9c610ce774c2750682be95e44fa6cddc64c5aabd550ed908\n";
    assert_eq!(sandgate(&["fingerprint", "--no-guardrails"], document).out, hash);
    assert_ne!(sandgate(&["fingerprint"], document).out, hash);
}

#[test]
fn diff_shows_what_opens_and_what_closes_with_a_witness_each() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let old = file("old.json", r#"{"allowOut": ["*.example.com", "198.51.100.0/24"], "denyOut": ["0.0.0.0/0"]}"#);
    let new = file(
        "new.json",
        r#"{"allowOut": ["*.example.com", "198.51.100.0/25"], "denyOut": ["0.0.0.0/0"],
            "allowIn": ["203.0.113.0/24:443"], "denyIn": ["0.0.0.0/0"], "maskRequestHost": "a.example"}"#,
    );
    let ran = sandgate(&["diff", &old, &new], "");
    assert_eq!(ran.code, 0);
    insta::assert_snapshot!(ran.out);

    assert_eq!(sandgate(&["diff", &old, &new, "--fail-on-widen"], "").code, 0);
    assert_eq!(sandgate(&["diff", &new, &old, "--fail-on-widen"], "").code, 1);
    assert_eq!(sandgate(&["diff", &old, "no such file"], "").code, 2);
    assert_eq!(sandgate(&["diff", &old, &old], "").out, "nothing changes\n");
    let answer = json(&sandgate(&["diff", &new, &old, "--format", "json"], "").out);
    assert!(answer["changes"].as_array().unwrap().iter().any(|change| change["direction"] == "ingress"));
}

#[test]
fn what_a_change_opens_is_annotated_at_the_line_of_the_entry() {
    let folder = tempfile::tempdir().unwrap();
    let [old, new] = [("old.json", "203.0.113.0/25"), ("new.json", "203.0.113.0/24")].map(|(name, network)| {
        let file = folder.path().join(name);
        fs::write(
            &file,
            format!("{{\n  \"allowIn\": [\"192.0.2.1\",\n    \"{network}\"],\n  \"denyIn\": [\"0.0.0.0/0\"]}}\n"),
        )
        .unwrap();
        file.to_str().unwrap().to_owned()
    });
    let opens = sandgate(&["diff", &old, &new, "--format", "github", "--fail-on-widen"], "");
    assert_eq!(opens.code, 1);
    let told = "line=3,col=5,endLine=3,endColumn=21,title=opens-ingress::ingress: deny -> allow: 203.0.113.128/25, \
        ports 0-49982, 49984-65535\n";
    assert_eq!(opens.out, format!("::warning file={new},{told}"));
    let closes = sandgate(&["diff", &new, &old, "--format", "github", "--fail-on-widen"], "");
    assert_eq!((closes.code, closes.out.as_str()), (0, ""));

    let sarif = json(&sandgate(&["diff", &old, &new, "--format", "sarif"], "").out);
    let run = &sarif["runs"][0];
    let result = &run["results"][0];
    assert_eq!(result["ruleId"], "opens-ingress");
    assert_eq!(result["locations"][0]["physicalLocation"]["region"]["startLine"], 3);
    assert!(run["tool"]["driver"]["rules"].as_array().unwrap().iter().any(|rule| rule["id"] == "opens-ingress"));
    assert_eq!(json(&sandgate(&["diff", &new, &old, "--format", "sarif"], "").out)["runs"][0]["results"], json!([]));
}

#[test]
fn what_opens_because_an_entry_is_gone_is_annotated_as_well() {
    let ran = sandgate(&["diff", "examples/policies/internet-off.json", "-", "--format", "github"], "{}");
    assert!(
        ran.out.starts_with("::warning file=standard input,line=1,col=1,endLine=1,endColumn=1,title=opens-egress::")
    );
}
