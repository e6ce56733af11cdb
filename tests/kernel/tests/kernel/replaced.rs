//! Rules are replaced while packets flow: every packet meets the old rules or the new ones.
//!
//! A question is a packet that is sent again and again. Where both policies say the same, that is
//! what became of every one of its packets. Where they differ, it is what one of them says.

use crate::{
    boundaries::all_settings,
    generated::crossed,
    lab::{
        LINK, Lab,
        packets::{Kind, frame},
        probe::{Fate, Question, expected, is_reachable, mark, place},
    },
    worlds::world,
};
use proptest::{
    strategy::{Strategy, ValueTree},
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use sandgate::{
    Capabilities, Direction, Guardrails, Options, Policy,
    nftables::{Established, Place, RuleSet, Settings, Turn, lower},
};
use std::{collections::BTreeSet, env, fmt::Write, net::IpAddr, num::NonZeroU16};

pub(crate) fn tests() -> Vec<(&'static str, fn())> {
    vec![
        ("every_packet_meets_the_old_rules_or_the_new_ones_of_4_entries", || of_size(4, 300)),
        ("every_packet_meets_the_old_rules_or_the_new_ones_of_100_entries", || of_size(100, 100)),
        ("every_packet_meets_the_old_rules_or_the_new_ones_of_1000_entries", || of_size(1000, 20)),
        ("every_packet_meets_the_old_rules_or_the_new_ones_of_10000_entries", || of_size(10_000, 2)),
        ("every_packet_meets_the_old_rules_or_the_new_ones_of_generated_policies", generated),
        ("every_packet_meets_the_old_rules_while_the_kernel_refuses_others", refused),
    ]
}

/// How many times as many replacements are made as a change should wait for.
pub(crate) fn factor() -> usize {
    env::var("SANDGATE_REPLACEMENTS").ok().map_or(1, |factor| factor.parse().expect("a number"))
}

/// What a run came to.
#[derive(Debug, Default)]
struct Flow {
    replacements: u64,
    refused: usize,
    packets: u64,
    /// Packets about which the policies agree.
    agreed: u64,
    /// Of those about which they do not, the ones that met the first policy, and the second.
    met: [u64; 2],
}

/// Two policies whose rules take turns, and packets with what each makes of them.
struct Turns<'p> {
    policies: [&'p Policy; 2],
    rules: [RuleSet; 2],
    direction: Direction,
    questions: Vec<Question>,
}

impl<'p> Turns<'p> {
    fn new(policies: [&'p Policy; 2], direction: Direction, settings: &Settings, mut questions: Vec<Question>) -> Self {
        let (place, _) = place(direction, settings.place.clone());
        let lowered = |(policy, turn)| lower(policy, &Settings { place: place.clone(), turn, ..settings.clone() });
        let rules = [(policies[0], Turn::First), (policies[1], Turn::Second)].map(lowered);
        questions.retain(|question| is_reachable(question.address, direction));
        Self { policies, rules, direction, questions }
    }

    /// Loads the texts by turns while all packets are sent, again and again, and judges what became
    /// of each. Returns what `nft` said, and how many tables the kernel made.
    fn run(&self, texts: &[&str], times: usize, allowed: &[usize], flow: &mut Flow) -> (String, u64) {
        let lab = Lab::get();
        let (_, marked) = place(self.direction, Place::Sandbox);
        lab.load(&self.rules[0], marked);
        let asked = || (1..).zip(&self.questions);
        let frames: Vec<Vec<u8>> = asked()
            .map(|(number, question)| {
                let mark = mark(question.address, number);
                match self.direction {
                    Direction::Egress => frame(mark, question.address, question.kind),
                    Direction::Ingress => frame(question.address, mark, question.kind),
                }
            })
            .collect();
        let mut rounds = 0;
        let before = lab.number_of_tables();
        let said = lab.by_turns(texts, times, || {
            for frame in &frames {
                lab.send(frame);
            }
            rounds += 1;
        });
        let made = lab.number_of_tables() - before - 1;
        let record = lab.record();
        for (number, question) in asked() {
            let mark = mark(question.address, number);
            let [passed, redirected] =
                [&record.passed, &record.redirected].map(|marks| marks.get(&mark).copied().unwrap_or(0));
            let count = |fate| match fate {
                Fate::Passed => passed,
                Fate::Redirected => redirected,
                Fate::Dropped => rounds - passed - redirected,
            };
            let fates: Vec<Fate> = allowed
                .iter()
                .map(|&turn| expected(self.policies[turn], self.direction, *question, &self.rules[turn]))
                .collect();
            flow.packets += rounds;
            let met = match fates[..] {
                [first, second] if first != second => {
                    let met = [count(first), count(second)];
                    flow.met = [flow.met[0] + met[0], flow.met[1] + met[1]];
                    met[0] + met[1]
                }
                _ => {
                    flow.agreed += rounds;
                    count(fates[0])
                }
            };
            assert_eq!(
                met, rounds,
                "{} {question:?}: {fates:?}, and of {rounds} packets {passed} passed and {redirected} were redirected",
                self.direction
            );
        }
        assert_eq!(record.arrived, rounds * u64::try_from(frames.len()).expect("few"), "all packets come in");
        lab.unload();
        (said, made)
    }

    /// Lets both take turns, in steps.
    fn replace(&self, times: usize, flow: &mut Flow) {
        // The second comes first: the first is in force.
        let steps: Vec<String> =
            [1, 0].iter().flat_map(|&turn: &usize| self.rules[turn].steps()).map(|step| step.to_string()).collect();
        let texts: Vec<&str> = steps.iter().map(String::as_str).collect();
        let (said, made) = self.run(&texts, 3 * times, &[0, 1], flow);
        assert_eq!(said, "", "all rules are taken");
        assert_eq!(made, u64::try_from(times).expect("few"), "all rules were replaced");
        flow.replacements += made;
    }
}

/// An entry of a document with many.
fn entry(number: usize) -> String {
    let [high, low] = [number >> 8, number & 0xff];
    match number % 3 {
        0 => format!("20.{high}.{low}.0/24"),
        1 => format!("20.{high}.{low}.0/24:443"),
        _ => format!("2001:db8:{number:x}::/48"),
    }
}

/// An address in the network of an entry.
fn within(number: usize) -> IpAddr {
    let entry = entry(number);
    let (network, _) = entry.split_once('/').expect("a network");
    let address = if network.contains(':') { format!("{network}7") } else { network.replace(".0", ".7") };
    address.parse().expect("an address")
}

/// Two policies of so many networks each, which agree about half of them, for reasons of their own:
/// one denies its networks, the other allows its networks alone, and what a name may allow.
fn pair(size: usize) -> [Policy; 2] {
    // Of four networks, both deny one, both allow one, and about two they differ.
    let of = |groups: [usize; 2]| -> Vec<String> {
        (0..2 * size).filter(|number| groups.contains(&(number / 3 % 4))).map(entry).collect()
    };
    let denied = of([0, 1]);
    let allowed = of([1, 3]);
    let mut with_name = allowed.clone();
    with_name.push("*.example.com".into());
    let capabilities = Capabilities { egress_ports: true, ipv6_ingress: true };
    let options = Options { guardrails: Guardrails::none(), capabilities, ..Options::default() };
    let all = ["0.0.0.0/0"];
    [
        serde_json::json!({"denyOut": denied, "denyIn": denied}),
        serde_json::json!({"allowOut": with_name, "denyOut": all, "allowIn": allowed, "denyIn": all}),
    ]
    .map(|document| Policy::from_json(&document.to_string(), &options).unwrap_or_else(|report| panic!("{report}")))
}

/// Packets to some of the networks.
fn packets(size: usize) -> Vec<Question> {
    // No multiple of 12, so that there are some of every group and every kind.
    let step = (2 * size / 60).max(1) | 1;
    let tried = (0..2 * size).step_by(if step.is_multiple_of(3) { step + 2 } else { step });
    let kinds = [Kind::Tcp(443), Kind::Udp(443), Kind::Tcp(80), Kind::Echo];
    tried.flat_map(|number| kinds.map(|kind| Question { address: within(number), kind })).collect()
}

fn on_link(established: Established) -> Settings {
    let place = Place::interface(LINK.parse().expect("a name"), NonZeroU16::new(8080));
    Settings { established, ..Settings::new(place) }
}

fn of_size(size: usize, times: usize) {
    let [first, second] = pair(size);
    let mut flow = Flow::default();
    for established in [Established::Keep, Established::Recheck] {
        for direction in [Direction::Egress, Direction::Ingress] {
            let turns = Turns::new([&first, &second], direction, &on_link(established), packets(size));
            // An odd number, so that the second is the last.
            turns.replace(times * factor() / 2 * 2 + 1, &mut flow);
        }
    }
    eprintln!("{size} entries: {flow:?}");
    assert!(flow.agreed > 0 && flow.met.iter().all(|met| *met > 0), "packets meet both: {flow:?}");
}

/// Policies of the small world, where things collide, two after another and all settings in turn.
fn generated() {
    let mut runner = TestRunner::new_with_rng(Config::default(), TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    let mut next = || world().new_tree(&mut runner).expect("worlds are valid").current().policy();
    let all = all_settings();
    let mut flow = Flow::default();
    let mut first = next();
    for number in 0..40 {
        let second = next();
        let questions: BTreeSet<Question> = crossed(&first).into_iter().chain(crossed(&second)).collect();
        let direction = [Direction::Egress, Direction::Ingress][number / all.len() % 2];
        let settings = &all[number % all.len()];
        let turns = Turns::new([&first, &second], direction, settings, questions.into_iter().collect());
        turns.replace(11 * factor(), &mut flow);
        first = second;
    }
    eprintln!("generated: {flow:?}");
    assert!(flow.agreed > 0 && flow.met.iter().all(|met| *met > 0), "packets meet both: {flow:?}");
}

/// The kernel itself refuses: that chains lead into each other is seen when all is there.
fn refused() {
    let mut flow = Flow::default();
    for size in [4, 1000] {
        let [first, second] = pair(size);
        for established in [Established::Keep, Established::Recheck] {
            let turns = Turns::new([&first, &second], Direction::Egress, &on_link(established), packets(size));
            // In the place of the table that is in force.
            let next = lower(&second, &on_link(established));
            let mut text = next.to_string();
            let wrong = [
                "chain {} one",
                "chain {} two",
                "rule {} one jump two",
                "rule {} two jump one",
                "rule {} from_sandbox jump one",
            ];
            for line in wrong.map(|line| line.replace("{}", &format!("inet {}", next.table))) {
                writeln!(text, "add {line}").expect("a text grows");
            }
            let times = 50 * factor();
            let (said, _) = turns.run(&[&text], times, &[0], &mut flow);
            let refused = said.matches("Too many links").count();
            assert_eq!(refused, times, "{said}");
            flow.refused += refused;
        }
    }
    eprintln!("refused: {flow:?}");
    assert!(flow.agreed > 0);
}
