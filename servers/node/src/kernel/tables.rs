//! Which tables there are, and which of a sandbox's two has its rules, as far as it is known.
//!
//! Nobody but the agent writes these tables, so it need not ask the kernel each time. What it does
//! not know it asks: after it was started, and after something was broken off.

use super::{Rules, TURNS};
use crate::sandbox::{Failure, Link};
use sandgate::nftables::Turn;
use serde::Deserialize;
use std::{
    collections::{BTreeSet, HashMap},
    io,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// The turns of the tables that are in force, by the link's slot.
#[derive(Debug, Default)]
pub(super) struct InForce(Mutex<HashMap<u32, Turn>>);

impl InForce {
    /// What is known of a link. It is not known any more until it is put here again.
    pub(super) fn take(&self, link: &Link) -> Option<Turn> {
        self.all().remove(&link.slot)
    }

    pub(super) fn put(&self, link: &Link, turn: Turn) {
        self.all().insert(link.slot, turn);
    }

    fn all(&self) -> MutexGuard<'_, HashMap<u32, Turn>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The tables that the kernel has.
#[derive(Debug)]
pub(super) struct Tables {
    pub(super) all: BTreeSet<String>,
    /// Those that packets come to: with a chain at a hook.
    pub(super) in_force: BTreeSet<String>,
}

impl Tables {
    /// Of the two tables of a sandbox, the one that is in force, if the other is not even there.
    pub(super) fn only(&self, tables: &[String; 2]) -> Option<Turn> {
        let there: Vec<_> = TURNS.iter().zip(tables).filter(|(_, table)| self.all.contains(*table)).collect();
        match there[..] {
            [(&turn, table)] if self.in_force.contains(table) => Some(turn),
            _ => None,
        }
    }
}

/// What `nft -j list chains` says, as far as it matters.
#[derive(Debug, Deserialize)]
struct Listing {
    nftables: Vec<Listed>,
}

#[derive(Debug, Deserialize)]
struct Listed {
    chain: Option<Chain>,
}

#[derive(Debug, Deserialize)]
struct Chain {
    table: String,
    hook: Option<String>,
}

impl Rules {
    /// Asks the kernel which tables it has.
    pub(super) async fn tables(&self) -> Result<Tables, Failure> {
        let listed = self.nft.run(&["list", "tables", "inet"], "").await?;
        let listed = String::from_utf8_lossy(&listed);
        let all = listed.lines().filter_map(|line| line.strip_prefix("table inet ")).map(Into::into).collect();
        let chains = self.nft.run(&["-j", "list", "chains", "inet"], "").await?;
        let chains: Listing = serde_json::from_slice(&chains).map_err(|error| Failure::Io {
            program: self.nft.path.display().to_string(),
            error: io::Error::new(io::ErrorKind::InvalidData, error),
        })?;
        let chains = chains.nftables.into_iter().filter_map(|listed| listed.chain);
        let in_force = chains.filter(|chain| chain.hook.is_some()).map(|chain| chain.table).collect();
        Ok(Tables { all, in_force })
    }
}
