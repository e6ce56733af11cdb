//! The whole path, from a `PUT` to a packet: the three services as processes of the real command,
//! real HTTP, gRPC, nftables and packets.
//!
//! The tests run one after another in namespaces of their own, from which no route leads out.
//! Where there are none to be had they are skipped, and say so; with `SANDGATE_KERNEL=required`
//! that is a failure. `SANDGATE_E2E_LOG=1` shows what the services log.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unreachable,
    reason = "a test fails by panicking"
)]

mod answers;
mod changes;
mod egress;
mod failure;
mod http;
mod ingress;
mod kills;
mod names;
mod race;
mod services;
mod stream;
mod world;

const TESTS: [sandgate_lab::Test; 15] = [
    ("every_status_of_the_api_is_answered_on_a_platform_that_runs", answers::all_statuses),
    ("each_egress_policy_is_what_happens_from_its_acknowledgement_on", egress::steps),
    ("each_ingress_policy_is_what_happens_from_its_acknowledgement_on", ingress::steps),
    ("a_client_is_who_the_edge_finds_whatever_it_writes", ingress::chains),
    ("a_forged_hosts_file_leads_nowhere_else", names::forged_hosts),
    ("a_name_of_the_platforms_own_addresses_leads_nowhere", names::rebinding),
    ("an_update_of_everything_is_made_together_or_not_at_all", changes::combined),
    ("pause_resume_and_restarts_keep_the_whole_policy", changes::pause_and_resume),
    ("a_node_that_hangs_during_an_update_leaves_what_was_before", failure::hanging),
    ("a_node_that_is_gone_during_an_update_leaves_what_was_before", failure::gone),
    ("killing_the_api_during_updates_loses_nothing", kills::api),
    ("killing_the_node_during_updates_loses_nothing", kills::node),
    ("killing_the_edge_during_updates_loses_nothing", kills::edge),
    ("updates_without_a_pause_answer_nothing_wrongly", stream::updates),
    ("two_instances_of_the_api_lose_no_change_of_each_other", race::two_instances),
];

fn main() -> std::process::ExitCode {
    use sandgate_lab::{play, run_tests};

    // The hosts and the clients are this very program.
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let Some(code) = play(&words) {
        return code;
    }
    run_tests("the end-to-end tests", TESTS)
}
