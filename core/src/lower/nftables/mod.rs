//! A policy as rules of nftables: what the kernel can decide of it, decided as the policy decides.
//!
//! The address part of both directions is lowered, ports included, for both families. A packet
//! gets the verdict that [`decide_egress`](crate::Policy::decide_egress) without a host name, or
//! [`decide_ingress`](crate::Policy::decide_ingress), gives its address and port. Names are
//! no business of the kernel: TCP that a domain pattern may allow goes to a proxy, or is dropped
//! where there is none ([`ByName`]).
//!
//! Nothing here reads an entry. The regions come from the rules as they were sorted for the
//! tables, and their verdicts from what judges a query.
//!
//! ```
//! use sandgate::{Options, Policy, nftables};
//!
//! let policy = Policy::from_json(r#"{"denyOut": ["203.0.113.0/24"]}"#, &Options::default())?;
//! let place = nftables::Place::interface("tap0".parse().unwrap(), None);
//! let rule_set = nftables::lower(&policy, &nftables::Settings::new(place));
//! let text = rule_set.to_string();
//! assert!(text.contains("table inet sandgate_tap0 {"));
//! assert!(text.contains("203.0.113.0/24 comment \"denyOut[0]\""));
//! # Ok::<(), sandgate::Report>(())
//! ```
//!
//! ```text
//!     regions.rs     a direction and a family of a policy as classes of disjoint intervals
//!     sets.rs        the intervals as sets, the largest class as what is left over
//!     chains.rs      the rules that ask the sets
//!     rule_set.rs    the result, as data                settings.rs    what the caller chooses
//!     steps.rs       ... as the transactions that replace rules under traffic
//!     text.rs        ... as `nft -f` reads it           json.rs        ... as `nft -j -f` reads it
//! ```

mod chains;
mod class;
mod json;
mod regions;
mod rule_set;
mod sets;
mod settings;
mod steps;
mod text;

pub use class::Class;
pub use rule_set::{
    Action, AddressOf, ByName, Chain, Cites, Element, Family, Hook, HookPoint, Match, PORT_PROTOCOLS, PortOf, Rule,
    RuleSet, Set,
};
pub use settings::{Established, InterfaceName, InvalidInterfaceName, Log, Place, Settings, Turn};
pub use steps::{Step, Transaction};

use crate::{analyze::Direction, policy::Policy};
use alloc::vec::Vec;

/// The rules that make the kernel decide as the policy does.
///
/// It cannot fail: every policy has its rules. Time and memory are near linear in the entries of
/// the policy. Equal policies and settings give equal rules, in the same order.
#[must_use]
pub fn lower(policy: &Policy, settings: &Settings) -> RuleSet {
    let directions = [Direction::Egress, Direction::Ingress].map(|direction| {
        let families = [Family::Ipv4, Family::Ipv6];
        families.map(|family| {
            let regions = regions::regions(policy, direction, family, settings.tells_reasons());
            sets::Sorted::new(&regions, policy, settings)
        })
    });
    let classes = directions.iter().flatten().flat_map(sets::Sorted::classes);
    let mut classes: Vec<Class> = classes.collect();
    classes.sort_unstable();
    classes.dedup();
    let by_name = match (classes.iter().copied().any(Class::is_by_name), settings.proxy_port()) {
        (false, _) => ByName::Nothing,
        (true, Some(port)) => ByName::ToProxy(port),
        (true, None) => ByName::Dropped,
    };
    let chains = chains::chains(&directions, settings, by_name);
    let counters = if settings.counters { classes } else { Vec::new() };
    let sets = directions.into_iter().flatten().flat_map(sets::Sorted::into_sets).collect();
    RuleSet {
        table: settings.table(),
        other_table: settings.table_of(settings.turn.next()),
        by_name,
        counters,
        sets,
        chains,
    }
}
