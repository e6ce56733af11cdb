//! The name server, and who asks it.

use super::part::ready;
use hickory_proto::{
    op::{Message, OpCode, Query},
    rr::{Name, RData, Record, RecordType},
};
use std::{
    collections::BTreeMap,
    io::{self, BufRead, Write},
    net::{IpAddr, SocketAddr, UdpSocket},
    sync::{Mutex, PoisonError},
    thread,
    time::Duration,
};

type Names = Mutex<BTreeMap<String, Vec<IpAddr>>>;

/// Answers queries, and changes names as it is told.
pub(super) fn serve(at: &str) -> io::Result<()> {
    let socket = UdpSocket::bind(at)?;
    let names = Names::default();
    ready()?;
    thread::scope(|scope| {
        scope.spawn(|| answer_all(&socket, &names));
        for line in io::stdin().lock().lines() {
            let said = if set(&names, &line?).is_some() { "ok\n" } else { "NAME=IP,IP\n" };
            io::stdout().write_all(said.as_bytes())?;
            io::stdout().flush()?;
        }
        Ok(())
    })
}

/// `api.example.com=203.0.113.2,2001:db8:1::2`
fn set(names: &Names, line: &str) -> Option<()> {
    let (name, addresses) = line.split_once('=')?;
    let addresses: Result<Vec<IpAddr>, _> = addresses.split(',').filter(|ip| !ip.is_empty()).map(str::parse).collect();
    names.lock().unwrap_or_else(PoisonError::into_inner).insert(format!("{name}."), addresses.ok()?);
    Some(())
}

fn answer_all(socket: &UdpSocket, names: &Names) {
    let mut buffer = [0; 1232];
    while let Ok((length, from)) = socket.recv_from(&mut buffer) {
        let query = buffer.get(..length).map(Message::from_vec);
        if let Some(Ok(query)) = query
            && let Ok(answer) = answer(&query, names).to_vec()
        {
            socket.send_to(&answer, from).ok();
        }
    }
}

fn answer(query: &Message, names: &Names) -> Message {
    let mut answer = Message::response(query.metadata.id, OpCode::Query);
    let names = names.lock().unwrap_or_else(PoisonError::into_inner);
    for question in &query.queries {
        let name = question.name().to_ascii().to_lowercase();
        let datas = names.get(&name).into_iter().flatten().filter_map(|ip| match (ip, question.query_type()) {
            (IpAddr::V4(ip), RecordType::A) => Some(RData::A((*ip).into())),
            (IpAddr::V6(ip), RecordType::AAAA) => Some(RData::AAAA((*ip).into())),
            _ => None,
        });
        for data in datas {
            // Names may change at any time: nobody is to remember one.
            answer.add_answer(Record::from_rdata(question.name().clone(), 0, data));
        }
        answer.add_query(question.clone());
    }
    answer
}

/// Prints the IPv4 addresses of a name. Whether it has any.
pub(super) fn find(at: &str, name: &str) -> io::Result<bool> {
    let server: SocketAddr = at.parse().map_err(io::Error::other)?;
    let mut query = Message::query();
    query.add_query(Query::query(Name::from_ascii(name).map_err(io::Error::other)?, RecordType::A));
    let socket = UdpSocket::bind(if server.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" })?;
    socket.set_read_timeout(Some(Duration::from_secs(1)))?;
    socket.connect(server)?;
    socket.send(&query.to_vec().map_err(io::Error::other)?)?;
    let mut buffer = [0; 1232];
    let Ok(length) = socket.recv(&mut buffer) else { return Ok(false) };
    let answer = Message::from_vec(buffer.get(..length).unwrap_or_default()).map_err(io::Error::other)?;
    let mut out = io::stdout().lock();
    let mut is_found = false;
    for record in &answer.answers {
        if let RData::A(ip) = record.data {
            writeln!(out, "{}", ip.0)?;
            is_found = true;
        }
    }
    Ok(is_found)
}
