//! What a policy, or a change of one, does with each address: pieces of the address space, each
//! with its look.
//!
//! The core tells disjoint regions. Here they are laid over one another address by address, and
//! what they say of the ports of an address becomes one look.

use sandgate::{
    AddressRange, CitedEntry, DecidedRegion, Difference, Direction, HostName, Names, Policy, PortSpan, Ruling,
};
use std::net::IpAddr;

/// What is shown of an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Look {
    Denied,
    /// Denied, but for the names that the policy allows.
    Named,
    /// Allowed on some ports.
    Ports,
    Allowed,
    /// A change lets more through.
    Opens,
    /// A change lets less through.
    Closes,
    /// A change opens some ports or names, and closes others.
    Turns,
}

impl Look {
    pub(crate) const ALL: [Self; 7] =
        [Self::Denied, Self::Named, Self::Ports, Self::Allowed, Self::Opens, Self::Closes, Self::Turns];

    /// Whether it is a change.
    pub(crate) const fn is_change(self) -> bool {
        matches!(self, Self::Opens | Self::Closes | Self::Turns)
    }

    /// What the layers do that make it.
    pub(crate) const fn effect(self) -> Effect {
        match self {
            Self::Denied => Effect::Deny,
            Self::Named => Effect::Name,
            Self::Ports | Self::Allowed => Effect::Allow,
            Self::Opens | Self::Turns => Effect::Open,
            Self::Closes => Effect::Close,
        }
    }

    /// A bit of its own.
    pub(crate) const fn bit(self) -> u8 {
        match self {
            Self::Denied => 1,
            Self::Named => 1 << 1,
            Self::Ports => 1 << 2,
            Self::Allowed => 1 << 3,
            Self::Opens => 1 << 4,
            Self::Closes => 1 << 5,
            Self::Turns => 1 << 6,
        }
    }
}

/// What a layer does to the addresses and ports that it covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    Deny,
    Name,
    Allow,
    Open,
    Close,
}

const EFFECTS: usize = 5;

/// A region as it is laid over the others.
#[derive(Debug)]
pub(crate) struct Layer {
    pub(crate) effect: Effect,
    ranges: Vec<AddressRange>,
    /// Without the ports that are left out of the picture.
    pub(crate) ports: Vec<PortSpan>,
    pub(crate) names: Option<Names>,
    /// One of the names, if it is about names.
    pub(crate) host: Option<HostName>,
    mark: u64,
    pub(crate) entries: Vec<CitedEntry>,
}

/// Addresses in a row that look the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) first: u128,
    pub(crate) last: u128,
    pub(crate) look: Look,
    /// A number for the ports and names that the look is about: the same where they are.
    pub(crate) mark: u64,
}

impl Piece {
    /// How many addresses it has, but one less if it is all IPv6 addresses.
    pub(crate) const fn size(&self) -> u128 {
        self.last.saturating_sub(self.first).saturating_add(1)
    }
}

/// All layers of one direction.
#[derive(Debug)]
pub(crate) struct Survey {
    pub(crate) layers: Vec<Layer>,
    /// Ports that every client reaches, whatever the lists say (I-1). They are left out.
    pub(crate) exempt: Vec<u16>,
    /// How many ports the others are.
    full: u32,
}

impl Survey {
    /// What a policy does, and what is different from before if it is a change.
    pub(crate) fn new(policy: &Policy, direction: Direction, change: Option<&Difference>) -> Self {
        let mut exempt = match direction {
            Direction::Egress => Vec::new(),
            Direction::Ingress => policy.options().guardrails.exempt_ports.clone(),
        };
        exempt.sort_unstable();
        exempt.dedup();
        let full = without(&[PortSpan { low: 0, high: u16::MAX }], &exempt).into_iter().map(count).sum();
        let mut layers: Vec<Layer> =
            policy.regions(direction).into_iter().map(|region| Layer::of(region, &exempt)).collect();
        layers.retain(|layer| !layer.ports.is_empty());
        let changes = change.into_iter().flat_map(|change| &change.changes);
        for (change, names) in changes.filter(|change| change.direction == direction).zip(FIRST_NAMES..) {
            let effect = if change.widens() { Effect::Open } else { Effect::Close };
            layers.extend(change.regions.iter().map(|region| Layer {
                effect,
                ranges: region.addresses.clone(),
                ports: region.ports.clone(),
                names: change.names.clone(),
                host: region.witness.host,
                mark: mark(&region.ports, names),
                entries: if change.widens() { region.entries_after.clone() } else { region.entries_before.clone() },
            }));
        }
        Self { layers, exempt, full }
    }

    /// How many ports there are, but for those that are left out.
    pub(crate) const fn full(&self) -> u32 {
        self.full
    }

    /// The pieces of one family, in order. Together they are all its addresses.
    pub(crate) fn pieces(&self, is_ipv4: bool) -> Vec<Piece> {
        let mut edges: Vec<(u128, usize, bool)> = Vec::new();
        for (number, layer) in self.layers.iter().enumerate() {
            for range in layer.ranges.iter().filter(|range| range.first().is_ipv4() == is_ipv4) {
                edges.push((bits(range.first()), number, true));
                edges.extend(bits(range.last()).checked_add(1).map(|next| (next, number, false)));
            }
        }
        edges.sort_unstable();
        let end = if is_ipv4 { u128::from(u32::MAX) } else { u128::MAX };
        let mut here = Here::default();
        let mut pieces: Vec<Piece> = Vec::new();
        for edges in edges.chunk_by(|one, other| one.0 == other.0) {
            for (_, number, begins) in edges {
                if let Some(layer) = self.layers.get(*number) {
                    here.turn(layer, *begins);
                }
            }
            let Some(&(first, ..)) = edges.first() else { continue };
            if first > end {
                break;
            }
            let (look, mark) = here.look(self.full);
            if let Some(before) = pieces.last_mut() {
                if (before.look, before.mark) == (look, mark) {
                    continue;
                }
                before.last = first.saturating_sub(1);
            }
            pieces.push(Piece { first, last: end, look, mark });
        }
        pieces
    }

    /// The layers that cover an address and do this.
    pub(crate) fn layers_at(&self, address: IpAddr, effect: Effect) -> impl Iterator<Item = &Layer> {
        self.layers.iter().filter(move |layer| layer.effect == effect && layer.covers(address))
    }

    /// What is said of unknown clients, which have no address (I-3).
    pub(crate) fn unknown_client(&self) -> Look {
        let mut here = Here::default();
        self.layers.iter().filter(|layer| layer.ranges.is_empty()).for_each(|layer| here.turn(layer, true));
        here.look(self.full).0
    }
}

impl Layer {
    fn of(region: DecidedRegion, exempt: &[u16]) -> Self {
        let effect = match (region.verdict, region.named) {
            (Ruling::Allow | Ruling::AllowByName, _) => Effect::Allow,
            (Ruling::Deny, Ruling::Deny) => Effect::Deny,
            (Ruling::Deny, Ruling::Allow | Ruling::AllowByName) => Effect::Name,
        };
        let ports = without(&region.ports, exempt);
        let mark = mark(&ports, if effect == Effect::Name { BY_NAME } else { FOR_ALL });
        Self { effect, ranges: region.addresses, ports, names: None, host: None, mark, entries: region.entries }
    }

    /// Whether it is about any IPv4 address.
    pub(crate) fn has_ipv4(&self) -> bool {
        self.ranges.first().is_some_and(|range| range.first().is_ipv4())
    }

    fn covers(&self, address: IpAddr) -> bool {
        let after = self.ranges.partition_point(|range| range.first() <= address);
        after.checked_sub(1).and_then(|at| self.ranges.get(at)).is_some_and(|range| range.contains(address))
    }
}

/// The layers that cover an address, for each effect: the sums of their marks and of their ports.
#[derive(Debug, Default, Clone, Copy)]
struct Here([(u64, u64); EFFECTS]);

impl Here {
    fn turn(&mut self, layer: &Layer, begins: bool) {
        let ports: u64 = layer.ports.iter().map(|span| u64::from(count(*span))).sum();
        if let Some((marks, all)) = self.0.get_mut(place(layer.effect)) {
            (*marks, *all) = if begins {
                (marks.wrapping_add(layer.mark), all.saturating_add(ports))
            } else {
                (marks.wrapping_sub(layer.mark), all.saturating_sub(ports))
            };
        }
    }

    /// The look, and the mark of what it says.
    fn look(&self, full: u32) -> (Look, u64) {
        let of = |effect| self.0.get(place(effect)).copied().unwrap_or_default();
        let [name, allow, open, close] = [Effect::Name, Effect::Allow, Effect::Open, Effect::Close].map(of);
        match (open.1 > 0, close.1 > 0) {
            (true, true) => (Look::Turns, open.0.wrapping_add(close.0)),
            (true, false) => (Look::Opens, open.0),
            (false, true) => (Look::Closes, close.0),
            (false, false) if allow.1 >= u64::from(full) => (Look::Allowed, 0),
            // The ports that are left may be for names or for nobody.
            (false, false) if allow.1 > 0 => (Look::Ports, allow.0.wrapping_add(name.0)),
            (false, false) if name.1 > 0 => (Look::Named, 0),
            (false, false) => (Look::Denied, 0),
        }
    }
}

/// Numbers for whom ports are meant. Each change of a difference has its own names.
const FOR_ALL: u64 = 0;
const BY_NAME: u64 = 1;
const FIRST_NAMES: u64 = 2;

/// A number for a set of ports and whom it is for. The numbers of the parts of a set add up to that
/// of the set, so that it does not matter how regions cut it.
fn mark(ports: &[PortSpan], whom: u64) -> u64 {
    let edge = |port: u32| {
        let mut bits = (whom << 20 | u64::from(port)).wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        for factor in [0xbf58_476d_1ce4_e5b9, 0x94d0_49bb_1331_11eb] {
            bits = (bits ^ bits >> 30).wrapping_mul(factor);
        }
        bits ^ bits >> 31
    };
    let of = |span: &PortSpan| edge(u32::from(span.high).saturating_add(1)).wrapping_sub(edge(span.low.into()));
    ports.iter().map(of).fold(0, u64::wrapping_add)
}

const fn place(effect: Effect) -> usize {
    match effect {
        Effect::Deny => 0,
        Effect::Name => 1,
        Effect::Allow => 2,
        Effect::Open => 3,
        Effect::Close => 4,
    }
}

/// How many ports a span has.
pub(crate) fn count(span: PortSpan) -> u32 {
    u32::from(span.high).saturating_sub(span.low.into()).saturating_add(1)
}

/// Spans without some ports, which are in order.
fn without(spans: &[PortSpan], ports: &[u16]) -> Vec<PortSpan> {
    let mut left = Vec::new();
    for span in spans {
        let mut low = Some(span.low);
        for port in ports.iter().filter(|port| span.contains(**port)) {
            if let (Some(low), Some(high)) = (low, port.checked_sub(1))
                && low <= high
            {
                left.push(PortSpan { low, high });
            }
            low = port.checked_add(1);
        }
        if let Some(low) = low.filter(|low| *low <= span.high) {
            left.push(PortSpan { low, high: span.high });
        }
    }
    left
}

/// Spans in order, those that touch joined.
pub(crate) fn joined(mut spans: Vec<PortSpan>) -> Vec<PortSpan> {
    spans.sort_unstable();
    let mut joined: Vec<PortSpan> = Vec::new();
    for span in spans {
        match joined.last_mut() {
            Some(last) if span.low <= last.high.saturating_add(1) => last.high = last.high.max(span.high),
            _ => joined.push(span),
        }
    }
    joined
}

fn bits(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_bits().into(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sandgate::{Capabilities, Destination, Host, Options, diff};

    fn span(low: u16, high: u16) -> PortSpan {
        PortSpan { low, high }
    }

    #[test]
    fn a_set_of_ports_has_one_mark_however_it_is_cut() {
        let parts = [span(0, 79), span(81, 81), span(80, 80)].map(|part| mark(&[part], FOR_ALL));
        assert_eq!(parts.into_iter().fold(0, u64::wrapping_add), mark(&[span(0, 81)], FOR_ALL));
        assert_ne!(mark(&[span(0, 80)], FOR_ALL), mark(&[span(0, 81)], FOR_ALL));
        assert_ne!(mark(&[span(0, 80)], FOR_ALL), mark(&[span(0, 80)], BY_NAME));
    }

    /// Entries that nest, touch and share ports, in both directions.
    const ENTANGLED: &str = r#"{
        "allowOut": ["192.0.2.0/24:80", "192.0.2.128/25:443", "198.51.100.0/24", "*.example.com", "8.8.8.8:1-100"],
        "denyOut": ["0.0.0.0/0", "198.51.100.7"],
        "allowIn": ["192.0.2.0/25:80-443", "192.0.2.128/25", "192.0.2.64/26:22", "203.0.113.7:49983"],
        "denyIn": ["0.0.0.0/0"]
    }"#;
    const OPEN: &str = r#"{"denyOut": ["192.0.2.0/24:25", "203.0.113.0/24"], "denyIn": [":22", "192.0.2.1"]}"#;

    /// What the policy decides at an address, asked port by port, without and with a name.
    fn asked(policy: &Policy, direction: Direction, address: IpAddr, ports: &[u16]) -> Look {
        let ruling = |port, host: Option<Host<'_>>| match direction {
            Direction::Egress => policy.decide_egress(&Destination { address, port, host }).verdict().ruling(),
            Direction::Ingress => policy.decide_ingress(Some(address), port).verdict().ruling(),
        };
        let allowed = ports.iter().filter(|port| ruling(**port, None) == Ruling::Allow).count();
        let named = ports.iter().any(|port| ruling(*port, Some(Host::Sni(b"a.example.com"))) != Ruling::Deny);
        match (allowed, named) {
            (all, _) if all == ports.len() => Look::Allowed,
            (0, true) => Look::Named,
            (0, false) => Look::Denied,
            _ => Look::Ports,
        }
    }

    #[test]
    fn at_the_edges_of_every_piece_the_policy_decides_what_it_looks_like() {
        let capabilities = Capabilities { egress_ports: true, ipv6_ingress: true };
        let options = Options { capabilities, ..Options::default() };
        let mut seen = [false; 4];
        for text in [ENTANGLED, OPEN, "{}"] {
            let policy = Policy::from_json(text, &options).unwrap();
            for direction in [Direction::Egress, Direction::Ingress] {
                let survey = Survey::new(&policy, direction, None);
                let spans = survey.layers.iter().flat_map(|layer| &layer.ports);
                let edges = spans.flat_map(|span| [span.low, span.high]);
                let ports: Vec<u16> = edges.filter(|port| !survey.exempt.contains(port)).collect();
                for is_ipv4 in [true, false] {
                    let pieces = survey.pieces(is_ipv4);
                    assert_eq!(pieces[0].first, 0);
                    assert!(pieces.windows(2).all(|pair| pair[0].last + 1 == pair[1].first));
                    for piece in &pieces {
                        seen[usize::try_from(piece.look.bit().ilog2()).unwrap()] = true;
                        for bits in [piece.first, piece.first.midpoint(piece.last), piece.last] {
                            let address = super::super::words::address(bits, is_ipv4);
                            assert_eq!(asked(&policy, direction, address, &ports), piece.look, "{address} {text}");
                        }
                    }
                }
            }
        }
        assert_eq!(seen, [true; 4]);
    }

    #[test]
    fn a_change_is_shown_where_a_decision_changes_and_nowhere_else() {
        let options = Options::default();
        let [old, new] = [
            r#"{"allowIn": ["192.0.2.0/24:443", "198.51.100.0/24"], "denyIn": ["0.0.0.0/0"]}"#,
            r#"{"allowIn": ["192.0.2.0/24:80", "198.51.100.0/25", "203.0.113.7"], "denyIn": ["0.0.0.0/0"]}"#,
        ]
        .map(|text| Policy::from_json(text, &options).unwrap());
        let pieces = Survey::new(&new, Direction::Ingress, Some(&diff(&old, &new))).pieces(true);
        let changes = pieces.iter().filter(|piece| piece.look.is_change());
        let told: Vec<_> = changes.map(|piece| (super::super::words::range(piece, true), piece.look)).collect();
        let expected =
            [("192.0.2.0/24", Look::Turns), ("198.51.100.128/25", Look::Closes), ("203.0.113.7", Look::Opens)];
        assert_eq!(told, expected.map(|(range, look)| (range.to_owned(), look)));
    }

    #[test]
    fn spans_are_taken_apart_by_ports_and_joined_again() {
        let all = [span(0, u16::MAX)];
        assert_eq!(without(&all, &[]), all);
        let cut = without(&all, &[0, 1, 443, u16::MAX]);
        assert_eq!(cut, [span(2, 442), span(444, 65534)]);
        assert_eq!(joined([&cut[..], &[span(443, 443), span(0, 0)]].concat()), [span(0, 0), span(2, 65534)]);
    }
}
