//! The last of many sorted keys that is not above a value: a search tree without pointers.
//!
//! Keys lie in blocks of one cache line, and each block has one child before, between and after
//! its keys. The children of block `k` are the blocks `k * (B + 1) + 1` and following, so there is
//! nothing to store but the keys. With four keys a block:
//!
//! ```text
//!     block 0             [ 40 | 58 | 77 | 90 ]
//!                        /     |    |    |     \
//!     blocks 1 to 5  [3 9 17 31]  [41 ..]  ...  [91 ..]
//! ```
//!
//! A search counts, in each block on its way down, the keys that are not above the value. The
//! count is the number of the child, and if it is not zero, the last key counted is the best one
//! so far. Counting all keys of a block of fixed size has no branch to mispredict and compiles to
//! a few vector instructions; a binary search within the block would wait for each comparison.
//!
//! The values stand beside the keys, in the next cache line: the line that the processor fetches
//! along with the first. A table of up to `B` keys is one block in one allocation.

use alloc::{boxed::Box, vec, vec::Vec};

/// Sorted keys with a value each, in blocks of `B`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Tree<K, const B: usize> {
    blocks: Box<[Block<K, B>]>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(align(64))]
struct Block<K, const B: usize> {
    keys: [K; B],
    values: [u32; B],
}

impl<K: Copy + Ord, const B: usize> Tree<K, B> {
    /// Lays out keys, which come sorted and distinct. Slots that stay empty hold `highest` with
    /// `at_highest`, so both must be what a search for the highest key is to find.
    pub(super) fn new(sorted: &[(K, u32)], highest: K, at_highest: u32) -> Self {
        let empty = Block { keys: [highest; B], values: [at_highest; B] };
        let mut blocks = vec![empty; sorted.len().div_ceil(B)];
        let rest = fill(&mut blocks, 0, sorted);
        debug_assert!(rest.is_empty(), "every key has a slot");
        Self { blocks: blocks.into() }
    }

    /// The last key that is not above `key`, with its value; `below` if all are above.
    #[inline(always)]
    #[expect(
        clippy::inline_always,
        reason = "a call would pass key and value through memory, and cost as much as a level"
    )]
    pub(super) fn last_not_above(&self, key: K, below: (K, u32)) -> (K, u32) {
        let mut number = 0_usize;
        // The slot behind the best key so far, counted over all blocks: zero is none.
        let mut behind = 0_usize;
        while let Some(block) = self.blocks.get(number) {
            // The sum wraps, though it cannot: a check of each addition would keep it from being
            // computed on vectors.
            let counts = block.keys.iter().map(|other| u32::from(*other <= key));
            let count = usize::try_from(counts.fold(0, u32::wrapping_add)).unwrap_or_default();
            let here = number.wrapping_mul(B).wrapping_add(count);
            behind = if count > 0 { here } else { behind };
            number = number.wrapping_mul(B.wrapping_add(1)).wrapping_add(count).wrapping_add(1);
        }
        let Some(best) = behind.checked_sub(1) else { return below };
        let block = best.checked_div(B).and_then(|number| self.blocks.get(number));
        let slot = best.checked_rem(B).unwrap_or_default();
        match block.map(|block| (block.keys.get(slot), block.values.get(slot))) {
            Some((Some(key), Some(value))) => (*key, *value),
            _ => below,
        }
    }

    /// Bytes on the heap.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        size_of_val(&*self.blocks)
    }
}

/// Fills a block and all below it, in order of the keys; gives back the keys that are left.
fn fill<'s, K: Copy, const B: usize>(
    blocks: &mut Vec<Block<K, B>>,
    number: usize,
    sorted: &'s [(K, u32)],
) -> &'s [(K, u32)] {
    if number >= blocks.len() {
        return sorted;
    }
    let child = |slot: usize| number.wrapping_mul(B.wrapping_add(1)).wrapping_add(slot).wrapping_add(1);
    let mut sorted = sorted;
    for slot in 0..B {
        sorted = fill(blocks, child(slot), sorted);
        let Some((&(key, value), rest)) = sorted.split_first() else { return sorted };
        if let Some(block) = blocks.get_mut(number)
            && let (Some(to_key), Some(to_value)) = (block.keys.get_mut(slot), block.values.get_mut(slot))
        {
            (*to_key, *to_value) = (key, value);
        }
        sorted = rest;
    }
    fill(blocks, child(B), sorted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_search_finds_what_a_scan_finds() {
        for len in 0..300_u32 {
            let sorted: Vec<(u32, u32)> = (0..len).map(|i| (i * 3 + 5, i)).collect();
            let at_highest = sorted.last().map_or(0, |last| last.1);
            let tree = Tree::<u32, 4>::new(&sorted, u32::MAX, at_highest);
            for key in 0..len * 3 + 10 {
                let scanned = sorted.iter().rev().find(|(other, _)| *other <= key).copied();
                let below = (0, u32::MAX);
                assert_eq!(tree.last_not_above(key, below), scanned.unwrap_or(below), "{len} keys, {key}");
            }
            if len > 0 {
                assert_eq!(tree.last_not_above(u32::MAX, (0, u32::MAX)).1, at_highest);
            }
        }
    }

    #[test]
    fn small_tables_are_one_block() {
        let sorted: Vec<(u32, u32)> = (0..16).map(|i| (i, i)).collect();
        assert_eq!(Tree::<u32, 16>::new(&sorted, u32::MAX, 15).bytes(), 128);
    }
}
