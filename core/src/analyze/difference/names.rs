//! Which names patterns match and others do not, exactly, and one such name.
//!
//! Patterns are sets of names that lie within one another or apart, as networks are of addresses.
//! In the order of their labels from the right each stands behind what holds it, so one pass over
//! both lists tells what is left of each pattern.

use crate::{
    entry::{DomainPattern, HostName, MAX_NAME},
    table::NameTable,
};
use alloc::{format, string::String, vec::Vec};
use serde::Serialize;

/// Names that one pattern matches and its exceptions do not: see [`Names`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct NameTerm {
    /// The pattern.
    pub pattern: DomainPattern,
    /// Patterns within it whose names are not meant.
    pub except: Vec<DomainPattern>,
}

/// The names that a change of egress is about.
///
/// ```
/// use sandgate::{NetworkConfig, Names, Options, Policy, diff};
///
/// let policy = |names: &[&str]| {
///     let allow_out = names.iter().map(ToString::to_string).collect();
///     let config = NetworkConfig { allow_out, deny_out: vec!["0.0.0.0/0".into()], ..Default::default() };
///     Policy::compile(&config, &Options::default())
/// };
/// let difference = diff(&policy(&["a.example.com"])?, &policy(&["*.example.com"])?);
/// let Some(Names::Matching(terms)) = &difference.changes[0].names else { panic!() };
/// assert_eq!(terms[0].pattern.to_string(), "*.example.com");
/// assert_eq!(terms[0].except[0].to_string(), "a.example.com");
/// # Ok::<(), sandgate::Report>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::exhaustive_enums, reason = "a caller that forgets one would say something wrong about a policy")]
pub enum Names {
    /// Every name, and connections without one.
    Any,
    /// Names that one of the terms matches. No two terms share a name.
    Matching(Vec<NameTerm>),
    /// Connections without a valid name, and names that none of the patterns matches.
    NotMatching(Vec<DomainPattern>),
}

impl Names {
    /// Whether a name, or none, is meant. Names that are no host name are none (N-8).
    ///
    /// ```
    /// use sandgate::Names;
    ///
    /// let names = Names::NotMatching(vec!["*.example.com".parse()?]);
    /// assert!(names.contains(None));
    /// assert!(!names.contains(sandgate::HostName::from_sni(b"a.example.com").as_ref()));
    /// # Ok::<(), sandgate::ParseError>(())
    /// ```
    #[must_use]
    pub fn contains(&self, name: Option<&HostName>) -> bool {
        let matches =
            |patterns: &[DomainPattern]| name.is_some_and(|name| patterns.iter().any(|pattern| pattern.matches(name)));
        match self {
            Self::Any => true,
            Self::Matching(terms) => {
                name.is_some_and(|name| terms.iter().any(|term| term.pattern.matches(name) && !matches(&term.except)))
            }
            Self::NotMatching(patterns) => !matches(patterns),
        }
    }
}

/// What is left of a pattern, and a name that shows it.
#[derive(Debug, Clone)]
pub(super) struct Left {
    pub(super) term: NameTerm,
    pub(super) witness: HostName,
}

/// What patterns match and others do not. No two terms share a name, and every term has one.
pub(super) fn left_of(patterns: &[&DomainPattern], without: &[&DomainPattern]) -> Vec<Left> {
    let mut items: Vec<Item<'_>> = Vec::with_capacity(patterns.len().saturating_add(without.len()));
    items.extend(without.iter().map(|pattern| Item::new(pattern, Side::Without)));
    items.extend(patterns.iter().map(|pattern| Item::new(pattern, Side::Of)));
    items.sort_by(|one, other| one.order().cmp(&other.order()));
    let mut pass = Pass::default();
    for item in &items {
        pass.take(item);
    }
    pass.left.into_iter().filter_map(|(pattern, except)| Left::of(pattern, &except)).collect()
}

/// Some patterns without those that others of them hold.
pub(super) fn widest(patterns: &[&DomainPattern]) -> Vec<DomainPattern> {
    left_of(patterns, &[]).into_iter().map(|left| left.term.pattern).collect()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Side {
    Without,
    Of,
}

struct Item<'p> {
    /// The labels from the right, each with an end that is below every byte of a label. So the
    /// key of a name begins with the keys of all names that it lies below.
    key: String,
    pattern: &'p DomainPattern,
    side: Side,
}

impl<'p> Item<'p> {
    fn new(pattern: &'p DomainPattern, side: Side) -> Self {
        let labels = pattern.name().into_iter().flat_map(|name| name.rsplit('.'));
        let key = labels.flat_map(|label| [label, "\0"]).collect();
        Self { key, pattern, side }
    }

    /// What holds a pattern comes before it: `*.name` does not hold `name`, so the name is first.
    fn order(&self) -> (&str, bool, Side) {
        (&self.key, self.pattern.is_wildcard(), self.side)
    }
}

/// What the patterns so far hold, in their order.
#[derive(Default)]
struct Pass<'i> {
    /// The wildcards that are not over, of each side the outermost only.
    open: Vec<&'i Item<'i>>,
    /// The last name of each side.
    names: [Option<&'i str>; 2],
    left: Vec<(&'i DomainPattern, Vec<&'i DomainPattern>)>,
}

impl<'i> Pass<'i> {
    fn take(&mut self, item: &'i Item<'i>) {
        while self.open.pop_if(|open| !item.key.starts_with(&*open.key)).is_some() {}
        let is_open = |side| self.open.iter().any(|open| open.side == side);
        let is_held = |side: Side| {
            let [without, of] = self.names;
            let last = if side == Side::Of { of } else { without };
            is_open(side) || !item.pattern.is_wildcard() && last == Some(&*item.key)
        };
        if is_held(Side::Without) || item.side == Side::Of && is_held(Side::Of) {
            return;
        }
        match item.side {
            Side::Of => self.left.push((item.pattern, Vec::new())),
            Side::Without if is_open(Side::Of) => {
                if let Some((_, except)) = self.left.last_mut() {
                    except.push(item.pattern);
                }
            }
            Side::Without => {}
        }
        if item.pattern.is_wildcard() {
            self.open.push(item);
        } else {
            let [without, of] = &mut self.names;
            *(if item.side == Side::Of { of } else { without }) = Some(&item.key);
        }
    }
}

impl Left {
    /// `None` if the exceptions match every name that the pattern does.
    fn of(pattern: &DomainPattern, except: &[&DomainPattern]) -> Option<Self> {
        let exceptions = NameTable::new((0..).zip(except.iter().map(|pattern| pattern.as_str())));
        let is_left = |name: &HostName| pattern.matches(name) && exceptions.find(name.as_bytes()).is_none();
        let witness = match (pattern.is_wildcard(), pattern.name()) {
            (false, Some(name)) => HostName::from_sni(name.as_bytes()).filter(is_left),
            (_, name) => names_below(name).find(is_left),
        }?;
        let except = except.iter().map(|pattern| (*pattern).clone()).collect();
        Some(Self { term: NameTerm { pattern: pattern.clone(), except }, witness })
    }
}

/// Names below a name, or below none, until patterns that do not match all of them must have let
/// one pass.
///
/// One label of up to four characters, where there is room for as many, makes more names than a
/// list has entries, and patterns below such a label do not match it. Where there is room for
/// three characters, these are all names there are, or two labels of one character each.
fn names_below(name: Option<&str>) -> impl Iterator<Item = HostName> {
    let room = name.map_or(MAX_NAME, |name| MAX_NAME.saturating_sub(name.len()).saturating_sub(1));
    let below = move |prefix: String| match name {
        Some(name) => HostName::from_sni(format!("{prefix}.{name}").as_bytes()),
        // A number is no name (N-2), and a letter in front is the simplest way around that.
        None => HostName::from_sni(prefix.as_bytes()).filter(|_| prefix.starts_with(|c: char| c.is_ascii_lowercase())),
    };
    let longest = u32::try_from(room.min(4)).unwrap_or(4);
    let usual = if name.is_some() { "www" } else { "example.com" };
    let pairs = labels(1).flat_map(|one| labels(1).map(move |other| format!("{one}.{other}")));
    let prefixes = [String::from(usual)].into_iter().chain((1..=longest).flat_map(labels)).chain(pairs);
    prefixes.filter(move |prefix| prefix.len() <= room).filter_map(below)
}

const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyz0123456789_-";

/// All labels of a length, in order.
fn labels(len: u32) -> impl Iterator<Item = String> {
    let base = u32::try_from(LETTERS.len()).unwrap_or(1).max(1);
    (0..base.saturating_pow(len)).filter_map(move |number| {
        let mut rest = number;
        let mut label = String::new();
        for _ in 0..len {
            let letter = usize::try_from(rest.checked_rem(base)?).ok()?;
            label.push(char::from(*LETTERS.get(letter)?));
            rest = rest.checked_div(base)?;
        }
        (!label.starts_with('-') && !label.ends_with('-')).then_some(label)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    fn patterns(texts: &[String]) -> Vec<DomainPattern> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn left(of: &[String], without: &[String]) -> Vec<Left> {
        let (of, without) = (patterns(of), patterns(without));
        let left = left_of(&of.iter().collect::<Vec<_>>(), &without.iter().collect::<Vec<_>>());
        for Left { term, witness } in &left {
            assert!(term.pattern.matches(witness), "{term:?} {witness}");
            assert!(!without.iter().any(|pattern| pattern.matches(witness)), "{witness}");
        }
        left
    }

    fn texts<const N: usize>(texts: [&str; N]) -> Vec<String> {
        texts.map(String::from).into()
    }

    /// `*.b.a.com except a.b.a.com, *.c.b.a.com`
    fn told(left: &[Left]) -> Vec<String> {
        let told = |Left { term, .. }: &Left| {
            let except: Vec<String> = term.except.iter().map(ToString::to_string).collect();
            if except.is_empty() {
                term.pattern.to_string()
            } else {
                format!("{} except {}", term.pattern, except.join(", "))
            }
        };
        left.iter().map(told).collect()
    }

    #[test]
    fn what_is_left_is_told_with_the_widest_patterns_and_exceptions() {
        let of = texts(["*.b.a.com", "*.a.com", "x.a.com", "a.com", "org", "*.org"]);
        assert_eq!(told(&left(&of, &[])), ["a.com", "*.a.com", "org", "*.org"]);
        let without = texts(["b.a.com", "*.b.a.com", "c.b.a.com", "a.com", "*.net", "*.org"]);
        assert_eq!(told(&left(&of, &without)), ["*.a.com except b.a.com, *.b.a.com", "org"]);
        assert!(left(&without, &texts(["*"])).is_empty());
        assert_eq!(told(&left(&texts(["*", "*.com"]), &texts(["com", "*.com"]))), ["* except com, *.com"]);
        assert!(left(&of, &of).is_empty());
    }

    /// A name that leaves room for so many characters below it, the dot aside.
    fn name_with_room(room: usize) -> String {
        let name = [&*"x".repeat(63); 4].join(".");
        name.get(room.saturating_add(3)..).unwrap().into()
    }

    #[test]
    fn where_there_is_room_for_few_names_all_of_them_can_be_taken() {
        for room in 1..=2 {
            let name = name_with_room(room);
            assert_eq!(name.len(), MAX_NAME - 1 - room);
            let of = [format!("*.{name}")];
            let mut all: Vec<String> =
                (1..=2).take(room).flat_map(labels).map(|label| format!("{label}.{name}")).collect();
            assert_eq!(all.len(), [37, 37 + 37 * 37][room - 1]);
            assert!(left(&of, &all).is_empty(), "room for {room}");
            let last = all.pop().unwrap();
            let left = left(&of, &all);
            assert_eq!(left.first().map(|left| left.witness.to_string()), Some(last));
        }
    }

    #[test]
    fn where_there_is_room_for_three_characters_two_labels_are_names_too() {
        let name = name_with_room(3);
        let names: Vec<HostName> = names_below(Some(&*name)).collect();
        // The first is the usual one, which comes again in its turn.
        assert_eq!(names.len(), 1 + 37 + 37 * 37 + 37 * 38 * 37 + 37 * 37);
        let last = names.last().map(ToString::to_string);
        assert_eq!(last, Some(format!("_._.{name}")));
    }

    #[test]
    fn a_pattern_with_many_exceptions_is_left_with_a_name_that_none_of_them_is() {
        let except: Vec<String> =
            (1..=2).flat_map(labels).map(|label| format!("{label}.com")).chain(texts(["www.com"])).collect();
        assert_eq!(left(&texts(["*.com"]), &except).len(), 1);
        let except: Vec<String> =
            (1..=2).flat_map(labels).filter(|label| label.parse::<DomainPattern>().is_ok()).collect();
        assert_eq!(left(&texts(["*"]), &[except, texts(["example.com"])].concat()).len(), 1);
    }
}
