//! The conformance suite: vectors as data, the obvious evaluator, and what runs them.

pub mod analysis;
pub mod compare;
pub mod draft;
pub mod errors;
pub mod naive;
pub mod opinions;
pub mod rules;
pub mod vector;
