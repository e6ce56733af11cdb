//! A compiled policy: what a valid document and its options decide (sections 6 and 7).

mod egress;
mod ingress;

use crate::{
    config::{Form, List, NetworkConfig},
    decision::{DecidingEntry, Decision, Destination, Reason, Verdict},
    diagnostic::Report,
    document,
    entry::{AddressEntry, Entry, Network},
    host_mask::{HostMask, MaskedHost},
    options::Options,
    table::{Hit, Rule, TierTable},
    validate::{Checker, Rules},
};
use alloc::{
    string::{String, ToString},
    sync::Arc,
    vec::Vec,
};
use core::{
    fmt,
    hash::{Hash, Hasher},
    net::IpAddr,
};
use egress::Egress;
use ingress::Ingress;

/// A policy that decides.
///
/// It exists only if its document was valid, never changes, and is cheap to clone. Deciding
/// cannot fail, panic or allocate. Two policies are equal if their documents say the same in the
/// same order and their options are the same (H-3).
///
/// ```
/// use sandgate::{NetworkConfig, Options, Policy, Reason};
///
/// let config = NetworkConfig::from_json(r#"{"allowIn": ["203.0.113.0/24:443"], "denyIn": ["0.0.0.0/0"]}"#)?;
/// let policy = Policy::compile(&config, &Options::default())?;
/// assert!(policy.allows_ingress("203.0.113.7".parse().ok(), 443));
///
/// let decision = policy.decide_ingress("203.0.113.7".parse().ok(), 80);
/// assert_eq!(decision.reason(), Reason::DenyEntry);
/// assert_eq!(decision.entry().unwrap().entry().to_string(), "0.0.0.0/0");
/// # Ok::<(), sandgate::Report>(())
/// ```
#[derive(Clone)]
pub struct Policy {
    inner: Arc<Inner>,
}

struct Inner {
    options: Options,
    rules: Rules,
    egress: Egress,
    ingress: Ingress,
}

impl Policy {
    /// Judges a configuration and compiles it: the only door to a policy.
    ///
    /// # Errors
    ///
    /// Every violation, list by list, requirements across entries last (D-5).
    pub fn compile(config: &NetworkConfig, options: &Options) -> Result<Self, Report> {
        let mut checker = Checker::new(options);
        config.replay(&mut checker);
        Ok(Self::new(checker.finish()?, options))
    }

    /// The same door for JSON text: reads, judges and compiles in one pass.
    ///
    /// # Errors
    ///
    /// Every violation of the document, of its shape and of its entries, in the order of the text.
    ///
    /// ```
    /// use sandgate::{Options, Policy};
    ///
    /// let report = Policy::from_json(r#"{"denyin": [], "denyOut": ["10.1.2.3/8"]}"#, &Options::default()).unwrap_err();
    /// assert_eq!(report.error_count(), 2);
    /// ```
    pub fn from_json(text: &str, options: &Options) -> Result<Self, Report> {
        let mut checker = Checker::new(options);
        document::read(text, Form::Config, &mut checker);
        Ok(Self::new(checker.finish()?, options))
    }

    fn new(rules: Rules, options: &Options) -> Self {
        let egress = Egress::new(&rules, &options.guardrails);
        let ingress = Ingress::new(&rules, options);
        Self { inner: Arc::new(Inner { options: options.clone(), rules, egress, ingress }) }
    }

    /// Whether a client may reach a port of the sandbox. `None` is the unknown client (I-3).
    #[must_use]
    pub fn allows_ingress(&self, client: Option<IpAddr>, port: u16) -> bool {
        self.inner.ingress.judge(client, port).verdict == Ruling::Allow
    }

    /// Whether a client may reach a port of the sandbox, and why (I-1 to I-7).
    #[must_use]
    pub fn decide_ingress(&self, client: Option<IpAddr>, port: u16) -> Decision<'_> {
        self.explain(self.inner.ingress.judge(client, port), List::AllowIn, List::DenyIn)
    }

    /// Whether the sandbox may connect to this very address. It takes no host name: a name never
    /// makes it true.
    #[must_use]
    pub fn allows_egress(&self, address: IpAddr, port: u16) -> bool {
        self.inner.egress.judge(&Destination::new(address, port)).0.verdict == Ruling::Allow
    }

    /// Whether the sandbox may connect, to the address or by name, and why (E-1 to E-7).
    #[must_use]
    pub fn decide_egress(&self, destination: &Destination<'_>) -> Decision<'_> {
        let (judgement, name) = self.inner.egress.judge(destination);
        let mut decision = self.explain(judgement, List::AllowOut, List::DenyOut);
        if let (Ruling::AllowByName, Some(name)) = (judgement.verdict, name) {
            let guardrails = &self.inner.options.guardrails;
            decision.verdict =
                Verdict::AllowByName(crate::decision::ByName { guardrails, name, port: destination.port });
        }
        decision
    }

    fn explain(&self, judgement: Judgement, allow: List, deny: List) -> Decision<'_> {
        let list = match judgement.reason {
            Reason::DenyEntry => deny,
            _ => allow,
        };
        let entry = judgement.entry.and_then(|index| {
            let index = usize::try_from(index).ok()?;
            Some(DecidingEntry { list, index, entry: self.inner.rules.list(list).get(index)? })
        });
        // A name is put in by the caller that has one; without it there is nothing to allow.
        let verdict = if judgement.verdict == Ruling::Allow { Verdict::Allow } else { Verdict::Deny };
        Decision { verdict, reason: judgement.reason, entry }
    }

    /// The Host header that a request to this sandbox port carries, if it is masked (M-3).
    #[must_use]
    pub fn masked_host(&self, port: u16) -> Option<MaskedHost<'_>> {
        let mask = self.host_mask()?;
        (port != 0 && !self.options().guardrails.exempts(port)).then(|| mask.masked(port))
    }

    /// The host mask of the document.
    #[must_use]
    pub fn host_mask(&self) -> Option<&HostMask> {
        self.inner.rules.mask.as_ref()
    }

    /// Whether requests reach the sandbox without its traffic access token.
    #[must_use]
    pub fn allows_public_traffic(&self) -> bool {
        self.inner.rules.public_traffic
    }

    /// What the policy was compiled with.
    #[must_use]
    pub fn options(&self) -> &Options {
        &self.inner.options
    }

    /// The entries of a list, in document order.
    #[must_use]
    pub fn entries(&self, list: List) -> &[Entry] {
        self.inner.rules.list(list)
    }

    /// The document that compiles to this policy, with every entry in its canonical text (G-10).
    #[must_use]
    pub fn config(&self) -> NetworkConfig {
        let texts = |list| -> Vec<String> { self.entries(list).iter().map(ToString::to_string).collect() };
        NetworkConfig {
            allow_out: texts(List::AllowOut),
            deny_out: texts(List::DenyOut),
            allow_in: texts(List::AllowIn),
            deny_in: texts(List::DenyIn),
            mask_request_host: self.host_mask().map(ToString::to_string),
            allow_internet_access: self.inner.rules.internet_access,
            allow_public_traffic: self.inner.rules.public_traffic,
        }
    }
}

impl PartialEq for Policy {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
            || self.inner.rules == other.inner.rules && self.inner.options == other.inner.options
    }
}

impl Eq for Policy {}

impl Hash for Policy {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.inner.rules.hash(state);
        self.inner.options.hash(state);
    }
}

impl fmt::Debug for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Policy").field("config", &self.config()).field("options", self.options()).finish()
    }
}

/// The three verdicts, without what they carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ruling {
    Deny,
    Allow,
    AllowByName,
}

/// What a direction finds: verdict, step, and the number of the entry in the list of that step.
#[derive(Debug, Clone, Copy)]
struct Judgement {
    verdict: Ruling,
    reason: Reason,
    entry: Option<u32>,
}

impl Judgement {
    const fn allow(reason: Reason) -> Self {
        Self { verdict: Ruling::Allow, reason, entry: None }
    }

    const fn deny(reason: Reason) -> Self {
        Self { verdict: Ruling::Deny, reason, entry: None }
    }

    const fn by(self, entry: u32) -> Self {
        Self { entry: Some(entry), ..self }
    }
}

/// The rules of both families, side by side. A block of keys is a cache line.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Families {
    v4: TierTable<u32, 16>,
    v6: TierTable<u128, 4>,
}

impl Families {
    #[inline]
    fn find(&self, address: IpAddr, port: u16) -> Option<Hit> {
        match address {
            IpAddr::V4(v4) => self.v4.find(v4.to_bits(), port),
            IpAddr::V6(v6) => self.v6.find(v6.to_bits(), port),
        }
    }
}

/// Collects the rules of a direction.
#[derive(Debug, Default)]
struct FamiliesBuilder {
    v4: Vec<Rule<u32>>,
    v6: Vec<Rule<u128>>,
}

impl FamiliesBuilder {
    /// Adds a list whose entries each match their own family only.
    fn allow(&mut self, tier: u8, entries: impl Iterator<Item = (u32, AddressEntry)>) {
        entries.for_each(|(number, entry)| self.add(tier, number, entry, entry.network()));
    }

    /// Adds a list in which all traffic means both families (A-2).
    fn deny(&mut self, tier: u8, entries: impl Iterator<Item = (u32, AddressEntry)>) {
        for (number, entry) in entries {
            self.add(tier, number, entry, entry.network());
            if entry.network() == Network::ALL_IPV4 {
                self.add(tier, number, entry, Network::ALL_IPV6);
            }
        }
    }

    fn add(&mut self, tier: u8, number: u32, entry: AddressEntry, network: Network) {
        let (port_low, port_high) = (entry.ports().low(), entry.ports().high());
        let len = network.prefix_len();
        match network.first() {
            IpAddr::V4(first) => {
                self.v4.push(Rule { first: first.to_bits(), len, port_low, port_high, tier, number });
            }
            IpAddr::V6(first) => {
                self.v6.push(Rule { first: first.to_bits(), len, port_low, port_high, tier, number });
            }
        }
    }

    fn build(self) -> Families {
        Families { v4: TierTable::new(self.v4), v6: TierTable::new(self.v6) }
    }
}

/// The address entries of a list with their places in it.
fn addresses(entries: &[Entry]) -> impl Iterator<Item = (u32, AddressEntry)> {
    (0..).zip(entries).filter_map(|(index, entry)| match entry {
        Entry::Address(entry) => Some((index, *entry)),
        Entry::Pattern(_) => None,
    })
}

/// The operator's networks as entries without ports.
fn guardrail_entries(networks: &[Network]) -> impl Iterator<Item = (u32, AddressEntry)> {
    (0..).zip(networks.iter().map(|&network| AddressEntry::of_network(network)))
}
