//! Colours and patterns: on light and dark pages, in print, and for eyes that do not tell red from
//! green. What differs in colour differs in lightness and in pattern as well.

use super::{raster::Paint, survey::Look};

/// The style of every element by its class. No variables: not every program that draws SVG has them.
pub(crate) const CSS: &str = "
text { font-family: Helvetica, Arial, 'Liberation Sans', sans-serif; fill: #1b1f24 }
.page { fill: #ffffff }
.muted, .number { fill: #59636e }
.number { paint-order: stroke; stroke: #ffffff; stroke-opacity: .7; stroke-width: 2.5 }
.grid { fill: none; stroke: #1b1f24; stroke-opacity: .16 }
.border { fill: none; stroke: #1b1f24; stroke-width: 2 }
.block { fill: none; stroke: #59636e; stroke-width: 1.5; stroke-dasharray: 5 4 }
.halo { paint-order: stroke; stroke: #ffffff; stroke-width: 5; stroke-linejoin: round }
.box { fill: none; stroke: #1b1f24 }
.note { fill: #ffffff; stroke: #8c959f; stroke-width: .75 }
.lead { fill: none; stroke: #1b1f24; stroke-width: 1.5 }
.hint { fill: none; stroke: #59636e }
.under { fill: none; stroke: #ffffff; stroke-width: 5 }
.head { fill: #1b1f24 }
.target { fill: #000000; fill-opacity: 0 }
.denied { fill: #f4eee3 }
.allowed { fill: #6aa7dd }
.line { fill: none; stroke: #1c68ad; stroke-width: 2 }
.named { fill: #e6eef6 }
.dot { fill: #1c68ad }
.mixed { fill: #2f73b3 }
.was-denied { fill: #f0f1f3 }
.was-allowed { fill: #c3c9d0 }
.was-mixed { fill: #d8dce1 }
.was-dot { fill: #a5adb6 }
.was-line { fill: none; stroke: #a5adb6; stroke-width: 2 }
.opens { fill: #f08a24 }
.opens-line { fill: none; stroke: #7a3d00; stroke-width: 1.5 }
.opens-part { fill: #c9660a }
.closes { fill: #2b6cb0 }
.closes-line { fill: none; stroke: #d6e8fa; stroke-width: 1.5 }
.closes-part { fill: #2b6cb0 }
@media screen and (prefers-color-scheme: dark) {
text { fill: #e6edf3 }
.page { fill: #0d1117 }
.muted, .number { fill: #9aa4af }
.number { stroke: #0d1117 }
.grid { stroke: #e6edf3 }
.border { stroke: #9aa4af }
.block, .hint { stroke: #9aa4af }
.halo { stroke: #0d1117 }
.note { fill: #0d1117 }
.box { stroke: #e6edf3 }
.lead { stroke: #e6edf3 }
.under { stroke: #0d1117 }
.head { fill: #e6edf3 }
.denied { fill: #2e2a25 }
.allowed { fill: #2f6fac }
.line { stroke: #6cb2f5 }
.named { fill: #1a2633 }
.dot { fill: #6cb2f5 }
.mixed { fill: #5d9fdc }
.was-denied { fill: #1d2127 }
.was-allowed { fill: #4a515a }
.was-mixed { fill: #343a42 }
.was-dot { fill: #5f6873 }
.was-line { stroke: #5f6873 }
.opens { fill: #e07b16 }
.opens-line { stroke: #ffe2c2 }
.opens-part { fill: #ff9f43 }
.closes { fill: #2563a6 }
.closes-line { stroke: #a9d2fb }
.closes-part { fill: #6cb2f5 }
}
";

/// The patterns: name, size, class of the ground, class and data of what is drawn on it.
pub(crate) const PATTERNS: &[(&str, u32, &str, &str, &str)] = &[
    ("sandgate-ports", 10, "denied", "line", "M-2 2l4 -4M0 10l10 -10M8 12l4 -4"),
    ("sandgate-named", 12, "named", "dot", "M2 2h2v2h-2zM8 8h2v2h-2z"),
    ("sandgate-was-ports", 8, "was-denied", "was-line", "M-2 2l4 -4M0 8l8 -8M6 10l4 -4"),
    ("sandgate-was-named", 12, "was-denied", "was-dot", "M2 2h2v2h-2zM8 8h2v2h-2z"),
    ("sandgate-opens", 8, "opens", "opens-line", "M-2 2l4 -4M0 8l8 -8M6 10l4 -4"),
    ("sandgate-closes", 8, "closes", "closes-line", "M-2 6l4 4M0 0l8 8M6 -2l4 4"),
    ("sandgate-turns", 8, "opens", "closes-line", "M0 0l8 8M0 8l8 -8"),
];

/// The attribute that paints, and its value. What does not change is muted where changes are shown.
pub(crate) fn fill(paint: Paint, is_change: bool) -> (&'static str, &'static str) {
    match (paint, is_change) {
        (Paint::All(Look::Denied), false) => ("class", "denied"),
        (Paint::All(Look::Allowed), false) => ("class", "allowed"),
        (Paint::All(Look::Ports), false) => ("fill", "url(#sandgate-ports)"),
        (Paint::All(Look::Named), false) => ("fill", "url(#sandgate-named)"),
        (Paint::All(Look::Denied), true) => ("class", "was-denied"),
        (Paint::All(Look::Allowed), true) => ("class", "was-allowed"),
        (Paint::All(Look::Ports), true) => ("fill", "url(#sandgate-was-ports)"),
        (Paint::All(Look::Named), true) => ("fill", "url(#sandgate-was-named)"),
        (Paint::All(Look::Opens), _) => ("fill", "url(#sandgate-opens)"),
        (Paint::All(Look::Closes), _) => ("fill", "url(#sandgate-closes)"),
        (Paint::All(Look::Turns) | Paint::Part(Look::Turns), _) => ("fill", "url(#sandgate-turns)"),
        (Paint::Part(Look::Opens), _) => ("class", "opens-part"),
        (Paint::Part(Look::Closes), _) => ("class", "closes-part"),
        (Paint::Mixed | Paint::Part(_), false) => ("class", "mixed"),
        (Paint::Mixed | Paint::Part(_), true) => ("class", "was-mixed"),
    }
}

/// The class of a dot for what is too small to be seen.
pub(crate) const fn dot(look: Look) -> &'static str {
    match look {
        Look::Denied => "denied",
        Look::Named | Look::Ports | Look::Allowed => "dot",
        Look::Opens => "opens-part",
        Look::Closes => "closes-part",
        Look::Turns => "lead",
    }
}
