//! The vectors as data: one structure for every kind, as `vector.schema.json` describes it.
//!
//! A vector cites the rules it exercises, and every implementation runs every vector.

use sandgate::{Capabilities, Destination, Guardrails, Host, Limits, Options, parse_address};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};
use std::{collections::BTreeMap, fs, path::PathBuf};

/// A file of vectors on one topic.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct File {
    /// What the file is about.
    pub title: String,
    /// Its vectors.
    pub vectors: Vec<Vector>,
}

/// One case.
#[derive(Debug, Deserialize)]
pub struct Vector {
    /// Unique in the suite.
    pub name: String,
    /// Which mistake it catches.
    pub comment: String,
    /// The rules of the semantics that it exercises.
    pub rules: Vec<String>,
    /// Where the case comes from, if not from the semantics.
    pub source: Option<String>,
    /// What is asked and expected.
    #[serde(flatten)]
    pub case: Case,
}

/// What is asked and expected, by kind.
#[derive(Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[expect(missing_docs, reason = "the schema describes every field")]
pub enum Case {
    Entry {
        entry: String,
        canonical: Option<String>,
        #[serde(flatten)]
        flaw: Option<Flaw>,
    },
    Check {
        document: Option<Value>,
        #[serde(default, deserialize_with = "repeated")]
        text: Option<String>,
        #[serde(default)]
        form: Form,
        #[serde(default)]
        options: PlainOptions,
        valid: bool,
        #[serde(default)]
        diagnostics: Vec<Expected>,
        #[serde(default)]
        more: usize,
        canonical: Option<BTreeMap<String, Vec<String>>>,
    },
    Decide {
        policy: Value,
        #[serde(default)]
        options: PlainOptions,
        queries: Vec<Asked>,
    },
    Resolved {
        policy: Value,
        #[serde(default)]
        options: PlainOptions,
        addresses: Vec<ResolvedAddress>,
    },
    Summary {
        policy: Value,
        #[serde(default)]
        options: PlainOptions,
        text: Vec<String>,
        fingerprint: String,
        effects: Vec<String>,
    },
    Client {
        mode: Mode,
        peer: String,
        #[serde(default)]
        forwarded_for: Vec<String>,
        client: Option<String>,
    },
    InternalHeader {
        values: Vec<String>,
        client: Option<String>,
    },
    Mask {
        mask: String,
        masked: Option<BTreeMap<String, String>>,
        #[serde(flatten)]
        flaw: Option<Flaw>,
    },
    Update {
        config: Value,
        update: Value,
        result: Value,
    },
    Same {
        left: Side,
        right: Side,
        same: bool,
    },
    Guardrails {
        document: Value,
        #[serde(default)]
        valid: bool,
        #[serde(default)]
        diagnostics: Vec<Expected>,
    },
    Explain {
        policy: Value,
        #[serde(default)]
        options: PlainOptions,
        query: Query,
        explanation: Value,
    },
    Diff(Compared),
    Repair(Repaired),
}

/// A text, or texts and how often each stands there: limits are larger than a file should be.
fn repeated<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Text {
        Whole(String),
        Parts(Vec<(String, usize)>),
    }
    Ok(Some(match Text::deserialize(deserializer)? {
        Text::Whole(text) => text,
        Text::Parts(parts) => parts.iter().map(|(text, times)| text.repeat(*times)).collect(),
    }))
}

/// Which document is checked.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the two documents of section 1")]
pub enum Form {
    #[default]
    Config,
    Update,
}

/// What an address with bits beyond its prefix length means.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the network or the address")]
pub enum HostBits {
    Network,
    Address,
}

/// An entry that is rewritten or removed.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the fields of a repair, with the number of its reasons")]
pub struct ExpectedRepair {
    pub list: String,
    pub index: usize,
    pub before: String,
    pub after: Option<String>,
    pub reasons: usize,
}

/// What is wrong with one text.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields of a diagnostic")]
pub struct Flaw {
    pub code: String,
    pub span: Option<(usize, usize)>,
    #[serde(default)]
    pub help: Vec<String>,
    #[serde(default)]
    pub help_lacks: Vec<String>,
}

/// A diagnostic that is expected.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields of a diagnostic")]
pub struct Expected {
    pub code: String,
    pub path: String,
    pub severity: Option<String>,
    pub span: Option<(usize, usize)>,
    #[serde(default)]
    pub help: Vec<String>,
    #[serde(default)]
    pub help_lacks: Vec<String>,
}

/// A question and its answer.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[expect(missing_docs, reason = "the fields of a decision")]
pub struct Asked {
    pub query: Query,
    pub verdict: String,
    pub reason: String,
    pub entry: Option<ExpectedEntry>,
    pub name: Option<String>,
    pub masked_host: Option<String>,
}

/// A question.
#[derive(Debug, Deserialize)]
#[serde(tag = "direction", rename_all = "camelCase", deny_unknown_fields)]
#[expect(missing_docs, reason = "the fields of a query")]
pub enum Query {
    Ingress { client: Option<String>, port: u16 },
    Egress { address: String, port: u16, host: Option<String>, sni: Option<String> },
}

impl Query {
    /// The destination of an egress question; `None` for ingress and for what is no address.
    #[must_use]
    pub fn destination(&self) -> Option<Destination<'_>> {
        let Self::Egress { address, port, host, sni } = self else { return None };
        let host = match (host, sni) {
            (Some(host), _) => Some(Host::Header(host.as_bytes())),
            (None, Some(sni)) => Some(Host::Sni(sni.as_bytes())),
            (None, None) => None,
        };
        Some(Destination { address: parse_address(address)?, port: *port, host })
    }
}

/// The entry that decides.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the fields of a deciding entry")]
pub struct ExpectedEntry {
    pub list: String,
    pub index: usize,
    pub text: String,
}

/// An address that an allowed name resolves to.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "E-8's question and answer")]
pub struct ResolvedAddress {
    pub address: String,
    pub allowed: bool,
}

/// How the client address is derived.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[expect(missing_docs, reason = "the modes of section 8")]
pub struct Mode {
    #[serde(default)]
    pub peer: bool,
    pub trusted_hops: Option<std::num::NonZeroUsize>,
    pub trusted_proxies: Option<Vec<String>>,
}

/// One of two policies that are compared.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "a policy and its options")]
pub struct Side {
    pub policy: Value,
    #[serde(default)]
    pub options: PlainOptions,
}

/// Two policies, and all that is said of the way from the old to the new one.
#[derive(Debug, Deserialize)]
#[expect(missing_docs, reason = "the schema describes every field")]
pub struct Compared {
    pub old: Side,
    pub new: Side,
    pub difference: Value,
    pub tightens: bool,
    pub equivalent: bool,
    /// Absent if the new policy tightens the old one.
    widening: Option<Value>,
}

impl Compared {
    /// What the new policy lets through and the old one does not.
    #[must_use]
    pub fn widening(&self) -> Value {
        let nothing = || json!({"changes": [], "resolved": [], "accessToken": null, "hostMask": null});
        self.widening.clone().unwrap_or_else(nothing)
    }
}

/// A legacy document, and what becomes of it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(missing_docs, reason = "the schema describes every field")]
pub struct Repaired {
    pub text: String,
    pub host_bits: Option<HostBits>,
    #[serde(default)]
    pub minimize: bool,
    #[serde(default)]
    pub options: PlainOptions,
    pub repaired: String,
    pub repairs: Vec<ExpectedRepair>,
    #[serde(default)]
    pub left: Vec<Expected>,
}

/// Options as vectors and expectation files write them.
#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase", default)]
#[expect(missing_docs, reason = "the options of the core, flattened")]
pub struct PlainOptions {
    pub egress_ports: bool,
    pub ipv6_ingress: bool,
    pub guardrails: Option<Value>,
    pub limits: Limits,
}

impl PlainOptions {
    /// The options of the core.
    ///
    /// # Panics
    ///
    /// If the guardrails are not valid: the vector is wrong.
    #[must_use]
    pub fn to_options(&self) -> Options {
        let guardrails = match &self.guardrails {
            None => Guardrails::default(),
            Some(Value::String(text)) if text == "none" => Guardrails::none(),
            Some(document) => Guardrails::from_json(&document.to_string()).unwrap(),
        };
        let capabilities = Capabilities { egress_ports: self.egress_ports, ipv6_ingress: self.ipv6_ingress };
        Options { guardrails, capabilities, limits: self.limits }
    }
}

/// A file's name and its text.
pub type Text = (String, String);

/// The folder of the repository that this suite stands in.
#[must_use]
pub fn repository() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The texts of all JSON files of a folder of the repository, in the order of their names.
///
/// # Panics
///
/// If a file cannot be read.
#[must_use]
pub fn texts(folder: &str) -> Vec<Text> {
    let mut paths: Vec<PathBuf> =
        fs::read_dir(repository().join(folder)).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    paths.sort();
    let text = |path: PathBuf| (path.file_name().unwrap().to_string_lossy().into(), fs::read_to_string(&path).unwrap());
    paths.into_iter().map(text).collect()
}

/// Every vector, with the name of its file.
///
/// # Panics
///
/// If a file is not what the schema says.
#[must_use]
pub fn all() -> Vec<(String, Vector)> {
    let mut vectors = Vec::new();
    for (name, text) in texts("tests/vectors") {
        let file: File = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
        vectors.extend(file.vectors.into_iter().map(|vector| (name.clone(), vector)));
    }
    vectors
}
