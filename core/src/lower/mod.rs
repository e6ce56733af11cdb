//! A policy in the words of what enforces it: pure data and text, from the same judge.

pub mod nftables;
