//! What a rule answers, and where the answer of an address range stands: one word each.

/// A tier and a rule's number in it. The order is the order of judgement: the least answer wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Answer(u32);

const NUMBER_BITS: u32 = 20;
const ANSWER_BITS: u32 = 3 + NUMBER_BITS;
/// The bits of a packed word below the length.
pub(super) const LINK_BITS: u32 = 2 + ANSWER_BITS;

/// Entries of one list that a table can hold: their numbers, and the places of their port
/// programs of at most five words each, fit into a [`Link`].
pub(crate) const MAX_ENTRIES: usize = 1 << 19;

/// The tier of [`Answer::NONE`].
pub(crate) const NO_TIER: u32 = 0b111;

impl Answer {
    /// No rule: above every other answer.
    pub(super) const NONE: Self = Self((1 << ANSWER_BITS) - 1);

    /// A tier below [`NO_TIER`] and a number below [`MAX_ENTRIES`].
    pub(super) fn new(tier: u8, number: u32) -> Self {
        Self(((u32::from(tier) & NO_TIER) << NUMBER_BITS) | (number & ((1 << NUMBER_BITS) - 1)))
    }

    /// A word that orders by the length of a network, then by answer.
    pub(super) fn behind(self, len: u8) -> u32 {
        (u32::from(len) << ANSWER_BITS) | self.0
    }

    #[inline]
    pub(super) const fn tier(self) -> u32 {
        self.0 >> NUMBER_BITS
    }

    #[inline]
    pub(super) const fn number(self) -> u32 {
        self.0 & ((1 << NUMBER_BITS) - 1)
    }

    pub(super) const fn word(self) -> u32 {
        self.0
    }

    pub(super) const fn from_word(word: u32) -> Self {
        Self(word)
    }
}

/// What a range of addresses leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Link {
    /// The same answer for every port.
    Answer(Answer),
    /// One port range and its answer, at this place of the port programs; no other port has one.
    One(u32),
    /// A port program at this place.
    Program(u32),
}

impl Link {
    /// The link in the low bits of a word.
    pub(super) fn word(self) -> u32 {
        let (kind, value) = match self {
            Self::Answer(answer) => (0, answer.0),
            Self::One(at) => (1, at),
            Self::Program(at) => (2, at),
        };
        (kind << ANSWER_BITS) | (value & Answer::NONE.0)
    }

    /// The link in the low bits of a word, whatever the others hold.
    #[inline]
    pub(super) const fn from_word(word: u32) -> Self {
        let value = word & Answer::NONE.0;
        match (word >> ANSWER_BITS) & 0b11 {
            0 => Self::Answer(Answer(value)),
            1 => Self::One(value),
            _ => Self::Program(value),
        }
    }
}

/// A link together with the length of the network whose range it is: 1 to 128.
pub(super) fn pack(len: u8, link: Link) -> u32 {
    (u32::from(len.saturating_sub(1)) << LINK_BITS) | link.word()
}

/// One less than the length in a packed word.
#[inline]
pub(super) const fn unpack_before_last(word: u32) -> u32 {
    word >> LINK_BITS
}
