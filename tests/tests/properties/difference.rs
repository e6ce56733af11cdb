//! Differences are what asking every query finds: in a small world all of them, in the whole one
//! those at the edges.

use crate::{
    cases,
    small_world::{NAMES, PORTS, Pair, pair},
    worlds::{World, host, picks, world},
};
use proptest::{prelude::*, strategy::ValueTree, test_runner::TestRunner};
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
    fn check(self, rules: [&naive::Rules; 2]) -> Result<(), TestCaseError> {
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
        change.direction == self.direction
            && region.contains(self.address, self.port)
            && change.names.as_ref().is_none_or(is_named)
    }

    /// The query lies in one region if its verdict changes as is told, and in none otherwise. The
    /// region cites the entries that decide.
    fn agrees(self, pair: [&Policy; 2], difference: &Difference, is_told: bool) -> Result<(), TestCaseError> {
        let places =
            difference.changes.iter().flat_map(|change| change.regions.iter().map(move |region| (change, region)));
        let found: Vec<(&Change, &Region)> = places.filter(|(change, region)| self.is_in(change, region)).collect();
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

fn witness_replays(old: &Policy, new: &Policy, change: &Change, region: &Region) -> Result<(), TestCaseError> {
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
fn is_well_formed(old: &Policy, new: &Policy, difference: &Difference) -> Result<(), TestCaseError> {
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

fn allows_names(policy: &Policy) -> bool {
    rules(policy).allow_out.iter().any(|entry| !entry.contains('/'))
}

/// Of so many queries of the small world one is asked. Without optimisation all would take too
/// long for every day.
const EVERY: u32 = if cfg!(debug_assertions) { 13 } else { 1 };

/// The answers to the queries of the small world are those that the difference tells.
fn agrees_everywhere(Pair { place, old, new }: &Pair, first: u32) -> Result<(), TestCaseError> {
    let (difference, tightened, same) = (diff(old, new), tightens(old, new), equivalent(old, new));
    is_well_formed(old, new, &difference)?;
    let wider = tightened.as_ref().err().cloned().unwrap_or_default();
    is_well_formed(old, new, &wider)?;
    let [old_rules, new_rules] = [old, new].map(rules);
    let (mut differs, mut widens) = (false, false);
    let mut number = first % EVERY;
    let mut take = |asked: &dyn Fn() -> Asked<'static>| -> Result<(), TestCaseError> {
        number += 1;
        if !number.is_multiple_of(EVERY) {
            return Ok(());
        }
        let asked = asked();
        let (is_other, is_wider) = (asked.before != asked.after, asked.before < asked.after);
        asked.agrees([old, new], &difference, is_other)?;
        asked.agrees([old, new], &wider, is_wider)?;
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
    for &address in &addresses {
        for port in PORTS {
            take(&|| Asked::ingress([old, new], Some(address), port))?;
            for &name in &names {
                take(&|| Asked::egress([old, new], address, port, name))?;
            }
        }
    }
    for port in PORTS {
        take(&|| Asked::ingress([old, new], None, port))?;
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
    for &address in &addresses {
        let [before, after] = [&old_rules, &new_rules].map(|rules| rules.denies_resolved(address));
        let told = |before, after| {
            let mut changes = difference.resolved.iter();
            changes.any(|change| {
                (change.before, change.after) == (before, after)
                    && change.addresses.iter().any(|range| range.contains(address))
            })
        };
        let [old_names, new_names] = [old, new].map(allows_names);
        let matters = old_names || new_names;
        prop_assert_eq!(told(Ruling::Deny, Ruling::Allow), matters && before && !after, "{}", address);
        prop_assert_eq!(told(Ruling::Allow, Ruling::Deny), matters && after && !before, "{}", address);
        differs |= matters && before != after;
        widens |= new_names && before && !after;
    }
    prop_assert_eq!(same.is_err(), !difference.is_empty());
    // Where not all was asked, the witnesses have shown that what is told is true.
    prop_assert!(same.is_err() == differs || EVERY > 1 && !differs);
    prop_assert!(tightened.is_err() == widens || EVERY > 1 && !widens);
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
            asked.agrees([&old, &new], &difference, asked.before != asked.after)?;
            let asked = Asked::ingress([&old, &new], host.is_none().then_some(address), port);
            asked.agrees([&old, &new], &difference, asked.before != asked.after)?;
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
