//! What the servers take: requests a second and what they wait, updates while traffic flows, and
//! memory. Run by `cargo xtask bench --part servers`; writes a page of `bench/RESULTS.md`.
//!
//! ```text
//!     ingress.rs     requests, beside a plain proxy     platform.rs    node and edge
//!     updates/       policies changed under traffic     plain.rs       a server, a proxy without policies
//!     memory.rs      very many policies                 client.rs      who asks
//! ```
//!
//! It runs in network namespaces of its own. Where there can be none, that is a failure.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a measurement stops where it is wrong"
)]

mod client;
mod ingress;
mod memory;
mod plain;
mod platform;
mod updates;

fn main() -> std::process::ExitCode {
    use sandgate_lab::{Lab, Place, enter, play};
    use std::{fs, process::ExitCode};

    // Hosts, sandboxes and what uses memory are this very program.
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let Some(code) = play(&words) {
        return code;
    }
    let page = match &words[..] {
        [part, entries] if part == "memory" => {
            memory::play(entries);
            return ExitCode::SUCCESS;
        }
        [part, serve, hosts @ ..] if part == "inside" => {
            updates::inside::play(serve, hosts);
            return ExitCode::SUCCESS;
        }
        [page] => page,
        _ => {
            eprintln!("sandgate-load PAGE");
            return ExitCode::from(2);
        }
    };
    match enter() {
        Place::Inside => {}
        Place::Done(code) => return ExitCode::from(code),
        Place::Impossible(why) => {
            eprintln!("there is nothing to measure in: {why}");
            return ExitCode::FAILURE;
        }
    }
    let _lab = Lab::serving(&["udp:7"]).expect("a laboratory");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let mut text = String::from(
        "# Servers\n\n\
         The node and the edge in closed network namespaces (`cargo xtask bench --part servers`). The machine has two cores and was shared while this was\n\
         measured: what is compared was measured side by side, and single figures are rough.\n\n",
    );
    eprintln!("requests");
    text += &runtime.block_on(ingress::page());
    text.push('\n');
    text += &runtime.block_on(updates::page());
    text.push('\n');
    eprintln!("memory");
    text += &memory::page();
    fs::write(page, text).expect("a page");
    ExitCode::SUCCESS
}
