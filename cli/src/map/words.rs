//! What the picture says in words.

use super::survey::{Effect, Layer, Look, Piece, Survey, count, joined};
use sandgate::{AddressRange, Direction, Entry, List, Names, Policy, PortSpan};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Display,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

/// All IPv4 addresses.
const ALL: u128 = 1 << 32;

/// What is done with the addresses of a piece.
pub(crate) fn phrase(survey: &Survey, piece: &Piece, is_ipv4: bool) -> String {
    let layers = |effect| -> Vec<&Layer> { survey.layers_at(address(piece.first, is_ipv4), effect).collect() };
    let ports_of = |effect| joined(layers(effect).iter().flat_map(|layer| layer.ports.clone()).collect());
    let changes = |effect| {
        let ports = match ports_of(effect) {
            spans if spans.iter().copied().map(count).sum::<u32>() >= survey.full() => String::new(),
            spans => format!(" on {}", ports(&spans)),
        };
        format!("{ports}{}", for_names(layers(effect).into_iter().map(|layer| layer.names.as_ref())))
    };
    match piece.look {
        Look::Denied => "denied".into(),
        Look::Named => "allowed by name only".into(),
        Look::Allowed => "allowed".into(),
        Look::Ports => {
            let rest = survey.layers_at(address(piece.first, is_ipv4), Effect::Name).next();
            let rest = if rest.is_some() { ", else by name" } else { " only" };
            format!("allowed on {}{rest}", ports(&ports_of(Effect::Allow)))
        }
        Look::Opens => format!("opens{}", changes(Effect::Open)),
        Look::Closes => format!("closes{}", changes(Effect::Close)),
        Look::Turns => format!("opens{}, closes{}", changes(Effect::Open), changes(Effect::Close)),
    }
}

/// What all pieces with a look have in common.
pub(crate) fn common_phrase(survey: &Survey, pieces: &[Piece], look: Look) -> String {
    let mut alike = pieces.iter().filter(|piece| piece.look == look);
    let Some(first) = alike.next() else { return String::new() };
    if alike.all(|piece| piece.mark == first.mark) {
        return phrase(survey, first, true);
    }
    match look {
        Look::Ports => "allowed on some ports".into(),
        Look::Opens => "opens".into(),
        Look::Closes => "closes".into(),
        _ => "opens in part, closes in part".into(),
    }
}

fn for_names<'n>(names: impl Iterator<Item = Option<&'n Names>>) -> String {
    let mut terms = Vec::new();
    for names in names {
        match names {
            Some(Names::Matching(all)) => terms.extend(all.iter().map(|term| {
                let part = if term.except.is_empty() { "" } else { "part of " };
                format!("{part}{}", term.pattern)
            })),
            // Connections without a name are meant as well.
            _ => return String::new(),
        }
    }
    terms.sort_unstable();
    terms.dedup();
    format!(" for {}", some(&terms, 2, "names"))
}

/// `port 443`, `ports 80 and 443`, `all ports but 25`, `120 ports`.
pub(crate) fn ports(spans: &[PortSpan]) -> String {
    let closed: Vec<PortSpan> = gaps(spans);
    match (spans, closed.as_slice()) {
        ([one], _) if one.low == one.high => format!("port {one}"),
        (_, [but]) if but.low == but.high => format!("all ports but {but}"),
        (spans, _) if spans.len() <= 3 => format!("ports {}", listed(spans)),
        (_, closed) if closed.len() <= 2 => format!("all ports but {}", listed(closed)),
        (spans, _) => format!("{} ports", grouped(spans.iter().map(|span| u128::from(count(*span))).sum())),
    }
}

fn gaps(spans: &[PortSpan]) -> Vec<PortSpan> {
    let mut gaps = Vec::new();
    let mut low = Some(0);
    for span in spans {
        if let (Some(low), Some(high)) = (low, span.low.checked_sub(1))
            && low <= high
        {
            gaps.push(PortSpan { low, high });
        }
        low = span.high.checked_add(1);
    }
    gaps.extend(low.map(|low| PortSpan { low, high: u16::MAX }));
    gaps
}

fn listed(all: &[impl Display]) -> String {
    let texts: Vec<String> = all.iter().map(ToString::to_string).collect();
    match texts.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => texts.concat(),
    }
}

/// The first of them, and how many more there are.
pub(crate) fn some(all: &[String], shown: usize, what: &str) -> String {
    match all.len().checked_sub(shown) {
        Some(more) if more > 1 => {
            let first: Vec<String> = all.iter().take(shown).cloned().collect();
            format!("{} and {more} more {what}", first.join(", "))
        }
        _ => listed(all),
    }
}

/// `1,048,576`.
pub(crate) fn grouped(number: u128) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && digits.len().saturating_sub(place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `0.03 % of IPv4`, or how many addresses it is where that is little. Never more than it is.
fn amount(addresses: u128) -> (String, bool) {
    let hundredths = addresses.saturating_mul(10_000).checked_div(ALL).unwrap_or_default();
    let (whole, rest) =
        (hundredths.checked_div(100).unwrap_or_default(), hundredths.checked_rem(100).unwrap_or_default());
    match (addresses, hundredths) {
        (ALL, _) => ("all of IPv4".into(), false),
        (1, _) => ("1 IPv4 address".into(), false),
        (_, 0) => (format!("{} IPv4 addresses", grouped(addresses)), true),
        (_, 1_000..) => (format!("{whole} % of IPv4"), false),
        _ => (format!("{whole}.{rest:02} % of IPv4"), false),
    }
}

/// So many things are told apart in one sentence.
const TOLD: usize = 5;

/// What happens to how many addresses, the rarest first.
pub(crate) fn summary(survey: &Survey, pieces: &[Piece], is_change: bool) -> String {
    let told = pieces.iter().filter(|piece| piece.look.is_change() == is_change);
    let mut groups: BTreeMap<(Look, u64), (u128, &Piece)> = BTreeMap::new();
    for piece in told.clone() {
        let (share, _) = groups.entry((piece.look, piece.mark)).or_insert((0, piece));
        *share = share.saturating_add(piece.size());
    }
    let mut shares: Vec<(u128, String)> = if groups.len() <= TOLD {
        groups.into_values().map(|(share, piece)| (share, phrase(survey, piece, true))).collect()
    } else {
        let looks: BTreeSet<Look> = told.map(|piece| piece.look).collect();
        let share = |look: Look| pieces.iter().filter(|piece| piece.look == look).map(Piece::size).sum();
        looks.into_iter().map(|look| (share(look), common_phrase(survey, pieces, look))).collect()
    };
    shares.sort_unstable();
    let rest = if is_change { None } else { shares.pop() };
    let mut parts: Vec<String> = Vec::new();
    for (share, phrase) in shares {
        let (amount, is_many) = amount(share);
        parts.push(match (is_change, is_many) {
            (false, false) => format!("{amount} is {phrase}"),
            (false, true) => format!("{amount} are {phrase}"),
            (true, false) => format!("{amount} {phrase}"),
            (true, true) => format!("{amount} {}", phrase.replacen("opens", "open", 1).replacen("closes", "close", 1)),
        });
    }
    parts.push(match rest {
        Some((_, phrase)) if parts.is_empty() => format!("all of IPv4 is {phrase}"),
        Some((_, phrase)) => format!("everything else is {phrase}"),
        None if parts.is_empty() => "nothing changes for IPv4".into(),
        None => "the rest, in grey, stays as it was".into(),
    });
    let text = parts.join("; ");
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| format!("{}{}.", first.to_uppercase(), letters.as_str()))
}

/// What the picture cannot show.
pub(crate) fn beyond(survey: &Survey, policy: &Policy, direction: Direction, is_change: bool) -> Vec<String> {
    let mut lines = vec![format!("IPv6 is not in the picture: {}.", ipv6(survey, is_change))];
    match direction {
        Direction::Ingress => {
            let unknown = match survey.unknown_client() {
                Look::Opens => "are let in from now on".into(),
                Look::Closes => "are denied from now on".into(),
                _ if is_change => "are treated as before".into(),
                Look::Allowed => String::from("are allowed"),
                Look::Ports => "are allowed on some ports".into(),
                _ => "are denied".into(),
            };
            let exempt: Vec<String> = survey.exempt.iter().map(ToString::to_string).collect();
            let exempt = match exempt.len() {
                0 => String::new(),
                1 => format!(" Port {} is left out: the operator opens it to everybody.", listed(&exempt)),
                _ => {
                    format!(" Ports {} are left out: the operator opens them to everybody.", some(&exempt, 4, "ports"))
                }
            };
            lines.push(format!("Clients whose address is unknown {unknown}.{exempt}"));
        }
        Direction::Egress => {
            let is_pattern = |entry: &&Entry| matches!(entry, Entry::Pattern(_));
            let patterns: Vec<String> =
                policy.entries(List::AllowOut).iter().filter(is_pattern).map(ToString::to_string).collect();
            if !patterns.is_empty() {
                let names = some(&patterns, 4, "names");
                lines.push(format!("By name: a connection for {names} is made to the name, wherever it leads."));
            }
        }
    }
    lines
}

fn ipv6(survey: &Survey, is_change: bool) -> String {
    let pieces = survey.pieces(false);
    let size = |look: Look| {
        let sizes = pieces.iter().filter(|piece| piece.look == look).map(Piece::size);
        sizes.fold(0, u128::saturating_add)
    };
    let special: Vec<&Piece> = if is_change {
        pieces.iter().filter(|piece| piece.look.is_change()).collect()
    } else {
        let Some(most) = Look::ALL.into_iter().max_by_key(|look| size(*look)) else { return String::new() };
        pieces.iter().filter(|piece| piece.look != most).collect()
    };
    let most = pieces.iter().find(|piece| !special.contains(piece));
    let shown = special.first().map(|piece| format!("{} is {}", range(piece, false), phrase(survey, piece, false)));
    let first = special.first().map(|piece| piece.look);
    let is_alike = special.iter().all(|piece| Some(piece.look) == first);
    let these = match first.filter(|_| is_alike) {
        Some(Look::Denied) => "that are denied",
        Some(Look::Named) => "that are allowed by name only",
        Some(Look::Ports) => "that are allowed on some ports",
        Some(Look::Allowed) => "that are allowed",
        Some(Look::Opens) => "open",
        Some(Look::Closes) => "close",
        _ if is_change => "change",
        _ => "that differ",
    };
    let rest = most.map(|piece| phrase(survey, piece, false)).unwrap_or_default();
    match (is_change, special.len(), shown) {
        (true, 0, _) => "nothing changes there".into(),
        (true, 1, _) => format!("one range {these}s there"),
        (true, many, _) => format!("{many} ranges {these} there"),
        (false, 0, _) => format!("all of it is {rest}"),
        (false, 1, Some(one)) => format!("it is {rest}, but {one}"),
        (false, many, _) => format!("it is {rest}, but for {many} ranges {these}"),
    }
}

/// The addresses of a piece: a network if they are one, and an address if it is one.
pub(crate) fn range(piece: &Piece, is_ipv4: bool) -> String {
    let (first, last) = (address(piece.first, is_ipv4), address(piece.last, is_ipv4));
    let Some(range) = AddressRange::new(first, last) else { return first.to_string() };
    let mut networks = range.networks();
    match (first == last, networks.next(), networks.next()) {
        (false, Some(network), None) => network.to_string(),
        _ => range.to_string(),
    }
}

pub(crate) fn address(bits: u128, is_ipv4: bool) -> IpAddr {
    match u32::try_from(bits) {
        Ok(bits) if is_ipv4 => Ipv4Addr::from_bits(bits).into(),
        _ => Ipv6Addr::from_bits(bits).into(),
    }
}
