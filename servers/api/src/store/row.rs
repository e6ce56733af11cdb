//! A sandbox as it is stored.

use super::StoreError;
use sandgate::NetworkConfig;
use serde::{Deserialize, Serialize};
use sqlx::{Row, any::AnyRow};

/// What is to happen with a sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// The node runs it.
    Running,
    /// It does not run; its policy is kept.
    Paused,
    /// It does not exist: not yet, or no more. Nobody is shown it.
    Gone,
}

impl State {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Gone => "gone",
        }
    }
}

/// One generation of a sandbox. A generation's content never changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stored {
    /// What is to happen with the sandbox.
    pub state: State,
    /// Its network policy, as written.
    pub config: NetworkConfig,
    /// The fingerprint of the policy.
    pub fingerprint: String,
    /// Counts up with every change.
    pub generation: u64,
}

/// A sandbox, and the change of it that is under way.
#[derive(Debug, Clone)]
pub struct Sandbox {
    /// Its name.
    pub id: String,
    /// Who owns it.
    pub team: String,
    /// What is stored.
    pub stored: Stored,
    /// What was stored before a change whose outcome is not known yet.
    pub previous: Option<Stored>,
    /// The highest generation that was given out.
    pub issued: u64,
    /// Whether the node is known to run what is stored.
    pub settled: bool,
    /// What requests have to carry if public traffic is off.
    pub traffic_access_token: String,
}

impl Sandbox {
    /// What was acknowledged last: a change counts when its outcome is known.
    #[must_use]
    pub fn acknowledged(&self) -> &Stored {
        self.previous.as_ref().unwrap_or(&self.stored)
    }

    pub(super) fn from_row(row: &AnyRow) -> Result<Self, StoreError> {
        let id: String = row.try_get("id")?;
        let document: String = row.try_get("document")?;
        let config = serde_json::from_str(&document).map_err(|error| corrupt(&id, &error))?;
        Ok(Self {
            team: row.try_get("team")?,
            stored: Stored {
                state: state(&id, row)?,
                config,
                fingerprint: row.try_get("fingerprint")?,
                generation: number(&id, row, "generation")?,
            },
            previous: previous(&id, row)?,
            issued: number(&id, row, "issued")?,
            settled: row.try_get::<i64, _>("settled")? != 0,
            traffic_access_token: row.try_get("traffic_access_token")?,
            id,
        })
    }
}

/// A sandbox without its document.
#[derive(Debug, Clone)]
pub struct Summary {
    /// Its name.
    pub id: String,
    /// What was acknowledged last.
    pub state: State,
    /// The fingerprint of that.
    pub fingerprint: String,
    /// The generation of that.
    pub generation: u64,
    /// Whether the node is known to run it.
    pub settled: bool,
}

impl Summary {
    pub(super) fn from_row(row: &AnyRow) -> Result<Self, StoreError> {
        let id: String = row.try_get("id")?;
        let settled = row.try_get::<i64, _>("settled")? != 0;
        Ok(match previous(&id, row)? {
            Some(Stored { state, fingerprint, generation, .. }) => Self { id, state, fingerprint, generation, settled },
            None => Self {
                state: state(&id, row)?,
                fingerprint: row.try_get("fingerprint")?,
                generation: number(&id, row, "generation")?,
                settled,
                id,
            },
        })
    }
}

/// What of a sandbox a node can be compared with.
#[derive(Debug, Clone)]
pub struct Standing {
    /// Its name.
    pub id: String,
    /// What is stored.
    pub state: State,
    /// The fingerprint of that.
    pub fingerprint: String,
    /// The generation of that.
    pub generation: u64,
    /// Whether the node is known to run it, and no change is under way.
    pub settled: bool,
    /// Whether somebody changes it now.
    pub leased: bool,
}

impl Standing {
    pub(super) fn from_row(row: &AnyRow) -> Result<Self, StoreError> {
        let id: String = row.try_get("id")?;
        let unfinished = row.try_get::<i64, _>("unfinished")? != 0;
        Ok(Self {
            state: state(&id, row)?,
            fingerprint: row.try_get("fingerprint")?,
            generation: number(&id, row, "generation")?,
            settled: !unfinished && row.try_get::<i64, _>("settled")? != 0,
            leased: row.try_get::<i64, _>("leased")? != 0,
            id,
        })
    }
}

fn state(id: &str, row: &AnyRow) -> Result<State, StoreError> {
    let text: String = row.try_get("state")?;
    [State::Running, State::Paused, State::Gone]
        .into_iter()
        .find(|state| state.as_str() == text)
        .ok_or_else(|| corrupt(id, &format!("`{text}` is no state")))
}

pub(super) fn number(id: &str, row: &AnyRow, column: &str) -> Result<u64, StoreError> {
    u64::try_from(row.try_get::<i64, _>(column)?).map_err(|error| corrupt(id, &error))
}

fn previous(id: &str, row: &AnyRow) -> Result<Option<Stored>, StoreError> {
    let text: Option<String> = row.try_get("previous")?;
    text.map(|text| serde_json::from_str(&text).map_err(|error| corrupt(id, &error))).transpose()
}

pub(super) fn corrupt(id: &str, what: &impl ToString) -> StoreError {
    StoreError::Corrupt { id: id.to_owned(), what: what.to_string() }
}
