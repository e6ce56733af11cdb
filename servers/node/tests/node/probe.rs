//! The hosts and the clients: this program, run in other namespaces.
//!
//! ```text
//!     play serve tcp:203.0.113.1:80 udp:203.0.113.1:53 ...    echoes, and says `ready`
//!     play ask   tcp:203.0.113.1:80 [SOURCE:PORT]             whether it echoes: exit code 0 or 1
//!     play hold  tcp:203.0.113.1:80                           one connection; `yes` or `no` for each line
//!     play agent STATE                                        a node agent; says its address
//! ```

use crate::node;
use socket2::{Domain, Protocol, Socket, Type};
use std::{
    io::{BufRead, Read, Write},
    net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket},
    process::ExitCode,
    time::Duration,
};

/// The first word of a command line that is for this.
pub(crate) const PLAY: &str = "play";
/// How long an answer is waited for. What is dropped is not answered at all.
const PATIENCE: Duration = Duration::from_millis(700);

pub(crate) fn play(words: &[String]) -> Option<ExitCode> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        [PLAY, "serve", ref sockets @ ..] => serve(sockets),
        [PLAY, "ask", to] => return Some(exit(ask(to, None))),
        [PLAY, "ask", to, from] => return Some(exit(ask(to, Some(from.parse().expect("an address"))))),
        [PLAY, "hold", to] => hold(to),
        [PLAY, "agent", state] => node::play(state.as_ref()),
        _ => return None,
    }
    Some(ExitCode::SUCCESS)
}

fn exit(is_answered: bool) -> ExitCode {
    if is_answered { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// `tcp:203.0.113.1:80`
fn socket(text: &str) -> (&str, SocketAddr) {
    let (protocol, address) = text.split_once(':').expect("a protocol");
    (protocol, address.parse().expect("an address and a port"))
}

fn serve(sockets: &[&str]) {
    for text in sockets {
        match socket(text) {
            ("tcp", address) => {
                let listener = TcpListener::bind(address).expect("a port is free");
                std::thread::spawn(move || {
                    for stream in listener.incoming().flatten() {
                        std::thread::spawn(move || echo(stream));
                    }
                });
            }
            (_, address) => {
                let socket = UdpSocket::bind(address).expect("a port is free");
                std::thread::spawn(move || {
                    let mut buffer = [0; 64];
                    while let Ok((length, from)) = socket.recv_from(&mut buffer) {
                        socket.send_to(&buffer[..length], from).ok();
                    }
                });
            }
        }
    }
    println!("ready");
    loop {
        std::thread::park();
    }
}

fn echo(mut stream: TcpStream) {
    let mut buffer = [0; 64];
    while let Ok(length @ 1..) = stream.read(&mut buffer) {
        if stream.write_all(&buffer[..length]).is_err() {
            return;
        }
    }
}

fn ask(to: &str, from: Option<SocketAddr>) -> bool {
    match socket(to) {
        ("tcp", address) => {
            TcpStream::connect_timeout(&address, PATIENCE).is_ok_and(|mut stream| is_echoed(&mut stream))
        }
        ("icmp", address) => ping(address.ip()),
        (_, address) => {
            let any = if address.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
            let Ok(socket) = UdpSocket::bind(from.unwrap_or_else(|| any.parse().expect("an address"))) else {
                return false;
            };
            socket.set_read_timeout(Some(PATIENCE)).expect("a socket");
            socket.send_to(b"?", address).is_ok() && socket.recv_from(&mut [0; 8]).is_ok()
        }
    }
}

/// Whether a ping is answered. An echo request with its checksum; that of IPv6 is the kernel's work.
fn ping(to: IpAddr) -> bool {
    let (domain, protocol, request, answer) = match to {
        IpAddr::V4(_) => (Domain::IPV4, Protocol::ICMPV4, [8, 0, 0xf7, 0xf7, 0, 7, 0, 1], (20, 0)),
        IpAddr::V6(_) => (Domain::IPV6, Protocol::ICMPV6, [128, 0, 0, 0, 0, 7, 0, 1], (0, 129)),
    };
    let mut socket = Socket::new(domain, Type::RAW, Some(protocol)).expect("it is root in its namespace");
    socket.set_read_timeout(Some(PATIENCE)).expect("a socket");
    if socket.connect(&SocketAddr::new(to, 0).into()).is_err() || socket.send(&request).is_err() {
        return false;
    }
    let mut buffer = [0; 128];
    while socket.read(&mut buffer).is_ok() {
        let (header, kind) = answer;
        if buffer[header] == kind {
            return true;
        }
    }
    false
}

fn is_echoed(stream: &mut TcpStream) -> bool {
    stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
    stream.write_all(b"?").is_ok() && stream.read_exact(&mut [0]).is_ok()
}

fn hold(to: &str) {
    let (_, address) = socket(to);
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(10)).expect("it is allowed");
    println!("ready");
    for _ in std::io::stdin().lock().lines() {
        println!("{}", if is_echoed(&mut stream) { "yes" } else { "no" });
    }
}
