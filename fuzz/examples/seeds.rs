//! Writes the seeds of every target into a folder: one file each, in a folder of the target's name.

use sandgate_conformance::vector;
use sandgate_fuzz::TARGETS;
use std::{env, fs, io, path::PathBuf};

fn main() -> io::Result<()> {
    let folder = env::args_os().nth(1).map(PathBuf::from).ok_or_else(|| io::Error::other("name a folder"))?;
    let vectors = vector::all();
    for target in TARGETS {
        let folder = folder.join(target.name);
        fs::create_dir_all(&folder)?;
        let seeds = target.seeds_of(vectors.iter().map(|(_, vector)| &vector.case));
        for (index, seed) in seeds.into_iter().enumerate() {
            fs::write(folder.join(format!("{index:05}")), seed)?;
        }
    }
    Ok(())
}
