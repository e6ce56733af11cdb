//! The hosts: echoes, and servers of HTTP that say who they are and what they were asked.

use super::{part::ready, tls};
use std::{
    io::{self, Read, Write},
    net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket},
    thread,
    time::Duration,
};

/// How long a client may take to ask.
const PATIENCE: Duration = Duration::from_secs(10);
/// The longest head of a request.
const HEAD: usize = 64 * 1024;

/// Serves on `tcp:203.0.113.1:7` and its like, until it is killed.
pub(super) fn serve(sockets: &[&str]) -> io::Result<()> {
    for text in sockets {
        let (kind, address) = socket(text)?;
        match kind {
            "tcp" => listen(address, echo)?,
            "web" => listen(address, |stream| answer(stream.local_addr()?.ip(), stream))?,
            "tls" => listen(address, |stream| {
                let (at, connection) = (stream.local_addr()?.ip(), tls::server().map_err(io::Error::other)?);
                answer(at, rustls::StreamOwned::new(connection, stream))
            })?,
            "udp" => {
                let socket = UdpSocket::bind(address)?;
                thread::spawn(move || echo_datagrams(&socket));
            }
            _ => return Err(io::Error::new(io::ErrorKind::InvalidInput, "there is no such service")),
        }
    }
    ready()?;
    loop {
        thread::park();
    }
}

/// The kind and the address of `tcp:203.0.113.1:80`.
pub(super) fn socket(text: &str) -> io::Result<(&str, SocketAddr)> {
    let bad = || io::Error::new(io::ErrorKind::InvalidInput, format!("`{text}` is no kind and address"));
    let (kind, address) = text.split_once(':').ok_or_else(bad)?;
    Ok((kind, address.parse().map_err(|_| bad())?))
}

fn listen(address: SocketAddr, serve: impl Fn(TcpStream) -> io::Result<()> + Copy + Send + 'static) -> io::Result<()> {
    let listener = TcpListener::bind(address)?;
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // A client that goes away is no concern of a host.
            thread::spawn(move || serve(stream).ok());
        }
    });
    Ok(())
}

fn echo(mut stream: TcpStream) -> io::Result<()> {
    let mut writer = stream.try_clone()?;
    io::copy(&mut stream, &mut writer).map(drop)
}

fn echo_datagrams(socket: &UdpSocket) {
    let mut buffer = [0; 1500];
    while let Ok((length, from)) = socket.recv_from(&mut buffer) {
        socket.send_to(buffer.get(..length).unwrap_or_default(), from).ok();
    }
}

/// Says at which address it was asked, and repeats what it was asked.
fn answer(at: IpAddr, mut stream: impl Read + Write + Timed) -> io::Result<()> {
    stream.limit(PATIENCE)?;
    let mut head = Vec::new();
    let mut buffer = [0; 4096];
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut buffer)? {
            0 => return Ok(()),
            length => head.extend_from_slice(buffer.get(..length).unwrap_or_default()),
        }
        if head.len() > HEAD {
            return Ok(());
        }
    }
    let body = [format!("{at}\n").as_bytes(), &head].concat();
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
    )?;
    stream.write_all(&body)?;
    stream.end()
}

/// What a stream of either kind is asked for.
trait Timed {
    fn limit(&self, time: Duration) -> io::Result<()>;
    fn end(&mut self) -> io::Result<()>;
}

impl Timed for TcpStream {
    fn limit(&self, time: Duration) -> io::Result<()> {
        self.set_read_timeout(Some(time))
    }

    fn end(&mut self) -> io::Result<()> {
        self.shutdown(std::net::Shutdown::Write)
    }
}

impl Timed for rustls::StreamOwned<rustls::ServerConnection, TcpStream> {
    fn limit(&self, time: Duration) -> io::Result<()> {
        self.sock.set_read_timeout(Some(time))
    }

    fn end(&mut self) -> io::Result<()> {
        self.conn.send_close_notify();
        self.flush()
    }
}
