#![doc = include_str!("../../README.md")]
#![no_std]
#![warn(clippy::exhaustive_enums, clippy::exhaustive_structs)]

extern crate alloc;

mod address;
mod analyze;
mod client_ip;
mod config;
mod decision;
mod diagnostic;
mod document;
mod entry;
mod fingerprint;
mod guardrails;
mod host_mask;
mod json;
mod lower;
mod nearest;
mod objects;
mod options;
mod plane;
mod policy;
mod repair;
#[cfg(feature = "schema")]
pub mod schema;
mod source;
mod table;
mod validate;

pub use address::parse_address;
pub use analyze::{
    AddressRange, AddressSteps, Change, CitedEntry, DecidedRegion, Difference, Direction, Edit, Effect, Explanation,
    Flip, HostInput, Input, MaskChange, NameTerm, Names, Outcome, PortSpan, Region, ResolvedChange, Step, StepOutcome,
    TokenChange, Witness, diff, equivalent, tightens,
};
pub use client_ip::{ClientAddress, INTERNAL_HEADER, from_internal_header};
pub use config::{Form, List, NetworkConfig, NetworkUpdate, Spelling, check, check_objects};
pub use decision::{ByName, DecidingEntry, Decision, Destination, Host, Permitted, Reason, Ruling, Verdict};
pub use diagnostic::{Code, Diagnostic, Example, ParseError, Report, Severity};
pub use entry::{ALL_TRAFFIC, AddressEntry, DomainPattern, Entry, HostName, Network, PortRange};
pub use fingerprint::Fingerprint;
pub use guardrails::{Guardrails, NameServer};
pub use host_mask::{HostMask, MaskedHost};
pub use lower::nftables;
pub use objects::{Object, Room};
pub use options::{Capabilities, Limits, Options};
pub use policy::{Policy, Tables};
pub use repair::{HostBits, Repair, Repaired, Repairs, Unrepaired, repair};
pub use source::{Position, Source};
