//! What one policy decides, place by place: the planes of a comparison of it with itself.

use super::{
    compare::Verdicts,
    conditions::Conditions,
    planes::{Kinds, Planes},
    region::{AddressRange, PortSpan, Region, is_within},
};
use crate::{
    analyze::cited::{CitedEntry, Direction},
    decision::Ruling,
    policy::Policy,
};
use alloc::vec::Vec;
use core::net::IpAddr;

/// Addresses times ports where a policy decides one thing: see [`Policy::regions`].
///
/// ```
/// use sandgate::{Direction, Options, Policy, Ruling};
///
/// let policy = Policy::from_json(r#"{"allowOut": ["*.example.com"], "denyOut": ["0.0.0.0/0"]}"#, &Options::default())?;
/// let regions = policy.regions(Direction::Egress);
/// let at = |address: &str| regions.iter().find(|region| region.contains(address.parse().ok(), 443)).unwrap();
/// assert_eq!((at("203.0.113.7").verdict, at("203.0.113.7").named), (Ruling::Deny, Ruling::AllowByName));
/// // The operator denies private networks to names as well (E-3).
/// assert_eq!(at("10.0.0.1").named, Ruling::Deny);
/// # Ok::<(), sandgate::Report>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DecidedRegion {
    /// The verdict for a connection without a valid name, or with one that no pattern matches. For
    /// ingress, which has no names, the verdict.
    pub verdict: Ruling,
    /// The verdict for a name that a pattern of `allowOut` matches. The same as `verdict` where
    /// names make no difference.
    pub named: Ruling,
    /// The addresses, in order, IPv4 first. Empty for the unknown client of ingress (I-3).
    pub addresses: Vec<AddressRange>,
    /// The ports, in order.
    pub ports: Vec<PortSpan>,
    /// Entries that decide in the region about connections without a name, list by list and in
    /// document order.
    pub entries: Vec<CitedEntry>,
    /// Whether these are all that do. Where edges of entries cut the region into more than 64
    /// places, some are left out, as in a [`Region`].
    pub cites_all: bool,
}

impl DecidedRegion {
    /// Whether a query lies in the region. `None` is the unknown client (I-3).
    #[must_use]
    pub fn contains(&self, address: Option<IpAddr>, port: u16) -> bool {
        is_within(&self.addresses, &self.ports, address, port)
    }

    fn new(verdicts: Verdicts, region: Region) -> Self {
        let Region { addresses, ports, entries_after: entries, cites_all, .. } = region;
        Self { verdict: verdicts.plain, named: verdicts.named, addresses, ports, entries, cites_all }
    }
}

impl Policy {
    /// What the policy decides in one direction, exactly: every query lies in one region, and gets
    /// the verdict that the region states.
    ///
    /// Regions are as few as the rules allow to tell without work out of proportion. Those of one
    /// verdict may touch. They come in the order of their first addresses, IPv4 first, and the
    /// unknown client of ingress last. Time and memory are near linear in the entries.
    ///
    /// ```
    /// use sandgate::{Direction, Options, Policy, Ruling};
    ///
    /// let policy = Policy::from_json(
    ///     r#"{"allowIn": ["203.0.113.0/24:443"], "denyIn": ["0.0.0.0/0"]}"#,
    ///     &Options::default(),
    /// )?;
    /// let told: Vec<String> = policy
    ///     .regions(Direction::Ingress)
    ///     .iter()
    ///     .filter(|region| region.verdict == Ruling::Allow)
    ///     .map(|region| match region.addresses.first() {
    ///         Some(range) => format!("from {range} to {}", region.ports[0]),
    ///         None => format!("from unknown clients to {}", region.ports[0]),
    ///     })
    ///     .collect();
    /// // Port 49983 is exempt (I-1).
    /// assert_eq!(
    ///     told,
    ///     [
    ///         "from 0.0.0.0-255.255.255.255 to 49983",
    ///         "from 203.0.113.0-203.0.113.255 to 443",
    ///         "from unknown clients to 49983"
    ///     ]
    /// );
    /// # Ok::<(), sandgate::Report>(())
    /// ```
    #[must_use]
    pub fn regions(&self, direction: Direction) -> Vec<DecidedRegion> {
        let mut regions: Vec<DecidedRegion> = match direction {
            Direction::Egress => {
                let [_, name] = Conditions::new(self, self).matching();
                let mut kinds = Kinds::new(|_, _, ground| Verdicts::of(self, ground, name.as_ref()));
                let planes = Planes::egress(self, self, &mut kinds);
                kinds.iter().flat_map(|(verdicts, number)| decided(&planes, verdicts, number)).collect()
            }
            Direction::Ingress => {
                let mut kinds = Kinds::new(|peer, _, ground| self.ingress_ruling(ground, peer));
                let planes = Planes::ingress(self, self, &mut kinds);
                let both = |verdict| Verdicts { plain: verdict, named: verdict };
                kinds.iter().flat_map(|(verdict, number)| decided(&planes, both(verdict), number)).collect()
            }
        };
        regions.sort_by(|one, other| {
            let place = |region: &DecidedRegion| (region.addresses.is_empty(), region.addresses.first().copied());
            (place(one), &one.ports).cmp(&(place(other), &other.ports))
        });
        regions
    }
}

fn decided(planes: &Planes<'_>, verdicts: Verdicts, number: usize) -> impl Iterator<Item = DecidedRegion> {
    planes.regions(&[number], None).into_iter().map(move |region| DecidedRegion::new(verdicts, region))
}
