//! Two policies on one plane: what its places differ in, and where.

use super::{
    answer::{Change, Difference, MaskChange, ResolvedChange, TokenChange},
    conditions::{Condition, Conditions},
    planes::{Kinds, Planes},
    region::PortSpan,
};
use crate::{
    analyze::cited::Direction,
    decision::Ruling,
    entry::HostName,
    policy::{Ground, Policy},
};
use alloc::{
    collections::BTreeMap,
    string::{String, ToString},
    vec::Vec,
};

/// Which differences are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    All,
    /// Those that let more through.
    Wider,
}

pub(super) fn compare(old: &Policy, new: &Policy, told: Told) -> Difference {
    let mut difference = Difference::default();
    // Equal policies need no comparison, and are what is compared most.
    if old != new {
        let pair = Pair { old, new, told };
        pair.egress(&mut difference);
        pair.ingress(&mut difference);
        difference.access_token = pair.access_token();
        difference.host_mask = pair.host_mask();
    }
    difference
}

struct Pair<'p> {
    old: &'p Policy,
    new: &'p Policy,
    told: Told,
}

/// What two policies say of a place of egress.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct EgressKind {
    before: Verdicts,
    after: Verdicts,
    /// Deny or allow, if a name resolves to the address (E-8).
    resolved: (Ruling, Ruling),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Verdicts {
    /// For a connection without a name, and for a name that none of the patterns matches.
    pub(super) plain: Ruling,
    /// For a name that one of the patterns matches.
    pub(super) named: Ruling,
}

impl Verdicts {
    pub(super) fn of(policy: &Policy, ground: Ground, matching: Option<&HostName>) -> Self {
        Self { plain: policy.egress_ruling(ground, None), named: policy.egress_ruling(ground, matching) }
    }

    /// Each verdict, and whether it needs a name that matches or one that does not.
    fn cases(self) -> impl Iterator<Item = (Ruling, Option<bool>)> + Clone {
        let is_one = self.plain == self.named;
        let named = (!is_one).then_some((self.named, Some(true)));
        [(self.plain, if is_one { None } else { Some(false) })].into_iter().chain(named)
    }
}

impl EgressKind {
    /// Each verdict of the old and of the new policy, and for which names they come together.
    fn cases(self) -> impl Iterator<Item = (Ruling, Ruling, Condition)> {
        self.before
            .cases()
            .flat_map(move |(before, old)| self.after.cases().map(move |(after, new)| (before, after, [old, new])))
    }
}

impl Pair<'_> {
    fn is_told(&self, before: Ruling, after: Ruling) -> bool {
        match self.told {
            Told::All => before != after,
            Told::Wider => before < after,
        }
    }

    fn egress(&self, difference: &mut Difference) {
        let conditions = Conditions::new(self.old, self.new);
        let [old_name, new_name] = conditions.matching();
        let resolved = |ground| if Policy::denies_resolved(ground) { Ruling::Deny } else { Ruling::Allow };
        let mut kinds = Kinds::new(|_, old, new| EgressKind {
            before: Verdicts::of(self.old, old, old_name.as_ref()),
            after: Verdicts::of(self.new, new, new_name.as_ref()),
            resolved: (resolved(old), resolved(new)),
        });
        let planes = Planes::egress(self.old, self.new, &mut kinds);
        let mut changes: BTreeMap<(Ruling, Ruling, usize), Vec<usize>> = BTreeMap::new();
        for (kind, number) in kinds.iter() {
            for (before, after, condition) in kind.cases() {
                if self.is_told(before, after)
                    && let Some(names) = conditions.number(condition)
                {
                    changes.entry((before, after, names)).or_default().push(number);
                }
            }
        }
        for ((before, after, names), kinds) in changes {
            let Some(met) = conditions.met(names) else { continue };
            let regions = planes.regions(&kinds, met.witness);
            let names = Some(met.names.clone());
            difference.add(Change { direction: Direction::Egress, before, after, names, regions });
        }
        let matters = new_name.is_some() || self.told == Told::All && old_name.is_some();
        for change @ (before, after) in [(Ruling::Deny, Ruling::Allow), (Ruling::Allow, Ruling::Deny)] {
            if matters && self.is_told(before, after) {
                let kinds = kinds.iter().filter(|(kind, _)| kind.resolved == change).map(|(_, number)| number);
                let addresses = planes.addresses(&kinds.collect::<Vec<_>>());
                if let Some(range) = addresses.first() {
                    difference.resolved.push(ResolvedChange { before, after, witness: range.first(), addresses });
                }
            }
        }
    }

    fn ingress(&self, difference: &mut Difference) {
        let mut kinds =
            Kinds::new(|peer, old, new| (self.old.ingress_ruling(old, peer), self.new.ingress_ruling(new, peer)));
        let planes = Planes::ingress(self.old, self.new, &mut kinds);
        for ((before, after), number) in kinds.iter() {
            if self.is_told(before, after) {
                let regions = planes.regions(&[number], None);
                difference.add(Change { direction: Direction::Ingress, before, after, names: None, regions });
            }
        }
    }

    fn access_token(&self) -> Option<TokenChange> {
        let [old, new] = [self.old, self.new].map(token_ports);
        let without = |one: &[bool], other: &[bool]| {
            let mut spans: Vec<PortSpan> = Vec::new();
            for (port, (one, other)) in (0..=u16::MAX).zip(one.iter().zip(other)) {
                match spans.last_mut() {
                    _ if !one || *other => {}
                    Some(span) if span.high.checked_add(1) == Some(port) => span.high = port,
                    _ => spans.push(PortSpan { low: port, high: port }),
                }
            }
            spans
        };
        let no_longer_needed = without(&old, &new);
        let needed = if self.told == Told::All { without(&new, &old) } else { Vec::new() };
        let is_change = !no_longer_needed.is_empty() || !needed.is_empty();
        is_change.then_some(TokenChange { no_longer_needed, needed })
    }

    fn host_mask(&self) -> Option<MaskChange> {
        let text = |policy: &Policy| policy.host_mask().map(ToString::to_string);
        let exempt = |policy: &Policy| policy.options().guardrails.exempt_ports.clone();
        let (before, after) = (text(self.old), text(self.new));
        let is_same = before == after && (before.is_none() || exempt(self.old) == exempt(self.new));
        if self.told == Told::Wider || is_same {
            return None;
        }
        let masked = |policy: &Policy, port| -> Option<String> { Some(policy.masked_host(port)?.to_string()) };
        let port = (1..=u16::MAX).find(|&port| masked(self.old, port) != masked(self.new, port))?;
        Some(MaskChange { before, after, port })
    }
}

/// Whether requests to each port from 0 on need the traffic access token. Port 0 has no requests.
fn token_ports(policy: &Policy) -> Vec<bool> {
    let mut needed = alloc::vec![!policy.allows_public_traffic(); 1 << 16];
    for port in policy.options().guardrails.exempt_ports.iter().chain(&[0]) {
        if let Some(needed) = needed.get_mut(usize::from(*port)) {
            *needed = false;
        }
    }
    needed
}
