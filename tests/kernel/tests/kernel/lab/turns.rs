//! Rules that replace each other by turns, while something else goes on.

use super::{Lab, json, run};
use std::{
    env, fs,
    io::Write,
    process::{self, Command, Stdio},
    thread,
};

#[expect(clippy::unused_self, reason = "who has a laboratory is inside of one, and changes its rules only")]
impl Lab {
    /// Loads texts by turns, so many in all, each in a transaction of its own, and does something
    /// again and again until the last is loaded. Returns what `nft` said to it, which is nothing
    /// where every text was taken.
    ///
    /// One process of `nft` loads them all: to start one takes longer than a replacement.
    pub(crate) fn by_turns(&self, texts: &[&str], times: usize, mut meanwhile: impl FnMut()) -> String {
        let folder = env::temp_dir().join(format!("sandgate-kernel-{}", process::id()));
        fs::create_dir_all(&folder).expect("a folder for a while");
        for (number, text) in texts.iter().enumerate() {
            fs::write(folder.join(format!("{number}.nft")), text).expect("a file for a while");
        }
        let mut command = Command::new("nft");
        let piped = command.arg("-i").stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = piped.current_dir(&folder).spawn().expect("nft runs");
        let mut stdin = child.stdin.take().expect("it is piped");
        let lines: Vec<String> = (0..texts.len()).map(|turn| format!("include \"./{turn}.nft\"\n")).collect();
        let turns: String = lines.iter().map(String::as_str).cycle().take(times).collect();
        let writer = thread::spawn(move || stdin.write_all(turns.as_bytes()).expect("nft reads on"));
        let loader = thread::spawn(move || child.wait_with_output().expect("a child ends"));
        while !loader.is_finished() {
            meanwhile();
        }
        writer.join().expect("writing does not panic");
        let output = loader.join().expect("waiting does not panic");
        fs::remove_dir_all(&folder).expect("a folder of this process");
        assert!(output.status.success(), "nft: {}", output.status);
        String::from_utf8_lossy(&output.stderr).into_owned()
    }

    /// How many tables the kernel has made so far in the laboratory, one more for this question: it
    /// numbers them.
    pub(crate) fn number_of_tables(&self) -> u64 {
        run("nft", &["add", "table", "inet", "last"], "");
        let listed = json(&run("nft", &["-j", "list", "tables"], ""));
        run("nft", &["delete", "table", "inet", "last"], "");
        let objects = listed["nftables"].as_array().into_iter().flatten();
        let mut tables = objects.filter_map(|object| object.get("table")).filter(|found| found["name"] == "last");
        tables.next().and_then(|table| table["handle"].as_u64()).expect("the table is there")
    }
}
