//! Copies documents made of JavaScript objects, so that they can be judged as a whole.
//!
//! Only plain objects and arrays are read. An object of a class has meanings of its own: a `Map`
//! has no fields at all, and would be a policy that allows everything. Only what is an object's own
//! is read: what the prototypes of all objects were given belongs to no document.
//!
//! Only as much is copied as a document can hold, in depth and in bytes.

use crate::node::{Kind, Value};
use napi::{Error, Result};
use sandgate::{Limits, Object, Report, Room};

/// Why a document was not copied.
enum Stop {
    Thrown(Error),
    /// It is larger than a document may be (D-6).
    Refused(Report),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Thrown(error)
    }
}

impl From<Report> for Stop {
    fn from(report: Report) -> Self {
        Self::Refused(report)
    }
}

type Copied<T> = std::result::Result<T, Stop>;

/// A copy of a document, or the report that it is too large.
pub(crate) fn copy(value: Value<'_>, limits: Limits) -> Result<std::result::Result<Object, Report>> {
    judged(read(value, Object::DEPTH, &mut Room::new(limits)))
}

/// A copy of options, in which documents lie.
pub(crate) fn copy_options(value: Value<'_>) -> Result<std::result::Result<Object, Report>> {
    judged(read(value, Object::DEPTH.saturating_add(1), &mut Room::new(Limits::default())))
}

fn judged(copied: Copied<Object>) -> Result<std::result::Result<Object, Report>> {
    match copied {
        Ok(object) => Ok(Ok(object)),
        Err(Stop::Refused(report)) => Ok(Err(report)),
        Err(Stop::Thrown(error)) => Err(error),
    }
}

fn read(value: Value<'_>, depth: u8, room: &mut Room) -> Copied<Object> {
    Ok(match value.kind()? {
        Kind::Null => Object::Null,
        Kind::Boolean => Object::Bool(value.boolean()?),
        Kind::Number => Object::Number(value.number().and_then(whole)),
        Kind::Text => Object::Text(text_of(value, room)?),
        Kind::Object if value.is_array()? => elements(value, depth.saturating_sub(1), room)?,
        Kind::Object if value.is_plain()? => members(value, depth.saturating_sub(1), room)?,
        Kind::Object | Kind::Undefined | Kind::Other => Object::Foreign,
    })
}

fn text_of(text: Value<'_>, room: &mut Room) -> Copied<String> {
    // What is too long is counted, and not copied.
    room.text(text.text_len()?)?;
    Ok(text.text()?)
}

/// A hole is an element that is no text, whatever stands in the prototype at its place.
fn elements(list: Value<'_>, depth: u8, room: &mut Room) -> Copied<Object> {
    let len = list.len()?;
    let count = usize::try_from(len).unwrap_or(usize::MAX);
    room.values(count)?;
    if depth == 0 {
        return Ok(Object::cut_list());
    }
    let most = len.min(u32::try_from(room.entries()).unwrap_or(u32::MAX));
    // Of a list that is too long, no more is looked at than what is read.
    let is_dense = most == len && list.is_dense(len)?;
    let mut elements = Vec::with_capacity(count);
    for index in 0..most {
        let is_there = is_dense || list.has_own_element(index)?;
        elements.push(if is_there { read(list.element(index)?, depth, room)? } else { Object::Foreign });
    }
    if list.len()? != len || (is_dense && !list.is_dense(len)?) {
        return Err(list.type_error("a list of the document changed while it was read").into());
    }
    elements.resize(count, Object::Null);
    Ok(Object::List(elements))
}

fn members(object: Value<'_>, depth: u8, room: &mut Room) -> Copied<Object> {
    let names = object.names()?;
    let len = names.len()?;
    room.values(usize::try_from(len).unwrap_or(usize::MAX))?;
    if depth == 0 {
        return Ok(Object::cut_map());
    }
    let mut members = Vec::new();
    for index in 0..len {
        let name = names.element(index)?;
        let value = object.field(name)?;
        // As everywhere in JavaScript, a field that is undefined is not there.
        if value.kind()? != Kind::Undefined {
            members.push((text_of(name, room)?, read(value, depth, room)?));
        }
    }
    // A field that a getter took away would look as if it had never been there.
    if !object.names()?.are_the_same(names)? {
        return Err(object.type_error("an object of the document changed while it was read").into());
    }
    Ok(Object::Map(members))
}

fn whole(number: f64) -> Option<u64> {
    let is_whole = number.fract() == 0.0 && (0.0..=9_007_199_254_740_991.0).contains(&number);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a whole number within the range")]
    is_whole.then_some(number as u64)
}
