//! A sandbox platform on one machine: what the command, its demonstration and the tests share.

#[cfg(target_os = "linux")]
pub mod lab;
