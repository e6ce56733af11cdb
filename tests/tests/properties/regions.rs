//! The regions of a policy are what asking every query finds: each lies in one of them, and gets
//! the verdict that it states.

use crate::{
    cases,
    small_world::{NAMES, PORTS, Pair, pair},
    worlds::{host, picks, world},
};
use proptest::{collection::vec, prelude::*, test_runner::TestCaseResult};
use sandgate::{DecidedRegion, Decision, Destination, Direction, Entry, Host, HostName, List, Policy, Ruling, diff};
use sandgate_conformance::compare::{Edges, Question};
use std::net::IpAddr;

/// The one region that holds a query.
fn region_of(regions: &[DecidedRegion], address: Option<IpAddr>, port: u16) -> Result<&DecidedRegion, TestCaseError> {
    let found: Vec<&DecidedRegion> = regions.iter().filter(|region| region.contains(address, port)).collect();
    prop_assert_eq!(found.len(), 1, "{:?} {}", address, port);
    Ok(found[0])
}

fn matches_a_pattern(policy: &Policy, name: Option<&str>) -> bool {
    let name = name.and_then(|name| HostName::from_sni(name.as_bytes()));
    let matches = |entry: &Entry| match (entry, &name) {
        (Entry::Pattern(pattern), Some(name)) => pattern.matches(name),
        _ => false,
    };
    policy.entries(List::AllowOut).iter().any(matches)
}

fn cites(region: &DecidedRegion, decision: &Decision<'_>) -> bool {
    !region.cites_all
        || decision.entry().is_none_or(|entry| {
            region.entries.iter().any(|cited| (cited.list, cited.index) == (entry.list(), entry.index()))
        })
}

fn egress_agrees(
    policy: &Policy,
    regions: &[DecidedRegion],
    address: IpAddr,
    port: u16,
    name: Option<&str>,
) -> TestCaseResult {
    let region = region_of(regions, Some(address), port)?;
    let host = name.map(|name| Host::Sni(name.as_bytes()));
    let decision = policy.decide_egress(&Destination { address, port, host });
    let matches = matches_a_pattern(policy, name);
    let told = if matches { region.named } else { region.verdict };
    prop_assert_eq!(decision.verdict().ruling(), told, "{} {} {:?}", address, port, name);
    prop_assert!(matches || cites(region, &decision), "{} {} {:?}", address, port, decision);
    Ok(())
}

fn ingress_agrees(policy: &Policy, regions: &[DecidedRegion], client: Option<IpAddr>, port: u16) -> TestCaseResult {
    let region = region_of(regions, client, port)?;
    let decision = policy.decide_ingress(client, port);
    prop_assert_eq!(decision.verdict().ruling(), region.verdict, "{:?} {}", client, port);
    prop_assert_eq!(region.named, region.verdict);
    prop_assert!(cites(region, &decision), "{:?} {} {:?}", client, port, decision);
    Ok(())
}

fn both(policy: &Policy) -> [Vec<DecidedRegion>; 2] {
    [Direction::Egress, Direction::Ingress].map(|direction| policy.regions(direction))
}

/// Of so many queries of the small world one is asked.
const EVERY: usize = if cfg!(debug_assertions) { 13 } else { 1 };

proptest! {
    #![proptest_config(cases(60))]

    #[test]
    fn in_a_small_world_every_query_lies_in_the_region_of_its_verdict(
        Pair { place, new: policy, .. } in pair(),
        first in 0..EVERY,
    ) {
        let [egress, ingress] = both(&policy);
        let names: Vec<Option<&str>> = NAMES.iter().copied().map(Some).chain([None]).collect();
        let queries = place.addresses().into_iter().flat_map(|address| PORTS.map(|port| (address, port)));
        for (number, (address, port)) in queries.enumerate().skip(first).step_by(EVERY) {
            egress_agrees(&policy, &egress, address, port, names[number % names.len()])?;
            ingress_agrees(&policy, &ingress, Some(address), port)?;
        }
        for port in PORTS {
            ingress_agrees(&policy, &ingress, None, port)?;
        }
    }
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn at_every_edge_a_query_lies_in_the_region_of_its_verdict(
        world in world(),
        picks in picks(),
        names in vec(host(), 1..4),
    ) {
        let policy = world.policy();
        let [egress, ingress] = both(&policy);
        let mut edges = Edges::of(&policy);
        let ranges = egress.iter().chain(&ingress).flat_map(|region| &region.addresses);
        edges.addresses.extend(ranges.flat_map(|range| [range.first(), range.last()]).take(200));
        for (pick, name) in picks.iter().zip(names.iter().cycle()) {
            let Question { address, port, host } = pick.question(&edges);
            egress_agrees(&policy, &egress, address, port, host.is_some().then_some(&**name))?;
            ingress_agrees(&policy, &ingress, host.is_none().then_some(address), port)?;
        }
    }

    #[test]
    fn regions_are_in_order_and_hold_their_edges(world in world()) {
        for regions in both(&world.policy()) {
            let place = |region: &DecidedRegion| (region.addresses.is_empty(), region.addresses.first().copied());
            prop_assert!(regions.is_sorted_by_key(place));
            for region in &regions {
                prop_assert!(region.addresses.windows(2).all(|pair| pair[0] < pair[1]));
                prop_assert!(region.ports.windows(2).all(|pair| pair[0].high + 1 < pair[1].low));
                prop_assert_ne!(region.verdict, Ruling::AllowByName);
            }
        }
    }

    /// Equal regions and equal names are equal behaviour, so far as verdicts go.
    #[test]
    fn policies_with_other_regions_differ((old, new) in (world(), world())) {
        let [old, new] = [old, new].map(|world| world.policy());
        let verdicts = |policy: &Policy| both(policy).map(|regions| {
            regions.into_iter().map(|region| (region.verdict, region.named, region.addresses, region.ports)).collect::<Vec<_>>()
        });
        prop_assert!(verdicts(&old) == verdicts(&new) || !diff(&old, &new).changes.is_empty());
    }
}
