//! What runs in a sandbox: a server of HTTP, and somebody who sends datagrams to every host.

use super::history::now;
use crate::plain;
use std::{
    collections::BTreeMap,
    io::{self, BufRead, Write},
    net::{SocketAddr, UdpSocket},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};
use tokio_util::sync::CancellationToken;

/// Between two datagrams to one host.
const PAUSE: Duration = Duration::from_millis(50);
/// How long an answer is waited for at the end.
const PATIENCE: Duration = Duration::from_millis(500);

/// A part: serves on the first address, sends to the others until it is told a line, and says then
/// what came of each datagram: `HOST/BEGIN/END`, and `-` for an end that never came.
pub(crate) fn play(serve: &str, hosts: &[String]) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let serve = serve.parse().expect("an address");
    thread::spawn(move || {
        runtime.block_on(async {
            plain::origin(serve, &CancellationToken::new());
            println!("ready");
            std::future::pending::<()>().await;
        });
    });
    let stop = Arc::new(AtomicBool::new(false));
    let talks: Vec<_> = hosts
        .iter()
        .map(|host| {
            let (host, stop) = (host.parse().expect("an address"), Arc::clone(&stop));
            thread::spawn(move || talk(host, &stop))
        })
        .collect();
    io::stdin().lock().read_line(&mut String::new()).expect("a line");
    stop.store(true, Ordering::Relaxed);
    let said: Vec<String> = talks.into_iter().flat_map(|talk| talk.join().expect("it ends")).collect();
    println!("{}", said.join(" "));
    io::stdout().flush().expect("somebody reads");
}

fn talk(host: SocketAddr, stop: &Arc<AtomicBool>) -> Vec<String> {
    let socket = Arc::new(UdpSocket::bind("0.0.0.0:0").expect("a socket"));
    socket.connect(host).expect("a route");
    socket.set_read_timeout(Some(PATIENCE)).expect("a socket");
    let (listening, ended) = (Arc::clone(&socket), Arc::clone(stop));
    let listener = thread::spawn(move || {
        let (mut answered, mut number) = (BTreeMap::new(), [0; 8]);
        loop {
            match listening.recv(&mut number) {
                Ok(_) => drop(answered.insert(u64::from_be_bytes(number), now())),
                Err(_) if ended.load(Ordering::Relaxed) => return answered,
                Err(_) => {}
            }
        }
    });
    let mut sent = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        let number = u64::try_from(sent.len()).expect("there are few");
        sent.push(now());
        // That the kernel refuses it is a way of being denied.
        socket.send(&number.to_be_bytes()).ok();
        thread::sleep(PAUSE);
    }
    let answered = listener.join().expect("it ends");
    let end = |number: u64| answered.get(&number).map_or_else(|| "-".to_owned(), u128::to_string);
    (0_u64..).zip(sent).map(|(number, begin)| format!("{host}/{begin}/{}", end(number))).collect()
}
