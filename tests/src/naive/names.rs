//! Host names on the wire and domain patterns (section 3), one label at a time.

use super::addresses::is_port;

/// A host name as it was sent, and where it was seen (N-7).
#[derive(Debug, Clone, Copy)]
pub enum Seen<'n> {
    /// In TLS server name indication.
    Sni(&'n [u8]),
    /// In an HTTP Host header.
    Header(&'n [u8]),
}

/// The normalised name, if what was sent is a domain name (N-7, N-8).
#[must_use]
pub fn host_name(seen: Seen<'_>) -> Option<String> {
    let (Seen::Sni(bytes) | Seen::Header(bytes)) = seen;
    let text = str::from_utf8(bytes).ok()?;
    let without_port = match (seen, text.split_once(':')) {
        (Seen::Header(_), Some((name, port))) if is_port(port) => name,
        (_, Some(_)) => return None,
        (_, None) => text,
    };
    let without_dot = without_port.strip_suffix('.').unwrap_or(without_port);
    let name = without_dot.to_ascii_lowercase();
    is_name(&name).then_some(name)
}

/// Whether a text is a name as N-3 describes it, already folded and without a trailing dot.
#[must_use]
pub fn is_name(text: &str) -> bool {
    let labels: Vec<&str> = text.split('.').collect();
    text.len() <= 253 && labels.iter().all(|label| is_label(label)) && !is_number(labels[labels.len() - 1])
}

fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && label.chars().all(|c| matches!(c, 'a'..='z' | '0'..='9' | '-' | '_'))
        && !label.starts_with('-')
        && !label.ends_with('-')
}

/// N-2: what is read as a number where an address is expected.
fn is_number(label: &str) -> bool {
    match label.strip_prefix("0x") {
        Some(digits) => digits.chars().all(|c| c.is_ascii_hexdigit()),
        None => label.chars().all(|c| c.is_ascii_digit()),
    }
}

/// Whether a canonical pattern matches a normalised name (N-6).
#[must_use]
pub fn matches(pattern: &str, name: &str) -> bool {
    if pattern == "*" {
        return true;
    }
    let mut name: Vec<&str> = name.split('.').collect();
    let mut wanted: Vec<&str> = pattern.split('.').collect();
    let below = wanted[0] == "*";
    if below {
        wanted.remove(0);
    }
    // From the right: every label of the pattern has to be there.
    while let Some(label) = wanted.pop() {
        if name.pop() != Some(label) {
            return false;
        }
    }
    // What is left of the name lies strictly below it, or is nothing.
    below != name.is_empty()
}
