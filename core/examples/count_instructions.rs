//! Asks one kind of question a given number of times, to be counted by a tool that counts
//! instructions: `count_instructions CASE QUESTIONS`.

#![expect(
    clippy::expect_used,
    clippy::arithmetic_side_effects,
    reason = "a program of the developers, run by hand and by CI"
)]

use sandgate::{Capabilities, Destination, Guardrails, Host, NetworkConfig, Options, Policy};
use std::{
    env,
    hint::black_box,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

fn main() {
    let mut arguments = env::args().skip(1);
    let case = arguments.next().expect("a case");
    let questions: u32 = arguments.next().and_then(|text| text.parse().ok()).expect("a number of questions");
    let policy = policy(&case);
    let mut allowed = 0_u32;
    for question in 0..questions {
        // Spread over the entries, in and beside them.
        let spread = question.wrapping_mul(2_654_435_761);
        let v4 = IpAddr::V4(Ipv4Addr::from_bits(0x1400_0000 | (spread >> 8)));
        let v6 = IpAddr::V6(Ipv6Addr::from_bits((0x2600_u128 << 112) | (u128::from(spread) << 84)));
        let port = u16::try_from(spread & 0x1ff).unwrap_or_default();
        let answer = match case.as_str() {
            "ingress-10" => policy.allows_ingress(black_box(Some(v4)), port),
            "egress-1000" => policy.allows_egress(black_box(v4), port),
            "egress-ipv6-1000" => policy.allows_egress(black_box(v6), port),
            "egress-explained-1000" => policy.decide_egress(black_box(&Destination::new(v4, port))).entry().is_some(),
            _ => {
                let names: [&[u8]; 3] = [b"www.h10.example.com", b"API.H20.example.com", b"nothing.example.net"];
                let name = names.get(usize::try_from(question % 3).unwrap_or_default()).copied().unwrap_or_default();
                policy
                    .decide_egress(&Destination { address: v4, port, host: Some(Host::Sni(black_box(name))) })
                    .is_allowed()
            }
        };
        allowed += u32::from(black_box(answer));
    }
    println!("{allowed} of {questions}");
}

fn policy(case: &str) -> Policy {
    let mut config = NetworkConfig::default();
    match case {
        "ingress-10" => {
            config.allow_in = (0..9).map(|n| format!("20.{n}.0.0/16:443")).collect();
            config.deny_in = vec!["0.0.0.0/0".into()];
        }
        "name-1000" => {
            config.allow_out =
                (0..1_000).map(|n| format!("{}h{n}.example.com", if n % 5 < 2 { "*." } else { "" })).collect();
            config.deny_out = vec!["0.0.0.0/0".into()];
        }
        "egress-ipv6-1000" => {
            config.deny_out = (0..1_000).map(|n| format!("2600:{:x}:{:x}::/48", n * 65, n * 7)).collect();
        }
        _ => {
            let ports = |n: u32| if n.is_multiple_of(5) { ":1-255" } else { "" };
            config.deny_out = (0..1_000).map(|n| format!("20.{}.{}.0/24{}", n / 4, n * 7 % 256, ports(n))).collect();
        }
    }
    let capabilities = Capabilities { egress_ports: true, ipv6_ingress: true };
    let options = Options { guardrails: Guardrails::none(), capabilities, ..Options::default() };
    Policy::compile(&config, &options).expect("the entries are valid")
}
