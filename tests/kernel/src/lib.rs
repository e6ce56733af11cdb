//! The proof that rules lowered from a policy make a real kernel decide as the policy does.
//!
//! It is the test `kernel` of this package, and nothing else: what it needs beyond the core stays
//! a dependency of a test.
