//! The services of a sandbox platform, each alone or all on one machine.

fn main() {}
