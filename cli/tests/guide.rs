//! The guide says what the command says: every example is run, and every picture is drawn again.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

const GUIDE: &str = "docs/guide.md";
const PICTURES: &str = "docs/maps";

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// What a terminal shows of a command line, and its exit code where it is not 0.
fn shown(line: &str, folder: &Path) -> String {
    let script = format!("{{ {line} ; }} 2>&1; code=$?; [ $code = 0 ] || echo \"[exit code $code]\"");
    let bin = Path::new(env!("CARGO_BIN_EXE_sandgate")).parent().unwrap();
    let path = env::join_paths([bin.to_owned()].into_iter().chain(env::split_paths(&env::var_os("PATH").unwrap())));
    let ran = Command::new("sh").args(["-c", &script]).current_dir(folder).env("PATH", path.unwrap()).output().unwrap();
    String::from_utf8(ran.stdout).unwrap()
}

/// The guide with every example as it is shown now, and how many there are.
fn replayed(guide: &str, folder: &Path) -> (String, usize) {
    let (mut replayed, mut commands) = (Vec::new(), Vec::new());
    let mut lines = guide.lines();
    while let Some(line) = lines.next() {
        replayed.push(format!("{line}\n"));
        if line != "```console" {
            continue;
        }
        for line in lines.by_ref().take_while(|line| *line != "```") {
            if let Some(command) = line.strip_prefix("$ ") {
                commands.push(command);
                replayed.push(format!("{line}\n{}", shown(command, folder)));
            }
        }
        replayed.push("```\n".into());
    }
    (replayed.concat(), commands.len())
}

/// Set `UPDATE_GUIDE` to write what is shown now into the guide and its pictures.
#[test]
fn every_example_of_the_guide_is_what_the_command_shows() {
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(repository().join("examples").canonicalize().unwrap(), folder.path().join("examples"))
        .unwrap();
    fs::create_dir_all(folder.path().join(PICTURES)).unwrap();
    let guide = fs::read_to_string(repository().join(GUIDE)).unwrap();
    let (replayed, runs) = replayed(&guide, folder.path());
    assert!(runs >= 20, "the guide runs {runs} commands only");
    let drawn = names(&folder.path().join(PICTURES));
    if env::var_os("UPDATE_GUIDE").is_some() {
        fs::write(repository().join(GUIDE), &replayed).unwrap();
        for name in &drawn {
            let picture = fs::read(folder.path().join(PICTURES).join(name)).unwrap();
            fs::write(repository().join(PICTURES).join(name), picture).unwrap();
        }
    }
    assert!(replayed == guide, "{GUIDE} is not what the command shows; see what UPDATE_GUIDE=1 changes");
    assert_eq!(names(&repository().join(PICTURES)), drawn);
    for name in drawn {
        assert!(guide.contains(&format!("](maps/{name})")), "the guide does not show {name}");
        let picture = |root: &Path| fs::read_to_string(root.join(PICTURES).join(&name)).unwrap();
        assert!(picture(&repository()) == picture(folder.path()), "{name} is not what the command draws");
    }
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}
