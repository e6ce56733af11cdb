//! The name that a client says first, read within bounds and without an answer.

use super::{http, tls};
use sandgate::Host;
use std::{io, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    time::timeout,
};

/// Where the clients of a port say their name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// In the Host header of a request.
    Http,
    /// In the server name of a TLS handshake.
    Tls,
}

/// What the bytes so far say.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// Nothing yet.
    More,
    /// This name, as it was sent.
    Name(Vec<u8>),
    /// No name, or more than one: whatever follows.
    None,
}

/// What a client said, and in which bytes.
#[derive(Debug)]
pub(super) struct Said {
    /// All bytes that were read. The destination gets them.
    pub(super) bytes: Vec<u8>,
    protocol: Protocol,
    name: Option<Vec<u8>>,
}

impl Said {
    /// The name, as the core takes it.
    pub(super) fn host(&self) -> Option<Host<'_>> {
        self.name.as_deref().map(|name| match self.protocol {
            Protocol::Http => Host::Header(name),
            Protocol::Tls => Host::Sni(name),
        })
    }
}

/// Reads until a name is known or there will be none: after too many bytes, too long a time, or
/// the end. A client that fails has said nothing.
pub(super) async fn read(
    client: &mut (impl AsyncRead + Unpin),
    protocol: Protocol,
    max_bytes: usize,
    max_time: Duration,
) -> Said {
    let mut bytes = Vec::new();
    let reading = timeout(max_time, read_on(client, protocol, max_bytes, &mut bytes)).await;
    let name = match reading {
        Ok(Ok(Reading::Name(name))) => Some(name),
        Ok(Ok(Reading::More | Reading::None) | Err(_)) | Err(_) => None,
    };
    Said { bytes, protocol, name }
}

async fn read_on(
    client: &mut (impl AsyncRead + Unpin),
    protocol: Protocol,
    max_bytes: usize,
    bytes: &mut Vec<u8>,
) -> io::Result<Reading> {
    let mut reader = Reader::new(protocol);
    let mut piece = [0; 2048];
    loop {
        let count = client.read(&mut piece).await?;
        let Some(new) = piece.get(..count).filter(|new| !new.is_empty()) else { return Ok(Reading::None) };
        bytes.extend_from_slice(new);
        if bytes.len() > max_bytes {
            return Ok(Reading::None);
        }
        match reader.read(bytes, new) {
            Reading::More => {}
            done => return Ok(done),
        }
    }
}

enum Reader {
    Http(http::Reader),
    Tls(Box<tls::Reader>),
}

impl Reader {
    fn new(protocol: Protocol) -> Self {
        match protocol {
            Protocol::Http => Self::Http(http::Reader::default()),
            Protocol::Tls => Self::Tls(Box::default()),
        }
    }

    /// Takes the bytes so far, of which these are new.
    fn read(&mut self, all: &[u8], new: &[u8]) -> Reading {
        match self {
            Self::Http(reader) => reader.read(all),
            Self::Tls(reader) => reader.read(new),
        }
    }
}
