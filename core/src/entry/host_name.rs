//! A host name as a client sent it: TLS SNI or an HTTP Host header (N-7, N-8).

use super::{
    fold::fold,
    name::{MAX_NAME, check_name},
    ports::parse_port,
};
use core::fmt;

/// A domain name from the wire, normalised: lower case, no port, no trailing dot.
///
/// It is held in place, so that making one does not allocate. What is not a domain name
/// (an address, an empty label, a stray byte) makes no `HostName` and so matches no pattern.
///
/// ```
/// use sandgate::HostName;
///
/// assert_eq!(HostName::from_header(b"API.Example.com.:8443").unwrap().as_str(), "api.example.com");
/// assert!(HostName::from_sni(b"api.example.com:8443").is_none());
/// assert!(HostName::from_header(b"192.0.2.1").is_none());
/// ```
#[derive(Clone, Copy)]
pub struct HostName {
    len: u8,
    bytes: [u8; MAX_NAME],
}

impl HostName {
    /// The name in a TLS server name indication, which carries no port.
    #[must_use]
    pub fn from_sni(name: &[u8]) -> Option<Self> {
        let name = name.strip_suffix(b".").unwrap_or(name);
        let len = u8::try_from(name.len()).ok()?;
        let mut host = Self { len, bytes: [0; MAX_NAME] };
        let is_name = fold(name, &mut host.bytes) || check_name(name, MAX_NAME).is_ok();
        if is_name { Some(host) } else { None }
    }

    /// The name in an HTTP Host header (or `:authority`), which may carry a port of 1 to 65535.
    #[must_use]
    pub fn from_header(value: &[u8]) -> Option<Self> {
        let name = match value.iter().position(|&byte| byte == b':') {
            None => value,
            Some(colon) => {
                let (name, port) = value.split_at_checked(colon)?;
                let port = core::str::from_utf8(port.strip_prefix(b":")?).ok()?;
                parse_port(port).ok()?;
                name
            }
        };
        Self::from_sni(name)
    }

    /// The normalised name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        // The bytes were checked to be ASCII; an empty text matches nothing, should that change.
        core::str::from_utf8(self.as_bytes()).unwrap_or_default()
    }

    /// The normalised name as bytes, all ASCII.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }
}

impl PartialEq for HostName {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for HostName {}

impl fmt::Display for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for HostName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HostName({self})")
    }
}
