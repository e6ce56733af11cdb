//! Every input that is kept, and every seed, as an ordinary test.

use sandgate_conformance::vector;
use sandgate_fuzz::{TARGETS, Target};
use std::{fs, path::PathBuf};

fn corpus(target: &Target) -> Vec<Vec<u8>> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target.name);
    let files = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    files.map(|file| fs::read(file.unwrap().path()).unwrap()).collect()
}

#[test]
fn every_input_that_is_kept_still_holds() {
    for target in TARGETS {
        let corpus = corpus(target);
        assert!(!corpus.is_empty(), "{} has no corpus", target.name);
        for input in corpus {
            (target.run)(&input);
        }
    }
}

#[test]
fn every_target_has_seeds_and_they_hold() {
    let vectors = vector::all();
    for target in TARGETS {
        let seeds = target.seeds_of(vectors.iter().map(|(_, vector)| &vector.case));
        assert!(seeds.len() > 5, "{} has {} seeds", target.name, seeds.len());
        for seed in seeds {
            (target.run)(&seed);
        }
    }
}
