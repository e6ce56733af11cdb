//! A caller of the API: HTTP over a connection of its own for every request.

use axum::{
    body::Bytes,
    http::{HeaderMap, Request, StatusCode, header},
};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use std::net::SocketAddr;
use tokio::net::TcpStream;

#[derive(Debug, Clone)]
pub(crate) struct Client {
    pub(crate) address: SocketAddr,
    pub(crate) headers: HeaderMap,
}

/// The server went away.
pub(crate) type Gone = Box<dyn std::error::Error + Send + Sync>;

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Value,
}

impl Answer {
    pub(crate) fn header(&self, name: impl header::AsHeaderName) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn etag(&self) -> String {
        self.header(header::ETAG).to_owned()
    }

    pub(crate) fn id(&self) -> String {
        self.body["id"].as_str().unwrap_or_else(|| panic!("no sandbox: {self:?}")).to_owned()
    }

    /// `path code` of every diagnostic.
    pub(crate) fn diagnostics(&self) -> Vec<String> {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let diagnostics = self.body["diagnostics"].as_array().cloned().unwrap_or_default();
        diagnostics.iter().map(|it| format!("{} {}", text(&it["path"]), text(&it["code"]))).collect()
    }
}

impl Client {
    pub(crate) fn new(address: SocketAddr, key: &str) -> Self {
        Self { address, headers: HeaderMap::new() }.with("authorization", &format!("Bearer {key}"))
    }

    pub(crate) fn with(&self, name: &'static str, value: &str) -> Self {
        let mut client = self.clone();
        client.headers.append(name, value.parse().unwrap());
        client
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, "").await
    }

    pub(crate) async fn post(&self, path: &str, body: &str) -> Answer {
        self.ask("POST", path, body).await
    }

    pub(crate) async fn put(&self, id: &str, body: &str) -> Answer {
        self.ask("PUT", &format!("/sandboxes/{id}/network"), body).await
    }

    pub(crate) async fn delete(&self, id: &str) -> Answer {
        self.ask("DELETE", &format!("/sandboxes/{id}"), "").await
    }

    pub(crate) async fn show(&self, id: &str) -> Answer {
        self.get(&format!("/sandboxes/{id}")).await
    }

    /// Creates a sandbox with a network configuration.
    pub(crate) async fn create(&self, network: &str) -> Answer {
        let answer = self.post("/sandboxes", &format!(r#"{{"network": {network}}}"#)).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        answer
    }

    pub(crate) async fn ask(&self, method: &str, path: &str, body: &str) -> Answer {
        self.try_ask(method, path, body).await.unwrap()
    }

    /// As before, where the server may go away meanwhile.
    pub(crate) async fn try_ask(&self, method: &str, path: &str, body: &str) -> Result<Answer, Gone> {
        let stream = TcpStream::connect(self.address).await?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        let connection = tokio::spawn(connection);
        let mut request = Request::builder().method(method).uri(path).header(header::HOST, "api.example");
        if !body.is_empty() && !self.headers.contains_key(header::CONTENT_TYPE) {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        request.headers_mut().unwrap().extend(self.headers.clone());
        let request = request.body(Full::new(Bytes::from(body.to_owned()))).unwrap();
        let (parts, body) = sender.send_request(request).await?.into_parts();
        let bytes = body.collect().await?.to_bytes();
        connection.abort();
        let body = if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes).unwrap() };
        Ok(Answer { status: parts.status, headers: parts.headers, body })
    }
}
