//! What is drawn on the map: landmarks, rings and frames, arrows, callouts.

use super::{
    hilbert::network,
    known::{self, KNOWN, Known},
    labels::{Frame, Line, Table, width},
    spots::{Cluster, Spot},
    style::dot,
    svg::Svg,
};

/// The sizes of text on the map.
const LABEL: f64 = 15.0;
const LANDMARK: f64 = 16.0;
const NOTE: f64 = 12.0;
const NUMBER: f64 = 10.0;
/// How wide the coloured side of a callout is.
const BAND: f64 = 8.0;
/// What is at least so wide is framed as it is; what is less has a ring around it.
const RING: f64 = 20.0;
/// Squares with fewer cells on a side are shown by a dot.
const DOT: u32 = 5;

/// Landmarks that are small, where there is room and nothing else is said about them: their
/// places and lines.
pub(super) fn notes(table: &mut Table, spots: &[Spot]) -> Vec<(&'static Known, (Frame, Line))> {
    let small = KNOWN.iter().filter(|known| known.len > 8);
    let unsaid = small.filter(|known| {
        let is_it = |spot: &Spot| known::around(&spot.piece).is_some_and(|around| around.first == known.first);
        !spots.iter().any(is_it)
    });
    let size = |known: &Known| (width(&noted(known), NOTE) + 10.0, NOTE + 7.0);
    let place = |known: &'static Known, table: &mut Table| {
        let about = Frame::of(network(known.first, known.len));
        Some((known, table.place(about, size(known), Some(60.0))?))
    };
    unsaid.filter_map(|known| place(known, table)).collect()
}

/// The square of every /8 with its number, and the landmarks that are as large.
pub(super) fn landmarks(svg: &mut Svg, table: &mut Table) {
    let lines: Vec<String> = (64..1024).step_by(64).map(|at| format!("M0 {at}H1024M{at} 0V1024")).collect();
    svg.empty("path", &[("class", &"grid"), ("d", &lines.concat())]);
    svg.begin("g", &[("font-size", &NUMBER)]);
    for number in 0..=u8::MAX {
        let known = KNOWN.iter().find(|known| known.len <= 8 && known.first >> 24 == u32::from(number));
        let name = match known {
            Some(known) if known.len == 8 => format!("{number} {}", known.name),
            _ => number.to_string(),
        };
        let Frame { x, y, .. } = Frame::of(network(u32::from(number) << 24, 8));
        svg.text("text", &[("class", &"number"), ("x", &(x + 3.0)), ("y", &(y + NUMBER))], &name);
    }
    svg.end();
    for known in KNOWN.iter().filter(|known| known.len < 8) {
        let Frame { x, y, width: side, height } = Frame::of(network(known.first, known.len));
        svg.empty("rect", &[("class", &"block"), ("x", &x), ("y", &y), ("width", &side), ("height", &height)]);
        let frame = Frame::around(x + side / 2.0, y + height - 16.0, width(&noted(known), LANDMARK), LANDMARK);
        table.take(frame);
        centred(svg, (x + side / 2.0, y + height - 10.0), LANDMARK, "halo muted", false, &noted(known));
    }
}

fn noted(known: &Known) -> String {
    format!("{} {}", known.network, known.name)
}

/// What is pointed at: a ring around what is small, or the network around a cluster.
pub(super) fn frame(cluster: &Cluster) -> Frame {
    if let Some((first, len)) = cluster.around {
        return Frame::of(network(first, len));
    }
    let frames = || cluster.spots.iter().map(|spot| Frame::of(spot.cells));
    let least = |of: fn(Frame) -> f64| frames().map(of).fold(f64::INFINITY, f64::min);
    let most = |of: fn(Frame) -> f64| frames().map(of).fold(0.0, f64::max);
    let (x, y) = (least(|frame| frame.x), least(|frame| frame.y));
    let (right, below) = (most(|frame| frame.x + frame.width), most(|frame| frame.y + frame.height));
    let beyond = if (right - x).max(below - y) < RING { 8.0 } else { 3.0 };
    let (width, height) = ((right - x + beyond).max(14.0), (below - y + beyond).max(14.0));
    Frame::around(f64::midpoint(x, right), f64::midpoint(y, below), width, height)
}

/// The size of a callout: a band in the colour of what it is about, and one or two lines.
pub(super) fn size((name, phrase): &(String, String)) -> (f64, f64) {
    let wide = width(name, LABEL).max(width(phrase, LABEL)) + BAND + 10.0;
    (wide.round(), (LABEL * if phrase.is_empty() { 1.5 } else { 2.7 }).round())
}

/// What is pointed at, and the line from the label with its head there.
pub(super) fn mark(svg: &mut Svg, cluster: &Cluster, frame: Frame, line: Option<Line>) {
    let Frame { x, y, width, height } = frame;
    let is_ring = cluster.around.is_none() && width.max(height) < RING;
    let round = if is_ring { width.min(height) / 2.0 } else { 2.0 };
    for class in ["under", "lead"] {
        svg.empty(
            "rect",
            &[("class", &class), ("x", &x), ("y", &y), ("width", &width), ("height", &height), ("rx", &round)],
        );
        if let Some((from, to)) = line {
            svg.empty("path", &[("class", &class), ("d", &path(from, to))]);
        }
    }
    if let Some((from, to)) = line {
        svg.empty("path", &[("class", &"head"), ("d", &head(from, to))]);
    }
    // A dot stands for what is smaller than a dot.
    for spot in cluster.spots.iter().filter(|spot| spot.cells.width < DOT) {
        let (x, y) = Frame::of(spot.cells).middle();
        svg.empty("circle", &[("class", &dot(spot.piece.look)), ("cx", &x), ("cy", &y), ("r", &2.8)]);
    }
}

fn path(from: (f64, f64), to: (f64, f64)) -> String {
    format!("M{:.1} {:.1}L{:.1} {:.1}", from.0, from.1, to.0, to.1)
}

/// The head of an arrow.
fn head(from: (f64, f64), to: (f64, f64)) -> String {
    let (right, down) = (to.0 - from.0, to.1 - from.1);
    let length = (right * right + down * down).sqrt().max(1.0);
    let (right, down) = (right / length, down / length);
    let base = (to.0 - 9.0 * right, to.1 - 9.0 * down);
    format!(
        "M{:.1} {:.1}L{:.1} {:.1}L{:.1} {:.1}z",
        to.0,
        to.1,
        base.0 - 4.0 * down,
        base.1 + 4.0 * right,
        base.0 + 4.0 * down,
        base.1 - 4.0 * right
    )
}

pub(super) fn callout(
    svg: &mut Svg,
    frame: Frame,
    (name, phrase): &(String, String),
    band: Option<(&'static str, &'static str)>,
) {
    let Frame { x, y, width, height } = frame;
    if let Some((name, value)) = band {
        svg.empty("rect", &[(name, &value), ("x", &x), ("y", &y), ("width", &BAND), ("height", &height)]);
    }
    let left = if band.is_some() { BAND } else { 0.0 };
    svg.empty(
        "rect",
        &[("class", &"page"), ("x", &(x + left)), ("y", &y), ("width", &(width - left)), ("height", &height)],
    );
    svg.empty("rect", &[("class", &"box"), ("x", &x), ("y", &y), ("width", &width), ("height", &height), ("rx", &2)]);
    let middle = x + f64::midpoint(left, width);
    centred(svg, (middle, y + LABEL * 1.1), LABEL, "", true, name);
    if !phrase.is_empty() {
        centred(svg, (middle, y + LABEL * 2.3), LABEL, "", false, phrase);
    }
}

pub(super) fn note(svg: &mut Svg, known: &Known, frame: Frame, (from, to): Line) {
    let cells = Frame::of(network(known.first, known.len));
    let Frame { x, y, width, height } = cells;
    svg.empty("rect", &[("class", &"hint"), ("x", &x), ("y", &y), ("width", &width), ("height", &height)]);
    svg.empty("path", &[("class", &"hint"), ("d", &path(from, to))]);
    let (middle, centre) = frame.middle();
    svg.empty(
        "rect",
        &[
            ("class", &"note"),
            ("x", &frame.x),
            ("y", &frame.y),
            ("width", &frame.width),
            ("height", &frame.height),
            ("rx", &3),
        ],
    );
    centred(svg, (middle, centre + NOTE * 0.36), NOTE, "muted", false, &noted(known));
}

pub(super) fn text(svg: &mut Svg, (x, y): (f64, f64), size: f64, class: &str, is_bold: bool, text: &str) {
    let weight = if is_bold { "bold" } else { "normal" };
    let (x, y, size) = (format!("{x:.0}"), format!("{y:.0}"), format!("{size:.0}"));
    svg.text("text", &[("class", &class), ("x", &x), ("y", &y), ("font-size", &size), ("font-weight", &weight)], text);
}

pub(super) fn centred(svg: &mut Svg, (x, y): (f64, f64), size: f64, class: &str, is_bold: bool, text: &str) {
    let weight = if is_bold { "bold" } else { "normal" };
    let (x, y) = (format!("{x:.0}"), format!("{y:.0}"));
    svg.text(
        "text",
        &[
            ("class", &class),
            ("x", &x),
            ("y", &y),
            ("font-size", &size),
            ("font-weight", &weight),
            ("text-anchor", &"middle"),
        ],
        text,
    );
}
