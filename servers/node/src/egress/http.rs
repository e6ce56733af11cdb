//! The Host header of a request, where there is no doubt which name the request is for.
//!
//! There is doubt, and so no name, if the header is missing or repeated, if the first line names
//! another host or is a CONNECT, if a line does not end in CR LF, and if the head is not HTTP/1.0
//! or 1.1: a client that begins with HTTP/2 is not understood.

use super::name::Reading;
use httparse::{EMPTY_HEADER, Request, Status};

const HEADERS: usize = 128;
const END: &[u8] = b"\r\n\r\n";

/// Waits for the end of the head and reads it once.
#[derive(Debug, Default)]
pub(super) struct Reader {
    /// How many bytes are known not to begin the end.
    searched: usize,
}

impl Reader {
    pub(super) fn read(&mut self, all: &[u8]) -> Reading {
        let rest = all.get(self.searched..).unwrap_or_default();
        let Some(found) = rest.windows(END.len()).position(|window| window == END) else {
            self.searched = all.len().saturating_sub(END.len().saturating_sub(1));
            return Reading::More;
        };
        let end = self.searched.saturating_add(found).saturating_add(END.len());
        let head = all.get(..end).unwrap_or_default();
        host(head).map_or(Reading::None, |name| Reading::Name(name.to_vec()))
    }
}

/// The one host that a request head names.
fn host(head: &[u8]) -> Option<&[u8]> {
    // Readers differ about lines that end in LF alone.
    let has_bare_lf =
        head.iter().zip(std::iter::once(&0).chain(head)).any(|(byte, before)| *byte == b'\n' && *before != b'\r');
    if has_bare_lf {
        return None;
    }
    let mut headers = [EMPTY_HEADER; HEADERS];
    let mut request = Request::new(&mut headers);
    match request.parse(head) {
        Ok(Status::Complete(length)) if length == head.len() => {}
        Ok(_) | Err(_) => return None,
    }
    let mut hosts = request.headers.iter().filter(|header| header.name.eq_ignore_ascii_case("host"));
    let (Some(host), None) = (hosts.next(), hosts.next()) else { return None };
    let (method, target) = (request.method?, request.path?);
    let agrees = match target {
        "*" => method == "OPTIONS",
        path if path.starts_with('/') => true,
        absolute => authority(absolute).is_some_and(|named| named.as_bytes().eq_ignore_ascii_case(host.value)),
    };
    (agrees && method != "CONNECT").then_some(host.value)
}

/// The host and port of an absolute target.
fn authority(target: &str) -> Option<&str> {
    let (scheme, rest) = target.split_once("://")?;
    scheme.eq_ignore_ascii_case("http").then(|| rest.split(['/', '?', '#']).next()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(request: &str) -> Option<String> {
        match Reader::default().read(request.as_bytes()) {
            Reading::Name(name) => Some(String::from_utf8(name).unwrap()),
            Reading::None => None,
            Reading::More => panic!("the head has no end: {request:?}"),
        }
    }

    #[test]
    fn the_name_is_read_where_there_is_no_doubt() {
        for request in [
            "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n",
            "POST /p HTTP/1.0\r\nAccept: */*\r\nhOST:a.example \r\n\r\nHost: b.example\r\n\r\n",
            "OPTIONS * HTTP/1.1\r\nHost: a.example\r\n\r\n",
            "GET http://A.example?b HTTP/1.1\r\nHost: a.example\r\n\r\n",
        ] {
            assert!(read(request).is_some_and(|name| name == "a.example"), "{request:?}");
        }
    }

    #[test]
    fn where_there_is_doubt_there_is_no_name() {
        for request in [
            "GET / HTTP/1.1\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a.example\r\nHost: a.example\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a.example\r\nX: y\r\n Host: b.example\r\n\r\n",
            "GET / HTTP/1.1\r\nHost : a.example\r\n\r\n",
            "GET / HTTP/1.1\nHost: b.example\r\nHost: a.example\r\n\r\n",
            "GET / HTTP/1.1\r\nX: y\nHost: a.example\r\n\r\n",
            "GET http://b.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n",
            "GET http://a.example:81/ HTTP/1.1\r\nHost: a.example\r\n\r\n",
            "GET https://a.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n",
            "GET a.example HTTP/1.1\r\nHost: a.example\r\n\r\n",
            "GET * HTTP/1.1\r\nHost: a.example\r\n\r\n",
            "CONNECT a.example:80 HTTP/1.1\r\nHost: a.example:80\r\n\r\n",
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            "\r\n\r\nGET / HTTP/1.1\r\nHost: a.example\r\n\r\n",
            "GET /\r\n\r\n",
        ] {
            assert_eq!(read(request), None, "{request:?}");
        }
    }

    #[test]
    fn a_head_in_pieces_is_read_when_it_is_whole() {
        let request = b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n";
        let mut reader = Reader::default();
        for end in 0..request.len() {
            assert_eq!(reader.read(&request[..end]), Reading::More);
        }
        assert_eq!(reader.read(request), Reading::Name(b"a.example".to_vec()));
    }
}
