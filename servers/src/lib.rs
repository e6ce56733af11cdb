//! A sandbox platform on one machine: what the command, its demonstration and the tests share.

pub mod lab;
