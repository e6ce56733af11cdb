//! A compiled policy: what a valid document and its options decide (sections 6 and 7).

mod cells;
mod egress;
mod families;
mod ingress;
mod saved;
mod tables;

use crate::{
    address::embedded_ipv4,
    config::{Form, List, NetworkConfig, Spelling},
    decision::{ByName, DecidingEntry, Decision, Destination, Host, Reason, Ruling, Verdict},
    diagnostic::Report,
    document,
    entry::Entry,
    host_mask::{HostMask, MaskedHost},
    options::Options,
    validate::{Checker, Rules},
};
use alloc::{
    boxed::Box,
    string::{String, ToString},
    sync::Arc,
    vec::Vec,
};
pub(crate) use cells::{Ground, Peer, Plot};
use core::{
    fmt,
    hash::{Hash, Hasher},
    net::{IpAddr, Ipv6Addr},
};
use egress::{Egress, Named};
use ingress::Ingress;
use serde::Deserializer;
pub use tables::Tables;

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
///
/// # Many policies
///
/// A program that holds many policies, most of them equal, keeps each once in a set of its own:
/// policies are equal and equally hashed if they decide and explain alike. Where texts differ and
/// decisions do not, the [`Tables`] can still be shared:
///
/// ```
/// use sandgate::{NetworkConfig, Options, Policy, Tables};
/// use std::collections::HashSet;
///
/// let mut policies: HashSet<Policy> = HashSet::new();
/// let mut tables: HashSet<Tables> = HashSet::new();
/// for mask in ["a.example", "b.example", "a.example"] {
///     let config = NetworkConfig { mask_request_host: Some(mask.into()), ..Default::default() };
///     let mut policy = Policy::compile(&config, &Options::default())?;
///     match tables.get(policy.tables()) {
///         Some(known) => assert!(policy.adopt(known)),
///         None => assert!(tables.insert(policy.tables().clone())),
///     }
///     policies.insert(policy);
/// }
/// assert_eq!((policies.len(), tables.len()), (2, 1));
/// # Ok::<(), sandgate::Report>(())
/// ```
#[derive(Clone)]
pub struct Policy {
    tables: Tables,
    origin: Arc<Origin>,
}

/// What a policy was compiled from and explains with.
struct Origin {
    options: Options,
    rules: Rules,
    egress: Egress,
    ingress: Ingress,
    /// Where the addresses and the patterns of `allowOut` stand in it, if it has both.
    places: Option<Places>,
}

struct Places {
    addresses: Box<[u32]>,
    patterns: Box<[u32]>,
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

    /// The same door for a document that is no text: objects of another language, through a
    /// deserializer of any self-describing format.
    ///
    /// # Errors
    ///
    /// Outside, what the deserializer fails with; inside, every violation of the document.
    ///
    /// ```
    /// use sandgate::{Options, Policy, Spelling};
    ///
    /// let document = serde_json::json!({"allow_in": ["203.0.113.7"], "deny_in": ["0.0.0.0/0"]});
    /// let policy = Policy::from_objects(&document, Spelling::WireOrSnake, &Options::default())?.unwrap();
    /// assert!(!policy.allows_ingress("203.0.113.8".parse().ok(), 443));
    /// assert!(Policy::from_objects(&document, Spelling::Wire, &Options::default())?.is_err());
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub fn from_objects<'de, D: Deserializer<'de>>(
        document: D,
        spelling: Spelling,
        options: &Options,
    ) -> Result<Result<Self, Report>, D::Error> {
        let mut checker = Checker::new(options);
        document::drive(document, Form::Config, spelling, &mut checker)?;
        Ok(checker.finish().map(|rules| Self::new(rules, options)))
    }

    fn new(rules: Rules, options: &Options) -> Self {
        let names = egress::names(&rules);
        let mut sorted = egress::sort(&rules, &options.guardrails);
        let egress = Egress::new(&sorted, &rules, &options.guardrails, names.is_some());
        egress.add_name_server(&mut sorted);
        let mut sorted_in = ingress::sort(&rules);
        let ingress = Ingress::new(&sorted_in, &rules, options);
        ingress.close_ipv6(&mut sorted_in);
        let places = Places::of(&rules.allow_out);
        Self {
            tables: Tables::new(&sorted, &sorted_in, &options.guardrails.exempt_ports, names),
            origin: Arc::new(Origin { options: options.clone(), rules, egress, ingress, places }),
        }
    }

    /// What the policy decides with.
    #[must_use]
    pub const fn tables(&self) -> &Tables {
        &self.tables
    }

    /// Takes tables that are equal to the policy's own in their place, so that both policies hold
    /// them once. Whether they were equal.
    pub fn adopt(&mut self, tables: &Tables) -> bool {
        let are_equal = self.tables == *tables;
        if are_equal {
            self.tables = tables.clone();
        }
        are_equal
    }

    /// Whether a client may reach a port of the sandbox. `None` is the unknown client (I-3).
    #[must_use]
    #[inline]
    pub fn allows_ingress(&self, client: Option<IpAddr>, port: u16) -> bool {
        match client {
            Some(IpAddr::V4(client)) => self.tables.allows_ingress_v4(client, port),
            Some(IpAddr::V6(client)) => self.tables.allows_ingress_v6(client, port),
            None => self.decide_ingress(None, port).is_allowed(),
        }
    }

    /// Whether a client may reach a port of the sandbox, and why (I-1 to I-7).
    #[must_use]
    pub fn decide_ingress(&self, client: Option<IpAddr>, port: u16) -> Decision<'_> {
        self.explain(self.origin.ingress.judge(client, port), List::AllowIn, List::DenyIn)
    }

    /// Whether the sandbox may connect to this very address. It takes no host name: a name never
    /// makes it true.
    #[must_use]
    #[inline]
    pub fn allows_egress(&self, address: IpAddr, port: u16) -> bool {
        match address {
            IpAddr::V4(address) => self.tables.allows_egress_v4(address, port),
            IpAddr::V6(address) => self.allows_egress_v6(address, port),
        }
    }

    // Out of line: the way of an IPv4 address stays short.
    #[inline(never)]
    fn allows_egress_v6(&self, address: Ipv6Addr, port: u16) -> bool {
        match embedded_ipv4(IpAddr::V6(address)) {
            None => self.tables.allows_egress_v6(address, port),
            // Two addresses and a rule of their own (A-3).
            Some(_) => self.origin.egress.judge(IpAddr::V6(address), port, None).verdict == Ruling::Allow,
        }
    }

    /// Whether the sandbox may connect, to the address or by name, and why (E-1 to E-7).
    #[must_use]
    pub fn decide_egress(&self, destination: &Destination<'_>) -> Decision<'_> {
        self.decide_egress_with(destination, Egress::judge)
    }

    /// One of two addresses that make one destination, judged by itself (A-3).
    pub(crate) fn decide_one_of_two(&self, destination: &Destination<'_>) -> Decision<'_> {
        self.decide_egress_with(destination, Egress::judge_one_of_two)
    }

    #[inline]
    fn decide_egress_with(
        &self,
        destination: &Destination<'_>,
        judge: impl FnOnce(&Egress, IpAddr, u16, Named<'_>) -> Judgement,
    ) -> Decision<'_> {
        let names = self.tables.names();
        let Destination { address, port, host } = *destination;
        let name = host.filter(|_| names.is_some()).and_then(Host::name);
        let judgement = judge(&self.origin.egress, address, port, names.zip(name.as_ref()));
        let mut decision = self.explain(judgement, List::AllowOut, List::DenyOut);
        if let (Ruling::AllowByName, Some(name)) = (judgement.verdict, name) {
            decision.verdict = Verdict::AllowByName(ByName { guardrails: &self.origin.options.guardrails, name, port });
        }
        decision
    }

    fn explain(&self, judgement: Judgement, allow: List, deny: List) -> Decision<'_> {
        let list = match judgement.reason {
            Reason::DenyEntry => deny,
            _ => allow,
        };
        let entry = judgement.entry.and_then(|number| {
            let index = self.place(list, judgement.reason, number)?;
            Some(DecidingEntry { list, index, entry: self.origin.rules.list(list).get(index)? })
        });
        // A name is put in by the caller that has one; without it there is nothing to allow.
        let verdict = if judgement.verdict == Ruling::Allow { Verdict::Allow } else { Verdict::Deny };
        Decision { verdict, reason: judgement.reason, entry }
    }

    /// Where the entry with this number among the addresses or patterns stands in its list.
    fn place(&self, list: List, reason: Reason, number: u32) -> Option<usize> {
        let number = usize::try_from(number).ok()?;
        let Some(places) = self.origin.places.as_ref().filter(|_| list == List::AllowOut) else { return Some(number) };
        let places = if reason == Reason::AllowName { &places.patterns } else { &places.addresses };
        places.get(number).and_then(|place| usize::try_from(*place).ok())
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
        self.origin.rules.mask.as_ref()
    }

    /// Whether requests reach the sandbox without its traffic access token.
    #[must_use]
    pub fn allows_public_traffic(&self) -> bool {
        self.origin.rules.public_traffic
    }

    /// Whether a request to a port must carry the sandbox's traffic access token: without public
    /// traffic, and not on exempt ports (section 2). Whether the client may come there at all is another
    /// question.
    ///
    /// ```
    /// use sandgate::{Guardrails, Options, Policy};
    ///
    /// let guardrails = Guardrails { exempt_ports: vec![49983], ..Guardrails::default() };
    /// let options = Options { guardrails, ..Options::default() };
    /// let closed = Policy::from_json(r#"{"allowPublicTraffic": false}"#, &options)?;
    /// assert!(closed.needs_token(443) && !closed.needs_token(49983));
    /// assert!(!Policy::from_json("{}", &options)?.needs_token(443));
    /// # Ok::<(), sandgate::Report>(())
    /// ```
    #[must_use]
    pub fn needs_token(&self, port: u16) -> bool {
        !self.allows_public_traffic() && !self.options().guardrails.exempts(port)
    }

    /// Whether egress that no entry allows is open but for `denyOut`.
    #[must_use]
    pub fn allows_internet_access(&self) -> bool {
        self.origin.rules.internet_access
    }

    /// What the policy was compiled with.
    #[must_use]
    pub fn options(&self) -> &Options {
        &self.origin.options
    }

    /// The entries of a list, in document order.
    #[must_use]
    pub fn entries(&self, list: List) -> &[Entry] {
        self.origin.rules.list(list)
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
            allow_internet_access: self.origin.rules.internet_access,
            allow_public_traffic: self.origin.rules.public_traffic,
        }
    }
}

impl PartialEq for Policy {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.origin, &other.origin)
            || self.origin.rules == other.origin.rules && self.origin.options == other.origin.options
    }
}

impl Eq for Policy {}

impl Hash for Policy {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.origin.rules.hash(state);
        self.origin.options.hash(state);
    }
}

impl fmt::Debug for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Policy").field("config", &self.config()).field("options", self.options()).finish()
    }
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

impl Places {
    /// The places, unless a number is its place because the list has one kind of entry only.
    fn of(entries: &[Entry]) -> Option<Self> {
        let (mut addresses, mut patterns) = (Vec::new(), Vec::new());
        for (place, entry) in (0..).zip(entries) {
            match entry {
                Entry::Address(_) => addresses.push(place),
                Entry::Pattern(_) => patterns.push(place),
            }
        }
        let is_mixed = !addresses.is_empty() && !patterns.is_empty();
        is_mixed.then(|| Self { addresses: addresses.into(), patterns: patterns.into() })
    }
}
