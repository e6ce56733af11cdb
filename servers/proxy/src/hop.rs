//! Headers that are about one connection and go no further, and the one upgrade that passes.

use hyper::header::{
    CONNECTION, HOST, HeaderMap, HeaderName, HeaderValue, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE,
    TRANSFER_ENCODING, UPGRADE,
};

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");

/// Removes what is about this connection: the headers known for it and those that `Connection`
/// names. Whether the message asks for, or agrees to, a WebSocket.
///
/// Other upgrades are not passed on, which a server is free to do: within a tunnel that began as
/// one request, others would go unmasked.
///
/// Call it before headers are set, or the sender removes them by naming them.
///
/// ```
/// use hyper::header::{HeaderMap, HeaderValue};
///
/// let mut headers = HeaderMap::new();
/// headers.insert("connection", HeaderValue::from_static("x-private, Upgrade"));
/// headers.insert("upgrade", HeaderValue::from_static("websocket"));
/// headers.insert("x-private", HeaderValue::from_static("1"));
/// assert!(sandgate_proxy::hop::strip(&mut headers));
/// assert!(headers.is_empty());
/// ```
pub fn strip(headers: &mut HeaderMap) -> bool {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        // Every request has one: who names it here wants the next hop to miss it.
        .filter(|name| *name != HOST)
        .collect();
    let is_upgrade = named.contains(&UPGRADE) && is_websocket(headers);
    let known = [
        CONNECTION,
        KEEP_ALIVE,
        PROXY_AUTHENTICATE,
        PROXY_AUTHORIZATION,
        PROXY_CONNECTION,
        TE,
        TRANSFER_ENCODING,
        UPGRADE,
    ];
    for name in known.iter().chain(&named) {
        headers.remove(name);
    }
    is_upgrade
}

fn is_websocket(headers: &HeaderMap) -> bool {
    let mut upgrades = headers.get_all(UPGRADE).iter();
    match (upgrades.next(), upgrades.next()) {
        (Some(protocol), None) => protocol.as_bytes().eq_ignore_ascii_case(b"websocket"),
        _ => false,
    }
}

/// Asks the next hop for a WebSocket, or agrees to one.
pub fn upgrade(headers: &mut HeaderMap) {
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
}
