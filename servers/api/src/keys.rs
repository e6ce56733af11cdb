//! Which team asks: API keys, kept as hashes and compared in constant time.

use sha2::{Digest, Sha256};
use std::fmt;
use subtle::ConstantTimeEq;

/// Characters that a key has at least. Shorter ones can be guessed.
const SHORTEST: usize = 16;

/// What is wrong with a line of keys. The key itself is not repeated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The line is not of the form.
    #[error("an API key is written `team:key`")]
    NotTeamAndKey,
    /// A team's name holds something else.
    #[error("the team's name `{0}` holds something else than letters, digits, `-`, `_` and `.`")]
    Team(String),
    /// A key can be guessed.
    #[error("a key of team `{0}` has fewer than {SHORTEST} characters")]
    TooShort(String),
    /// A key holds what cannot stand in a header.
    #[error("a key of team `{0}` holds something else than visible ASCII characters")]
    NotVisible(String),
    /// Two teams have the same key, so that it says nothing.
    #[error("a key is given twice, the second time for team `{0}`")]
    Twice(String),
}

/// The API keys of all teams.
///
/// ```
/// use sandgate_api::Keys;
///
/// let keys = Keys::from_lines(["blue:correct-horse-battery", "# a comment"])?;
/// assert_eq!(keys.team("correct-horse-battery"), Some("blue"));
/// assert_eq!(keys.team("correct-horse"), None);
/// # Ok::<(), sandgate_api::KeyError>(())
/// ```
#[derive(Clone, Default)]
pub struct Keys(Vec<(String, [u8; 32])>);

impl Keys {
    /// Reads keys, one a line: `team:key`. Empty lines and those that begin with `#` say nothing.
    ///
    /// # Errors
    ///
    /// A line is not of the form, or a key is too short or given twice.
    pub fn from_lines<'t>(lines: impl IntoIterator<Item = &'t str>) -> Result<Self, KeyError> {
        let mut keys = Self::default();
        for line in lines.into_iter().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let (team, key) = line.split_once(':').ok_or(KeyError::NotTeamAndKey)?;
            if team.is_empty() || !team.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)) {
                return Err(KeyError::Team(team.to_owned()));
            }
            if key.len() < SHORTEST {
                return Err(KeyError::TooShort(team.to_owned()));
            }
            if !key.bytes().all(|byte| byte.is_ascii_graphic()) {
                return Err(KeyError::NotVisible(team.to_owned()));
            }
            if keys.team(key).is_some() {
                return Err(KeyError::Twice(team.to_owned()));
            }
            keys.0.push((team.to_owned(), Sha256::digest(key).into()));
        }
        Ok(keys)
    }

    /// The team that a key belongs to. How long it takes does not depend on the key: every one is
    /// compared to its end.
    #[must_use]
    pub fn team(&self, key: &str) -> Option<&str> {
        let hash: [u8; 32] = Sha256::digest(key).into();
        self.0.iter().fold(
            None,
            |found, (team, known)| {
                if bool::from(known.ct_eq(&hash)) { Some(team.as_str()) } else { found }
            },
        )
    }

    /// Whether nobody has a key.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(team, _)| team)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_is_no_key_is_refused() {
        let error = |line: &str| Keys::from_lines(["red:0123456789abcdef", line]).unwrap_err();
        assert_eq!(error("blue"), KeyError::NotTeamAndKey);
        assert_eq!(error(":0123456789abcdeg"), KeyError::Team(String::new()));
        assert_eq!(error("a team:0123456789abcdeg"), KeyError::Team("a team".into()));
        assert_eq!(error("blue:0123456789abcde"), KeyError::TooShort("blue".into()));
        assert_eq!(error("blue:0123456789 abcdef"), KeyError::NotVisible("blue".into()));
        assert_eq!(error("blue:0123456789abcdef"), KeyError::Twice("blue".into()));
    }

    #[test]
    fn a_key_is_not_shown() {
        let keys = Keys::from_lines(["blue:0123456789abcdef"]).unwrap();
        assert_eq!(format!("{keys:?}"), r#"["blue"]"#);
    }
}
