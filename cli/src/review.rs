//! Findings at lines of files, in the formats of review tools.

use crate::input;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use sandgate::Source;
use serde_json::{Value, json};
use std::{
    io::{self, Write},
    ops::Range,
    path::Path,
};

/// Something to be shown at its place.
pub(crate) struct Finding<'f> {
    pub(crate) file: &'f Path,
    /// Where it begins and where it ends.
    pub(crate) lines: Lines,
    /// The stable text of the rule that found it.
    pub(crate) code: String,
    /// `error` or `warning`.
    pub(crate) level: &'static str,
    /// What is found, and what to do about it.
    pub(crate) message: String,
}

/// Line and column of both ends, from 1 on, columns in characters.
pub(crate) type Lines = [usize; 4];

/// The lines of all places, in one pass over the text. What has no place is about the whole text.
pub(crate) fn lines(text: &str, places: impl IntoIterator<Item = Option<Range<usize>>>) -> Vec<Lines> {
    let places = places.into_iter().map(Option::unwrap_or_default);
    let ends: Vec<usize> = places.flat_map(|place| [place.start, place.end]).collect();
    let positions = Source::new(text).positions(&ends);
    let pairs = positions.chunks_exact(2).filter_map(|pair| pair.first().zip(pair.last()));
    pairs.map(|(start, end)| [start.line, start.column, end.line, end.column]).collect()
}

impl Finding<'_> {
    /// A line that a continuous integration reads from the output of a command and shows at the
    /// place.
    pub(crate) fn annotate(&self, out: &mut impl Write) -> io::Result<()> {
        let escape = |text: &str| text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
        let file = escape(&input::name(self.file)).replace(':', "%3A").replace(',', "%2C");
        let [line, column, end_line, end_column] = self.lines;
        writeln!(
            out,
            "::{} file={file},line={line},col={column},endLine={end_line},endColumn={end_column},title={}::{}",
            self.level,
            self.code,
            escape(&self.message)
        )
    }
}

/// The format of review tools, version 2.1.0.
pub(crate) fn sarif<'r>(
    rules: impl Iterator<Item = (&'r str, &'r str)>,
    findings: impl Iterator<Item = Finding<'r>>,
) -> Value {
    let rules: Vec<Value> =
        rules.map(|(id, summary)| json!({"id": id, "shortDescription": {"text": summary}})).collect();
    let result = |Finding { file, lines: [line, column, end_line, end_column], code, level, message }: Finding<'_>| {
        json!({
            "ruleId": code,
            "level": level,
            "message": {"text": message},
            "locations": [{"physicalLocation": {
                "artifactLocation": {"uri": uri(file)},
                "region": {"startLine": line, "startColumn": column, "endLine": end_line, "endColumn": end_column},
            }}],
        })
    };
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {"name": "sandgate", "version": env!("CARGO_PKG_VERSION"), "rules": rules}},
            "columnKind": "unicodeCodePoints",
            "results": findings.map(result).collect::<Vec<Value>>(),
        }],
    })
}

/// What does not stand in a URI as it is: a colon, for one, would end a scheme.
const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

/// A file as a URI, or as a reference that is relative where the path is. Standard input is no file,
/// but the format wants one where there is a line.
fn uri(file: &Path) -> String {
    if input::is_stdin(file) {
        return "stdin".into();
    }
    let mut path = file.as_os_str().as_encoded_bytes().to_vec();
    if cfg!(windows) {
        path.iter_mut().filter(|byte| **byte == b'\\').for_each(|byte| *byte = b'/');
    }
    let root = match (file.is_absolute(), path.starts_with(b"/")) {
        (false, _) => "",
        (true, true) => "file://",
        // A drive.
        (true, false) => "file:///",
    };
    format!("{root}{}", percent_encode(&path, PATH))
}
