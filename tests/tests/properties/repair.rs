//! A repair changes how a document is written and never what it means.

use crate::{cases, worlds::world};
use proptest::{prelude::*, sample::Index};
use sandgate::{Code, HostBits, List, NetworkConfig, Options, Policy, Repairs, equivalent, repair};

const MINIMIZED: Repairs = Repairs { host_bits: None, minimize: true };

fn pretty(config: &NetworkConfig) -> String {
    serde_json::to_string_pretty(config).unwrap()
}

fn lists(config: &mut NetworkConfig) -> [&mut Vec<String>; 4] {
    [&mut config.allow_out, &mut config.deny_out, &mut config.allow_in, &mut config.deny_in]
}

/// An entry as somebody may have written it years ago, and whether every reader read it alike.
fn legacy(canonical: &str, spelling: u8) -> (String, bool) {
    let mut text = if spelling & 1 == 0 { canonical.to_owned() } else { canonical.to_ascii_uppercase() };
    let mut is_certain = true;
    match canonical.split_once('/') {
        Some((_, rest)) if spelling & 2 != 0 => {
            text = text.replacen('/', "/00", 1);
            let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
            // A `/0` is written as it is, or it is refused: nobody is offered one.
            let is_read_alike = u32::from_str_radix(&digits, 8).is_ok_and(|octal| octal.to_string() == digits);
            is_certain = digits != "0" && (is_read_alike || digits.contains(['8', '9']));
        }
        None if spelling & 2 != 0 && canonical != "*" => text.push('.'),
        _ => {}
    }
    (text, is_certain)
}

proptest! {
    #![proptest_config(cases(100))]

    #[test]
    fn what_is_minimized_is_equivalent_and_minimal(world in world()) {
        let policy = world.policy();
        let repaired = repair(&pretty(&policy.config()), MINIMIZED, &world.options).unwrap();
        let minimized = Policy::from_json(&repaired.text, &world.options).unwrap();
        prop_assert!(equivalent(&policy, &minimized).is_ok(), "{:?} {:?}", policy, minimized);
        let removed: usize = repaired.repairs.iter().filter(|repair| repair.after.is_none()).count();
        let count = |policy: &Policy| List::ALL.iter().map(|list| policy.entries(*list).len()).sum::<usize>();
        prop_assert_eq!(count(&policy), count(&minimized) + removed);

        let mut all = world.options.clone();
        all.limits.diagnostics = usize::MAX;
        let left = minimized.config().check(&all);
        prop_assert!(!left.contains(Code::CoveredEntry) && !left.contains(Code::DuplicateEntry), "{}", left);
        let again = repair(&repaired.text, MINIMIZED, &world.options).unwrap();
        prop_assert_eq!((&again.text, again.repairs.len()), (&repaired.text, 0));
    }

    #[test]
    fn a_legacy_spelling_is_the_same_policy_or_is_refused(
        world in world(), spellings in proptest::collection::vec(any::<u8>(), 32)
    ) {
        let policy = world.policy();
        let mut config = policy.config();
        let mut is_certain = true;
        let mut spelling = spellings.iter().cycle();
        for list in lists(&mut config) {
            for entry in list {
                let (text, certain) = legacy(entry, *spelling.next().unwrap());
                is_certain &= certain;
                *entry = text;
            }
        }
        let repaired = repair(&pretty(&config), Repairs::default(), &world.options);
        prop_assert_eq!(repaired.is_ok(), is_certain, "{:?}", config);
        if let Ok(repaired) = repaired {
            let strict = Policy::from_json(&repaired.text, &world.options).unwrap();
            prop_assert_eq!(strict.fingerprint(), policy.fingerprint(), "{}", repaired.text);
        }
    }

    #[test]
    fn host_bits_are_one_of_two_things_and_never_guessed(bits in any::<u32>(), len in 1..32_u8, at in any::<Index>()) {
        let address = std::net::Ipv4Addr::from_bits(bits);
        let network: ipnet::Ipv4Net = ipnet::Ipv4Net::new(address, len).unwrap();
        prop_assume!(network.addr() != network.network());
        let list = ["allowOut", "denyOut", "denyIn"][at.index(3)];
        let text = format!(r#"{{"{list}": ["{network}"]}}"#);
        let entry = |how| {
            let repaired = repair(&text, Repairs { host_bits: how, minimize: false }, &Options::default()).ok()?;
            repaired.repairs[0].after.clone()
        };
        prop_assert_eq!(entry(None), None);
        prop_assert_eq!(entry(Some(HostBits::Address)), Some(format!("{address}/32")));
        let is_writable = !network.network().is_unspecified();
        prop_assert_eq!(entry(Some(HostBits::Network)), is_writable.then(|| network.trunc().to_string()));
    }
}
