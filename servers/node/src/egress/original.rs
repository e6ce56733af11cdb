//! The destination that a connection had before it was redirected.

use socket2::SockRef;
use std::{fmt, io, net::SocketAddr};
use tokio::net::TcpStream;

/// Tells where a connection was going.
pub struct Original(Box<Tell>);

type Tell = dyn Fn(&TcpStream) -> io::Result<SocketAddr> + Send + Sync;

impl Original {
    /// What the kernel's table of connections says. It fails for a connection that is not in it.
    #[must_use]
    pub fn redirected() -> Self {
        Self::told_by(redirected)
    }

    /// What someone else knows: where another program redirects, or a test.
    pub fn told_by(tell: impl Fn(&TcpStream) -> io::Result<SocketAddr> + Send + Sync + 'static) -> Self {
        Self(Box::new(tell))
    }

    pub(super) fn of(&self, client: &TcpStream) -> io::Result<SocketAddr> {
        (self.0)(client)
    }
}

fn redirected(client: &TcpStream) -> io::Result<SocketAddr> {
    let socket = SockRef::from(client);
    let original = if client.local_addr()?.is_ipv4() { socket.original_dst_v4() } else { socket.original_dst_v6() }?;
    original.as_socket().ok_or_else(|| io::ErrorKind::AddrNotAvailable.into())
}

impl fmt::Debug for Original {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Original")
    }
}
