//! A direction and a family of a policy as a plane whose places are of classes.

use super::{class::Class, rule_set::Family};
use crate::{
    address::MAPPED,
    analyze::Direction,
    decision::Ruling,
    plane::{Judge, Plane, Rect},
    policy::{Ground, Peer, Plot, Policy},
};
use alloc::vec::Vec;

/// Addresses and ports, and the class of each place.
pub(super) struct Regions {
    pub(super) direction: Direction,
    pub(super) family: Family,
    pub(super) plane: Plane,
    /// What the kinds of the plane are.
    pub(super) classes: Vec<Class>,
}

/// Set where an IPv6 address is IPv4-mapped. What holds there stands above the ground of others,
/// because rules of IPv6 do not reach it and it is judged as IPv4.
const IS_MAPPED: u32 = 1 << (2 * Ground::BITS);

/// Reasons are told apart only where somebody wants to know them: without them there are fewer and
/// larger intervals.
pub(super) fn regions(policy: &Policy, direction: Direction, family: Family, with_reasons: bool) -> Regions {
    let [v4, v6] = match direction {
        Direction::Egress => policy.egress_plots(),
        Direction::Ingress => {
            let [v4, v6, _] = policy.ingress_plots();
            [v4, v6]
        }
    };
    let (rects, last): (Vec<Rect>, u128) = match family {
        Family::Ipv4 => (v4.iter().map(|plot| rect(plot, plot.ground.word())).collect(), u128::from(u32::MAX)),
        Family::Ipv6 => {
            let (first, last) = MAPPED;
            let mapped = v4.iter().map(|plot| {
                let plot = Plot { first: first | plot.first, last: first | plot.last, ..*plot };
                rect(&plot, plot.ground.word() << Ground::BITS)
            });
            let all = Rect { first, last, port_low: 0, port_high: u16::MAX, bits: IS_MAPPED };
            let plain = v6.iter().map(|plot| rect(plot, plot.ground.word()));
            (plain.chain(mapped).chain([all]).collect(), u128::MAX)
        }
    };
    let mut judge = Classes { policy, direction, family, with_reasons, found: Vec::new() };
    let plane = Plane::new(rects, last, None, &mut judge);
    Regions { direction, family, plane, classes: judge.found }
}

fn rect(plot: &Plot, bits: u32) -> Rect {
    let Plot { first, last, port_low, port_high, .. } = *plot;
    Rect { first, last, port_low, port_high, bits }
}

/// Asks the judge of the policy for classes, and numbers them as they are found.
struct Classes<'p> {
    policy: &'p Policy,
    direction: Direction,
    family: Family,
    with_reasons: bool,
    found: Vec<Class>,
}

impl Classes<'_> {
    /// What holds in a place, and the family it is judged as.
    fn ground(&self, bits: u32) -> (Ground, Peer) {
        match self.family {
            Family::Ipv6 if bits & IS_MAPPED != 0 => (Ground::from_word(bits >> Ground::BITS), Peer::V4),
            Family::Ipv6 => (Ground::from_word(bits), Peer::V6),
            Family::Ipv4 => (Ground::from_word(bits), Peer::V4),
        }
    }

    fn class(&self, ground: Ground, peer: Peer) -> Class {
        let direction = self.direction;
        let (verdict, reason) = match direction {
            Direction::Egress => {
                let (is_by_name, verdict, reason) = self.policy.egress_without_name(ground);
                // What the address allows needs no name.
                let is_by_name = is_by_name && verdict == Ruling::Deny;
                (if is_by_name { Ruling::AllowByName } else { verdict }, reason)
            }
            Direction::Ingress => self.policy.ingress_judgement(ground, peer),
        };
        Class { direction, verdict, reason: self.with_reasons.then_some(reason) }
    }
}

impl Judge for Classes<'_> {
    fn normal(&self, bits: u32) -> u32 {
        let (ground, _) = self.ground(bits);
        let word = ground.normal().word();
        if bits & IS_MAPPED != 0 { IS_MAPPED | word << Ground::BITS } else { word }
    }

    fn kind(&mut self, bits: u32) -> usize {
        let (ground, peer) = self.ground(bits);
        let class = self.class(ground, peer);
        self.found.iter().position(|known| *known == class).unwrap_or_else(|| {
            self.found.push(class);
            self.found.len().saturating_sub(1)
        })
    }
}
