//! What is stored of every sandbox, in SQLite or PostgreSQL.
//!
//! Every change of a row is one statement that also checks what it relies on: a row is changed by
//! whoever holds its lease, and a lease is taken only where nobody holds one. Such a statement is
//! a transaction of its own in both databases, so no instance of the API can come between the
//! check and the change.

mod changes;
mod row;

pub use row::{Sandbox, Standing, State, Stored, Summary};

use sqlx::{
    Executor, SqlSafeStr,
    any::{AnyPoolOptions, AnyRow},
    migrate::{Migration, MigrationType, Migrator},
};
use std::{fmt::Write, time::Duration};

/// Why the store did not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The database failed.
    #[error("the database failed: {0}")]
    Database(#[from] sqlx::Error),
    /// The tables could not be brought up to date.
    #[error("the tables cannot be brought up to date: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// A row does not hold what this program writes.
    #[error("the row of sandbox {id} is not what this program writes: {what}")]
    Corrupt {
        /// The sandbox.
        id: String,
        /// What is wrong with it.
        what: String,
    },
    /// Somebody else has taken the sandbox over, because the lease had ended.
    #[error("the lease on sandbox {0} has ended, and another has taken it over")]
    LeaseLost(String),
    /// The URL is neither of SQLite nor of PostgreSQL.
    #[error("the database's URL begins neither with `sqlite:` nor with `postgres:`")]
    UnknownDatabase,
    /// There is no randomness.
    #[error("the system gives no random bytes: {0}")]
    Random(#[from] getrandom::Error),
}

/// The sandboxes, as they are stored.
#[derive(Debug, Clone)]
pub struct Store {
    pool: sqlx::AnyPool,
    /// The database's clock in milliseconds, as SQL: instances need not agree on the time.
    now: &'static str,
}

/// The right to change one sandbox for a while.
#[derive(Debug)]
pub struct Lease {
    /// The sandbox.
    pub id: String,
    holder: String,
    length: i64,
}

impl Lease {
    fn new(id: &str, length: Duration) -> Result<Self, StoreError> {
        let length = i64::try_from(length.as_millis()).unwrap_or(i64::MAX);
        Ok(Self { id: id.to_owned(), holder: random_hex(16)?, length })
    }
}

/// As many random bytes, in hexadecimal.
pub(crate) fn random_hex(bytes: usize) -> Result<String, StoreError> {
    let mut random = vec![0; bytes];
    getrandom::fill(&mut random)?;
    Ok(random.iter().fold(String::new(), |mut text, byte| {
        // Writing to a text does not fail.
        let _ = write!(text, "{byte:02x}");
        text
    }))
}

const COLUMNS: &str = "id, team, state, document, fingerprint, generation, issued, previous, settled, \
                       traffic_access_token";

impl Store {
    /// Opens a database by its URL, and brings its tables up to date.
    ///
    /// `sqlite:///var/lib/sandgate.db` is a file that is made if it is missing;
    /// `postgres://user@host/database` is shared by all instances that are given it.
    ///
    /// # Errors
    ///
    /// The database cannot be opened, or holds something else.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        sqlx::any::install_default_drivers();
        let sqlite = url.starts_with("sqlite:");
        if !sqlite && !url.starts_with("postgres:") && !url.starts_with("postgresql:") {
            return Err(StoreError::UnknownDatabase);
        }
        let url = if sqlite && !url.contains('?') { format!("{url}?mode=rwc") } else { url.to_owned() };
        let pool = AnyPoolOptions::new()
            .max_connections(if sqlite { 4 } else { 16 })
            .acquire_timeout(Duration::from_secs(10))
            .after_connect(move |connection, _| {
                Box::pin(async move {
                    if sqlite {
                        // What was acknowledged outlives a loss of power, readers do not wait for
                        // the writer, and writers wait for one another.
                        connection
                            .execute(
                                "PRAGMA busy_timeout = 10000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL",
                            )
                            .await?;
                    }
                    Ok(())
                })
            })
            .connect(&url)
            .await?;
        let now = if sqlite {
            "CAST(unixepoch('subsec') * 1000 AS BIGINT)"
        } else {
            "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)"
        };
        let store = Self { pool, now };
        store.migrate().await?;
        Ok(store)
    }

    async fn migrate(&self) -> Result<(), StoreError> {
        let sandboxes = include_str!("../../migrations/0001_sandboxes.sql").into_sql_str();
        let migrator = Migrator::with_migrations(vec![Migration::new(
            1,
            "sandboxes".into(),
            MigrationType::Simple,
            sandboxes,
            false,
        )]);
        // SQLite has no lock for migrations: of two instances that open a new file, one comes second.
        let mut tries = 0_u8;
        loop {
            match migrator.run(&self.pool).await {
                Err(_) if tries < 5 => tokio::time::sleep(Duration::from_millis(200)).await,
                result => return Ok(result?),
            }
            tries = tries.saturating_add(1);
        }
    }

    /// A sandbox by its name.
    ///
    /// # Errors
    ///
    /// The database failed.
    pub async fn find(&self, id: &str) -> Result<Option<Sandbox>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM sandboxes WHERE id = $1");
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(id).fetch_all(&self.pool).await?;
        rows.first().map(Sandbox::from_row).transpose()
    }

    /// The sandboxes of a team in the order of their names, behind one of them.
    ///
    /// # Errors
    ///
    /// The database failed.
    pub async fn page(&self, team: &str, after: &str, limit: u16) -> Result<Vec<Summary>, StoreError> {
        let sql = "SELECT id, state, fingerprint, generation, previous, settled FROM sandboxes \
                   WHERE team = $1 AND id > $2 ORDER BY id LIMIT $3";
        let rows = sqlx::query(sql).bind(team).bind(after).bind(i64::from(limit)).fetch_all(&self.pool).await?;
        rows.iter().map(Summary::from_row).collect()
    }

    /// Of every sandbox, what a node can be compared with.
    ///
    /// # Errors
    ///
    /// The database failed.
    pub async fn standings(&self) -> Result<Vec<Standing>, StoreError> {
        let sql = format!(
            "SELECT id, state, fingerprint, generation, settled, \
             CASE WHEN previous IS NULL THEN 0 ELSE 1 END AS unfinished, \
             CASE WHEN lease <> '' AND lease_until > {} THEN 1 ELSE 0 END AS leased FROM sandboxes",
            self.now
        );
        let rows = sqlx::query(sqlx::AssertSqlSafe(sql)).fetch_all(&self.pool).await?;
        rows.iter().map(Standing::from_row).collect()
    }

    /// Ends all connections.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    /// Runs a statement that changes at most one row and returns what is asked of it. All its rows
    /// are read, because only then has SQLite finished it.
    async fn change(&self, sql: String, values: Vec<Value>) -> Result<Option<AnyRow>, StoreError> {
        let mut query = sqlx::query(sqlx::AssertSqlSafe(sql));
        for value in values {
            query = match value {
                Value::Text(text) => query.bind(text),
                Value::Number(number) => query.bind(number),
            };
        }
        Ok(query.fetch_all(&self.pool).await?.pop())
    }
}

/// A value of a statement.
enum Value {
    Text(String),
    Number(i64),
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}
