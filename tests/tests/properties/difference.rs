//! Differences are what asking every query finds: in a small world all of them, in the whole one
//! those at the edges.

use crate::{
    cases,
    small_world::{NAMES, PORTS, Pair, pair},
    worlds::{World, host, picks, world},
};
use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{TestCaseResult, TestRunner},
};
use sandgate::{
    Capabilities, Change, DecidingEntry, Decision, Destination, Difference, Direction, Host, HostName, Names, Policy,
    Region, Ruling, Witness, diff, equivalent, tightens,
};
use sandgate_conformance::{
    compare::{Edges, Question, rules},
    naive::{self, Seen},
};
use std::net::IpAddr;

/// A query, and what both policies say of it.
#[derive(Debug, Clone, Copy)]
struct Asked<'n> {
    direction: Direction,
    address: Option<IpAddr>,
    port: u16,
    name: Option<&'n str>,
    before: Ruling,
    after: Ruling,
}

impl<'n> Asked<'n> {
    fn egress(pair: [&Policy; 2], address: IpAddr, port: u16, name: Option<&'n str>) -> Self {
        let host = name.map(|name| Host::Sni(name.as_bytes()));
        let [before, after] =
            pair.map(|policy| policy.decide_egress(&Destination { address, port, host }).verdict().ruling());
        Self { direction: Direction::Egress, address: Some(address), port, name, before, after }
    }

    fn ingress(pair: [&Policy; 2], address: Option<IpAddr>, port: u16) -> Self {
        let [before, after] = pair.map(|policy| policy.decide_ingress(address, port).verdict().ruling());
        Self { direction: Direction::Ingress, address, port, name: None, before, after }
    }

    /// The core answers as the obvious evaluator does.
    fn check(self, rules: [&naive::Rules; 2]) -> TestCaseResult {
        let seen = self.name.map(|name| Seen::Sni(name.as_bytes()));
        let answers = rules.map(|rules| match (self.direction, self.address) {
            (Direction::Egress, Some(address)) => rules.egress(address, self.port, seen).verdict,
            _ => rules.ingress(self.address, self.port).verdict,
        });
        prop_assert_eq!(answers, [self.before.as_str(), self.after.as_str()]);
        Ok(())
    }

    fn is_in(self, change: &Change, region: &Region) -> bool {
        let is_named = |names: &Names| {
            let name = self.name.and_then(|name| HostName::from_sni(name.as_bytes()));
            names.contains(name.as_ref())
        };
        region.ports.iter().any(|ports| ports.contains(self.port)) && change.names.as_ref().is_none_or(is_named)
    }

    /// The query lies in one region if its verdict changes as is told, and in none otherwise. The
    /// region cites the entries that decide. `near` are the regions that hold the address.
    fn agrees(self, pair: [&Policy; 2], near: &[Place<'_>], is_told: bool) -> TestCaseResult {
        let near = near.iter().copied();
        let found: Vec<Place<'_>> = near.filter(|(change, region)| self.is_in(change, region)).collect();
        prop_assert_eq!(found.len(), usize::from(is_told), "{:?}", self);
        for (change, region) in found {
            prop_assert_eq!((change.before, change.after), (self.before, self.after), "{:?}", self);
            if region.cites_all && self.name == region.witness.host.as_ref().map(HostName::as_str) {
                for (policy, cited) in pair.into_iter().zip([&region.entries_before, &region.entries_after]) {
                    let entry = self.decide(policy).entry();
                    let is_cited = |entry: DecidingEntry<'_>| {
                        cited.iter().any(|cited| (cited.list, cited.index) == (entry.list(), entry.index()))
                    };
                    prop_assert!(entry.is_none_or(is_cited), "{:?} {:?}", self, entry);
                }
            }
        }
        Ok(())
    }

    fn decide<'p>(&self, policy: &'p Policy) -> Decision<'p> {
        match (self.direction, self.address) {
            (Direction::Egress, Some(address)) => {
                let host = self.name.map(|name| Host::Sni(name.as_bytes()));
                policy.decide_egress(&Destination { address, port: self.port, host })
            }
            _ => policy.decide_ingress(self.address, self.port),
        }
    }
}

/// A region, and the change that it is one of.
type Place<'d> = (&'d Change, &'d Region);

/// The regions of a direction that hold an address.
fn near(difference: &Difference, direction: Direction, address: Option<IpAddr>) -> Vec<Place<'_>> {
    let changes = difference.changes.iter().filter(|change| change.direction == direction);
    let places = changes.flat_map(|change| change.regions.iter().map(move |region| (change, region)));
    let holds = |region: &Region| match address {
        Some(address) => region.addresses.iter().any(|range| range.contains(address)),
        None => region.addresses.is_empty(),
    };
    places.filter(|(_, region)| holds(region)).collect()
}

fn witness_replays(old: &Policy, new: &Policy, change: &Change, region: &Region) -> TestCaseResult {
    let witness = &region.witness;
    let Witness { address, port, .. } = *witness;
    prop_assert!(region.contains(address, port));
    prop_assert_eq!((witness.before.verdict, witness.after.verdict), (change.before, change.after));
    for (policy, outcome) in [(old, &witness.before), (new, &witness.after)] {
        let destination = witness.destination();
        let decision = match (change.direction, &destination) {
            (Direction::Egress, Some(destination)) => policy.decide_egress(destination),
            _ => policy.decide_ingress(address, port),
        };
        prop_assert_eq!(decision.verdict().ruling(), outcome.verdict);
        prop_assert_eq!(decision.reason(), outcome.reason);
        let entry = decision.entry().map(|entry| (entry.list(), entry.index(), entry.entry()));
        prop_assert_eq!(entry, outcome.entry.as_ref().map(|entry| (entry.list, entry.index, &entry.entry)));
    }
    if let Some(names) = &change.names {
        prop_assert!(names.contains(witness.host.as_ref()), "{:?} {:?}", names, witness.host);
    }
    for (cited, own) in [(&region.entries_before, &witness.before), (&region.entries_after, &witness.after)] {
        prop_assert!(own.entry.iter().all(|entry| cited.contains(entry)));
    }
    Ok(())
}

/// What holds of a difference without asking anything.
fn is_well_formed(old: &Policy, new: &Policy, difference: &Difference) -> TestCaseResult {
    for change in &difference.changes {
        prop_assert_ne!(change.before, change.after);
        prop_assert!(!change.regions.is_empty());
        for region in &change.regions {
            prop_assert!(region.addresses.windows(2).all(|pair| pair[0] < pair[1]));
            prop_assert!(region.ports.windows(2).all(|pair| pair[0].high + 1 < pair[1].low));
            witness_replays(old, new, change, region)?;
        }
    }
    for resolved in &difference.resolved {
        for (policy, ruling) in [(old, resolved.before), (new, resolved.after)] {
            let denies = policy.options().guardrails.always_denies(resolved.witness);
            prop_assert_eq!(denies, ruling == Ruling::Deny);
        }
    }
    Ok(())
}

/// Whether requests to a port need the traffic access token.
fn needs_token(policy: &Policy, port: u16) -> bool {
    !policy.allows_public_traffic() && !policy.options().guardrails.exempts(port)
}

fn allows_names(rules: &naive::Rules) -> bool {
    rules.allow_out.iter().any(|entry| !entry.contains('/'))
}

/// Of so many queries of the small world one is asked. Without optimisation all would take too
/// long for every day.
const EVERY: u32 = if cfg!(debug_assertions) { 13 } else { 1 };

/// The answers to the queries of the small world are those that the difference tells.
fn agrees_everywhere(Pair { place, old, new }: &Pair, first: u32) -> TestCaseResult {
    let (difference, tightened, same) = (diff(old, new), tightens(old, new), equivalent(old, new));
    is_well_formed(old, new, &difference)?;
    let wider = tightened.as_ref().err().cloned().unwrap_or_default();
    is_well_formed(old, new, &wider)?;
    let [old_rules, new_rules] = [old, new].map(rules);
    let (mut differs, mut widens) = (false, false);
    let mut number = first % EVERY;
    let mut take = |[near, near_wider]: &[Vec<Place<'_>>; 2], asked: &dyn Fn() -> Asked<'static>| -> TestCaseResult {
        number += 1;
        if !number.is_multiple_of(EVERY) {
            return Ok(());
        }
        let asked = asked();
        let (is_other, is_wider) = (asked.before != asked.after, asked.before < asked.after);
        asked.agrees([old, new], near, is_other)?;
        asked.agrees([old, new], near_wider, is_wider)?;
        differs |= is_other;
        widens |= is_wider;
        // The core is compared with the evaluator elsewhere: here now and then is enough.
        if number.is_multiple_of(1009 * EVERY) {
            asked.check([&old_rules, &new_rules])?;
        }
        Ok(())
    };
    let addresses = place.addresses();
    let names: Vec<Option<&'static str>> = NAMES.iter().copied().map(Some).chain([None]).collect();
    let near_both = |direction, address| [&difference, &wider].map(|told| near(told, direction, address));
    for &address in &addresses {
        let [ingress, egress] =
            [Direction::Ingress, Direction::Egress].map(|direction| near_both(direction, Some(address)));
        for port in PORTS {
            take(&ingress, &|| Asked::ingress([old, new], Some(address), port))?;
            for &name in &names {
                take(&egress, &|| Asked::egress([old, new], address, port, name))?;
            }
        }
    }
    let unknown = near_both(Direction::Ingress, None);
    for port in PORTS {
        take(&unknown, &|| Asked::ingress([old, new], None, port))?;
    }
    for port in 1..=7 {
        let [before, after] = [old, new].map(|policy| needs_token(policy, port));
        let holds = |spans: fn(&sandgate::TokenChange) -> &Vec<sandgate::PortSpan>| {
            difference.access_token.as_ref().is_some_and(|change| spans(change).iter().any(|span| span.contains(port)))
        };
        prop_assert_eq!(holds(|change| &change.no_longer_needed), before && !after);
        prop_assert_eq!(holds(|change| &change.needed), after && !before);
        differs |= before != after;
        widens |= before && !after;
    }
    let [old_names, new_names] = [&old_rules, &new_rules].map(allows_names);
    let matters = old_names || new_names;
    for &address in &addresses {
        let [before, after] = [old, new].map(|policy| policy.options().guardrails.always_denies(address));
        let told = |before, after| {
            let mut changes = difference.resolved.iter();
            changes.any(|change| {
                (change.before, change.after) == (before, after)
                    && change.addresses.iter().any(|range| range.contains(address))
            })
        };
        prop_assert_eq!(told(Ruling::Deny, Ruling::Allow), matters && before && !after, "{}", address);
        prop_assert_eq!(told(Ruling::Allow, Ruling::Deny), matters && after && !before, "{}", address);
        differs |= matters && before != after;
        widens |= new_names && before && !after;
    }
    prop_assert_eq!(same.is_err(), !difference.is_empty());
    // What is told is true: the witnesses have shown it, also where it lies outside, among the
    // other carriers of the IPv4 addresses. And nothing that was found is left out.
    prop_assert!(same.is_err() || !differs);
    prop_assert!(tightened.is_err() || !widens);
    Ok(())
}

proptest! {
    #![proptest_config(cases(200))]

    /// With `PROPTEST_CASES=100000` and in release, this is the proof of the small world.
    #[test]
    fn in_a_small_world_the_difference_is_what_asking_everything_finds(pair in pair(), first: u32) {
        agrees_everywhere(&pair, first)?;
    }
}

/// A policy, and it with some lists and options of another.
fn worlds() -> impl Strategy<Value = (World, World)> {
    (world(), world(), any::<u8>()).prop_map(|(mut old, mut other, kept)| {
        let keeps = |part: u32| kept & 1 << part != 0;
        if keeps(0) {
            // Lists can be exchanged where the platform takes both.
            old.options.capabilities = Capabilities { egress_ports: true, ipv6_ingress: true };
            other.options = old.options.clone();
            if keeps(1) {
                other.config.allow_out.clone_from(&old.config.allow_out);
                other.config.deny_out.clone_from(&old.config.deny_out);
                other.config.allow_internet_access = old.config.allow_internet_access;
            }
            if keeps(2) {
                other.config.allow_in.clone_from(&old.config.allow_in);
                other.config.deny_in.clone_from(&old.config.deny_in);
            }
        }
        (old, other)
    })
}

proptest! {
    #![proptest_config(cases(400))]

    #[test]
    fn at_every_edge_a_query_is_in_a_region_exactly_if_its_verdict_changes(
        (old, new) in worlds(),
        picks in picks(),
        names in proptest::collection::vec(host(), 1..4),
    ) {
        let [old, new] = [old, new].map(|world| world.policy());
        let difference = diff(&old, &new);
        is_well_formed(&old, &new, &difference)?;
        let mut edges = Edges::of(&old);
        let Edges { addresses, ports } = Edges::of(&new);
        edges.addresses.extend(addresses);
        edges.ports.extend(ports);
        for region in difference.changes.iter().flat_map(|change| &change.regions) {
            let ends = region.addresses.iter().flat_map(|range| [range.first(), range.last()]);
            edges.addresses.extend(ends.take(50));
        }
        for (pick, name) in picks.iter().zip(names.iter().cycle()) {
            let Question { address, port, host } = pick.question(&edges);
            let asked = Asked::egress([&old, &new], address, port, host.is_some().then_some(&**name));
            let egress = near(&difference, Direction::Egress, Some(address));
            asked.agrees([&old, &new], &egress, asked.before != asked.after)?;
            let client = host.is_none().then_some(address);
            let asked = Asked::ingress([&old, &new], client, port);
            let ingress = near(&difference, Direction::Ingress, client);
            asked.agrees([&old, &new], &ingress, asked.before != asked.after)?;
        }
    }

    #[test]
    fn a_policy_is_equivalent_to_itself_and_the_way_back_tells_the_opposite((old, new) in worlds()) {
        let [old, new] = [old, new].map(|world| world.policy());
        prop_assert!(equivalent(&old, &old).is_ok() && tightens(&new, &new).is_ok());
        let (there, back) = (diff(&old, &new), diff(&new, &old));
        prop_assert_eq!(there.is_empty(), back.is_empty());
        let count = |difference: &Difference, wider: bool| {
            difference.changes.iter().filter(|change| change.widens() == wider).count()
        };
        prop_assert_eq!(count(&there, true), count(&back, false));
        prop_assert_eq!(count(&there, false), count(&back, true));
    }
}

/// A property over pairs of which none is equivalent, or none tighter, would show little.
#[test]
fn the_pairs_of_the_small_world_are_of_every_sort() {
    let mut runner = TestRunner::deterministic();
    let (mut same, mut tighter, mut wider, mut named, mut resolved) = (0, 0, 0, 0, 0);
    for _ in 0..400 {
        let Pair { old, new, .. } = pair().new_tree(&mut runner).unwrap().current();
        let difference = diff(&old, &new);
        match (difference.is_empty(), tightens(&old, &new)) {
            (true, _) => same += 1,
            (false, Ok(())) => tighter += 1,
            (false, Err(_)) => wider += 1,
        }
        named += usize::from(difference.changes.iter().any(|change| change.regions[0].witness.host.is_some()));
        resolved += usize::from(!difference.resolved.is_empty());
    }
    for count in [same, tighter, wider, named, resolved] {
        assert!(count > 10, "{same} {tighter} {wider} {named} {resolved}");
    }
}
