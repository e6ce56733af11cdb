//! The link between the node and a sandbox.

use sandgate::nftables::InterfaceName;
use std::net::{Ipv4Addr, Ipv6Addr};

/// The ends of a link. Everything about a sandbox in the kernel has the name of its link: the
/// node's interface, the network namespace, and the rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Link {
    /// Its number among the links that the pools have room for.
    pub(crate) slot: u32,
    pub(crate) name: InterfaceName,
    pub(crate) node_ipv4: Ipv4Addr,
    pub(crate) node_ipv6: Ipv6Addr,
    pub(crate) ipv4: Ipv4Addr,
    pub(crate) ipv6: Ipv6Addr,
}

/// The sandbox's end, inside.
pub(crate) const INSIDE: &str = "eth0";
/// Both ends know each other beforehand, so that nobody has to ask and nobody can lie. Each link
/// has only these two.
pub(crate) const NODE_MAC: &str = "02:00:00:00:00:01";
pub(crate) const SANDBOX_MAC: &str = "02:00:00:00:00:02";
