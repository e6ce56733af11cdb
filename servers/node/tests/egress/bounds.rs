//! What clients cannot hold: time, room, and the place of others.

use crate::{
    tls,
    world::{ONE_NAME, SERVER, World, assert_refused, listen, within},
};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const SHORT: Duration = Duration::from_millis(100);

#[tokio::test]
async fn a_client_that_says_nothing_or_half_is_refused() {
    let (_server, to) = listen(SERVER).await;
    let mut world = World::with(to, |config| config.name_time = SHORT).await;
    world.sandbox(1, ONE_NAME);
    world.sandbox(2, ONE_NAME);
    world.sandbox(3, ONE_NAME);
    let silent = world.connect(1).await;
    let mut slow = world.connect(2).await;
    slow.write_all(&tls::hello("api.example", true)[..40]).await.unwrap();
    let mut ended = world.connect(3).await;
    ended.shutdown().await.unwrap();
    for client in [silent, slow, ended] {
        assert_refused(client).await;
        assert_eq!(world.denied().await.reason, "deny-entry");
    }
    world.stop().await;
}

#[tokio::test]
async fn a_client_that_says_too_much_is_refused() {
    let (_server, to) = listen(SERVER).await;
    let mut world = World::with(to, |config| config.name_bytes = 4096).await;
    world.sandbox(1, ONE_NAME);
    let mut client = world.connect(1).await;
    // The beginning of a handshake message of 64 KiB, which does not end.
    let mut endless = vec![0x16, 3, 1, 0x40, 0, 1, 0, 0xff, 0xff];
    endless.resize(8192, 0);
    // The proxy may be gone before all of it is written.
    let _ = client.write_all(&endless).await;
    assert_refused(client).await;
    assert_eq!(world.denied().await.reason, "deny-entry");
    world.stop().await;
}

#[tokio::test]
async fn one_sandbox_does_not_take_the_place_of_another() {
    let (server, to) = listen(SERVER).await;
    let world = World::with(to, |config| config.connections_per_sandbox = 2).await;
    world.sandbox(1, "{}");
    world.sandbox(2, "{}");
    let mut held = Vec::new();
    for number in [1, 1, 2] {
        let client = world.connect(number).await;
        held.push((client, within(server.accept()).await.unwrap().0));
    }
    assert_refused(world.connect(1).await).await;
    // A place is free again when a connection has ended.
    held.remove(0);
    loop {
        let mut client = world.connect(1).await;
        let mut byte = [0];
        tokio::select! {
            accepted = server.accept() => {
                accepted.unwrap().0.write_all(b"x").await.unwrap();
                break;
            }
            _ = client.read(&mut byte) => {}
        }
    }
    world.stop().await;
}

#[tokio::test]
async fn a_connection_without_bytes_ends() {
    let (server, to) = listen(SERVER).await;
    let world = World::with(to, |config| config.idle = SHORT).await;
    world.sandbox(1, "{}");
    let client = world.connect(1).await;
    let (served, _) = within(server.accept()).await.unwrap();
    assert_refused(client).await;
    assert_refused(served).await;
    world.stop().await;
}

#[tokio::test]
async fn a_connection_that_one_side_has_ended_ends_when_the_other_is_silent() {
    let (server, to) = listen(SERVER).await;
    let world = World::with(to, |config| config.idle = SHORT).await;
    world.sandbox(1, "{}");
    let mut client = world.connect(1).await;
    let (mut served, _) = within(server.accept()).await.unwrap();
    client.shutdown().await.unwrap();
    assert_eq!(within(served.read(&mut [0])).await.unwrap(), 0);
    assert_refused(client).await;
    let mut client = world.connect(1).await;
    let (mut served, _) = within(server.accept()).await.unwrap();
    served.shutdown().await.unwrap();
    assert_eq!(within(client.read(&mut [0])).await.unwrap(), 0);
    assert_refused(served).await;
    world.stop().await;
}

#[tokio::test]
async fn a_side_that_does_not_read_does_not_hold_the_other() {
    let (server, to) = listen(SERVER).await;
    let world = World::with(to, |config| config.idle = SHORT).await;
    world.sandbox(1, "{}");
    for is_client in [true, false] {
        let client = world.connect(1).await;
        let (served, _) = within(server.accept()).await.unwrap();
        let (mut writes, mut silent) = if is_client { (client, served) } else { (served, client) };
        within(async { while writes.write_all(&[0; 8192]).await.is_ok() {} }).await;
        // What the system has of it already may still come.
        within(async { while matches!(silent.read(&mut [0; 1024]).await, Ok(1..)) {} }).await;
    }
    world.stop().await;
}

#[tokio::test]
async fn a_side_that_only_listens_is_not_idle() {
    let (server, to) = listen(SERVER).await;
    let world = World::with(to, |config| config.idle = 10 * SHORT).await;
    world.sandbox(1, "{}");
    let mut client = world.connect(1).await;
    let (mut served, _) = within(server.accept()).await.unwrap();
    client.shutdown().await.unwrap();
    for _ in 0..15 {
        served.write_all(b"x").await.unwrap();
        within(client.read_exact(&mut [0])).await.unwrap();
        tokio::time::sleep(SHORT).await;
    }
    world.stop().await;
}

#[tokio::test]
async fn who_is_no_sandbox_gets_nothing() {
    let (server, to) = listen(SERVER).await;
    let world = World::new(to).await;
    world.sandbox(1, "{}");
    assert_refused(world.connect(2).await).await;
    assert!(tokio::time::timeout(SHORT, server.accept()).await.is_err());
    world.stop().await;
}

#[tokio::test]
async fn open_connections_end_with_the_proxy() {
    let (server, to) = listen(SERVER).await;
    let world = World::new(to).await;
    world.sandbox(1, "{}");
    let client = world.connect(1).await;
    let (_served, _) = within(server.accept()).await.unwrap();
    world.stop().await;
    assert_refused(client).await;
}
