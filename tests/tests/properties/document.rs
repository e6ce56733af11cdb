//! Documents: every door to a policy judges alike, and an update replaces what it says it replaces.

use crate::{
    cases,
    worlds::{address, item, options, world},
};
use proptest::{collection::vec, option, prelude::*, sample::select};
use sandgate::{Code, Entry, Form, List, NetworkConfig, NetworkUpdate, Options, Policy, Report, check};

/// An entry that may stand anywhere, right or wrong.
fn entry() -> impl Strategy<Value = String> {
    let bad = select(&[
        "",
        "10.0.0.256",
        "10.1.2.3/8",
        "0.0.0.0",
        ":",
        "8.8.8.8:443-80",
        "*.*",
        "a b",
        "\u{ff41}.com",
        "http://a",
    ]);
    prop_oneof![
        12 => (item(), any::<bool>()).prop_map(|(item, ports)| item.text(ports)),
        6 => address().prop_map(|address| address.text(true)),
        4 => select(&["0.0.0.0/0", ":1-65535", "0.0.0.0/0:443", "::/0"]).prop_map(str::to_owned),
        1 => bad.prop_map(str::to_owned),
    ]
}

fn mask() -> impl Strategy<Value = Option<String>> {
    option::of(select(&["a.com", "app-${PORT}.com", "a.com:{port}", "", "${PORT}", "a b"]).prop_map(str::to_owned))
}

fn config() -> impl Strategy<Value = NetworkConfig> {
    let list = || vec(entry(), 0..3);
    (list(), list(), list(), list(), mask(), any::<(bool, bool)>()).prop_map(
        |(allow_out, deny_out, allow_in, deny_in, mask_request_host, (allow_internet_access, allow_public_traffic))| {
            NetworkConfig {
                allow_out,
                deny_out,
                allow_in,
                deny_in,
                mask_request_host,
                allow_internet_access,
                allow_public_traffic,
            }
        },
    )
}

fn json(config: &NetworkConfig) -> String {
    serde_json::to_string(config).unwrap()
}

/// Sections 1 and 4 in the order in which they are written, given which texts are entries.
fn is_valid(config: &NetworkConfig, options: &Options) -> bool {
    let canonical = |list: &[String]| -> Option<Vec<String>> {
        list.iter().map(|text| Some(text.parse::<Entry>().ok()?.to_string())).collect()
    };
    let lists = List::ALL.map(|list| canonical(config.list(list)));
    let [Some(allow_out), Some(deny_out), Some(allow_in), Some(deny_in)] = lists else { return false };
    let is_pattern = |entry: &String| !entry.contains('/');
    let is_ipv6 = |entry: &String| entry.matches(':').count() > 1;
    let has_ports = |entry: &String| entry.contains("]:") || !is_ipv6(entry) && entry.contains(':');
    let deny_all = "0.0.0.0/0".to_owned();
    // R-1, with D-7
    let names_restrict =
        !allow_out.iter().any(is_pattern) || !config.allow_internet_access || deny_out.contains(&deny_all);
    //
    let sources_restrict = allow_in.is_empty() || deny_in.contains(&deny_all);
    //
    let ports = options.capabilities.egress_ports || !allow_out.iter().chain(&deny_out).any(has_ports);
    //
    let patterns = !deny_out.iter().chain(&allow_in).chain(&deny_in).any(is_pattern);
    //
    let ipv6 = options.capabilities.ipv6_ingress || !allow_in.iter().any(is_ipv6);
    let mask = config.mask_request_host.as_ref().is_none_or(|mask| sandgate_conformance::naive::is_mask(mask));
    names_restrict && sources_restrict && ports && patterns && ipv6 && mask
}

/// Where in the text a problem stands: the list, the entry.
fn place(report: &Report) -> Vec<(usize, usize)> {
    let lists = List::ALL.map(List::as_str);
    let place = |path: &str| {
        let mut parts = path.split('/').skip(1);
        let field = parts.next().unwrap_or_default();
        let list = lists.iter().position(|list| *list == field).unwrap_or(lists.len());
        (list, parts.next().map_or(usize::MAX, |index| index.parse().unwrap()))
    };
    let across = |code: Code| code == Code::MissingDenyAll;
    let diagnostics = report.diagnostics();
    let entries =
        diagnostics.iter().filter(|diagnostic| !across(diagnostic.code())).map(|diagnostic| place(diagnostic.path()));
    // Requirements across entries come last, so they are given places after all others.
    let last = diagnostics.iter().skip_while(|diagnostic| !across(diagnostic.code()));
    let last = last.map(
        |diagnostic| if across(diagnostic.code()) { (lists.len() + 1, place(diagnostic.path()).0) } else { (0, 0) },
    );
    entries.chain(last).collect()
}

proptest! {
    #![proptest_config(cases(1500))]

    #[test]
    fn a_document_is_valid_exactly_if_its_entries_are_and_the_requirements_across_them_hold(
        config in config(),
        options in options(),
    ) {
        let report = config.check(&options);
        prop_assert_eq!(report.is_valid(), is_valid(&config, &options), "{}", report);
    }

    #[test]
    fn every_door_to_a_policy_judges_alike(config in config(), options in options()) {
        let (compiled, read) = (Policy::compile(&config, &options), Policy::from_json(&json(&config), &options));
        prop_assert_eq!(&compiled, &read);
        let (checked, checked_text) = (config.check(&options), check(&json(&config), Form::Config, &options));
        prop_assert_eq!(&checked, &checked_text);
        prop_assert_eq!(checked.is_valid(), compiled.is_ok());
        if let Err(report) = compiled {
            prop_assert_eq!(report, checked);
        }
    }

    #[test]
    fn a_document_that_is_written_and_read_is_the_same(config in config()) {
        prop_assert_eq!(NetworkConfig::from_json(&json(&config)), Ok(config.clone()));
        prop_assert_eq!(serde_json::from_str::<NetworkConfig>(&json(&config)).ok(), Some(config));
    }

    #[test]
    fn problems_are_reported_in_the_order_of_the_text_requirements_across_entries_last(
        config in config(),
        options in options(),
    ) {
        let places = place(&config.check(&options));
        prop_assert!(places.is_sorted(), "{:?}", places);
    }

    #[test]
    fn a_shorter_report_is_the_beginning_of_the_longer_and_counts_the_rest(
        config in config(),
        options in options(),
        kept in 0..4_usize,
    ) {
        let whole = config.check(&options);
        let mut short = options;
        short.limits.diagnostics = kept;
        let report = config.check(&short);
        prop_assert_eq!(report.is_valid(), whole.is_valid());
        prop_assert_eq!(report.diagnostics(), &whole.diagnostics()[..kept.min(whole.diagnostics().len())]);
        prop_assert_eq!(report.more(), whole.diagnostics().len().saturating_sub(kept));
        prop_assert_eq!((report.error_count(), report.warning_count()), (whole.error_count(), whole.warning_count()));
    }

    #[test]
    fn an_update_replaces_lists_and_mask_and_loosens_nothing_by_silence(
        config in config(),
        next in config(),
        states_internet_access in any::<bool>(),
    ) {
        let update = NetworkUpdate {
            allow_out: next.allow_out.clone(),
            deny_out: next.deny_out.clone(),
            allow_in: next.allow_in.clone(),
            deny_in: next.deny_in.clone(),
            mask_request_host: next.mask_request_host.clone(),
            allow_internet_access: states_internet_access.then_some(next.allow_internet_access),
        };
        let expected = NetworkConfig {
            allow_internet_access: if states_internet_access { next.allow_internet_access } else { config.allow_internet_access },
            allow_public_traffic: config.allow_public_traffic,
            ..next
        };
        prop_assert_eq!(config.replaced_by(&update), expected);
        let text = serde_json::to_string(&update).unwrap();
        prop_assert_eq!(NetworkUpdate::from_json(&text), Ok(update));
    }

    #[test]
    fn an_arbitrary_text_is_a_policy_or_a_report_that_points_into_it(
        text in prop_oneof![any::<String>(), "[{}\\[\\]\",:a-zA-Z0-9./* ]{0,24}", config().prop_map(|config| json(&config))],
        cut in any::<prop::sample::Index>(),
    ) {
        let end = (0..=cut.index(text.len() + 1)).rev().find(|end| text.is_char_boundary(*end)).unwrap();
        let text = &text[..end];
        let options = Options::default();
        let report = check(text, Form::Config, &options);
        prop_assert_eq!(report.is_valid(), Policy::from_json(text, &options).is_ok());
        for diagnostic in report.diagnostics().iter().filter(|diagnostic| diagnostic.path().is_empty()) {
            if let Some(span) = diagnostic.span() {
                prop_assert!(text.get(span.clone()).is_some(), "{:?} of {:?}", span, text);
            }
        }
    }
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn guardrails_and_options_are_part_of_what_a_policy_is(world in world(), other in options()) {
        let here = world.policy();
        if let Ok(there) = Policy::compile(&world.config, &other) {
            prop_assert_eq!(here == there, world.options == other);
        }
    }
}
