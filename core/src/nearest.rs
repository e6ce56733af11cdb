//! The known name that a misspelt one was probably meant to be.

use alloc::vec::Vec;

/// Characters of a misspelt name that are looked at: a longer one is near to nothing.
const LOOKED_AT: usize = 64;

/// The candidate with the smallest edit distance, ASCII case and underscores aside.
pub(crate) fn nearest(written: &str, candidates: impl Iterator<Item = &'static str>) -> Option<&'static str> {
    let written = letters(written);
    candidates.min_by_key(|candidate| distance(&written, &letters(candidate)))
}

fn letters(name: &str) -> Vec<char> {
    name.chars().filter(|&c| c != '_').map(|c| c.to_ascii_lowercase()).take(LOOKED_AT).collect()
}

/// The Levenshtein distance, one row at a time.
fn distance(from: &[char], to: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (deleted, from) in from.iter().enumerate() {
        let mut diagonal = deleted;
        let mut left = deleted.saturating_add(1);
        for (cell, to) in row.iter_mut().skip(1).zip(to) {
            let changed = diagonal.saturating_add(usize::from(from != to));
            diagonal = *cell;
            left = changed.min(diagonal.saturating_add(1)).min(left.saturating_add(1));
            *cell = left;
        }
        if let Some(first) = row.first_mut() {
            *first = deleted.saturating_add(1);
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distance_counts_insertions_deletions_and_changes() {
        let of = |from, to| distance(&letters(from), &letters(to));
        assert_eq!(of("kitten", "sitting"), 3);
        assert_eq!(of("", "abc"), 3);
        assert_eq!(of("abc", ""), 3);
        assert_eq!(of("deny_in", "denyIn"), 0);
    }

    #[test]
    fn a_name_without_any_likeness_still_gets_a_candidate() {
        assert!(nearest("", ["allowOut", "denyIn"].into_iter()).is_some());
    }
}
