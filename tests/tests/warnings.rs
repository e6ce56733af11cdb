//! What a warning tells a person, beyond its code.

use sandgate::{Code, NetworkConfig, Options, Report};
use serde_json::{Value, json};

fn check(document: &Value) -> Report {
    NetworkConfig::from_json(&document.to_string()).unwrap().check(&Options::default())
}

#[test]
fn a_deny_list_that_is_not_read_is_told_once_however_long_it_is() {
    let entries: Vec<String> = (0..2000_u32).map(|number| format!("203.0.{}.{}", number / 256, number % 256)).collect();
    let report = check(&json!({ "allowInternetAccess": false, "denyOut": entries }));
    let [warning] = report.diagnostics() else { panic!("{report}") };
    assert_eq!((warning.code(), warning.path()), (Code::UnreadDenyList, "/denyOut"));
    assert_eq!(warning.message(), "`allowInternetAccess` is false, so this list is not read");
    let help = "remove the list; or, to have it read, add `0.0.0.0/0` to it and set `allowInternetAccess` to true";
    assert_eq!(warning.help().unwrap(), help);
}

#[test]
fn a_list_with_all_traffic_needs_only_the_field_to_be_read() {
    let report = check(&json!({ "allowInternetAccess": false, "denyOut": ["192.0.2.1", "0.0.0.0/0"] }));
    let help = "remove the list; or, to have it read, set `allowInternetAccess` to true";
    assert_eq!(report.diagnostics()[0].help().unwrap(), help);
}

#[test]
fn an_entry_that_does_not_close_the_name_server_is_named() {
    let document =
        json!({ "allowInternetAccess": false, "denyOut": ["0.0.0.0/0", "203.0.113.0/24", "8.8.8.0/24", "8.8.8.8"] });
    let told = |document: &Value| {
        let warning = check(document).diagnostics()[0].clone();
        (warning.message().to_owned(), warning.help().unwrap().into_owned())
    };
    let unread = "`allowInternetAccess` is false, so this list is not read";
    let help = "remove the list; or, to have it read, set `allowInternetAccess` to true";
    assert_eq!(told(&document), (unread.into(), help.into()));

    let mut with_names = document;
    with_names["allowOut"] = json!(["*.example.com"]);
    let open = "`denyOut[2]` does not close the name server `8.8.8.8:53`, which the domain patterns open";
    let help = "to have it read, set `allowInternetAccess` to true; or remove the list";
    assert_eq!(told(&with_names), (format!("{unread}: {open}"), help.into()));
}
