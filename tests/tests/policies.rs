//! A compiled policy as a value: what is equal, what can be shared, how it is written.

use sandgate::{DomainPattern, HostMask, HostName, Network, NetworkConfig, Options, Policy};

fn policy(deny_out: &[&str], mask: Option<&str>) -> Policy {
    let config = NetworkConfig {
        deny_out: deny_out.iter().map(|&entry| entry.into()).collect(),
        mask_request_host: mask.map(Into::into),
        ..NetworkConfig::default()
    };
    Policy::compile(&config, &Options::default()).unwrap()
}

#[test]
fn tables_are_adopted_exactly_if_they_decide_alike() {
    let mut policy_a = policy(&["192.0.2.1"], Some("a.example"));
    let same = policy(&["192.0.2.1"], Some("b.example"));
    let other = policy(&["192.0.2.2"], None);
    assert!(policy_a.adopt(same.tables()));
    assert!(!policy_a.adopt(other.tables()));
    assert!(!policy_a.allows_egress("192.0.2.1".parse().unwrap(), 443));
    assert!(policy_a.allows_egress("192.0.2.2".parse().unwrap(), 443));
}

#[test]
fn a_mask_is_told_as_it_was_written() {
    let mask: HostMask = "App-${PORT}.example.com:{port}".parse().unwrap();
    assert_eq!(mask.as_str(), "App-${PORT}.example.com:{port}");
    assert_eq!(policy(&[], Some(mask.as_str())).host_mask(), Some(&mask));
}

#[test]
fn whether_requests_need_the_token_is_kept() {
    let policy = |allow_public_traffic| {
        let config = NetworkConfig { allow_public_traffic, ..NetworkConfig::default() };
        Policy::compile(&config, &Options::default()).unwrap()
    };
    assert!(policy(true).allows_public_traffic());
    assert!(!policy(false).allows_public_traffic());
}

#[test]
fn a_pattern_is_told_in_its_parts() {
    let parts = |text: &str| {
        let pattern: DomainPattern = text.parse().unwrap();
        (pattern.name().map(str::to_owned), pattern.is_wildcard(), String::from(pattern))
    };
    assert_eq!(parts("A.example."), (Some("a.example".into()), false, "a.example".into()));
    assert_eq!(parts("*.a.example"), (Some("a.example".into()), true, "*.a.example".into()));
    assert_eq!(parts("*"), (None, true, "*".into()));
}

#[test]
fn a_policy_shows_its_document_and_its_options() {
    let shown = format!("{:?}", policy(&["192.0.2.1"], None));
    assert!(shown.contains("192.0.2.1/32") && shown.contains("always_denied"), "{shown}");
}

#[test]
fn host_names_are_equal_if_their_texts_are() {
    let name = |text: &str| HostName::from_sni(text.as_bytes()).unwrap();
    assert_eq!(name("A.example."), name("a.example"));
    assert_ne!(name("a.example"), name("b.example"));
    assert_ne!(name("a.example"), name("a.example.com"));
    assert!(format!("{:?}", name("a.example")).contains("a.example"));
    let network: Network = "192.0.2.0/24".parse().unwrap();
    assert!(format!("{network:?}").contains("192.0.2.0/24"));
}
