//! An address as an integer, and as the words that hold it in a table.

/// An address as an integer.
pub(crate) trait Address: Copy + Ord {
    /// How many words of 32 bits hold it.
    const WORDS: usize;
    /// What rules are sorted by: the lowest address of the network, then a word.
    type Order: Ord;
    /// The order of a rule.
    fn order(self, word: u32) -> Self::Order;
    /// The address with every bit set after the first `before_last + 1`: a length is never 0, and
    /// shifting by one less than it spares the check that a shift by all bits needs.
    fn last_of(self, before_last: u32) -> Self;
    /// The next address, if there is one.
    fn next(self) -> Option<Self>;
    /// Adds its words.
    fn write(self, words: &mut impl Extend<u32>);
    /// The address with this number in an array of words.
    fn read(words: &[u32], number: usize) -> Option<Self>;
    /// How many addresses of a sorted array of words are not above it.
    fn count_not_above(self, words: &[u32]) -> usize;
}

macro_rules! bits {
    ($integer:ty) => {
        #[inline]
        fn last_of(self, before_last: u32) -> Self {
            self | <$integer>::MAX.wrapping_shr(before_last) >> 1
        }

        #[inline]
        fn next(self) -> Option<Self> {
            self.checked_add(1)
        }
    };
}

/// Addresses that fit in one word.
macro_rules! one_word {
    ($integer:ty) => {
        impl Address for $integer {
            const WORDS: usize = 1;
            type Order = u64;

            #[inline]
            fn order(self, word: u32) -> u64 {
                u64::from(self) << 32 | u64::from(word)
            }

            bits!($integer);

            fn write(self, words: &mut impl Extend<u32>) {
                words.extend([u32::from(self)]);
            }

            #[inline]
            fn read(words: &[u32], number: usize) -> Option<Self> {
                Self::try_from(*words.get(number)?).ok()
            }

            #[inline]
            fn count_not_above(self, words: &[u32]) -> usize {
                let this = u32::from(self);
                words.partition_point(|word| *word <= this)
            }
        }
    };
}

one_word!(u32);
// The world of the exhaustive proof.
#[cfg(test)]
one_word!(u8);

impl Address for u128 {
    const WORDS: usize = 4;
    type Order = (u128, u32);

    fn order(self, word: u32) -> (u128, u32) {
        (self, word)
    }

    bits!(u128);

    fn write(self, words: &mut impl Extend<u32>) {
        words.extend(self.to_le_bytes().as_chunks().0.iter().map(|bytes| u32::from_le_bytes(*bytes)));
    }

    #[inline]
    fn read(words: &[u32], number: usize) -> Option<Self> {
        words.as_chunks().0.get(number).map(join)
    }

    #[inline]
    fn count_not_above(self, words: &[u32]) -> usize {
        words.as_chunks().0.partition_point(|words| join(words) <= self)
    }
}

#[inline]
fn join(&[lowest, low, high, highest]: &[u32; 4]) -> u128 {
    let pair = |low: u32, high: u32| u64::from(high) << 32 | u64::from(low);
    u128::from(pair(high, highest)) << 64 | u128::from(pair(lowest, low))
}
