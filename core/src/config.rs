//! The wire documents: a network configuration and its update, as plain data (section 1).

use crate::{
    analyze,
    diagnostic::Report,
    document::{self, Sink},
    options::{Limits, Options},
    validate::Checker,
};
use alloc::{
    string::{String, ToString},
    vec::Vec,
};
use core::fmt;
use serde::{Deserialize, Deserializer, Serialize, de};

/// A list of the documents.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(clippy::exhaustive_enums, reason = "two directions, two lists each")]
pub enum List {
    /// Egress destinations to allow.
    AllowOut,
    /// Egress destinations to deny.
    DenyOut,
    /// Ingress sources to allow.
    AllowIn,
    /// Ingress sources to deny.
    DenyIn,
}

impl List {
    /// The four lists, in the order of the documentation.
    pub const ALL: [Self; 4] = [Self::AllowOut, Self::DenyOut, Self::AllowIn, Self::DenyIn];

    /// The name of the field: `allowOut` and so on.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AllowOut => "allowOut",
            Self::DenyOut => "denyOut",
            Self::AllowIn => "allowIn",
            Self::DenyIn => "denyIn",
        }
    }

    /// Whether its entries deny.
    #[must_use]
    pub const fn denies(self) -> bool {
        matches!(self, Self::DenyOut | Self::DenyIn)
    }
}

impl fmt::Display for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A network configuration as it is written: texts that nobody has judged yet.
///
/// Reading one finds what is wrong with its shape (D-2, D-3). What its entries say is judged by
/// [`Policy::compile`](crate::Policy::compile), the only door to a policy.
///
/// ```
/// use sandgate::NetworkConfig;
///
/// let config = NetworkConfig::from_json(r#"{"allowIn": ["203.0.113.0/24:443"], "denyIn": ["0.0.0.0/0"]}"#)?;
/// assert_eq!(config.allow_in, ["203.0.113.0/24:443"]);
/// assert!(config.allow_internet_access);
/// # Ok::<(), sandgate::Report>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(
        deny_unknown_fields,
        default,
        description = "The network policy of a sandbox. Every field is optional; an absent list is an empty one."
    )
)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::exhaustive_structs, reason = "wire data, built by hand with `..Default::default()`")]
pub struct NetworkConfig {
    /// Egress destinations to allow: address entries and domain patterns.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<Vec<crate::schema::EgressAllowEntry>>"))]
    pub allow_out: Vec<String>,
    /// Egress destinations to deny: address entries.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<Vec<crate::schema::Address>>"))]
    pub deny_out: Vec<String>,
    /// Ingress sources to allow: address entries, with optional ports of the sandbox.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<Vec<crate::schema::Address>>"))]
    pub allow_in: Vec<String>,
    /// Ingress sources to deny: address entries, with optional ports of the sandbox.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<Vec<crate::schema::Address>>"))]
    pub deny_in: Vec<String>,
    /// Replacement for the Host header of requests proxied into the sandbox.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::schema::Mask>"))]
    pub mask_request_host: Option<String>,
    /// `false`: the egress deny list becomes exactly `0.0.0.0/0`; allow entries stay.
    #[serde(skip_serializing_if = "is_true")]
    pub allow_internet_access: bool,
    /// `false`: requests need the sandbox's traffic access token, except on exempt ports.
    #[serde(skip_serializing_if = "is_true")]
    pub allow_public_traffic: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_true(value: &bool) -> bool {
    *value
}

impl Default for NetworkConfig {
    /// No lists, no mask, internet access and public traffic allowed.
    fn default() -> Self {
        Self {
            allow_out: Vec::new(),
            deny_out: Vec::new(),
            allow_in: Vec::new(),
            deny_in: Vec::new(),
            mask_request_host: None,
            allow_internet_access: true,
            allow_public_traffic: true,
        }
    }
}

impl NetworkConfig {
    /// Reads the shape of a configuration from JSON text, within the default [`Limits`].
    ///
    /// # Errors
    ///
    /// Every violation of D-2, D-3 and D-6, in the order of the text.
    pub fn from_json(text: &str) -> Result<Self, Report> {
        Self::from_json_within(text, Limits::default())
    }

    pub(crate) fn from_json_within(text: &str, limits: Limits) -> Result<Self, Report> {
        let mut collect = Collect::new(limits);
        document::read(text, Form::Config, &mut collect);
        collect.finish().map(|(config, _)| config)
    }

    /// Reads the shape of a configuration from objects of another language, within the default
    /// [`Limits`].
    ///
    /// # Errors
    ///
    /// Outside, what the deserializer fails with; inside, what is wrong with the document.
    pub fn from_objects<'de, D: Deserializer<'de>>(
        document: D,
        spelling: Spelling,
    ) -> Result<Result<Self, Report>, D::Error> {
        Self::from_objects_within(document, spelling, Limits::default())
    }

    pub(crate) fn from_objects_within<'de, D: Deserializer<'de>>(
        document: D,
        spelling: Spelling,
        limits: Limits,
    ) -> Result<Result<Self, Report>, D::Error> {
        let mut collect = Collect::new(limits);
        document::drive(document, Form::Config, spelling, &mut collect)?;
        Ok(collect.finish().map(|(config, _)| config))
    }

    /// The configuration after an update (D-4): lists and mask are replaced, what the update
    /// omits is cleared. Public traffic stays; internet access stays unless the update states it.
    ///
    /// ```
    /// use sandgate::{NetworkConfig, NetworkUpdate};
    ///
    /// let created = NetworkConfig { allow_internet_access: false, deny_in: vec!["192.0.2.1".into()], ..Default::default() };
    /// let updated = created.replaced_by(&NetworkUpdate::default());
    /// assert!(updated.deny_in.is_empty());
    /// assert!(!updated.allow_internet_access);
    /// ```
    #[must_use]
    pub fn replaced_by(&self, update: &NetworkUpdate) -> Self {
        Self {
            allow_out: update.allow_out.clone(),
            deny_out: update.deny_out.clone(),
            allow_in: update.allow_in.clone(),
            deny_in: update.deny_in.clone(),
            mask_request_host: update.mask_request_host.clone(),
            allow_internet_access: update.allow_internet_access.unwrap_or(self.allow_internet_access),
            allow_public_traffic: self.allow_public_traffic,
        }
    }

    /// Every error and, if there is none, every warning.
    #[must_use]
    pub fn check(&self, options: &Options) -> Report {
        let mut checker = Checker::new(options);
        self.replay(&mut checker);
        analyze::report(checker)
    }

    /// The texts of a list.
    #[must_use]
    pub fn list(&self, list: List) -> &[String] {
        match list {
            List::AllowOut => &self.allow_out,
            List::DenyOut => &self.deny_out,
            List::AllowIn => &self.allow_in,
            List::DenyIn => &self.deny_in,
        }
    }

    /// Hands the configuration to whoever reads documents, as if it were being read.
    pub(crate) fn replay(&self, sink: &mut impl Sink) {
        for list in List::ALL {
            document::replay_list(sink, list, self.list(list));
        }
        if let Some(mask) = &self.mask_request_host {
            document::replay_mask(sink, mask);
        }
        sink.internet_access(self.allow_internet_access);
        sink.public_traffic(self.allow_public_traffic);
    }
}

/// A network update as it is written: a configuration without `allowPublicTraffic` (D-4).
///
/// Apply it with [`NetworkConfig::replaced_by`].
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize)]
#[cfg_attr(
    feature = "schema",
    derive(schemars::JsonSchema),
    schemars(
        deny_unknown_fields,
        default,
        description = "Replaces the lists and the mask of a sandbox: what is omitted is cleared. Internet access stays as it was unless it is stated."
    )
)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::exhaustive_structs, reason = "wire data, built by hand with `..Default::default()`")]
pub struct NetworkUpdate {
    /// Egress destinations to allow: address entries and domain patterns. Omitted: cleared.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<Vec<crate::schema::EgressAllowEntry>>"))]
    pub allow_out: Vec<String>,
    /// Egress destinations to deny: address entries. Omitted: cleared.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<Vec<crate::schema::Address>>"))]
    pub deny_out: Vec<String>,
    /// Ingress sources to allow: address entries. Omitted: cleared.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<Vec<crate::schema::Address>>"))]
    pub allow_in: Vec<String>,
    /// Ingress sources to deny: address entries. Omitted: cleared.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<Vec<crate::schema::Address>>"))]
    pub deny_in: Vec<String>,
    /// Replacement for the Host header. Omitted or null: cleared.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "Option<crate::schema::Mask>"))]
    pub mask_request_host: Option<String>,
    /// Whether the sandbox reaches the internet. Omitted: as it was. Null is an error.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schemars(with = "bool"))]
    pub allow_internet_access: Option<bool>,
}

impl NetworkUpdate {
    /// Reads the shape of an update from JSON text, within the default [`Limits`].
    ///
    /// # Errors
    ///
    /// Every violation of D-2, D-3, D-4 and D-6, in the order of the text.
    ///
    /// ```
    /// use sandgate::{Code, NetworkUpdate};
    ///
    /// let report = NetworkUpdate::from_json(r#"{"allowPublicTraffic": true}"#).unwrap_err();
    /// assert!(report.contains(Code::FixedAtCreation));
    /// ```
    pub fn from_json(text: &str) -> Result<Self, Report> {
        let mut collect = Collect::new(Limits::default());
        document::read(text, Form::Update, &mut collect);
        collect.finish().map(|(config, internet_access)| Self::from_parts(config, internet_access))
    }

    /// Reads the shape of an update from objects of another language, within the default
    /// [`Limits`].
    ///
    /// # Errors
    ///
    /// Outside, what the deserializer fails with; inside, what is wrong with the document.
    pub fn from_objects<'de, D: Deserializer<'de>>(
        document: D,
        spelling: Spelling,
    ) -> Result<Result<Self, Report>, D::Error> {
        let mut collect = Collect::new(Limits::default());
        document::drive(document, Form::Update, spelling, &mut collect)?;
        Ok(collect.finish().map(|(config, internet_access)| Self::from_parts(config, internet_access)))
    }

    fn from_parts(config: NetworkConfig, internet_access: Option<bool>) -> Self {
        Self {
            allow_out: config.allow_out,
            deny_out: config.deny_out,
            allow_in: config.allow_in,
            deny_in: config.deny_in,
            mask_request_host: config.mask_request_host,
            allow_internet_access: internet_access,
        }
    }
}

/// Which of the two documents a text is meant to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "section 1 has two documents")]
pub enum Form {
    /// A network configuration.
    Config,
    /// A network update.
    Update,
}

/// Which names the fields of a document may have (D-1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "D-1 knows two ways")]
pub enum Spelling {
    /// The names of the wire: `allowOut`.
    Wire,
    /// Also their snake case: `allow_out`. A field under both of its names is given twice (D-3).
    WireOrSnake,
}

/// Every error and, if there is none, every warning of a document in JSON text.
///
/// An update is judged by itself: as the update of a configuration that allows internet access.
///
/// ```
/// use sandgate::{Form, Options, check};
///
/// let report = check(r#"{"allowIn": ["203.0.113.7"]}"#, Form::Config, &Options::default());
/// assert_eq!(report.diagnostics()[0].path(), "/denyIn");
/// assert_eq!(report.diagnostics()[0].help().unwrap(), "add `0.0.0.0/0` to `denyIn`");
/// ```
#[must_use]
pub fn check(text: &str, form: Form, options: &Options) -> Report {
    let mut checker = Checker::new(options);
    document::read(text, form, &mut checker);
    analyze::report(checker)
}

/// The same judgement of a document that is no text: objects of another language, through a
/// deserializer of any self-describing format.
///
/// # Errors
///
/// What the deserializer fails with. What is wrong with the document stands in the report.
pub fn check_objects<'de, D: Deserializer<'de>>(
    document: D,
    form: Form,
    spelling: Spelling,
    options: &Options,
) -> Result<Report, D::Error> {
    let mut checker = Checker::new(options);
    document::drive(document, form, spelling, &mut checker)?;
    Ok(analyze::report(checker))
}

/// Keeps the texts of a document as they come.
struct Collect {
    config: NetworkConfig,
    internet_access: Option<bool>,
    limits: Limits,
    report: Report,
}

impl Collect {
    fn new(limits: Limits) -> Self {
        let report = Report::new(limits.diagnostics);
        Self { config: NetworkConfig::default(), internet_access: None, limits, report }
    }

    fn finish(self) -> Result<(NetworkConfig, Option<bool>), Report> {
        if self.report.is_valid() { Ok((self.config, self.internet_access)) } else { Err(self.report) }
    }
}

impl Sink for Collect {
    fn limits(&self) -> &Limits {
        &self.limits
    }

    fn report(&mut self) -> &mut Report {
        &mut self.report
    }

    fn entry(&mut self, list: List, _name: &str, _index: usize, text: &str) {
        let entries = match list {
            List::AllowOut => &mut self.config.allow_out,
            List::DenyOut => &mut self.config.deny_out,
            List::AllowIn => &mut self.config.allow_in,
            List::DenyIn => &mut self.config.deny_in,
        };
        entries.push(text.to_string());
    }

    fn mask(&mut self, _name: &str, text: &str) {
        self.config.mask_request_host = Some(text.to_string());
    }

    fn internet_access(&mut self, allowed: bool) {
        self.config.allow_internet_access = allowed;
        self.internet_access = Some(allowed);
    }

    fn public_traffic(&mut self, allowed: bool) {
        self.config.allow_public_traffic = allowed;
    }
}

impl<'de> Deserialize<'de> for NetworkConfig {
    /// Reads any self-describing format. The error is the whole [`Report`], one line a problem.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_objects(deserializer, Spelling::Wire)?.map_err(de::Error::custom)
    }
}

impl<'de> Deserialize<'de> for NetworkUpdate {
    /// Reads any self-describing format. The error is the whole [`Report`], one line a problem.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::from_objects(deserializer, Spelling::Wire)?.map_err(de::Error::custom)
    }
}
