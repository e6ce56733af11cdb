//! The hosts and the clients: this program, run in other namespaces.
//!
//! ```text
//!     play serve tcp:203.0.113.1:80 udp:203.0.113.1:53 ...    echoes, and says `ready`
//!     play ask   tcp:203.0.113.1:80 [SOURCE:PORT]             whether it echoes: exit code 0 or 1
//!     play hold  tcp:203.0.113.1:80                           one connection; `yes` or `no` for each line
//!     play names 203.0.113.53:53                              a name server
//!     play get   203.0.113.1:8080 HOST                        what a server of HTTP says to that
//!     play agent STATE                                        a node agent; says its address
//! ```

use crate::node;
use hickory_resolver::proto::{
    op::{Message, OpCode},
    rr::{RData, Record, RecordType},
};
use socket2::{Domain, Protocol, Socket, Type};
use std::{
    io::{BufRead, Read, Write},
    net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket},
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
        [PLAY, "names", at] => serve_names(at),
        [PLAY, "get", to, host] => return Some(exit(get(to, host))),
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
            ("web", address) => {
                let listener = TcpListener::bind(address).expect("a port is free");
                std::thread::spawn(move || {
                    for stream in listener.incoming().flatten() {
                        std::thread::spawn(move || answer(stream));
                    }
                });
            }
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

/// Says which host it is.
fn answer(mut stream: TcpStream) {
    let mut head = Vec::new();
    let mut buffer = [0; 1024];
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut buffer) {
            Ok(length @ 1..) => head.extend_from_slice(&buffer[..length]),
            _ => return,
        }
    }
    let name = stream.local_addr().expect("a socket").ip().to_string();
    let length = name.len();
    let text = format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{name}");
    stream.write_all(text.as_bytes()).ok();
}

/// Prints what a server says to a request for a host. Whether it says anything.
fn get(to: &str, host: &str) -> bool {
    let address: SocketAddr = to.parse().expect("an address and a port");
    let Ok(mut stream) = TcpStream::connect_timeout(&address, PATIENCE) else { return false };
    stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a socket");
    let mut text = String::new();
    let request = format!("GET / HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n");
    let is_said = stream.write_all(request.as_bytes()).is_ok() && stream.read_to_string(&mut text).is_ok();
    println!("{}", text.lines().last().unwrap_or_default());
    is_said && text.starts_with("HTTP/1.1 200")
}

/// The names of the laboratory: one host, and one that points into the platform.
fn serve_names(at: &str) {
    let socket = UdpSocket::bind(at).expect("a port is free");
    println!("ready");
    let mut buffer = [0; 1232];
    while let Ok((length, from)) = socket.recv_from(&mut buffer) {
        let query = Message::from_vec(&buffer[..length]).expect("a query");
        let mut answer = Message::response(query.metadata.id, OpCode::Query);
        for question in &query.queries {
            let ipv4 = match question.name().to_ascii().as_str() {
                "api.example.com." => Some(Ipv4Addr::new(203, 0, 113, 2)),
                "rebound.example.com." => Some(Ipv4Addr::new(10, 213, 0, 1)),
                _ => None,
            };
            if let (Some(ipv4), RecordType::A) = (ipv4, question.query_type()) {
                let data = RData::A(ipv4.into());
                answer.add_answer(Record::from_rdata(question.name().clone(), 60, data));
            }
            answer.add_query(question.clone());
        }
        socket.send_to(&answer.to_vec().expect("an answer"), from).ok();
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
    // A number of its own: to the kernel, pings of one number are one connection.
    let id = u16::try_from(std::process::id() % 0x7000).expect("it is small");
    let [id_high, id_low] = id.to_be_bytes();
    let [sum_high, sum_low] = (!(0x0800 + id + 1)).to_be_bytes();
    let (domain, protocol, request, answer) = match to {
        IpAddr::V4(_) => (Domain::IPV4, Protocol::ICMPV4, [8, 0, sum_high, sum_low, id_high, id_low, 0, 1], (20, 0)),
        IpAddr::V6(_) => (Domain::IPV6, Protocol::ICMPV6, [128, 0, 0, 0, id_high, id_low, 0, 1], (0, 129)),
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
