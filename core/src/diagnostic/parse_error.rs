//! What is wrong with one text, before anybody knows where the text stood.

use super::Code;
use alloc::{borrow::Cow, boxed::Box, format, string::String, vec::Vec};
use core::{fmt, mem, ops::Range};

/// Why a text is not what it should be: an entry, a network, a port range, a pattern, a mask.
///
/// This is the error of every `FromStr` in the crate.
///
/// ```
/// use sandgate::{Code, Entry};
///
/// let error = "10.1.2.3/8".parse::<Entry>().unwrap_err();
/// assert_eq!(error.code(), Code::HostBits);
/// assert_eq!(error.help().unwrap(), "write `10.0.0.0/8` or `10.1.2.3/32`");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, thiserror::Error)]
pub struct ParseError(Box<Problem>);

/// Apart, so that the result of reading a text is small where nothing is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Problem {
    code: Code,
    span: Option<(usize, usize)>,
    message: Cow<'static, str>,
    help: Help,
}

/// What to do about it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Help {
    None,
    /// Texts that could stand in place of the whole text. Each is valid by itself.
    Write(Vec<String>),
    Advice(Cow<'static, str>),
}

impl ParseError {
    pub(crate) fn new(code: Code, message: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Problem { code, span: None, message: printable(message.into()), help: Help::None }))
    }

    /// Narrows the error to a part of the text.
    pub(crate) fn at(mut self, span: Range<usize>) -> Self {
        self.0.span = Some((span.start, span.end));
        self
    }

    /// Moves the span right: the text that was parsed began `by` bytes into a longer one.
    pub(crate) fn shifted(mut self, by: usize) -> Self {
        self.0.span = self.0.span.map(|(start, end)| (start.saturating_add(by), end.saturating_add(by)));
        self
    }

    /// Gives advice that is not a text to write instead.
    pub(crate) fn advise(mut self, advice: impl Into<Cow<'static, str>>) -> Self {
        self.0.help = Help::Advice(printable(advice.into()));
        self
    }

    /// Offers texts to write instead of the whole text. Nobody has judged them yet: whoever reads
    /// the whole text does, with [`keep_offers`](Self::keep_offers). Judging them here would read
    /// repairs of repairs of repairs, as deep as a hostile text likes.
    pub(crate) fn offer(mut self, texts: impl IntoIterator<Item = String>) -> Self {
        let texts: Vec<String> = texts.into_iter().collect();
        if !texts.is_empty() {
            self.0.help = Help::Write(texts);
        }
        self
    }

    /// Turns offers for a part of a text into offers for the whole.
    pub(crate) fn map_offers(mut self, whole: impl FnMut(String) -> String) -> Self {
        if let Help::Write(texts) = &mut self.0.help {
            *texts = mem::take(texts).into_iter().map(whole).collect();
        }
        self
    }

    /// Leaves out the offers that are errors themselves (G-7).
    pub(crate) fn keep_offers(mut self, is_valid: impl Fn(&str) -> bool) -> Self {
        if let Help::Write(texts) = &mut self.0.help {
            texts.retain(|text| is_valid(text));
            if texts.is_empty() {
                self.0.help = Help::None;
            }
        }
        self
    }

    /// The texts that are offered.
    pub(crate) fn offers(&self) -> &[String] {
        match &self.0.help {
            Help::Write(texts) => texts,
            Help::None | Help::Advice(_) => &[],
        }
    }

    /// The stable identifier of the problem.
    #[must_use]
    pub fn code(&self) -> Code {
        self.0.code
    }

    /// The part of the text that is meant, in UTF-8 bytes, on character boundaries.
    /// `None` means all of it.
    #[must_use]
    pub fn span(&self) -> Option<Range<usize>> {
        self.0.span.map(|(start, end)| start..end)
    }

    /// One sentence for a person: what is wrong.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// A concrete repair, where there is one. Texts to write instead stand between backticks.
    #[must_use]
    pub fn help(&self) -> Option<Cow<'_, str>> {
        match &self.0.help {
            Help::None => None,
            Help::Write(texts) => Some(format!("write `{}`", texts.join("` or `")).into()),
            Help::Advice(advice) => Some(Cow::Borrowed(advice)),
        }
    }
}

/// So many characters of a message or an advice are kept. What is quoted from a document is shorter.
const LONGEST: usize = 4096;

/// A message may quote what an attacker wrote, and ends up in terminals and logs: control
/// characters are escaped. A text that is no part of a document has no limit, so the message has.
fn printable(mut text: Cow<'static, str>) -> Cow<'static, str> {
    if let Some((longest, _)) = text.char_indices().nth(LONGEST) {
        let mut start = String::from(text.get(..longest).unwrap_or_default());
        start.push('…');
        text = start.into();
    }
    if !text.contains(char::is_control) {
        return text;
    }
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() {
            escaped.extend(character.escape_default());
        } else {
            escaped.push(character);
        }
    }
    escaped.into()
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}
