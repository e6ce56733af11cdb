//! What is told about a place when it is pointed at: the entries that decide there. The policy is
//! asked; nothing is judged here.

use super::{
    survey::{Effect, Layer, Look, Piece, Survey},
    words,
};
use sandgate::{CitedEntry, Decision, Destination, Direction, Entry, Host, HostName, List, Network, Policy};
use std::net::IpAddr;

/// So many entries are named for one place.
const NAMED: usize = 6;
/// In so many places of a piece the policy is asked who decides.
const PLACES: usize = 24;

/// The policies that a picture is about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'p> {
    pub(crate) policy: &'p Policy,
    pub(crate) old: Option<&'p Policy>,
    pub(crate) direction: Direction,
}

/// The address entries of both lists of a direction by where they begin.
#[derive(Debug)]
pub(crate) struct Index(Vec<(u128, u16)>);

impl Index {
    pub(crate) fn new(asked: Asked<'_>) -> Self {
        let lists = match asked.direction {
            Direction::Egress => [List::AllowOut, List::DenyOut],
            Direction::Ingress => [List::AllowIn, List::DenyIn],
        };
        let policies = [Some(asked.policy), asked.old].into_iter().flatten();
        let entries = policies.flat_map(|policy| lists.into_iter().flat_map(|list| policy.entries(list)));
        let mut firsts: Vec<(u128, u16)> = entries.filter_map(begins).collect();
        firsts.sort_unstable();
        firsts.dedup();
        Self(firsts)
    }

    /// Where entries begin within a piece.
    fn within(&self, piece: &Piece) -> impl Iterator<Item = (u128, u16)> {
        let from = self.0.partition_point(|(first, _)| *first < piece.first);
        self.0.iter().skip(from).take_while(|(first, _)| *first <= piece.last).copied()
    }
}

/// The first address of an entry, and a port of it.
fn begins(entry: &Entry) -> Option<(u128, u16)> {
    let Entry::Address(entry) = entry else { return None };
    let IpAddr::V4(first) = Network::first(entry.network()) else { return None };
    Some((first.to_bits().into(), entry.ports().low()))
}

impl Asked<'_> {
    fn decide<'p>(self, policy: &'p Policy, address: IpAddr, port: u16, host: Option<&HostName>) -> Decision<'p> {
        let host = host.map(|host| Host::Sni(host.as_bytes()));
        match self.direction {
            Direction::Egress => policy.decide_egress(&Destination { address, port, host }),
            Direction::Ingress => policy.decide_ingress(Some(address), port),
        }
    }

    /// What decides in a piece, one line for each policy.
    pub(crate) fn told(self, survey: &Survey, index: &Index, piece: &Piece) -> String {
        let phrase = words::phrase(survey, piece, true);
        let whole = words::range(piece, true);
        if piece.look == Look::Named {
            return format!("{whole}: {phrase}\n{}", words::some(&self.patterns(), NAMED, "names"));
        }
        let (port, host) = asked(survey, piece);
        let places = || std::iter::once((piece.first, port)).chain(index.within(piece));
        let others = if places().nth(PLACES).is_some() { ", and others" } else { "" };
        let why = |policy| {
            let mut whys: Vec<String> = Vec::new();
            for (first, port) in places().take(PLACES) {
                let decision = self.decide(policy, words::address(first, true), port, host);
                let why = match decision.entry() {
                    Some(entry) => CitedEntry::from(entry).to_string(),
                    None => decision.reason().summary().to_owned(),
                };
                if !whys.contains(&why) {
                    whys.push(why);
                }
            }
            format!("{}{others}", words::some(&whys, NAMED, "entries"))
        };
        let phrase = match host {
            Some(host) => format!("{phrase}, such as {host}"),
            None => phrase,
        };
        match self.old {
            None => format!("{whole}: {phrase}\n{}", why(self.policy)),
            Some(old) => format!("{whole}: {phrase}\nbefore: {}\nafter: {}", why(old), why(self.policy)),
        }
    }

    /// What all places with a look have in common, and the entries that decide there.
    pub(crate) fn told_of_look(self, survey: &Survey, pieces: &[Piece], look: Look) -> String {
        let phrase = words::common_phrase(survey, pieces, look);
        let mut entries: Vec<String> = if look.effect() == Effect::Name {
            self.patterns()
        } else {
            let layers = survey.layers.iter().filter(|layer| layer.effect == look.effect() && layer.has_ipv4());
            layers.flat_map(|layer| &layer.entries).map(ToString::to_string).collect()
        };
        let mut seen = std::collections::BTreeSet::new();
        entries.retain(|entry| seen.insert(entry.clone()));
        match entries.as_slice() {
            [] => phrase,
            entries => format!("{phrase}\n{}", words::some(entries, NAMED, "entries")),
        }
    }

    /// The names that are allowed, as they are written.
    fn patterns(self) -> Vec<String> {
        let is_pattern = |entry: &&Entry| matches!(entry, Entry::Pattern(_));
        self.policy.entries(List::AllowOut).iter().filter(is_pattern).map(ToString::to_string).collect()
    }
}

/// A port that the look of a piece is about, and a name if it is about names.
fn asked<'s>(survey: &'s Survey, piece: &Piece) -> (u16, Option<&'s HostName>) {
    let of = |layer: &'s Layer| {
        let span = layer.ports.first()?;
        Some((span.low.max(span.high.min(1)), layer.host.as_ref()))
    };
    let address = words::address(piece.first, true);
    survey.layers_at(address, piece.look.effect()).find_map(of).unwrap_or((1, None))
}
