//! The contestants for names.

use crate::{
    addresses::options,
    measure::{Contestant, with_bytes},
};
use sandgate::{Destination, Host, NetworkConfig, Policy, Verdict};
use std::{collections::HashSet, net::Ipv4Addr, rc::Rc};

/// A whole decision: normalisation, the address table, the patterns.
pub fn sandgate(patterns: &[String]) -> Contestant<'static, String> {
    let config = NetworkConfig { allow_out: patterns.to_vec(), deny_out: vec!["0.0.0.0/0".into()], ..NetworkConfig::default() };
    let compile = || Policy::compile(&config, &options()).expect("the generated patterns are valid");
    let (_, bytes, _) = with_bytes(|| compile().tables().clone());
    let policy = compile();
    let address = Ipv4Addr::new(198, 51, 100, 1).into();
    Contestant::new("**Sandgate**", bytes, move |name: &String| {
        let destination = Destination { address, port: 443, host: Some(Host::Sni(name.as_bytes())) };
        matches!(policy.decide_egress(&destination).verdict(), Verdict::AllowByName(_))
    })
}

fn matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_prefix('*') {
        None => name.eq_ignore_ascii_case(pattern),
        Some(suffix) => {
            let start = name.len().saturating_sub(suffix.len());
            start > 0 && name.as_bytes()[start..].eq_ignore_ascii_case(suffix.as_bytes())
        }
    }
}

pub fn naive(patterns: &[String], name: &str) -> bool {
    patterns.iter().any(|pattern| matches(pattern, name))
}

pub fn linear(patterns: &[String]) -> Contestant<'static, String> {
    let (patterns, bytes, _) = with_bytes(|| Rc::new(patterns.to_vec()));
    Contestant::new("linear, case-insensitive", bytes, move |name: &String| naive(&patterns, name))
}

/// Every suffix of the lower-case name, as a wildcard would be written.
fn any_form(name: &str, contains: impl Fn(&str) -> bool) -> bool {
    let name = name.to_ascii_lowercase();
    if contains(&name) {
        return true;
    }
    let dots = name.match_indices('.');
    dots.map(|(dot, _)| format!("*{}", &name[dot..])).any(|wildcard| contains(&wildcard))
}

pub fn hash_set(patterns: &[String]) -> Contestant<'static, String> {
    let (set, bytes, _) = with_bytes(|| Rc::new(patterns.iter().cloned().collect::<HashSet<String>>()));
    Contestant::new("`HashSet` of every suffix", bytes, move |name: &String| any_form(name, |form| set.contains(form)))
}

pub fn fst(patterns: &[String]) -> Contestant<'static, String> {
    let (set, bytes, _) = with_bytes(|| {
        let mut sorted = patterns.to_vec();
        sorted.sort();
        sorted.dedup();
        Rc::new(fst::Set::from_iter(sorted).expect("sorted"))
    });
    Contestant::new("`fst` of every suffix", bytes, move |name: &String| any_form(name, |form| set.contains(form)))
}
