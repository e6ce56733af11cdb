//! A range of addresses as the fewest blocks of 2^n addresses that begin at a multiple of it.

/// The blocks of a range, in order: the first address of each and how many bits it leaves open.
pub(crate) fn blocks(first: u128, last: u128) -> impl Iterator<Item = (u128, u32)> {
    let mut next = Some(first);
    core::iter::from_fn(move || {
        let start = next.filter(|start| *start <= last)?;
        let distance = last.wrapping_sub(start);
        // As many bits as the start has free, and as the rest of the range has addresses.
        let fitting = distance.checked_add(1).map_or(u128::BITS, u128::ilog2);
        let open = start.trailing_zeros().min(fitting);
        let size = 1_u128.checked_shl(open);
        next = size.and_then(|size| start.checked_add(size));
        Some((start, open))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    #[test]
    fn blocks_are_the_range_and_no_two_neighbours_are_one_block() {
        for first in 0..64 {
            for last in first..64 {
                let blocks: Vec<_> = blocks(first, last).collect();
                let mut next = first;
                for &(start, open) in &blocks {
                    assert_eq!((start, start % (1 << open)), (next, 0));
                    next = start + (1 << open);
                }
                assert_eq!(next, last + 1);
                for pair in blocks.windows(2) {
                    assert!(pair[0].1 != pair[1].1 || pair[0].0 % (2 << pair[0].1) != 0, "{first} {last}");
                }
            }
        }
    }

    #[test]
    fn every_address_is_one_block() {
        assert_eq!(blocks(0, u128::MAX).collect::<Vec<_>>(), [(0, 128)]);
        assert_eq!(blocks(u128::MAX, u128::MAX).collect::<Vec<_>>(), [(u128::MAX, 0)]);
        assert_eq!(blocks(1, u128::MAX).count(), 128);
    }
}
