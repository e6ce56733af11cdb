//! Explanations and differences as they are serialized: what a vector states of them, and what of
//! them can be asked again.

use crate::vector::Query;
use serde_json::{Value, json};

/// What one explanation says only for people, and may say in other words tomorrow.
const OF_EXPLANATION: &[&str] = &["combination", "noFlip"];
const OF_STEP: &[&str] = &["title", "why"];
const OF_HOST: &[&str] = &["flaw"];
const OF_FLIP: &[&str] = &["note"];

/// An explanation without its sentences, as vectors state it.
///
/// A sentence is taken away, and `null` in its place stays. So a vector that leaves the field out
/// asks for a sentence, and one that states `null` asks for none.
///
/// # Errors
///
/// If one of the fields is missing, or is neither `null` nor a text with something in it.
pub fn without_sentences(explanation: &Value) -> Result<Value, String> {
    let mut stated = explanation.clone();
    take(&mut stated, OF_EXPLANATION)?;
    for address in elements(&mut stated, "/addresses")? {
        elements(address, "/steps")?.iter_mut().try_for_each(|step| take(step, OF_STEP))?;
    }
    elements(&mut stated, "/flips")?.iter_mut().try_for_each(|flip| take(flip, OF_FLIP))?;
    match stated.pointer_mut("/input/host") {
        Some(Value::Null) => {}
        Some(host) => take(host, OF_HOST)?,
        None => return Err("the explanation has no `input.host`".into()),
    }
    Ok(stated)
}

fn take(object: &mut Value, sentences: &[&str]) -> Result<(), String> {
    for name in sentences {
        let fields = object.as_object_mut().ok_or_else(|| format!("there is no object for `{name}`"))?;
        match fields.get(*name) {
            Some(Value::Null) => {}
            Some(Value::String(sentence)) if !sentence.is_empty() => drop(fields.shift_remove(*name)),
            found => return Err(format!("`{name}` is {found:?}, and neither a sentence nor null")),
        }
    }
    Ok(())
}

fn elements<'v>(value: &'v mut Value, pointer: &str) -> Result<&'v mut Vec<Value>, String> {
    let found = value.pointer_mut(pointer).and_then(Value::as_array_mut);
    found.ok_or_else(|| format!("there is no list at `{pointer}`"))
}

/// A query that shows what a region says, and the answers that the two policies are said to give.
#[derive(Debug)]
pub struct Witness {
    /// The query.
    pub query: Query,
    /// Verdict, reason and entry of the old policy.
    pub before: Value,
    /// The same of the new policy.
    pub after: Value,
}

/// The witness of every region of a difference.
///
/// # Errors
///
/// If one is no query.
pub fn witnesses(difference: &Value) -> Result<Vec<Witness>, String> {
    let list = |value: &Value, name| value.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
    let mut witnesses = Vec::new();
    for change in list(difference, "changes") {
        for region in list(&change, "regions") {
            let at = |name| region.pointer(&format!("/witness/{name}")).cloned().unwrap_or_default();
            let query = if change["direction"] == "ingress" {
                json!({"direction": "ingress", "client": at("address"), "port": at("port")})
            } else {
                json!({"direction": "egress", "address": at("address"), "port": at("port"), "sni": at("host")})
            };
            let query = serde_json::from_value(query).map_err(|error| error.to_string())?;
            witnesses.push(Witness { query, before: at("before"), after: at("after") });
        }
    }
    Ok(witnesses)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The smallest explanation with every sentence.
    fn explanation() -> Value {
        json!({
            "input": {"host": {"sent": "a..b", "flaw": "an empty label"}},
            "addresses": [{"steps": [{"rule": "E-1", "title": "always allowed", "why": "no network is"}]}],
            "combination": null,
            "flips": [{"edit": "add", "note": null}],
            "noFlip": "no entry can"
        })
    }

    #[test]
    fn sentences_are_taken_away_and_null_stays() {
        let stated = json!({
            "input": {"host": {"sent": "a..b"}},
            "addresses": [{"steps": [{"rule": "E-1"}]}],
            "combination": null,
            "flips": [{"edit": "add", "note": null}]
        });
        assert_eq!(without_sentences(&explanation()), Ok(stated));
    }

    #[test]
    fn a_sentence_that_is_missing_or_says_nothing_is_found() {
        for place in ["/noFlip", "/input/host/flaw", "/addresses/0/steps/0/why", "/flips/0/note", "/combination"] {
            let (object, name) = place.rsplit_once('/').unwrap();
            let mut missing = explanation();
            missing.pointer_mut(object).unwrap().as_object_mut().unwrap().remove(name);
            assert!(without_sentences(&missing).is_err(), "without {place}");
            let mut empty = explanation();
            *empty.pointer_mut(place).unwrap() = "".into();
            assert!(without_sentences(&empty).is_err(), "empty {place}");
        }
    }
}
