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
    /// Adds the words of sorted addresses.
    fn write(addresses: impl Iterator<Item = Self> + Clone, words: &mut impl Extend<u32>);
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

            fn write(addresses: impl Iterator<Item = Self> + Clone, words: &mut impl Extend<u32>) {
                words.extend(addresses.map(u32::from));
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

    // The high halves of all, then the low halves: most searches compare nothing but the first.
    fn write(addresses: impl Iterator<Item = Self> + Clone, words: &mut impl Extend<u32>) {
        words.extend(addresses.clone().flat_map(|address| split(address >> 64)));
        words.extend(addresses.flat_map(split));
    }

    #[inline]
    fn read(words: &[u32], number: usize) -> Option<Self> {
        let (high, low) = halves(words);
        Some(u128::from(join(*high.get(number)?)) << 64 | u128::from(join(*low.get(number)?)))
    }

    #[inline]
    fn count_not_above(self, words: &[u32]) -> usize {
        let (highs, lows) = halves(words);
        let [this_high, this_low] = [self >> 64, self].map(|half| join(split(half)));
        let below = highs.partition_point(|high| join(*high) < this_high);
        // Addresses that share the high half, mostly none or one, are told apart by the low one.
        let same = highs.get(below..).unwrap_or_default();
        if same.first().is_none_or(|high| join(*high) != this_high) {
            return below;
        }
        let same = same.partition_point(|high| join(*high) == this_high);
        let lows = lows.get(below..).and_then(|lows| lows.get(..same)).unwrap_or_default();
        below.wrapping_add(lows.partition_point(|low| join(*low) <= this_low))
    }
}

#[inline]
fn halves(words: &[u32]) -> (&[[u32; 2]], &[[u32; 2]]) {
    let words = words.as_chunks().0;
    words.split_at_checked(words.len() / 2).unwrap_or_default()
}

/// The low half of an address.
#[inline]
fn split(address: u128) -> [u32; 2] {
    let bytes = address.to_le_bytes();
    let word =
        |at: usize| bytes.get(at..).and_then(|bytes| bytes.first_chunk()).map_or(0, |bytes| u32::from_le_bytes(*bytes));
    [word(0), word(4)]
}

#[inline]
fn join([low, high]: [u32; 2]) -> u64 {
    u64::from(high) << 32 | u64::from(low)
}
