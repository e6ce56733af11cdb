//! Where the marks stand that take an address entry apart, found in one pass over its bytes.

use super::address::ends_in_number;

/// The places of the first of each mark.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Marks {
    /// `[` or `]`.
    pub(super) bracket: Option<usize>,
    pub(super) colon: Option<usize>,
    /// Whether more colons follow the first.
    pub(super) has_colons: bool,
    pub(super) slash: Option<usize>,
    pub(super) percent: Option<usize>,
    /// The first of colon, slash and percent sign: what is before it is an address or a name.
    end: Option<usize>,
}

impl Marks {
    pub(super) fn of(text: &str) -> Self {
        let mut marks = Self::default();
        for (at, byte) in text.bytes().enumerate() {
            match byte {
                b':' if marks.colon.is_some() => marks.has_colons = true,
                b':' | b'/' | b'%' => {
                    marks.end.get_or_insert(at);
                    let mark = match byte {
                        b':' => &mut marks.colon,
                        b'/' => &mut marks.slash,
                        _ => &mut marks.percent,
                    };
                    mark.get_or_insert(at);
                }
                b'[' | b']' => {
                    marks.bracket.get_or_insert(at);
                }
                _ => {}
            }
        }
        marks
    }

    /// Those of the text that ends before its first colon.
    pub(super) fn before_colon(self) -> Self {
        let before = |mark: Option<usize>| mark.filter(|&at| self.colon.is_none_or(|colon| at < colon));
        Self {
            bracket: before(self.bracket),
            colon: None,
            has_colons: false,
            slash: before(self.slash),
            percent: before(self.percent),
            end: before(self.end),
        }
    }

    /// N-2: whether their text looks like an address, so that it is never read as a name.
    pub(super) fn look_like_address(&self, text: &str) -> bool {
        if self.bracket.is_some() || self.has_colons {
            return true;
        }
        let host = self.end.and_then(|end| text.get(..end)).unwrap_or(text);
        ends_in_number(host.strip_suffix('.').unwrap_or(host).as_bytes())
    }
}
