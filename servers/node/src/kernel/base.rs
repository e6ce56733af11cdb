//! The rules that hold for every sandbox, whatever its policy is.
//!
//! A sandbox sends from its own addresses only. Of the node's own services it reaches the egress
//! proxy, and that only where its policy redirected it. Nobody but the node itself sends from the
//! node's ends of the links.

use crate::{config::Config, sandbox::Link};
use sandgate::Network;
use std::num::NonZeroU16;

/// The table that holds for all.
#[derive(Debug)]
pub(super) struct Base {
    prefix: String,
    pools: [Network; 2],
    proxy_port: Option<NonZeroU16>,
    translates: bool,
}

/// Its name. No link has it: links end with a number.
const TABLE: &str = "sandgate_base";

impl Base {
    pub(super) fn new(config: &Config, proxy_port: Option<NonZeroU16>) -> Self {
        let pools = config.pools.networks();
        Self { prefix: config.prefix.clone(), pools, proxy_port, translates: config.masquerade }
    }

    /// The whole table, in the place of what was there, with these sandboxes admitted.
    pub(super) fn table(&self, links: &[Link]) -> String {
        let from = format!("iifname \"{}*\"", self.prefix);
        let others = format!("iifname != \"{}*\"", self.prefix);
        let proxied = self.proxy_port.map_or_else(String::new, |port| {
            format!("tcp dport {port} ct status dnat accept comment \"redirected by the policy\"")
        });
        let masquerade = if self.translates {
            format!(
                "chain leaving {{\n\
                 type nat hook postrouting priority 100; policy accept;\n\
                 {from} oifname != \"{}*\" masquerade\n}}\n",
                self.prefix
            )
        } else {
            String::new()
        };
        let [ipv4, ipv6] = self.pools;
        let mut text = format!(
            "add table inet {TABLE}\n\
             delete table inet {TABLE}\n\
             table inet {TABLE} {{\n\
             set sources_ipv4 {{\ntype ifname . ipv4_addr\n}}\n\
             set sources_ipv6 {{\ntype ifname . ipv6_addr\n}}\n\
             chain arriving {{\n\
             type filter hook prerouting priority -310; policy accept;\n\
             iifname \"lo\" accept\n\
             {others} ip saddr {ipv4} drop comment \"nobody else is in the pools\"\n\
             {others} ip6 saddr {ipv6} drop comment \"nobody else is in the pools\"\n\
             {others} accept\n\
             iifname . ip saddr @sources_ipv4 accept\n\
             iifname . ip6 saddr @sources_ipv6 accept\n\
             drop comment \"not the sandbox's own address\"\n\
             }}\n\
             chain to_node {{\n\
             type filter hook input priority 0; policy accept;\n\
             {others} accept\n\
             {proxied}\n\
             ct direction reply accept comment \"an answer to the node\"\n\
             ct state related meta l4proto {{ icmp, ipv6-icmp }} accept\n\
             drop comment \"the node is no business of a sandbox\"\n\
             }}\n\
             {masquerade}}}\n",
        );
        for link in links {
            text.push_str(&admit(link));
        }
        text
    }
}

/// Lets a sandbox send from its addresses.
pub(super) fn admit(link: &Link) -> String {
    elements("add", link)
}

/// Takes that back, if it was given.
pub(super) fn dismiss(link: &Link) -> String {
    // Deleting what is not there fails, and adding what is there does nothing.
    format!("{}{}", elements("add", link), elements("delete", link))
}

fn elements(verb: &str, Link { name, ipv4, ipv6, .. }: &Link) -> String {
    format!(
        "{verb} element inet {TABLE} sources_ipv4 {{ \"{name}\" . {ipv4} }}\n\
         {verb} element inet {TABLE} sources_ipv6 {{ \"{name}\" . {ipv6} }}\n"
    )
}
