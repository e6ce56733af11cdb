//! What two policies do differently, as data.

use super::{
    names::Names,
    region::{AddressRange, PortSpan, Region},
};
use crate::{analyze::cited::Direction, decision::Ruling};
use alloc::{string::String, vec::Vec};
use core::net::IpAddr;
use serde::Serialize;

/// What two policies do differently. Empty if they do all the same.
///
/// It is exact: a query that lies in a change and in one of its regions gets the verdicts that the
/// change states, and every other query gets one verdict from both policies. No query lies in two
/// of them.
///
/// It serializes to JSON with the fields as they are here, in camel case.
///
/// ```
/// use sandgate::{Options, Policy, Ruling, diff};
///
/// let old = Policy::from_json(r#"{"denyOut": ["203.0.113.0/24"]}"#, &Options::default())?;
/// let new = Policy::from_json(r#"{"denyOut": ["203.0.113.0/25", "198.51.100.7"]}"#, &Options::default())?;
/// let difference = diff(&old, &new);
/// let told: Vec<String> = difference.changes.iter().map(|change| {
///     let networks: Vec<_> = change.regions.iter().flat_map(|region| region.networks()).collect();
///     format!("{} to {}: {}", change.before, change.after, networks[0])
/// }).collect();
/// assert_eq!(told, ["deny to allow: 203.0.113.128/25", "allow to deny: 198.51.100.7/32"]);
/// let json = serde_json::to_value(&difference).unwrap();
/// assert_eq!(json["changes"][0]["regions"][0]["networks"][0], "203.0.113.128/25");
/// # Ok::<(), sandgate::Report>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Difference {
    /// Verdicts that change, egress first.
    pub changes: Vec<Change>,
    /// Addresses that an allowed name may lead to under one policy and not under the other (E-8).
    /// Empty if neither policy allows by name.
    pub resolved: Vec<ResolvedChange>,
    /// Ports whose requests need the traffic access token under one policy only.
    pub access_token: Option<TokenChange>,
    /// What the Host header of some requests is replaced by.
    pub host_mask: Option<MaskChange>,
}

impl Difference {
    /// Adds a change that is somewhere. What networks decide that others cover is nowhere.
    pub(super) fn add(&mut self, change: Change) {
        if !change.regions.is_empty() {
            self.changes.push(change);
        }
    }

    /// Whether the policies do all the same.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let Self { changes, resolved, access_token, host_mask } = self;
        changes.is_empty() && resolved.is_empty() && access_token.is_none() && host_mask.is_none()
    }
}

/// Regions where the verdict changes in one way.
///
/// ```
/// use sandgate::{Direction, Options, Policy, diff};
///
/// let policy = |text: &str| Policy::from_json(text, &Options::default());
/// let difference = diff(&policy("{}")?, &policy(r#"{"denyIn": ["203.0.113.0/24"]}"#)?);
/// let change = &difference.changes[0];
/// assert_eq!((change.direction, change.widens()), (Direction::Ingress, false));
/// assert!(change.names.is_none());
/// // A client that is unknown and one of IPv6 are denied as soon as there are rules (I-3, I-4).
/// assert!(change.regions.iter().any(|region| region.contains(None, 443)));
/// # Ok::<(), sandgate::Report>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Change {
    /// Whose connections are meant.
    pub direction: Direction,
    /// The verdict of the old policy.
    pub before: Ruling,
    /// The verdict of the new policy.
    pub after: Ruling,
    /// The names that egress connections are for. `None` for ingress, which has none.
    pub names: Option<Names>,
    /// Where: regions that share no query.
    pub regions: Vec<Region>,
}

impl Change {
    /// Whether the new verdict lets more through. An allow by name is less than an allow.
    #[must_use]
    pub fn widens(&self) -> bool {
        self.after > self.before
    }
}

/// Addresses that are denied under one policy only if an allowed name resolves to them (E-8).
///
/// ```
/// use sandgate::{Guardrails, NetworkConfig, Options, Policy, tightens};
///
/// let config = NetworkConfig::from_json(r#"{"allowOut": ["example.com"], "denyOut": ["0.0.0.0/0"]}"#)?;
/// let guardrails = Guardrails::from_json(r#"{"alwaysDenied": []}"#)?;
/// let old = Policy::compile(&config, &Options::default())?;
/// let new = Policy::compile(&config, &Options { guardrails, ..Options::default() })?;
/// let wider = tightens(&old, &new).unwrap_err();
/// let address = wider.resolved[0].witness;
/// assert!(old.options().guardrails.always_denies(address) && !new.options().guardrails.always_denies(address));
/// # Ok::<(), sandgate::Report>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ResolvedChange {
    /// Deny or allow: what the guardrails of the old policy say of the addresses.
    pub before: Ruling,
    /// The same of the new policy.
    pub after: Ruling,
    /// The addresses, in order, IPv4 first.
    pub addresses: Vec<AddressRange>,
    /// One of them, to be asked about with [`always_denies`](crate::Guardrails::always_denies).
    pub witness: IpAddr,
}

/// Sandbox ports whose requests need the traffic access token under one policy only: because of
/// `allowPublicTraffic`, or of the ports that are exempt.
///
/// ```
/// use sandgate::{NetworkConfig, Options, Policy, diff};
///
/// let policy = |allow_public_traffic| {
///     Policy::compile(&NetworkConfig { allow_public_traffic, ..Default::default() }, &Options::default())
/// };
/// let change = diff(&policy(true)?, &policy(false)?).access_token.unwrap();
/// let needed: Vec<String> = change.needed.iter().map(ToString::to_string).collect();
/// assert_eq!(needed, ["1-49982", "49984-65535"]);
/// # Ok::<(), sandgate::Report>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct TokenChange {
    /// Ports that no longer need it.
    pub no_longer_needed: Vec<PortSpan>,
    /// Ports that need it now.
    pub needed: Vec<PortSpan>,
}

/// What the Host header of requests to a port is replaced by; `None` is no replacement (M-3).
///
/// ```
/// use sandgate::{NetworkConfig, Options, Policy, diff};
///
/// let policy = |mask: &str| {
///     let config = NetworkConfig { mask_request_host: Some(mask.into()), ..Default::default() };
///     Policy::compile(&config, &Options::default())
/// };
/// assert!(diff(&policy("a:${PORT}")?, &policy("a:{port}")?).is_empty());
/// assert_eq!(diff(&policy("a:1")?, &policy("a:{port}")?).host_mask.unwrap().port, 2);
/// # Ok::<(), sandgate::Report>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct MaskChange {
    /// The mask of the old policy.
    pub before: Option<String>,
    /// The mask of the new policy.
    pub after: Option<String>,
    /// The lowest port whose requests carry another Host header.
    pub port: u16,
}
