//! Transactions of several sandboxes as one.
//!
//! The kernel takes one transaction after the other, and waits in each until no packet is under way
//! any more, however little is in it. So what comes while one is under way goes together into the
//! next, and a node with many sandboxes is changed as fast as one with few.

use crate::sandbox::{Failure, Program};
use std::{
    collections::VecDeque,
    io,
    sync::{Mutex, MutexGuard, PoisonError},
};
use tokio::sync::oneshot;

/// How much goes into a transaction of several, in bytes. What is larger goes alone.
const TOGETHER: usize = 1 << 20;

/// Loads rules, for whoever comes.
#[derive(Debug)]
pub(super) struct Batch {
    nft: Program,
    waiting: Mutex<VecDeque<Waiting>>,
    /// Held by who loads, for itself and for those who wait.
    loading: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
struct Waiting {
    rules: String,
    done: oneshot::Sender<Result<(), Failure>>,
}

impl Batch {
    pub(super) fn new(nft: Program) -> Self {
        Self { nft, waiting: Mutex::default(), loading: tokio::sync::Mutex::default() }
    }

    /// Loads rules: all of them, or none.
    pub(super) async fn load(&self, rules: String) -> Result<(), Failure> {
        let (done, mut outcome) = oneshot::channel();
        self.waiting().push_back(Waiting { rules, done });
        loop {
            let loading = self.loading.lock().await;
            // Whoever loaded before has taken these rules along, or others were before them.
            match outcome.try_recv() {
                Ok(outcome) => return outcome,
                Err(oneshot::error::TryRecvError::Empty) => self.load_together(self.next()).await,
                Err(oneshot::error::TryRecvError::Closed) => return Err(self.unknown("it was broken off")),
            }
            drop(loading);
        }
    }

    /// The first that wait, as many as go together.
    fn next(&self) -> Vec<Waiting> {
        let mut waiting = self.waiting();
        let mut size = 0_usize;
        let many = waiting.iter().take_while(|one| {
            size = one.rules.len().saturating_add(size);
            size <= TOGETHER
        });
        let many = many.count().max(1).min(waiting.len());
        waiting.drain(..many).collect()
    }

    async fn load_together(&self, all: Vec<Waiting>) {
        let outcome = match &*all {
            [_] => None,
            _ => Some(self.run(&all.iter().map(|one| one.rules.as_str()).collect::<String>()).await),
        };
        for Waiting { rules, done } in all {
            let outcome = match &outcome {
                Some(Ok(())) => Ok(()),
                Some(Err(failure)) if !failure.is_certain() => Err(self.unknown(&failure.to_string())),
                // Nothing has happened. Each by itself, so that nobody suffers from another's rules.
                Some(Err(_)) | None => self.run(&rules).await,
            };
            // Who asked may have gone.
            let _ = done.send(outcome);
        }
    }

    async fn run(&self, rules: &str) -> Result<(), Failure> {
        self.nft.run(&["-f", "-"], rules).await.map(drop)
    }

    fn unknown(&self, why: &str) -> Failure {
        Failure::Io { program: self.nft.path.display().to_string(), error: io::Error::other(why.to_owned()) }
    }

    fn waiting(&self) -> MutexGuard<'_, VecDeque<Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, os::unix::fs::PermissionsExt, path::Path, sync::Arc, time::Duration};
    use tokio::{task::JoinSet, time::sleep};

    /// A program that writes down what it is to load, a line for each run, and takes a while. It
    /// refuses what is `bad`, and dies of what is `deadly`.
    const NFT: &str = r#"#!/bin/sh
        rules=$(cat)
        echo $rules >> "$(dirname "$0")/runs"
        sleep 0.2
        case $rules in *bad*) exit 1 ;; *deadly*) kill -KILL $$ ;; esac
    "#;

    fn nft(folder: &Path) -> Arc<Batch> {
        let path = folder.join("nft");
        fs::write(&path, NFT).expect("a file");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).expect("it is mine");
        Arc::new(Batch::new(Program::new(&path, Duration::from_secs(60))))
    }

    /// Loads the first, and while that is under way all others. What became of each, and the runs.
    async fn load<const N: usize>(rules: [&'static str; N]) -> (Vec<Result<(), Failure>>, Vec<String>) {
        let folder = tempfile::tempdir().expect("a folder");
        let batch = nft(folder.path());
        let mut loads = JoinSet::new();
        for (number, rules) in rules.into_iter().enumerate() {
            let batch = Arc::clone(&batch);
            loads.spawn(async move { (number, batch.load(format!("{rules}\n")).await) });
            sleep(Duration::from_millis(if number == 0 { 100 } else { 1 })).await;
        }
        let mut outcomes = loads.join_all().await;
        outcomes.sort_by_key(|(number, _)| *number);
        let runs = fs::read_to_string(folder.path().join("runs")).expect("it ran");
        (outcomes.into_iter().map(|(_, outcome)| outcome).collect(), runs.lines().map(str::to_owned).collect())
    }

    #[tokio::test]
    async fn what_waits_goes_together() {
        let (outcomes, runs) = load(["a", "b", "c", "d"]).await;
        assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
        assert_eq!(runs, ["a", "b c d"]);
    }

    #[tokio::test]
    async fn nobody_suffers_from_rules_of_another_that_are_refused() {
        let (outcomes, runs) = load(["a", "b", "bad", "d"]).await;
        assert_eq!(runs, ["a", "b bad d", "b", "bad", "d"]);
        let certain: Vec<_> = outcomes.iter().map(|outcome| outcome.as_ref().map_err(Failure::is_certain)).collect();
        assert_eq!(certain, [Ok(&()), Ok(&()), Err(true), Ok(&())]);
    }

    #[tokio::test]
    async fn where_it_is_not_known_what_happened_everybody_is_told() {
        let (outcomes, runs) = load(["a", "b", "deadly"]).await;
        assert_eq!(runs, ["a", "b deadly"]);
        let certain: Vec<_> = outcomes.iter().map(|outcome| outcome.as_ref().map_err(Failure::is_certain)).collect();
        assert_eq!(certain, [Ok(&()), Err(false), Err(false)]);
    }

    #[tokio::test]
    async fn who_goes_takes_nobody_along() {
        let folder = tempfile::tempdir().expect("a folder");
        let batch = nft(folder.path());
        let gone = tokio::spawn({
            let batch = Arc::clone(&batch);
            async move { batch.load("a".into()).await }
        });
        sleep(Duration::from_millis(50)).await;
        gone.abort();
        assert!(gone.await.is_err(), "it has gone");
        batch.load("b".into()).await.expect("it is loaded");
    }

    #[tokio::test]
    async fn what_is_large_goes_alone() {
        let large = "x".repeat(TOGETHER);
        let batch = Batch::new(Program::new("true".as_ref(), Duration::from_secs(60)));
        let push = |rules: &str| {
            let (done, outcome) = oneshot::channel();
            batch.waiting().push_back(Waiting { rules: rules.into(), done });
            outcome
        };
        let _outcomes = ["a", &large, "b", "c"].map(push);
        let sizes: Vec<Vec<usize>> = (0..4).map(|_| batch.next().iter().map(|one| one.rules.len()).collect()).collect();
        assert_eq!(sizes, [vec![1], vec![TOGETHER], vec![1, 1], vec![]]);
    }
}
