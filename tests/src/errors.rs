//! What every error of the core promises, whatever the text.

use sandgate::ParseError;

/// The span lies within the text, on character boundaries.
///
/// # Errors
///
/// Where it does not.
pub fn points_into(text: &str, error: &ParseError) -> Result<(), String> {
    let Some(span) = error.span() else { return Ok(()) };
    // `get` refuses what lies outside of the text or within a character, and what ends before it begins.
    match text.get(span.clone()) {
        Some(_) => Ok(()),
        None => Err(format!("{text:?}: {span:?} of {}", error.code())),
    }
}

/// The texts that the help offers to write instead of the whole text. Advice goes on behind them.
#[must_use]
pub fn offers(error: &ParseError) -> Vec<String> {
    let help = error.help().unwrap_or_default();
    let offered = help.strip_prefix("write `").and_then(|help| help.strip_suffix('`'));
    offered.into_iter().flat_map(|offered| offered.split("` or `")).map(str::to_owned).collect()
}
