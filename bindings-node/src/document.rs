//! Copies documents made of JavaScript objects, so that they can be judged as a whole.
//!
//! Only plain objects and arrays are read. An object of a class has meanings of its own: a `Map`
//! has no fields at all, and would be a policy that allows everything.

use crate::node::{Kind, Value};
use napi::Result;
use sandgate::Object;

/// Copies a document.
pub(crate) fn copy(value: Value<'_>) -> Result<Object> {
    read(value, Object::DEPTH)
}

/// Copies options, in which documents lie.
pub(crate) fn copy_options(value: Value<'_>) -> Result<Object> {
    read(value, Object::DEPTH.saturating_add(1))
}

fn read(value: Value<'_>, depth: u8) -> Result<Object> {
    Ok(match value.kind()? {
        Kind::Null => Object::Null,
        Kind::Boolean => Object::Bool(value.boolean()?),
        Kind::Number => Object::Number(value.number().and_then(whole)),
        Kind::Text => Object::Text(value.text()?),
        Kind::Object if value.is_array()? => elements(value, depth.saturating_sub(1))?,
        Kind::Object if value.is_plain()? => members(value, depth.saturating_sub(1))?,
        Kind::Object | Kind::Undefined | Kind::Other => Object::Foreign,
    })
}

/// A hole is an element that is no text.
fn elements(list: Value<'_>, depth: u8) -> Result<Object> {
    if depth == 0 {
        return Ok(Object::cut_list());
    }
    (0..list.len()?).map(|index| read(list.element(index)?, depth)).collect::<Result<_>>().map(Object::List)
}

fn members(object: Value<'_>, depth: u8) -> Result<Object> {
    if depth == 0 {
        return Ok(Object::cut_map());
    }
    let mut members = Vec::new();
    let names = object.names()?;
    for index in 0..names.len()? {
        let name = names.element(index)?;
        let value = object.field(name)?;
        // As everywhere in JavaScript, a field that is undefined is not there.
        if value.kind()? != Kind::Undefined {
            members.push((name.text()?, read(value, depth)?));
        }
    }
    Ok(Object::Map(members))
}

fn whole(number: f64) -> Option<u64> {
    let is_whole = number.fract() == 0.0 && (0.0..=9_007_199_254_740_991.0).contains(&number);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a whole number within the range")]
    is_whole.then_some(number as u64)
}
