//! Which sandbox a request is for, and which of its ports: `{port}-{sandbox}.{domain}`.

use hyper::{
    Request,
    header::{HOST, HeaderValue},
    http::uri::Authority,
};

/// Where a request wants to go, read once.
///
/// ```
/// use hyper::Request;
/// use sandgate_proxy::{BadTarget, Target};
///
/// let to = |host: &str| Target::of(&Request::get("/").header("host", host).body(()).unwrap(), "sandbox.example");
/// let target = to("8080-abc.sandbox.example:443").unwrap();
/// assert_eq!((target.port, target.sandbox.as_str()), (8080, "abc"));
/// assert_eq!(target.host, "8080-abc.sandbox.example:443");
/// assert_eq!(to("65536-abc.sandbox.example").unwrap_err(), BadTarget::Unknown);
/// assert_eq!(to("080-abc.sandbox.example").unwrap_err(), BadTarget::Unknown);
/// assert_eq!(to("8080-abc.sandbox.example:port").unwrap_err(), BadTarget::Malformed);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The port of the sandbox, 1..65535.
    pub port: u16,
    /// The name of the sandbox, in lower case.
    pub sandbox: String,
    /// The Host header as it came.
    pub host: HeaderValue,
}

/// Why a request has no target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadTarget {
    /// The host is missing, repeated, not a host, or not the one that the request line names.
    #[error("the request does not name one host")]
    Malformed,
    /// The host is no sandbox of this domain.
    #[error("the host is not `port-sandbox` of the domain")]
    Unknown,
}

impl Target {
    /// The target of a request, within a domain.
    ///
    /// # Errors
    ///
    /// If there is none. Nothing is guessed, and no port is cut short.
    pub fn of<B>(request: &Request<B>, domain: &str) -> Result<Self, BadTarget> {
        let mut hosts = request.headers().get_all(HOST).iter();
        let (Some(host), None) = (hosts.next(), hosts.next()) else { return Err(BadTarget::Malformed) };
        let authority = Authority::try_from(host.as_bytes()).map_err(|_| BadTarget::Malformed)?;
        // What the next server would prefer to the header must not say anything else.
        if request.uri().authority().is_some_and(|named| *named != authority) || authority.as_str().contains('@') {
            return Err(BadTarget::Malformed);
        }
        let has_port = authority.as_str().len() > authority.host().len();
        if has_port && authority.port_u16().is_none() {
            return Err(BadTarget::Malformed);
        }
        let name = authority.host().to_ascii_lowercase();
        let (label, rest) = name.split_once('.').ok_or(BadTarget::Unknown)?;
        let (port, sandbox) = label.split_once('-').ok_or(BadTarget::Unknown)?;
        if !rest.eq_ignore_ascii_case(domain) || sandbox.is_empty() {
            return Err(BadTarget::Unknown);
        }
        let port = parse_port(port).ok_or(BadTarget::Unknown)?;
        Ok(Self { port, sandbox: sandbox.into(), host: host.clone() })
    }
}

/// 1..65535, no sign, no leading zero: one spelling for each port.
fn parse_port(text: &str) -> Option<u16> {
    let is_decimal = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    text.parse().ok().filter(|_| is_decimal)
}
