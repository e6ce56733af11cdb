//! JSON Schemas of the documents: the grammar of entries as far as a pattern can say it.
//!
//! A schema helps an editor and a form. It does not replace [`check`](crate::check): what holds
//! across entries, what an address means and what a name maps to is beyond it.

use crate::{NetworkConfig, NetworkUpdate};
use alloc::{borrow::Cow, format, string::String};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

/// The schema of a network configuration (section 1).
///
/// ```
/// let schema = sandgate::schema::network_config();
/// assert_eq!(schema.get("additionalProperties"), Some(&false.into()));
/// ```
#[must_use]
pub fn network_config() -> Schema {
    schemars::schema_for!(NetworkConfig)
}

/// The schema of a network update (D-4).
#[must_use]
pub fn network_update() -> Schema {
    schemars::schema_for!(NetworkUpdate)
}

const OCTET: &str = "(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])";
const PORT: &str = "[1-9][0-9]{0,4}";

fn address_pattern() -> String {
    let ipv4 = format!(r"{OCTET}(\.{OCTET}){{3}}(/(3[0-2]|[12]?[0-9]))?");
    let ipv6 = r"[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*(/(12[0-8]|1[01][0-9]|[1-9]?[0-9]))?";
    let ports = format!("{PORT}(-{PORT})?");
    format!(r"({ipv4}(:{ports})?|{ipv6}|\[{ipv6}\](:{ports})?|:{ports})")
}

/// An address entry.
pub(crate) struct Address;

impl JsonSchema for Address {
    fn schema_name() -> Cow<'static, str> {
        "AddressEntry".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "title": "Address entry",
            "description": "A network, and the ports it speaks of: `host`, `host:port`, `host:low-high` or `:ports`. IPv6 with ports is bracketed. Host bits are zero. `0.0.0.0/0` is all traffic.",
            "pattern": format!("^{}$", address_pattern()),
            "examples": ["0.0.0.0/0", "203.0.113.0/24", "203.0.113.7:80-443", "[2001:db8::/32]:443", ":443"]
        })
    }
}

/// An entry of `allowOut`.
pub(crate) struct EgressAllowEntry;

impl JsonSchema for EgressAllowEntry {
    fn schema_name() -> Cow<'static, str> {
        "EgressAllowEntry".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let label = r"[^\s.:/?#@%*\[\]!-]([^\s.:/?#@%*\[\]!]*[^\s.:/?#@%*\[\]!-])?";
        json_schema!({
            "type": "string",
            "title": "Address entry or domain pattern",
            "description": "An address entry, or a domain pattern: `name`, `*.name` for every name strictly below it, or `*`. A pattern needs `0.0.0.0/0` in `denyOut`.",
            "pattern": format!(r"^({}|\*|(\*\.)?{label}(\.{label})*\.?)$", address_pattern()),
            "examples": ["api.example.com", "*.example.com", "198.51.100.0/24"]
        })
    }
}

/// A host mask.
pub(crate) struct Mask;

impl JsonSchema for Mask {
    fn schema_name() -> Cow<'static, str> {
        "HostMask".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "title": "Host mask",
            "description": "`host` or `host:port`. The placeholder `${PORT}`, also written `{port}`, becomes the sandbox port: as the whole port, or within a label of a name that holds a letter.",
            "pattern": r"^(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.${}-]+)(:([1-9][0-9]{0,4}|\$\{PORT\}|\{port\}))?$",
            "examples": ["localhost", "localhost:${PORT}", "app-${PORT}.example.com"]
        })
    }
}
