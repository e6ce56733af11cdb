//! Clients of HTTP that keep their connections.

use http_body_util::{BodyExt, Empty};
use hyper::{
    Request, StatusCode,
    body::Bytes,
    client::conn::http1::{SendRequest, handshake},
};
use hyper_util::rt::TokioIo;
use std::net::SocketAddr;
use tokio::net::TcpStream;

/// A connection that requests are sent on, one after the other.
#[derive(Debug)]
pub(crate) struct Client(SendRequest<Empty<Bytes>>);

impl Client {
    pub(crate) async fn connect(to: SocketAddr) -> Self {
        let stream = TcpStream::connect(to).await.expect("it listens");
        stream.set_nodelay(true).expect("it is connected");
        let (sender, connection) = handshake(TokioIo::new(stream)).await.expect("it is connected");
        tokio::spawn(connection);
        Self(sender)
    }

    /// The whole answer.
    pub(crate) async fn ask(&mut self, host: &str, headers: &[(&str, String)]) -> (StatusCode, Bytes) {
        let request = Request::get("/").header("host", host);
        let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, value));
        self.0.ready().await.expect("the connection is kept");
        let request = request.body(Empty::new()).expect("a request");
        let answer = self.0.send_request(request).await.expect("an answer");
        let status = answer.status();
        (status, answer.into_body().collect().await.expect("a whole answer").to_bytes())
    }
}
