//! TLS of the laboratory, for a program whose keys and names are right.

use rustls::{ClientConnection, ServerConnection};
use sandgate_lab::tls;

pub(crate) fn server() -> ServerConnection {
    tls::server().unwrap()
}

/// A client that asks for a name, or for none.
pub(crate) fn client(name: &str, sends_name: bool) -> ClientConnection {
    tls::client(name, sends_name).unwrap()
}

/// The first bytes of a client that asks for a name.
pub(crate) fn hello(name: &str, sends_name: bool) -> Vec<u8> {
    let mut bytes = Vec::new();
    client(name, sends_name).write_tls(&mut bytes).unwrap();
    bytes
}
