//! Sandgate for Node: the addon behind the package `sandgate`.
//!
//! Every question is put to the core. This crate only turns values of JavaScript into values of
//! the core and back; no rule of the semantics lives here.

mod analysis;
mod arguments;
mod ask;
mod document;
mod node;
mod options;
mod policy;
mod repair;
mod report;
mod texts;
