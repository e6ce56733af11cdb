//! A sandbox platform on one machine: what its command and its tests share.

/// The network in which the platform is demonstrated and tested.
pub use sandgate_lab as lab;
