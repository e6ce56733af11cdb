//! What is denied is logged, once and for its reason, and what passes is not.

use crate::{
    boundaries::questions,
    lab::{
        LINK, Lab, Marked,
        log::Group,
        packets::frame,
        probe::{Fate, expected, is_by_name, is_reachable, mark},
    },
};
use sandgate::{
    Capabilities, Destination, Direction, Options, Policy, Ruling,
    nftables::{Class, Established, Log, Place, Settings, lower},
};
use std::{collections::BTreeMap, num::NonZeroU16};

pub(crate) fn tests() -> Vec<(&'static str, fn())> {
    vec![("the_log_names_each_denied_packet_and_the_class_that_denied_it", logged)]
}

const GROUP: u16 = 7;

fn logged() {
    let lab = Lab::get();
    let document = r#"{
        "allowOut": ["203.0.113.0/24:443", "2001:db8::/32", "10.0.0.0/8", "*.example.com"],
        "denyOut": ["203.0.113.64/26", "2001:db8:1::/48", "0.0.0.0/0"]
    }"#;
    let capabilities = Capabilities { egress_ports: true, ipv6_ingress: true };
    let options = Options { capabilities, ..Options::default() };
    let policy = Policy::from_json(document, &options).unwrap_or_else(|report| panic!("{report}"));
    let questions: Vec<_> =
        questions(&policy).into_iter().filter(|asked| is_reachable(asked.address, Direction::Egress)).collect();
    let group = Group::listen(GROUP);
    for (proxy, established) in [(None, Established::Keep), (NonZeroU16::new(8080), Established::Recheck)] {
        let place = Place::interface(LINK.parse().expect("a name"), proxy);
        let rules = lower(&policy, &Settings { established, log: Log::Group(GROUP), ..Settings::new(place) });
        lab.load(&rules, Marked::Source);
        let (mut reasons, mut lines) = (BTreeMap::new(), 0);
        for (number, question) in (1..).zip(&questions) {
            let source = mark(question.address, number);
            lab.send(&frame(source, question.address, question.kind));
            let read = group.read();
            let found: Vec<_> = read
                .iter()
                .filter(|logged| logged.source == source)
                .map(|logged| Class::from_log(&logged.prefix))
                .collect();
            let denied = (expected(&policy, Direction::Egress, *question, &rules) == Fate::Dropped).then(|| {
                let is_by_name = is_by_name(&policy, *question);
                let verdict = if is_by_name { Ruling::AllowByName } else { Ruling::Deny };
                let destination = Destination::new(question.address, question.kind.port());
                (verdict, policy.decide_egress(&destination).reason())
            });
            let found: Vec<_> = found.into_iter().map(|class| class.expect("the prefix of a class")).collect();
            assert!(found.iter().all(|class| class.direction == Direction::Egress), "{question:?}: {found:?}");
            let told: Vec<_> =
                found.iter().map(|class| (class.verdict, class.reason.expect("reasons are told apart"))).collect();
            assert_eq!(told, denied.into_iter().collect::<Vec<_>>(), "{question:?}");
            for class in found {
                *reasons.entry(class.to_string()).or_insert(0) += 1;
                lines += 1;
            }
        }
        eprintln!("{} packets, {lines} log lines: {reasons:?}", questions.len());
        assert!(reasons.len() >= 2, "several reasons are logged: {reasons:?}");
    }
    lab.unload();
}
