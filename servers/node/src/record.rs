//! What runs, written down: one file for each sandbox, replaced as a whole.
//!
//! A call is answered after its record is on the disk, so that after a crash the agent knows all
//! that it has promised.

use sandgate::NetworkConfig;
use serde::{Deserialize, Serialize};
use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

/// A sandbox, written down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    pub(crate) id: String,
    pub(crate) generation: u64,
    pub(crate) slot: u32,
    pub(crate) traffic_access_token: String,
    /// Milliseconds since 1970.
    end_time: Option<u64>,
    pub(crate) network: NetworkConfig,
    /// Whether it has a namespace.
    pub(crate) in_kernel: bool,
}

impl Record {
    pub(crate) fn end_time(&self) -> Option<SystemTime> {
        self.end_time.and_then(|time| SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(time)))
    }

    pub(crate) fn set_end_time(&mut self, time: Option<SystemTime>) {
        let since = |time: SystemTime| time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        self.end_time = time.map(|time| u64::try_from(since(time).as_millis()).unwrap_or(u64::MAX));
    }

    pub(crate) fn new(id: String, slot: u32, in_kernel: bool, network: NetworkConfig) -> Self {
        Self { id, generation: 0, slot, traffic_access_token: String::new(), end_time: None, network, in_kernel }
    }
}

/// The directory of the records.
#[derive(Debug, Clone)]
pub(crate) struct Records(PathBuf);

const EXTENSION: &str = "json";

impl Records {
    /// Opens the directory, and makes it if it is not there.
    pub(crate) fn open(directory: &Path) -> io::Result<Self> {
        fs::create_dir_all(directory)?;
        Ok(Self(directory.into()))
    }

    /// All records. What was not finished when a crash came is removed. A file that is no record is
    /// reported and left alone.
    pub(crate) fn read(&self) -> io::Result<Vec<Record>> {
        let mut records = Vec::new();
        for file in fs::read_dir(&self.0)? {
            let path = file?.path();
            if path.extension().is_none_or(|extension| extension != EXTENSION) {
                if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(UNFINISHED)) {
                    fs::remove_file(&path)?;
                }
                continue;
            }
            match serde_json::from_slice::<Record>(&fs::read(&path)?) {
                Ok(record) if self.path(&record.id) == path => records.push(record),
                Ok(record) => tracing::error!(path = %path.display(), record.id, "a record of another name"),
                Err(error) => tracing::error!(path = %path.display(), %error, "no record"),
            }
        }
        Ok(records)
    }

    /// Writes a record in the place of the one before. It is on the disk when this returns.
    pub(crate) async fn write(&self, record: &Record) -> io::Result<()> {
        let text = serde_json::to_vec(record)?;
        let (directory, path) = (self.0.clone(), self.path(&record.id));
        blocking(move || {
            // Its owner alone reads it: there is a token in it.
            let mut file = tempfile::Builder::new().prefix(UNFINISHED).tempfile_in(&directory)?;
            file.write_all(&text)?;
            file.as_file().sync_all()?;
            file.persist(path)?;
            File::open(directory)?.sync_all()
        })
        .await
    }

    /// Whether this very record is written down.
    pub(crate) fn has(&self, record: &Record) -> bool {
        let read = fs::read(self.path(&record.id)).ok();
        read.and_then(|text| serde_json::from_slice::<Record>(&text).ok()).is_some_and(|read| read == *record)
    }

    /// Removes a record, if there is one.
    pub(crate) async fn remove(&self, id: &str) -> io::Result<()> {
        let (directory, path) = (self.0.clone(), self.path(id));
        blocking(move || match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => File::open(directory)?.sync_all(),
        })
        .await
    }

    fn path(&self, id: &str) -> PathBuf {
        self.0.join(format!("{id}.{EXTENSION}"))
    }
}

/// What the names of files begin with that are being written.
const UNFINISHED: &str = ".unfinished";

async fn blocking(work: impl FnOnce() -> io::Result<()> + Send + 'static) -> io::Result<()> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(io::Error::other(error)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_was_written_is_read_and_what_was_not_finished_is_gone() {
        let directory = tempfile::tempdir().expect("a directory");
        let records = Records::open(directory.path()).expect("it is there");
        let mut record = Record::new("a".into(), 3, false, NetworkConfig::default());
        record.set_end_time(SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(5)));
        records.write(&record).await.expect("it is written");
        record.generation = 2;
        records.write(&record).await.expect("it is replaced");
        fs::write(directory.path().join(".unfinishedx"), "{").expect("a crash");
        fs::write(directory.path().join("b.json"), "{").expect("damage");
        assert_eq!(records.read().expect("it is read"), [record]);
        assert!(!directory.path().join(".unfinishedx").exists());
        records.remove("a").await.expect("it is removed");
        records.remove("a").await.expect("it is gone already");
        assert_eq!(records.read().expect("it is read"), []);
    }
}
