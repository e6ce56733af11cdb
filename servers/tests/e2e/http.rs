//! A caller of the control API: one connection for each request.

use serde_json::Value;
use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

/// The keys of two teams, which the API knows.
pub(crate) const BLUE: &str = "blue-0123456789abcdef";
pub(crate) const RED: &str = "red-0123456789abcdef";

#[derive(Debug, Clone)]
pub(crate) struct Client {
    pub(crate) address: SocketAddr,
    /// What is sent with every request.
    headers: String,
}

#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: Value,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> String {
        header(&self.head, name).first().cloned().unwrap_or_default()
    }

    pub(crate) fn text(&self, field: &str) -> String {
        self.body[field].as_str().unwrap_or_else(|| panic!("no {field}: {self:?}")).to_owned()
    }

    /// `path code` of every diagnostic.
    pub(crate) fn diagnostics(&self) -> Vec<String> {
        let text = |value: &Value| value.as_str().expect("a text").to_owned();
        let diagnostics = self.body["diagnostics"].as_array().cloned().unwrap_or_default();
        diagnostics.iter().map(|it| format!("{} {}", text(&it["path"]), text(&it["code"]))).collect()
    }
}

/// The values of a header in a head.
pub(crate) fn header(head: &str, name: &str) -> Vec<String> {
    let lines = head.lines().filter_map(|line| line.split_once(':'));
    lines.filter(|(this, _)| this.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim().to_owned()).collect()
}

impl Client {
    pub(crate) fn new(address: SocketAddr, key: &str) -> Self {
        Self { address, headers: String::new() }.with("authorization", &format!("Bearer {key}"))
    }

    pub(crate) fn nobody(address: SocketAddr) -> Self {
        Self { address, headers: String::new() }
    }

    pub(crate) fn with(&self, name: &str, value: &str) -> Self {
        Self { headers: format!("{}{name}: {value}\r\n", self.headers), ..self.clone() }
    }

    pub(crate) fn put(&self, id: &str, body: &str) -> Reply {
        self.ask("PUT", &format!("/sandboxes/{id}/network"), body)
    }

    pub(crate) fn post(&self, path: &str, body: &str) -> Reply {
        self.ask("POST", path, body)
    }

    pub(crate) fn delete(&self, id: &str) -> Reply {
        self.ask("DELETE", &format!("/sandboxes/{id}"), "")
    }

    pub(crate) fn show(&self, id: &str) -> Reply {
        self.ask("GET", &format!("/sandboxes/{id}"), "")
    }

    pub(crate) fn ask(&self, method: &str, path: &str, body: &str) -> Reply {
        self.try_ask(method, path, body).unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }

    /// As before, where the server may go away meanwhile.
    pub(crate) fn try_ask(&self, method: &str, path: &str, body: &str) -> io::Result<Reply> {
        let mut stream = TcpStream::connect_timeout(&self.address, Duration::from_secs(5))?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        let kind = if body.is_empty() { "" } else { "content-type: application/json\r\n" };
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: api.example\r\nconnection: close\r\n{kind}content-length: {}\r\n{}\r\n{body}",
            body.len(),
            self.headers
        );
        stream.write_all(request.as_bytes())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        // A server that is killed may have sent a part.
        let (head, body) = answer.split_once("\r\n\r\n").ok_or(io::ErrorKind::UnexpectedEof)?;
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).ok_or(io::ErrorKind::InvalidData)?;
        let body = if body.is_empty() { Value::Null } else { serde_json::from_str(body)? };
        Ok(Reply { status, head: head.to_owned(), body })
    }
}
