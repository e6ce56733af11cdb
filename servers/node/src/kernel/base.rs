//! The rules that hold for every sandbox, whatever its policy is.
//!
//! A sandbox sends from its own addresses only. Of the node's own services it reaches the egress
//! proxy, and that only where its policy redirected it. Nobody but the node itself sends from the
//! node's ends of the links. Where public traffic is off, whoever wants to enter shows a token to the
//! ingress proxy; what is only forwarded shows none.

use super::{Rules, TURNS, deletion, denials::NO_TOKEN_PREFIX, tables::Tables};
use crate::{
    config::Config,
    sandbox::{Failure, Link},
};
use sandgate::{
    Network, Policy,
    nftables::{PORT_PROTOCOLS, Turn},
};
use std::{num::NonZeroU16, sync::OnceLock};

/// The table that holds for all.
#[derive(Debug)]
pub(super) struct Base {
    /// Which of its two tables it is in, once it is in force.
    turn: OnceLock<Turn>,
    prefix: String,
    pools: [Network; 2],
    proxy_port: Option<NonZeroU16>,
    exempt_ports: Vec<u16>,
    translates: bool,
    log_group: Option<u16>,
}

/// Its name. No link has it: links end with a number.
const fn table(turn: Turn) -> &'static str {
    match turn {
        Turn::First => "sandgate_base",
        Turn::Second => "sandgate2_base",
    }
}

impl Base {
    pub(super) fn new(config: &Config, proxy_port: Option<NonZeroU16>, log_group: Option<u16>) -> Self {
        Self {
            turn: OnceLock::new(),
            prefix: config.prefix.clone(),
            pools: config.pools.networks(),
            proxy_port,
            exempt_ports: config.options.guardrails.exempt_ports.clone(),
            translates: config.masquerade,
            log_group,
        }
    }

    /// The sets, in which no sandbox is.
    fn sets(turn: Turn) -> String {
        format!(
            "table inet {} {{\n\
             set sources_ipv4 {{\ntype ifname . ipv4_addr\n}}\n\
             set sources_ipv6 {{\ntype ifname . ipv6_addr\n}}\n\
             set not_public {{\ntype ifname\n}}\n\
             }}\n",
            table(turn)
        )
    }

    /// What asks the sets.
    fn chains(&self, turn: Turn) -> String {
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
        let exempt = self.exempt();
        let log = self
            .log_group
            .map_or_else(String::new, |group| format!("log prefix \"{NO_TOKEN_PREFIX} \" group {group} "));
        let [ipv4, ipv6] = self.pools;
        format!(
            "table inet {} {{\n\
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
             chain forwarded {{\n\
             type filter hook forward priority 0; policy accept;\n\
             oifname != @not_public accept\n\
             ct direction reply accept comment \"an answer to the sandbox\"\n\
             ct state related meta l4proto {{ icmp, ipv6-icmp }} accept\n\
             {exempt}\n\
             {log}drop comment \"what is forwarded shows no token\"\n\
             }}\n\
             {masquerade}}}\n",
            table(turn)
        )
    }

    /// The ports at which nobody is asked for the token.
    fn exempt(&self) -> String {
        let list = |words: Vec<String>| words.join(", ");
        if self.exempt_ports.is_empty() {
            return String::new();
        }
        let protocols = list(PORT_PROTOCOLS.iter().map(|(_, name)| (*name).to_owned()).collect());
        let ports = list(self.exempt_ports.iter().map(u16::to_string).collect());
        format!("meta l4proto {{ {protocols} }} th dport {{ {ports} }} accept comment \"exempt\"")
    }

    /// Lets a sandbox send from its addresses, and closes it to what is forwarded if it is not public.
    pub(super) fn admit(&self, link: &Link, policy: &Policy) -> String {
        admit(self.turn(), link, policy)
    }

    /// Takes that back, if it was done.
    pub(super) fn dismiss(&self, link: &Link) -> String {
        // Deleting what is not there fails, and adding what is there does nothing.
        let turn = self.turn();
        ["add", "delete"].map(|verb| format!("{}{}", sources(verb, turn, link), not_public(verb, turn, link))).concat()
    }

    fn turn(&self) -> Turn {
        self.turn.get().copied().unwrap_or(Turn::First)
    }
}

fn admit(turn: Turn, link: &Link, policy: &Policy) -> String {
    let closed = if policy.allows_public_traffic() { String::new() } else { not_public("add", turn, link) };
    format!("{closed}{}", sources("add", turn, link))
}

fn sources(verb: &str, turn: Turn, Link { name, ipv4, ipv6, .. }: &Link) -> String {
    let table = table(turn);
    format!(
        "{verb} element inet {table} sources_ipv4 {{ \"{name}\" . {ipv4} }}\n\
         {verb} element inet {table} sources_ipv6 {{ \"{name}\" . {ipv6} }}\n"
    )
}

fn not_public(verb: &str, turn: Turn, Link { name, .. }: &Link) -> String {
    format!("{verb} element inet {} not_public {{ \"{name}\" }}\n", table(turn))
}

impl Rules {
    /// Puts the table in the place of that of the agent before, with these sandboxes admitted. As with
    /// a sandbox's own rules, the old one does not go before the new one is in force.
    pub(super) async fn renew_base(&self, tables: &Tables, sandboxes: &[(&Link, &Policy)]) -> Result<(), Failure> {
        let old = TURNS.into_iter().find(|turn| tables.in_force.contains(table(*turn)));
        let turn = old.map_or(Turn::First, Turn::next);
        let admitted: String = sandboxes.iter().map(|(link, policy)| admit(turn, link, policy)).collect();
        self.load(format!("{}{}{admitted}", deletion(table(turn)), Base::sets(turn))).await?;
        self.load(self.base.chains(turn)).await?;
        self.load(deletion(table(turn.next()))).await?;
        // It is prepared once.
        let _ = self.base.turn.set(turn);
        Ok(())
    }
}
