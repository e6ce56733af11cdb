//! Shows diagnostics the way a good compiler does: the line, carets under the place, the repair.

use crate::input::Failure;
use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet, renderer::DEFAULT_TERM_WIDTH};
use sandgate::{Diagnostic, Position, Report, Severity, Source};
use std::{io::Write, ops::Range};

/// Every diagnostic with its place in the text, then how many there are. Coloured; the stream
/// that prints it removes the colour where there is no terminal.
pub(crate) fn report(name: &str, text: &str, report: &Report) -> String {
    let places = Source::new(text).locate_all(report).into_iter().zip(Source::places(text, report));
    let renderer = Renderer::styled().term_width(DEFAULT_TERM_WIDTH);
    let mut out = String::new();
    for (diagnostic, (place, position)) in report.diagnostics().iter().zip(places) {
        out.push_str(&without_own(&renderer.render(&[group(name, text, diagnostic, place.zip(position))])));
        out.push_str("\n\n");
    }
    if report.more() > 0 {
        out.push_str("and ");
        out.push_str(&report.more().to_string());
        out.push_str(" more\n\n");
    }
    out
}

/// `valid`, `2 errors`, `valid, 1 warning`.
pub(crate) fn summary(report: &Report) -> String {
    let count = |count: usize, noun: &str| format!("{count} {noun}{}", if count == 1 { "" } else { "s" });
    match (report.error_count(), report.warning_count()) {
        (0, 0) => "valid".into(),
        (0, warnings) => format!("valid, {}", count(warnings, "warning")),
        (errors, _) => format!("not valid, {}", count(errors, "error")),
    }
}

/// What went wrong, on standard error.
pub(crate) fn failure(failure: &Failure) {
    let mut err = anstream::stderr().lock();
    if let Failure::Refused(refused) = failure {
        let _ = write!(err, "{}", report(&refused.name, &refused.text, &refused.report));
    }
    let title = Group::with_title(Level::ERROR.primary_title(failure.to_string()));
    let _ = writeln!(err, "{}", Renderer::styled().render(&[title]));
}

fn group<'a>(
    name: &'a str,
    text: &'a str,
    diagnostic: &'a Diagnostic,
    place: Option<(Range<usize>, Position)>,
) -> Group<'a> {
    let level = match diagnostic.severity() {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let title = level.primary_title(diagnostic.message()).id(diagnostic.code().as_str());
    let mut group = match place {
        None => Group::with_title(title),
        Some((place, Position { line, column })) => {
            let shown = window(text, &place);
            let within = place.start.saturating_sub(shown.start)..place.end.saturating_sub(shown.start);
            title.element(
                Snippet::source(text.get(shown).unwrap_or_default())
                    .line_start(line)
                    .path(format!("{name}:{line}:{column}{OWN}"))
                    .annotation(AnnotationKind::Primary.span(within).label(diagnostic.path())),
            )
        }
    };
    if let Some(help) = diagnostic.help() {
        group = group.element(Level::HELP.message(help));
    }
    group
}

/// What the renderer tells after this is its own count of the line and the column, which begins
/// where the snippet begins. It lets no control character of a text through.
const OWN: char = '\u{1}';

fn without_own(rendered: &str) -> String {
    let (told, rest) = rendered.split_once(OWN).unwrap_or((rendered, ""));
    let rest = rest.trim_start_matches(|character: char| character == ':' || character.is_ascii_digit());
    [told, rest].concat()
}

/// So many characters of a line are looked at on either side of a place. The renderer shows fewer,
/// and dots where it leaves some out.
const AROUND: usize = 2 * DEFAULT_TERM_WIDTH;

/// The bytes of a place and of its lines around it: a document may be one line of many megabytes.
fn window(text: &str, place: &Range<usize>) -> Range<usize> {
    let before = text.get(..place.start).unwrap_or_default().chars().rev();
    let after = text.get(place.end..).unwrap_or_default().chars();
    place.start.saturating_sub(of_line(before))..place.end.saturating_add(of_line(after))
}

/// The bytes of the first characters, up to the end of the line.
fn of_line(characters: impl Iterator<Item = char>) -> usize {
    characters.take(AROUND).take_while(|character| *character != '\n').map(char::len_utf8).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_than_the_surroundings_of_a_place_are_rendered() {
        let line = "\u{e9}".repeat(100_000);
        let around = AROUND.saturating_mul(2);
        for start in [0, 20, 100_000, 199_990] {
            let shown = window(&line, &(start..start.saturating_add(10)));
            assert!(line.get(shown.clone()).is_some(), "{shown:?} is cut within a character");
            assert!(shown.len() <= around.saturating_mul(2).saturating_add(10));
        }
        assert_eq!(window("a\nbcd\ne", &(3..4)), 2..5);
    }
}
