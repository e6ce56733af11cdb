//! Every code a diagnostic can carry, with its rules and an example. `docs/diagnostics.md` is
//! generated from this table.

use core::fmt;

/// Whether a diagnostic refuses the document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(clippy::exhaustive_enums, reason = "a third severity would change what every caller does")]
pub enum Severity {
    /// The document is refused.
    Error,
    /// The document is accepted and probably does not do what its author thinks.
    Warning,
}

impl Severity {
    /// `error` or `warning`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The smallest document that draws a code, by the kind of document.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Example {
    /// A network configuration.
    Config(&'static str),
    /// A network update.
    Update(&'static str),
    /// A guardrails document.
    Guardrails(&'static str),
    /// A network configuration, checked with every limit set to this number.
    Limited(&'static str, usize),
    /// What such a document is like, where none is small.
    Described(&'static str),
}

macro_rules! codes {
    ($($variant:ident = $text:literal, $severity:ident, $rules:expr, $summary:literal, $example:expr;)*) => {
        /// What kind of problem it is. The texts are stable: they are part of the public contract.
        ///
        /// `docs/diagnostics.md` lists them all with an example each.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum Code {
            $(#[doc = $summary] $variant,)*
        }

        impl Code {
            /// Every code, in the order of the documentation.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The stable text, in kebab case.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text,)* }
            }

            /// Whether it refuses the document.
            #[must_use]
            pub const fn severity(self) -> Severity {
                match self { $(Self::$variant => Severity::$severity,)* }
            }

            /// The rules of the semantics that it reports.
            #[must_use]
            pub const fn rules(self) -> &'static [&'static str] {
                match self { $(Self::$variant => &$rules,)* }
            }

            /// One sentence: what is wrong.
            #[must_use]
            pub const fn summary(self) -> &'static str {
                match self { $(Self::$variant => $summary,)* }
            }

            /// A document that draws it.
            #[must_use]
            pub const fn example(self) -> Example {
                match self { $(Self::$variant => $example,)* }
            }
        }
    };
}

use Example::{Config, Described, Guardrails, Limited, Update};

codes! {
    InvalidJson = "invalid-json", Error, ["D-5"], "The text is not JSON.",
        Config(r#"{"denyOut": ["0.0.0.0/0"]"#);
    UnknownField = "unknown-field", Error, ["D-2"], "The document has no field of this name.",
        Config(r#"{"denyin": ["0.0.0.0/0"]}"#);
    DuplicateField = "duplicate-field", Error, ["D-3"], "A field is given twice, or under both its names.",
        Config(r#"{"denyIn": [], "denyIn": ["0.0.0.0/0"]}"#);
    WrongType = "wrong-type", Error, ["D-2"], "A value has the wrong type.",
        Config(r#"{"denyIn": "0.0.0.0/0"}"#);
    FixedAtCreation = "fixed-at-creation", Error, ["D-4"], "An update states what only creation can.",
        Update(r#"{"allowPublicTraffic": false}"#);
    DocumentTooLarge = "document-too-large", Error, ["D-6"], "The document has more bytes than the limit.",
        Limited(r#"{"denyIn": []}"#, 8);
    TooManyEntries = "too-many-entries", Error, ["D-6"], "A list has more entries than the limit.",
        Limited(r#"{"denyIn": ["192.0.2.1", "192.0.2.2"]}"#, 1);
    EntryTooLong = "entry-too-long", Error, ["D-6"], "An entry or the mask has more bytes than the limit.",
        Limited(r#"{"denyIn": ["192.0.2.1"]}"#, 4);

    EmptyEntry = "empty-entry", Error, ["G-3"], "An entry is empty.",
        Config(r#"{"denyOut": [""]}"#);
    Whitespace = "whitespace", Error, ["G-3"], "An entry contains white space.",
        Config(r#"{"denyOut": [" 192.0.2.1"]}"#);

    InvalidAddress = "invalid-address", Error, ["G-2", "N-2"], "An entry looks like an address and is not one.",
        Config(r#"{"denyOut": ["10.0.0.256"]}"#);
    LeadingZero = "leading-zero", Error, ["G-2"], "A number has a leading zero.",
        Config(r#"{"denyOut": ["192.0.2.0/024"]}"#);
    ZoneIdentifier = "zone-identifier", Error, ["G-2"], "An address carries a zone identifier.",
        Config(r#"{"denyOut": ["fe80::1%eth0"]}"#);
    Netmask = "netmask", Error, ["G-2"], "A network is written with a netmask instead of a prefix length.",
        Config(r#"{"denyOut": ["10.0.0.0/255.0.0.0"]}"#);
    InvalidPrefixLength = "invalid-prefix-length", Error, ["G-2"], "A prefix length is not a number that the address family has.",
        Config(r#"{"denyOut": ["10.0.0.0/33"]}"#);
    BracketedIpv4 = "bracketed-ipv4", Error, ["G-1"], "An IPv4 host stands in brackets.",
        Config(r#"{"denyOut": ["[192.0.2.1]"]}"#);
    UnbracketedIpv6 = "unbracketed-ipv6", Error, ["G-1"], "An IPv6 host with ports stands without brackets.",
        Config(r#"{"denyIn": ["2001:db8::/32:443"]}"#);
    EmptyPort = "empty-port", Error, ["G-5"], "A colon or a dash is not followed by a port.",
        Config(r#"{"denyIn": ["192.0.2.1:"]}"#);
    InvalidPort = "invalid-port", Error, ["G-2"], "A port is not a decimal number from 1 to 65535.",
        Config(r#"{"denyIn": ["192.0.2.1:70000"]}"#);
    ReversedPortRange = "reversed-port-range", Error, ["G-6"], "A port range runs from high to low.",
        Config(r#"{"denyIn": ["192.0.2.1:443-80"]}"#);
    HostBits = "host-bits", Error, ["G-7"], "An address has bits beyond its prefix length.",
        Config(r#"{"denyOut": ["10.1.2.3/8"]}"#);
    UnspecifiedNetwork = "unspecified-network", Error, ["G-8"], "An entry reads like everything and is not.",
        Config(r#"{"denyOut": ["0.0.0.0"]}"#);
    MappedNetwork = "mapped-network", Error, ["G-9"], "An IPv4-mapped network is wider than the IPv4 addresses it maps, or is all of them.",
        Config(r#"{"denyOut": ["::ffff:0:0/96"]}"#);

    MisplacedWildcard = "misplaced-wildcard", Error, ["N-1"], "A star stands elsewhere than alone or as the first label.",
        Config(r#"{"allowOut": ["*.*.com"], "denyOut": ["0.0.0.0/0"]}"#);
    SchemeInPattern = "scheme-in-pattern", Error, ["N-5"], "A domain pattern has a scheme.",
        Config(r#"{"allowOut": ["http://x.com/y"], "denyOut": ["0.0.0.0/0"]}"#);
    UserInfoInPattern = "user-info-in-pattern", Error, ["N-5"], "A domain pattern has user information.",
        Config(r#"{"allowOut": ["me@x.com"], "denyOut": ["0.0.0.0/0"]}"#);
    QueryInPattern = "query-in-pattern", Error, ["N-5"], "A domain pattern has a query.",
        Config(r#"{"allowOut": ["x.com?y"], "denyOut": ["0.0.0.0/0"]}"#);
    FragmentInPattern = "fragment-in-pattern", Error, ["N-5"], "A domain pattern has a fragment.",
        Config(r#"{"allowOut": ["x.com#y"], "denyOut": ["0.0.0.0/0"]}"#);
    PathInPattern = "path-in-pattern", Error, ["N-5"], "A domain pattern has a path.",
        Config(r#"{"allowOut": ["x.com/y"], "denyOut": ["0.0.0.0/0"]}"#);
    PercentInPattern = "percent-in-pattern", Error, ["N-5"], "A domain pattern has a percent sign.",
        Config(r#"{"allowOut": ["x%2ecom"], "denyOut": ["0.0.0.0/0"]}"#);
    PortInPattern = "port-in-pattern", Error, ["N-5"], "A domain pattern has a port.",
        Config(r#"{"allowOut": ["x.com:443"], "denyOut": ["0.0.0.0/0"]}"#);
    EmptyLabel = "empty-label", Error, ["N-3"], "A name has nothing before, after or between two dots.",
        Config(r#"{"allowOut": ["x..com"], "denyOut": ["0.0.0.0/0"]}"#);
    InvalidCharacter = "invalid-character", Error, ["N-3"], "A name has a character that names do not have.",
        Config(r#"{"allowOut": ["x!.com"], "denyOut": ["0.0.0.0/0"]}"#);
    MisplacedHyphen = "misplaced-hyphen", Error, ["N-3"], "A label begins or ends with a hyphen.",
        Config(r#"{"allowOut": ["-x.com"], "denyOut": ["0.0.0.0/0"]}"#);
    LabelTooLong = "label-too-long", Error, ["N-3"], "A label has more than 63 octets.",
        Config(r#"{"allowOut": ["aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.com"], "denyOut": ["0.0.0.0/0"]}"#);
    NameTooLong = "name-too-long", Error, ["N-3"], "A name has more than 253 octets, or 251 after `*.`.",
        Config(concat!(
            r#"{"allowOut": [""#,
            "long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.",
            "long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.",
            "long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long.long",
            r#""], "denyOut": ["0.0.0.0/0"]}"#
        ));
    MappedCharacter = "mapped-character", Error, ["N-4"], "A non-ASCII label is not written in the form that it is looked up in.",
        Config(r#"{"allowOut": ["BÜCHER.example"], "denyOut": ["0.0.0.0/0"]}"#);
    InvalidIdna = "invalid-idna", Error, ["N-4"], "An internationalised label is not valid.",
        Config(r#"{"allowOut": ["xn--a.example"], "denyOut": ["0.0.0.0/0"]}"#);

    PortsNotEnabled = "ports-not-enabled", Error, ["R-4"], "An egress entry has ports, and the embedding program has not enabled them.",
        Config(r#"{"denyOut": ["192.0.2.1:443"]}"#);
    PatternNotAllowed = "pattern-not-allowed", Error, ["R-5"], "A domain pattern stands in a list of addresses.",
        Config(r#"{"denyOut": ["example.com"]}"#);
    Ipv6IngressNotEnabled = "ipv6-ingress-not-enabled", Error, ["R-6"], "`allowIn` has an IPv6 entry, and the embedding program has not enabled IPv6 ingress.",
        Config(r#"{"allowIn": ["2001:db8::1"], "denyIn": ["0.0.0.0/0"]}"#);
    MissingDenyAll = "missing-deny-all", Error, ["R-1", "R-2", "R-3"], "A list of exceptions stands alone: nothing else is denied.",
        Config(r#"{"allowIn": ["192.0.2.1"]}"#);

    EmptyMask = "empty-mask", Error, ["M-2"], "The host mask is an empty text.",
        Config(r#"{"maskRequestHost": ""}"#);
    NonAsciiMask = "non-ascii-mask", Error, ["M-2"], "The host mask is not ASCII.",
        Config(r#"{"maskRequestHost": "bücher.example"}"#);
    InvalidMaskHost = "invalid-mask-host", Error, ["M-2"], "The host of the mask is neither a name nor an address.",
        Config(r#"{"maskRequestHost": "exa mple.com"}"#);
    InvalidMaskPort = "invalid-mask-port", Error, ["M-2"], "The port of the mask is neither a port nor the placeholder.",
        Config(r#"{"maskRequestHost": "example.com:0"}"#);
    MisplacedPlaceholder = "misplaced-placeholder", Error, ["M-1"], "The port placeholder stands where it may not.",
        Config(r#"{"maskRequestHost": "${PORT}.example.com"}"#);

    UnexpectedPorts = "unexpected-ports", Error, ["H-1"], "A network of the guardrails has ports.",
        Guardrails(r#"{"alwaysDenied": ["192.0.2.0/24:443"]}"#);

    AllowInAlwaysDenied = "allow-in-always-denied", Warning, ["H-2"], "An allow entry has no effect: the operator always denies its network.",
        Config(r#"{"allowOut": ["10.0.0.0/8"]}"#);
    DenyInAlwaysAllowed = "deny-in-always-allowed", Warning, ["H-2"], "A deny entry has no effect: the operator always allows its network.",
        Config(r#"{"denyOut": ["192.0.2.0/24"]}"#);
    DenyOnExemptPort = "deny-on-exempt-port", Warning, ["H-2"], "A deny entry has no effect: the operator exempts its port.",
        Config(r#"{"denyIn": ["192.0.2.0/24:49983"]}"#);
    RedundantIpv6Deny = "redundant-ipv6-deny", Warning, ["R-6"], "An IPv6 deny entry is redundant: IPv6 ingress is denied anyway.",
        Config(r#"{"denyIn": ["2001:db8::/32"]}"#);
    DuplicateEntry = "duplicate-entry", Warning, ["G-10", "N-3"], "An entry stands in its list before.",
        Config(r#"{"denyOut": ["192.0.2.1", "192.0.2.1/32"]}"#);
    CoveredEntry = "covered-entry", Warning, ["G-10", "N-6"], "An entry has no effect: another entry of its list covers it.",
        Config(r#"{"denyOut": ["192.0.2.0/24", "192.0.2.1"]}"#);
    IneffectiveDeny = "ineffective-deny", Warning, ["E-4", "I-5"], "A deny entry never takes effect: all that it covers is allowed before.",
        Config(r#"{"allowOut": ["192.0.2.0/25", "192.0.2.128/25"], "denyOut": ["192.0.2.0/24"]}"#);
    NothingDenied = "nothing-denied", Warning, ["E-7"], "An allow list restricts nothing: nothing is denied.",
        Config(r#"{"allowOut": ["192.0.2.0/24"]}"#);
    UnreadDenyList = "unread-deny-list", Warning, ["D-7", "E-2"], "`denyOut` is not read, since `allowInternetAccess` is false.",
        Config(r#"{"allowInternetAccess": false, "denyOut": ["192.0.2.0/24"]}"#);
    AllTrafficInParts = "all-traffic-in-parts", Warning, ["R-3"], "The networks of a list together make all IPv4 addresses.",
        Config(concat!(
            r#"{"denyOut": ["1.0.0.0/8", "2.0.0.0/7", "4.0.0.0/6", "8.0.0.0/5", "#,
            r#""16.0.0.0/4", "32.0.0.0/3", "64.0.0.0/2", "128.0.0.0/1"]}"#
        ));
    AnyName = "any-name", Warning, ["N-6"], "`*` allows every name, and so every address that somebody gives a name.",
        Config(r#"{"allowOut": ["*"], "denyOut": ["0.0.0.0/0"]}"#);
    WildcardOverOneLabel = "wildcard-over-one-label", Warning, ["N-6"], "A wildcard over a single label allows every name of a top-level domain.",
        Config(r#"{"allowOut": ["*.com"], "denyOut": ["0.0.0.0/0"]}"#);
    SingleLabelName = "single-label-name", Warning, ["E-8"], "A name of a single label is looked up as it is, without a search list.",
        Config(r#"{"allowOut": ["intranet"], "denyOut": ["0.0.0.0/0"]}"#);
    Entangled = "entangled", Warning, ["D-6"], "Not every entry was examined: what covers what is entangled.",
        Described("ten thousand ports of one network that only together with those of a network around it are all ports, and as many networks within");
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
