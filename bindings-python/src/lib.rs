//! Sandgate for Python: the module `sandgate._native`, behind the package `sandgate`.
//!
//! Every question is put to the core. This crate only turns values of Python into values of the
//! core and back; no rule of the semantics lives here.

mod address;
mod analysis;
mod client;
mod decision;
mod guard;
mod many;
mod objects;
mod options;
mod policy;
mod repair;
mod report;
mod texts;

use pyo3::prelude::*;

/// The compiled part of the package `sandgate`.
// Every class is frozen, so nothing needs the lock of the interpreter.
#[pymodule(gil_used = false)]
mod _native {
    #[pymodule_export]
    use crate::{
        analysis::{diff, equivalent, tightens, widening},
        client::{ClientAddress, from_internal_header, restore_client_address},
        decision::{DecidingEntry, Decision},
        guard::provoke_panic,
        options::{Guardrails, Limits},
        policy::{Effect, Policy, restore},
        repair::{Repair, Repaired, repair_json},
        report::{Diagnostic, Report, check, check_json},
        texts::{HostMask, apply_update, canonical_entry, network_config_schema, network_update_schema},
    };

    #[pymodule_export]
    const ALL_TRAFFIC: &str = sandgate::ALL_TRAFFIC;
    #[pymodule_export]
    const INTERNAL_HEADER: &str = sandgate::INTERNAL_HEADER;
    #[pymodule_export]
    const VERSION: &str = env!("CARGO_PKG_VERSION");
}
