//! Elements taken out of a list of a JSON text, with the commas that go with them.

use alloc::{string::String, vec::Vec};
use core::ops::Range;

/// The bytes to leave out so that only the other elements are left. They do not overlap, and they
/// are in the order of the text.
pub(super) fn of_elements(
    places: &[Range<usize>],
    is_removed: impl Fn(usize) -> bool,
) -> impl Iterator<Item = (Range<usize>, String)> {
    let mut has_kept = false;
    let mut removed = Vec::new();
    for (index, place) in places.iter().enumerate() {
        if !is_removed(index) {
            has_kept = true;
            continue;
        }
        let before = index.checked_sub(1).and_then(|before| places.get(before));
        let after = places.get(index.saturating_add(1));
        // A comma stands between two elements: the one before goes, or, if nothing is left there,
        // the one behind.
        removed.push(match (before, after) {
            (Some(before), _) if has_kept => before.end..place.end,
            (_, Some(after)) => place.start..after.start,
            _ => place.clone(),
        });
    }
    removed.into_iter().map(|place| (place, String::new()))
}

#[cfg(test)]
mod tests {
    use crate::source::Source;
    use alloc::vec::Vec;

    #[track_caller]
    fn leaves(removed: &[usize], wanted: &str) {
        let source = Source::new(r#"{"a": [ "0", "1",  "2" , "3" ]}"#);
        let places = source.elements("a");
        let edits: Vec<_> = super::of_elements(&places, |index| removed.contains(&index)).collect();
        assert_eq!(source.edited(&edits), wanted);
        assert!(serde_json::from_str::<serde_json::Value>(&source.edited(&edits)).is_ok());
    }

    #[test]
    fn commas_go_with_the_elements_and_the_rest_stays() {
        leaves(&[], r#"{"a": [ "0", "1",  "2" , "3" ]}"#);
        leaves(&[0], r#"{"a": [ "1",  "2" , "3" ]}"#);
        leaves(&[1], r#"{"a": [ "0",  "2" , "3" ]}"#);
        leaves(&[3], r#"{"a": [ "0", "1",  "2" ]}"#);
        leaves(&[1, 2], r#"{"a": [ "0" , "3" ]}"#);
        leaves(&[0, 1, 3], r#"{"a": [ "2" ]}"#);
        leaves(&[0, 1, 2], r#"{"a": [ "3" ]}"#);
        leaves(&[0, 1, 2, 3], r#"{"a": [  ]}"#);
    }
}
