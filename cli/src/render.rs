//! Shows diagnostics the way a good compiler does: the line, carets under the place, the repair.

use crate::input::Failure;
use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet, renderer::DEFAULT_TERM_WIDTH};
use sandgate::{Diagnostic, Report, Severity, Source};
use std::{io::Write, ops::Range};

/// Every diagnostic with its place in the text, then how many there are. Coloured; the stream
/// that prints it removes the colour where there is no terminal.
pub(crate) fn report(name: &str, text: &str, report: &Report) -> String {
    let source = Source::new(text);
    let renderer = Renderer::styled().term_width(DEFAULT_TERM_WIDTH);
    let mut out = String::new();
    for (diagnostic, place) in report.diagnostics().iter().zip(source.locate_all(report)) {
        out.push_str(&renderer.render(&[group(name, text, &source, diagnostic, place)]));
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
    source: &Source<'_>,
    diagnostic: &'a Diagnostic,
    place: Option<Range<usize>>,
) -> Group<'a> {
    let level = match diagnostic.severity() {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let title = level.primary_title(diagnostic.message()).id(diagnostic.code().as_str());
    let mut group = match place {
        None => Group::with_title(title),
        Some(place) => {
            // Only the lines that are shown: a document may be large.
            let start =
                text.get(..place.start).and_then(|before| before.rfind('\n')).map_or(0, |at| at.saturating_add(1));
            let end = text
                .get(place.end..)
                .and_then(|rest| rest.find('\n'))
                .map_or(text.len(), |at| place.end.saturating_add(at));
            let within = place.start.saturating_sub(start)..place.end.saturating_sub(start);
            title.element(
                Snippet::source(text.get(start..end).unwrap_or_default())
                    .line_start(source.position(place.start).line)
                    .path(name)
                    .annotation(AnnotationKind::Primary.span(within).label(diagnostic.path())),
            )
        }
    };
    if let Some(help) = diagnostic.help() {
        group = group.element(Level::HELP.message(help));
    }
    group
}
