//! Second opinions: the inputs they are asked about, and the lists of where they differ.
//!
//! `tests/opinions/README.md` says how the lists are kept. Their tests stand beside the opinion: those of
//! Rust here, those of Python and Node in the bindings.

use crate::vector::{repository, texts};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

/// Where the lists stand.
const LISTS: &str = "tests/opinions";
/// Where the inputs stand.
const INPUTS: &str = "tests/opinions/inputs";

/// What a vector calls a text that is an entry, an address or a host.
const KEYS: &[&str] = &[
    "entry",
    "allowOut",
    "denyOut",
    "allowIn",
    "denyIn",
    "alwaysDenied",
    "alwaysAllowed",
    "trustedProxies",
    "address",
    "client",
    "peer",
    "host",
    "sni",
];

/// What an opinion is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Asked {
    /// Texts: what each of them is.
    Texts,
    /// Pairs of an address and a network: whether the one lies in the other.
    Memberships,
    /// The hosts that the opinion has read in texts before.
    Hosts,
}

/// Inputs of one kind.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Inputs {
    #[serde(rename = "title")]
    _title: String,
    groups: Vec<Group>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    #[serde(rename = "about")]
    _about: String,
    inputs: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Memberships {
    #[serde(rename = "title")]
    _title: String,
    networks: Vec<String>,
    addresses: Vec<String>,
}

/// Where one opinion differs.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct List {
    /// Whose opinion it is, and which function gives it.
    pub opinion: String,
    /// What is compared.
    pub question: String,
    /// What it is asked about.
    pub asked: Asked,
    /// The versions of the opinion that were asked, if some differences depend on it.
    #[serde(default)]
    pub versions: Vec<String>,
    /// The differences, by rule.
    pub differences: Vec<ByRule>,
}

/// The differences that one rule makes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ByRule {
    /// The rule of the semantics.
    pub rule: String,
    /// Why the opinion differs, and why the rule is as it is.
    pub why: String,
    /// The versions of the opinion that differ so; empty if all do.
    #[serde(default)]
    pub versions: Vec<String>,
    /// The differences.
    pub inputs: Vec<Difference>,
}

/// One input that the two read differently. `None` is a refusal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Difference {
    /// The text, or `address in network`.
    pub input: String,
    /// What Sandgate reads.
    #[serde(deserialize_with = "stated")]
    pub sandgate: Option<String>,
    /// What the opinion reads.
    #[serde(deserialize_with = "stated")]
    pub opinion: Option<String>,
}

/// A refusal is written as `null`; leaving it out is a mistake.
fn stated<'de, D: serde::Deserializer<'de>>(reader: D) -> Result<Option<String>, D::Error> {
    Option::deserialize(reader)
}

impl List {
    /// Every difference of the list.
    pub fn differences(&self) -> impl Iterator<Item = &Difference> {
        self.differences.iter().flat_map(|by_rule| &by_rule.inputs)
    }
}

fn read<T: DeserializeOwned>(name: &str, text: &str) -> T {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn read_file<T: DeserializeOwned>(name: &str) -> T {
    read(name, &fs::read_to_string(repository().join(name)).unwrap())
}

/// Every list, by its name.
///
/// # Panics
///
/// If one is not what [`List`] says.
#[must_use]
pub fn lists() -> BTreeMap<String, List> {
    texts(LISTS)
        .into_iter()
        .map(|(name, text)| (name.trim_end_matches(".json").to_owned(), read(&name, &text)))
        .collect()
}

/// The texts that every opinion is asked about: those written for it, and those of the vectors.
///
/// # Panics
///
/// If a file is not what it should be, or a text is written down twice.
#[must_use]
pub fn inputs() -> BTreeSet<String> {
    let mut inputs = BTreeSet::new();
    for name in ["addresses", "names"] {
        let file: Inputs = read_file(&format!("{INPUTS}/{name}.json"));
        for input in file.groups.into_iter().flat_map(|group| group.inputs) {
            assert!(inputs.insert(input.clone()), "{name}.json: {input:?} stands there twice");
        }
    }
    for (name, text) in texts("tests/vectors") {
        gather(&read(&name, &text), &mut inputs);
    }
    inputs
}

/// Every text under one of the [`KEYS`], however deep.
fn gather(value: &Value, inputs: &mut BTreeSet<String>) {
    match value {
        Value::Array(elements) => elements.iter().for_each(|element| gather(element, inputs)),
        Value::Object(fields) => {
            for (key, value) in fields {
                if KEYS.contains(&key.as_str()) {
                    let many = value.as_array().into_iter().flatten();
                    inputs.extend(many.chain([value]).filter_map(Value::as_str).map(str::to_owned));
                }
                gather(value, inputs);
            }
        }
        _ => {}
    }
}

/// Every address with every network.
///
/// # Panics
///
/// If the file is not what it should be.
#[must_use]
pub fn memberships() -> Vec<(String, String)> {
    let file: Memberships = read_file(&format!("{INPUTS}/memberships.json"));
    let pairs = |network: &String| file.addresses.iter().map(|address| (address.clone(), network.clone())).collect();
    file.networks.iter().flat_map(|network| -> Vec<_> { pairs(network) }).collect()
}
