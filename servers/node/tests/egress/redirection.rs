//! What the kernel says about connections that it redirected, in a network of its own.

use crate::world::{ONE_NAME, World, assert_refused};
use sandgate_node_agent::egress::Original;
use std::{
    env,
    io::Write,
    net::{IpAddr, SocketAddr},
    process::{Command, Stdio},
};
use tokio::net::{TcpSocket, TcpStream};

const NAME: &str = "redirection::the_kernel_says_where_a_connection_was_going";
const INSIDE: &str = "SANDGATE_TEST_IN_ITS_OWN_NETWORK";

#[tokio::test]
async fn the_kernel_says_where_a_connection_was_going() {
    if env::var_os(INSIDE).is_some() {
        return inside().await;
    }
    let can = Command::new("unshare").args(["--net", "nft", "list", "ruleset"]).output();
    if !can.is_ok_and(|output| output.status.success()) {
        let is_required = env::var_os("SANDGATE_KERNEL").is_some_and(|value| value == "required");
        assert!(!is_required, "{NAME} is required, and needs root, `unshare` and `nft`");
        eprintln!("SKIPPED: {NAME} needs root, `unshare` and `nft`");
        return;
    }
    let mut again = Command::new("unshare");
    again.arg("--net").arg(env::current_exe().unwrap()).args(["--exact", NAME, "--nocapture"]).env(INSIDE, "1");
    let output = again.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}{}", String::from_utf8_lossy(&output.stderr));
}

async fn inside() {
    run("ip", &["link", "set", "lo", "up"], "");
    run("ip", &["route", "add", "local", "192.0.2.0/24", "dev", "lo"], "");
    run("ip", &["-6", "route", "add", "local", "2001:db8::/32", "dev", "lo"], "");
    let mut world = World::redirected(Original::redirected(), |_| {}).await;
    let [v4, v6] = [world.proxies[0].port(), world.proxies[1].port()];
    let rules = format!(
        "table inet test {{ chain out {{ type nat hook output priority -100; ip daddr 192.0.2.0/24 tcp dport 25 redirect to :{v4}; ip6 daddr 2001:db8::/32 tcp dport 25 redirect to :{v6}; }}\n}}"
    );
    run("nft", &["-f", "-"], &rules);
    world.sandbox(1, ONE_NAME);
    for (from, to) in [("127.0.1.1", "192.0.2.7"), ("::1", "2001:db8::7")] {
        let socket = if to.contains(':') { TcpSocket::new_v6() } else { TcpSocket::new_v4() }.unwrap();
        socket.bind(SocketAddr::new(from.parse().unwrap(), 0)).unwrap();
        let to: IpAddr = to.parse().unwrap();
        assert_refused(socket.connect(SocketAddr::new(to, 25)).await.unwrap()).await;
        let denied = world.denied().await;
        assert_eq!((denied.address, denied.port), (to.to_string(), 25));
        // The next one is of a kind that was just told.
        world.registry.remove("sandbox1");
        world.sandbox(1, r#"{"allowOut": ["api.example"], "denyOut": ["192.0.2.0/24", "0.0.0.0/0", "::/0"]}"#);
    }
    // Sent to the proxy itself: it does not connect to itself, which the policy would allow.
    world.registry.remove("sandbox1");
    world.sandbox(1, "{}");
    assert_refused(world.connect(1).await).await;
    assert_refused(TcpStream::connect(world.proxies[1]).await.unwrap()).await;
    world.stop().await;
}

fn run(command: &str, arguments: &[&str], input: &str) {
    let mut child = Command::new(command).args(arguments).stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success(), "{command} {arguments:?}");
}
