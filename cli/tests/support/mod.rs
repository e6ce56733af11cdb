//! Runs the built command.

use std::{
    io::Write,
    path::Path,
    process::{Command, Stdio},
};

/// What a run of the command gave back.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// Runs the command in the folder of the repository, with this on standard input.
pub(crate) fn sandgate(arguments: &[&str], input: &str) -> Ran {
    sandgate_in(&Path::new(env!("CARGO_MANIFEST_DIR")).join(".."), arguments, input)
}

/// The same in another folder.
pub(crate) fn sandgate_in(folder: &Path, arguments: &[&str], input: &str) -> Ran {
    let mut child = Command::new(env!("CARGO_BIN_EXE_sandgate"))
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that does not read its input closes it; that is no failure of the test.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    Ran {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}
