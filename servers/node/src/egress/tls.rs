//! The server name of a TLS handshake: what the first message of the client asks for, in however
//! many records it comes.
//!
//! With encrypted ClientHello, this is the outer name: that of the server which can decrypt the
//! inner one. Who allows the outer name allows what that server serves. A handshake without a name
//! has none.

use super::name::Reading;
use rustls::server::Acceptor;

/// Reads the first message of a TLS client.
#[derive(Default)]
pub(super) struct Reader(Acceptor);

impl Reader {
    pub(super) fn read(&mut self, mut new: &[u8]) -> Reading {
        while !new.is_empty() {
            match self.0.read_tls(&mut new) {
                Ok(0) | Err(_) => return Reading::None,
                Ok(_) => {}
            }
            match self.0.accept() {
                Ok(None) => {}
                Ok(Some(accepted)) => {
                    let name = accepted.client_hello().server_name().map(|name| name.as_bytes().to_vec());
                    return name.map_or(Reading::None, Reading::Name);
                }
                // The alert would be an answer. The client gets none: it is reset.
                Err(_) => return Reading::None,
            }
        }
        Reading::More
    }
}
