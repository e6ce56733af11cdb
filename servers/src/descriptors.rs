//! File descriptors: as many as the system gives, and what connections may take of them.
//!
//! A service that has none left can neither accept a call nor start a program. On a node this
//! would be the moment from which a sandbox keeps its policy: whoever opens connections must not
//! bring it about.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use thiserror::Error;

/// What connections never take: listeners, calls, files, and programs with their pipes.
const RESERVED: usize = 256;
/// Fewer connections of a kind than these are no service.
const LEAST: usize = 16;
/// Where the system sets no bound, this is enough.
const PLENTY: u64 = 1 << 20;

/// Connections of one kind, as many as are wanted.
#[derive(Debug)]
pub(crate) struct Connections<'c> {
    pub(crate) total: &'c mut usize,
    /// How many of them are those of one sandbox or client.
    pub(crate) of_one: &'c mut usize,
    /// What each of them may take.
    pub(crate) descriptors: usize,
}

/// The system gives too little to begin with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "the limit of open files is {limit}, and at least {needed} are needed: raise the hard limit (`ulimit -Hn`, LimitNOFILE= of systemd, --ulimit nofile= of containers)"
)]
pub(crate) struct TooFew {
    limit: usize,
    needed: usize,
}

/// Raises the limit of this process as far as the system lets it. What it is then.
pub(crate) fn raise() -> usize {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let highest = Rlimit { current: maximum.or(Some(PLENTY)), maximum };
    if current != maximum && setrlimit(Resource::Nofile, highest).is_err() {
        tracing::warn!(limit = current, "the limit of open files could not be raised");
    }
    let raised = getrlimit(Resource::Nofile).current.unwrap_or(PLENTY);
    usize::try_from(raised).unwrap_or(usize::MAX)
}

/// Lessens what is wanted to what fits within the limit, all kinds alike, and says so. One sandbox
/// or client gets at most a quarter then.
pub(crate) fn fit(limit: usize, kinds: &mut [Connections<'_>]) -> Result<(), TooFew> {
    let each = |kind: &Connections<'_>| kind.total.saturating_mul(kind.descriptors);
    let wanted = kinds.iter().map(each).fold(0, usize::saturating_add);
    let room = limit.saturating_sub(RESERVED);
    if wanted <= room {
        return Ok(());
    }
    let smallest = kinds.iter().map(|kind| *kind.total).min().unwrap_or(0).max(1);
    let least = LEAST.min(smallest).saturating_mul(wanted).div_ceil(smallest);
    if room < least {
        return Err(TooFew { limit, needed: RESERVED.saturating_add(least) });
    }
    for kind in kinds {
        let fits = kind.total.saturating_mul(room).checked_div(wanted).unwrap_or(0);
        *kind.total = fits;
        *kind.of_one = (*kind.of_one).min(fits / 4).max(1);
    }
    let raised = wanted.saturating_add(RESERVED);
    tracing::warn!(limit, "fewer connections are taken than could be: a limit of open files of {raised} lets in all");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What fits of 100 connections of three descriptors and 200 of two, 50 and 200 of them of one.
    fn fitted(limit: usize) -> Result<[usize; 4], TooFew> {
        let [mut one, mut of_one, mut other, mut of_other] = [100, 50, 200, 200];
        let kinds = &mut [
            Connections { total: &mut one, of_one: &mut of_one, descriptors: 3 },
            Connections { total: &mut other, of_one: &mut of_other, descriptors: 2 },
        ];
        fit(limit, kinds)?;
        Ok([one, of_one, other, of_other])
    }

    #[test]
    fn what_fits_is_not_touched() {
        assert_eq!(fitted(usize::MAX), Ok([100, 50, 200, 200]));
        assert_eq!(fitted(RESERVED + 700), Ok([100, 50, 200, 200]));
    }

    #[test]
    fn what_does_not_fit_is_lessened_and_no_one_has_most_of_it() {
        assert_eq!(fitted(RESERVED + 699), Ok([99, 24, 199, 49]));
        assert_eq!(fitted(RESERVED + 350), Ok([50, 12, 100, 25]));
    }

    #[test]
    fn nothing_it_lets_begin_takes_more_than_there_is() {
        for limit in 0..2000 {
            match fitted(limit) {
                Ok([one, of_one, other, of_other]) => {
                    assert!(one * 3 + other * 2 + RESERVED <= limit, "{limit}");
                    assert!(one >= LEAST && other >= LEAST && of_one < one && of_other <= other, "{limit}");
                }
                Err(too_few) => {
                    assert_eq!(too_few, TooFew { limit, needed: RESERVED + LEAST * 7 });
                    assert!(limit < too_few.needed && fitted(too_few.needed).is_ok(), "{limit}");
                }
            }
        }
    }
}
