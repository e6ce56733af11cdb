//! Addresses, ports and names as JavaScript passes them: nothing is coerced.

use crate::node::{Kind, Short, Value};
use napi::Result;
use sandgate::{Destination, Host};
use std::net::IpAddr;

/// An address is shorter than this, with room to tell a longer text.
type Buffer = [u8; 64];

/// An address as it was given. The core judges an IPv4-mapped one as IPv4, and an explanation
/// tells both.
#[inline]
fn given(text: &str) -> Option<IpAddr> {
    text.parse().ok()
}

/// The client of a question. `null`, `undefined`, and text that is no address, is the unknown
/// client (I-3).
#[inline]
pub(crate) fn client(value: Value<'_>) -> Result<Option<IpAddr>> {
    let mut buffer: Buffer = [0; 64];
    match value.short_text(&mut buffer) {
        Short::Text(text) => Ok(given(text)),
        Short::Long => Ok(None),
        Short::NoText => match value.kind()? {
            Kind::Null | Kind::Undefined => Ok(None),
            _ => Err(value.type_error("a client is a string, null or undefined")),
        },
    }
}

/// An address that has to be one.
#[inline]
pub(crate) fn address(value: Value<'_>) -> Result<IpAddr> {
    let mut buffer: Buffer = [0; 64];
    let address = match value.short_text(&mut buffer) {
        Short::Text(text) => given(text),
        Short::Long => None,
        Short::NoText => return Err(value.type_error("an address is a string")),
    };
    address.ok_or_else(|| value.range_error("the text is not an IPv4 or IPv6 address"))
}

/// A port: a whole number from 0 to 65535.
#[inline]
pub(crate) fn port(value: Value<'_>) -> Result<u16> {
    let Some(number) = value.number() else { return Err(value.type_error("a port is a number")) };
    if number.fract() != 0.0 {
        return Err(value.type_error("a port is a whole number"));
    }
    if !(0.0..=65535.0).contains(&number) {
        return Err(value.range_error("a port is from 0 to 65535"));
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a whole number within the range")]
    Ok(number as u16)
}

/// Asks about a destination: its address and port, and the name that was seen in one of two places.
pub(crate) fn with_destination<T>(
    [to, at, host, sni]: [Value<'_>; 4],
    ask: impl FnOnce(&Destination<'_>) -> T,
) -> Result<T> {
    let (header, name) = (optional_text("host", host)?, optional_text("sni", sni)?);
    if header.is_some() && name.is_some() {
        return Err(host.type_error("give host or sni, not both: they are read differently"));
    }
    let header = header.as_ref().map(|text| Host::Header(text.as_bytes()));
    let host = header.or(name.as_ref().map(|text| Host::Sni(text.as_bytes())));
    Ok(ask(&Destination { address: address(to)?, port: port(at)?, host }))
}

/// Text that may be left out.
pub(crate) fn optional_text(what: &str, value: Value<'_>) -> Result<Option<String>> {
    match value.kind()? {
        Kind::Null | Kind::Undefined => Ok(None),
        Kind::Text => value.text().map(Some),
        _ => Err(value.type_error(&format!("{what} is a string"))),
    }
}

/// Text that has to be there.
pub(crate) fn text(what: &str, value: Value<'_>) -> Result<String> {
    match value.kind()? {
        Kind::Text => value.text(),
        _ => Err(value.type_error(&format!("{what} is a string"))),
    }
}

/// A list of texts. A single text is a mistake, not a list of letters.
pub(crate) fn texts(what: &str, value: Value<'_>) -> Result<Vec<String>> {
    if !value.is_array()? {
        return Err(value.type_error(&format!("{what} is an array of strings")));
    }
    each(value, |element| text(what, element))
}

/// Reads each element of an array. A hole is none, and what changes meanwhile is no list.
pub(crate) fn each<'call, T>(list: Value<'call>, read: impl Fn(Value<'call>) -> Result<T>) -> Result<Vec<T>> {
    let len = list.len()?;
    if !list.is_dense(len)? {
        return Err(list.type_error("an array has holes"));
    }
    let read: Vec<T> = (0..len).map(|index| read(list.element(index)?)).collect::<Result<_>>()?;
    if list.len()? != len || !list.is_dense(len)? {
        return Err(list.type_error("an array changed while it was read"));
    }
    Ok(read)
}
