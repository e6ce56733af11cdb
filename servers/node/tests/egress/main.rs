//! The egress proxy with real connections: what gets through, where to, and what is refused.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops where it is wrong"
)]

mod bounds;
mod redirection;
mod tls;
mod world;

use rustls::StreamOwned;
use sandgate_node_agent::{Enforced, egress::Protocol};
use std::{
    io::{Read, Write},
    net::{IpAddr, SocketAddr},
    time::Duration,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use world::{FORBIDDEN, OFFERED, ONE_NAME, SERVER, World, assert_refused, listen, policy, within};

#[tokio::test]
async fn a_server_speaks_first_where_the_address_is_allowed() {
    let (server, to) = listen(SERVER).await;
    // The port is one on which names are read: it does not matter, for nothing is read.
    let world = World::new(to).await;
    world.sandbox(1, r#"{"allowOut": ["127.0.0.3", "api.example"], "denyOut": ["0.0.0.0/0"]}"#);
    let mut client = world.connect(1).await;
    let (mut served, _) = within(server.accept()).await.unwrap();
    served.write_all(b"220 ready\r\n").await.unwrap();
    let mut banner = [0; 11];
    within(client.read_exact(&mut banner)).await.unwrap();
    assert_eq!(&banner, b"220 ready\r\n");
    // Each side may end by itself.
    client.shutdown().await.unwrap();
    assert_eq!(within(served.read(&mut [0])).await.unwrap(), 0);
    served.write_all(b"bye").await.unwrap();
    drop(served);
    let mut rest = String::new();
    within(client.read_to_string(&mut rest)).await.unwrap();
    assert_eq!(rest, "bye");
    world.stop().await;
}

#[tokio::test]
async fn tls_to_an_allowed_name_goes_to_what_the_node_resolves_and_stays_closed_to_it() {
    let (server, at) = listen(SERVER).await;
    let server = server.into_std().unwrap();
    let world = World::new(SocketAddr::new(OFFERED, at.port())).await;
    world.sandbox(1, ONE_NAME);
    // A rebinding answer: what the operator always denies comes with it, and first.
    world.name("api.example", &[FORBIDDEN, SERVER]);
    let serving = tokio::task::spawn_blocking(move || {
        server.set_nonblocking(false).unwrap();
        let (stream, _) = server.accept().unwrap();
        let mut tls = StreamOwned::new(tls::server(), stream);
        let mut question = [0; 4];
        tls.read_exact(&mut question).unwrap();
        tls.write_all(&question).unwrap();
        tls.conn.server_name().map(str::to_owned)
    });
    let client = world.connect(1).await.into_std().unwrap();
    let asking = tokio::task::spawn_blocking(move || {
        client.set_nonblocking(false).unwrap();
        let mut tls = StreamOwned::new(tls::client("API.example", true), client);
        tls.write_all(b"ping").unwrap();
        let mut answer = [0; 4];
        tls.read_exact(&mut answer).unwrap();
        answer
    });
    assert_eq!(&within(asking).await.unwrap(), b"ping");
    assert_eq!(within(serving).await.unwrap().as_deref(), Some("api.example"));
    let asked = world.asked.lock().unwrap().clone();
    assert!(asked.iter().all(|name| name.eq_ignore_ascii_case("api.example.")), "no search list: {asked:?}");
    world.stop().await;
}

#[tokio::test]
async fn a_hello_that_comes_byte_by_byte_is_understood_and_replayed() {
    let (server, at) = listen(SERVER).await;
    let world = World::new(SocketAddr::new(OFFERED, at.port())).await;
    world.sandbox(1, ONE_NAME);
    world.name("api.example", &[SERVER]);
    let hello = tls::hello("api.example", true);
    let mut client = world.connect(1).await;
    for byte in &hello {
        client.write_all(&[*byte]).await.unwrap();
        tokio::task::yield_now().await;
    }
    let (mut served, _) = within(server.accept()).await.unwrap();
    let mut replayed = vec![0; hello.len()];
    within(served.read_exact(&mut replayed)).await.unwrap();
    assert_eq!(replayed, hello);
    world.stop().await;
}

#[tokio::test]
async fn a_hello_in_several_records_is_one_hello() {
    let (server, at) = listen(SERVER).await;
    let world = World::new(SocketAddr::new(OFFERED, at.port())).await;
    world.sandbox(1, ONE_NAME);
    world.name("api.example", &[SERVER]);
    let hello = tls::hello("api.example", true);
    let (head, message) = hello.split_at(5);
    let records: Vec<u8> = message
        .chunks(20)
        .flat_map(|piece| [&head[..3], &u16::try_from(piece.len()).unwrap().to_be_bytes(), piece].concat())
        .collect();
    world.connect(1).await.write_all(&records).await.unwrap();
    let (mut served, _) = within(server.accept()).await.unwrap();
    let mut replayed = vec![0; records.len()];
    within(served.read_exact(&mut replayed)).await.unwrap();
    assert_eq!(replayed, records);
    world.stop().await;
}

#[tokio::test]
async fn what_names_no_allowed_server_is_refused_and_told() {
    let (server, at) = listen(SERVER).await;
    let mut world = World::new(at).await;
    world.name("api.example", &[SERVER]);
    world.name("other.example", &[SERVER]);
    let other = tls::hello("other.example", true);
    let nameless = tls::hello("api.example", false);
    let refused: [(&[u8], &str); 4] = [
        (&other, "other.example"),
        (&nameless, ""),
        (b"GET / HTTP/1.1\r\nHost: api.example\r\n\r\n", ""),
        (&[0xff; 64], ""),
    ];
    for (number, (said, host)) in (1..).zip(refused) {
        world.sandbox(number, ONE_NAME);
        let mut client = world.connect(number).await;
        client.write_all(said).await.unwrap();
        assert_refused(client).await;
        let denied = world.denied().await;
        assert_eq!((denied.reason.as_str(), denied.entry.as_str()), ("deny-entry", "denyOut[0]"));
        assert_eq!((denied.direction.as_str(), denied.host.as_str()), ("egress", host));
        assert_eq!((denied.address, denied.port), (SERVER.to_string(), u32::from(at.port())));
    }
    assert!(tokio::time::timeout(Duration::from_millis(50), server.accept()).await.is_err());
    assert!(world.asked.lock().unwrap().is_empty(), "a name that is not allowed is not resolved");
    world.stop().await;
}

#[tokio::test]
async fn a_name_that_leads_only_to_what_is_always_denied_leads_nowhere() {
    let (forbidden, at) = listen(FORBIDDEN).await;
    let mut world = World::new(SocketAddr::new(OFFERED, at.port())).await;
    world.sandbox(1, ONE_NAME);
    world.name("api.example", &[FORBIDDEN, "::ffff:127.0.9.1".parse().unwrap()]);
    let mut client = world.connect(1).await;
    client.write_all(&tls::hello("api.example", true)).await.unwrap();
    assert_refused(client).await;
    let denied = world.denied().await;
    assert_eq!((denied.reason.as_str(), denied.host.as_str()), ("always-denied", "api.example"));
    assert_eq!(denied.address, FORBIDDEN.to_string());
    assert!(tokio::time::timeout(Duration::from_millis(50), forbidden.accept()).await.is_err());
    world.stop().await;
}

#[tokio::test]
async fn a_name_that_does_not_resolve_leads_nowhere_not_even_to_the_offered_address() {
    let (offered, at) = listen(SERVER).await;
    let world = World::new(at).await;
    world.sandbox(1, ONE_NAME);
    let mut client = world.connect(1).await;
    client.write_all(&tls::hello("api.example", true)).await.unwrap();
    assert_refused(client).await;
    assert!(tokio::time::timeout(Duration::from_millis(50), offered.accept()).await.is_err());
    world.stop().await;
}

#[tokio::test]
async fn a_request_goes_by_its_host_and_over_ipv6_too() {
    let (server, at) = listen(SERVER).await;
    let to = SocketAddr::new("2001:db8::1".parse::<IpAddr>().unwrap(), at.port());
    let world = World::with(to, |config| config.names = [(at.port(), Protocol::Http)].into()).await;
    world.sandbox(1, ONE_NAME);
    world.name("api.example", &[SERVER]);
    let request = format!("POST / HTTP/1.1\r\nHost: api.example:{}\r\nContent-Length: 3\r\n\r\nabc", at.port());
    let mut client = world.connect_v6().await;
    client.write_all(request.as_bytes()).await.unwrap();
    let (mut served, _) = within(server.accept()).await.unwrap();
    let mut replayed = vec![0; request.len()];
    within(served.read_exact(&mut replayed)).await.unwrap();
    assert_eq!(replayed, request.as_bytes());
    world.stop().await;
}

#[tokio::test]
async fn an_update_ends_what_it_no_longer_allows_and_nothing_else() {
    let (server, to) = listen(SERVER).await;
    let mut world = World::new(to).await;
    let closed = world.sandbox(1, "{}");
    let kept = world.sandbox(2, "{}");
    let removed = world.sandbox(3, "{}");
    let mut clients = Vec::new();
    let mut served = Vec::new();
    for number in 1..=3 {
        clients.push(world.connect(number).await);
        served.push(within(server.accept()).await.unwrap().0);
    }
    closed.enforced.store(Enforced { generation: 2, policy: policy(r#"{"denyOut": ["127.0.0.0/24"]}"#) }.into());
    kept.enforced.store(Enforced { generation: 2, policy: policy(r#"{"denyOut": ["127.0.0.4"]}"#) }.into());
    world.registry.remove(&removed.id);
    assert_refused(clients.remove(2)).await;
    assert_refused(clients.remove(0)).await;
    let denied = world.denied().await;
    assert_eq!((denied.reason.as_str(), denied.text.as_str()), ("deny-entry", "127.0.0.0/24"));
    served[1].write_all(b"still here").await.unwrap();
    let mut bytes = [0; 10];
    within(clients[0].read_exact(&mut bytes)).await.unwrap();
    assert_eq!(&bytes, b"still here");
    world.stop().await;
}

#[tokio::test]
async fn an_update_that_allows_more_ends_nothing() {
    let (server, at) = listen(SERVER).await;
    let mut world = World::new(SocketAddr::new(OFFERED, at.port())).await;
    let sandbox = world.sandbox(1, ONE_NAME);
    world.name("api.example", &[SERVER]);
    let hello = tls::hello("api.example", true);
    let mut client = world.connect(1).await;
    client.write_all(&hello).await.unwrap();
    let (mut served, _) = within(server.accept()).await.unwrap();
    within(served.read_exact(&mut vec![0; hello.len()])).await.unwrap();
    for document in ["{}", ONE_NAME, r#"{"allowOut": ["*.example"], "denyOut": ["0.0.0.0/0"]}"#] {
        sandbox.enforced.store(Enforced { generation: 2, policy: policy(document) }.into());
        // Long enough to be judged again.
        tokio::time::sleep(Duration::from_millis(150)).await;
        served.write_all(b"x").await.unwrap();
        within(client.read_exact(&mut [0])).await.unwrap();
    }
    // The address that was offered is allowed now, and the one that the flow went to is not.
    let document = r#"{"allowOut": ["127.0.0.99"], "denyOut": ["0.0.0.0/0"]}"#;
    sandbox.enforced.store(Enforced { generation: 3, policy: policy(document) }.into());
    assert_refused(client).await;
    let denied = world.denied().await;
    assert_eq!((denied.reason.as_str(), denied.address), ("deny-entry", SERVER.to_string()));
    world.stop().await;
}

#[tokio::test]
async fn a_name_is_no_permission_for_a_flow_that_went_to_its_address() {
    let (chosen, at) = listen(SERVER).await;
    let mut world = World::new(at).await;
    let sandbox = world.sandbox(1, ONE_NAME);
    world.name("api.example", &[OFFERED]);
    let hello = tls::hello("api.example", true);
    let (head, rest) = hello.split_at(40);
    let mut client = world.connect(1).await;
    client.write_all(head).await.unwrap();
    // Long enough to be judged by the name policy first, which waits for the name.
    tokio::time::sleep(Duration::from_millis(200)).await;
    sandbox.enforced.store(Enforced { generation: 2, policy: policy("{}") }.into());
    client.write_all(rest).await.unwrap();
    let (mut served, _) = within(chosen.accept()).await.unwrap();
    within(served.read_exact(&mut vec![0; hello.len()])).await.unwrap();
    // The node never found the name at this address.
    sandbox.enforced.store(Enforced { generation: 3, policy: policy(ONE_NAME) }.into());
    assert_refused(client).await;
    assert_refused(served).await;
    let denied = world.denied().await;
    assert_eq!((denied.reason.as_str(), denied.host.as_str()), ("deny-entry", "api.example"));
    world.stop().await;
}
