//! Where labels go: large ones into what they are about, small ones next to it, none over another.

use super::{
    hilbert::{Cells, SIDE},
    raster::Raster,
    survey::Look,
};

/// A rectangle of the picture.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Frame {
    pub(crate) x: f64,
    pub(crate) y: f64,
    pub(crate) width: f64,
    pub(crate) height: f64,
}

impl Frame {
    pub(crate) fn around(x: f64, y: f64, width: f64, height: f64) -> Self {
        Self { x: x - width / 2.0, y: y - height / 2.0, width, height }
    }

    pub(crate) fn of(cells: Cells) -> Self {
        let Cells { x, y, width, height } = cells;
        Self { x: x.into(), y: y.into(), width: width.into(), height: height.into() }
    }

    pub(crate) fn middle(self) -> (f64, f64) {
        (self.x + self.width / 2.0, self.y + self.height / 2.0)
    }

    fn wider(self, by: f64) -> Self {
        Self { x: self.x - by, y: self.y - by, width: self.width + 2.0 * by, height: self.height + 2.0 * by }
    }

    fn meets(self, other: Self) -> bool {
        self.x < other.x + other.width
            && other.x < self.x + self.width
            && self.y < other.y + other.height
            && other.y < self.y + self.height
    }

    fn is_within(self, other: Self) -> bool {
        self.x >= other.x
            && self.y >= other.y
            && self.x + self.width <= other.x + other.width
            && self.y + self.height <= other.y + other.height
    }

    /// Moved to where it lies within another with some room around it.
    fn kept_within(self, other: Self) -> Self {
        let x = self.x.round().clamp(other.x + 4.0, other.x + other.width - self.width - 4.0);
        let y = self.y.round().clamp(other.y + 4.0, other.y + other.height - self.height - 4.0);
        Self { x, y, ..self }
    }

    /// The point of the rectangle that is nearest to another point.
    pub(crate) fn nearest(self, (x, y): (f64, f64)) -> (f64, f64) {
        (x.clamp(self.x, self.x + self.width), y.clamp(self.y, self.y + self.height))
    }

    /// Whether a line meets it, tried at points along the line.
    fn meets_line(self, (from, to): Line) -> bool {
        (0..=24).any(|step| {
            let share = f64::from(step) / 24.0;
            let point = (from.0 + (to.0 - from.0) * share, from.1 + (to.1 - from.1) * share);
            self.nearest(point) == point
        })
    }
}

pub(crate) type Line = ((f64, f64), (f64, f64));

/// How wide a text is at most: fonts differ, and the picture brings none.
pub(crate) fn width(text: &str, size: f64) -> f64 {
    let characters = u32::try_from(text.chars().count()).unwrap_or(u32::MAX);
    f64::from(characters) * size * 0.58
}

/// What is already on the picture.
#[derive(Debug, Default)]
pub(crate) struct Table {
    taken: Vec<Frame>,
    lines: Vec<Line>,
}

/// Sixteen directions, the sides first: words next to a thing are read with it.
const WAYS: [(f64, f64); 16] = [
    (1.0, 0.0),
    (-1.0, 0.0),
    (0.924, -0.383),
    (0.924, 0.383),
    (-0.924, -0.383),
    (-0.924, 0.383),
    (0.707, -0.707),
    (0.707, 0.707),
    (-0.707, -0.707),
    (-0.707, 0.707),
    (0.383, -0.924),
    (0.383, 0.924),
    (-0.383, -0.924),
    (-0.383, 0.924),
    (0.0, -1.0),
    (0.0, 1.0),
];
const DISTANCES: [f64; 11] = [14.0, 24.0, 38.0, 56.0, 80.0, 110.0, 150.0, 200.0, 270.0, 360.0, 480.0];
const MAP: Frame = Frame { x: 0.0, y: 0.0, width: 1024.0, height: 1024.0 };

impl Table {
    /// Marks a place as taken.
    pub(crate) fn take(&mut self, frame: Frame) {
        self.taken.push(frame);
    }

    /// A place for a label of this size beside what it is about, and the line between the two. One
    /// that is to be near is left out where it would be farther or its line would cross anything.
    /// `None` if there is no place.
    pub(crate) fn place(&mut self, about: Frame, size: (f64, f64), near: Option<f64>) -> Option<(Frame, Line)> {
        let (x, y) = about.middle();
        let mut best: Option<(f64, Frame, Line)> = None;
        for distance in DISTANCES.into_iter().filter(|distance| near.is_none_or(|near| *distance <= near)) {
            for (right, down) in WAYS {
                let reach_x = f64::midpoint(about.width, size.0) + distance;
                let reach_y = f64::midpoint(about.height, size.1) + distance;
                // On the ellipse that touches both, so that labels above are as near as those beside.
                let frame = Frame::around(x + right * reach_x, y + down * reach_y, size.0, size.1).kept_within(MAP);
                if frame.meets(about.wider(10.0)) || self.taken.iter().any(|taken| taken.meets(frame.wider(3.0))) {
                    continue;
                }
                let from = frame.nearest((x, y));
                let line = (from, about.nearest(from));
                let crossed = self.taken.iter().filter(|taken| **taken != about && taken.meets_line(line)).count();
                let crossing = |other: &&Line| frame.meets_line(**other) || cross(**other, line);
                let over = crossed.saturating_add(self.lines.iter().filter(crossing).count());
                if near.is_some() && over > 0 {
                    continue;
                }
                let cost = distance + 250.0 * f64::from(u32::try_from(over).unwrap_or(u32::MAX));
                if best.is_none_or(|(least, ..)| cost < least) {
                    best = Some((cost, frame, line));
                }
            }
        }
        let (_, frame, line) = best?;
        self.take(frame);
        self.lines.push(line);
        Some((frame, line))
    }

    /// A place for a label within what it is about, the middle if it is free.
    pub(crate) fn place_within(&mut self, about: Frame, size: (f64, f64)) -> Option<Frame> {
        let (x, y) = about.middle();
        let steps = || [0.0, -0.15, 0.15, -0.3, 0.3, -0.42, 0.42].into_iter();
        let middles = steps().flat_map(|down| steps().map(move |right| (right, down)));
        let frames = middles.map(|(right, down)| {
            Frame::around((x + right * about.width).round(), (y + down * about.height).round(), size.0, size.1)
        });
        let mut free = frames.filter(|frame| {
            frame.is_within(about.wider(-2.0)) && !self.taken.iter().any(|taken| taken.meets(frame.wider(3.0)))
        });
        let frame = free.next()?;
        self.take(frame);
        Some(frame)
    }
}

fn cross((a, b): Line, (c, d): Line) -> bool {
    let side = |p: (f64, f64), q: (f64, f64), r: (f64, f64)| (q.0 - p.0) * (r.1 - p.1) - (q.1 - p.1) * (r.0 - p.0);
    (side(a, b, c) > 0.0) != (side(a, b, d) > 0.0) && (side(c, d, a) > 0.0) != (side(c, d, b) > 0.0)
}

/// A text in the middle of what it is about.
#[derive(Debug, Clone)]
pub(crate) struct Room {
    pub(crate) look: Look,
    pub(crate) lines: Vec<String>,
    pub(crate) size: f64,
    pub(crate) frame: Frame,
}

/// Rooms are looked for in blocks of so many cells on a side.
const BLOCK: u32 = 16;
const BLOCKS: u32 = SIDE / BLOCK;
const LARGEST: f64 = 40.0;
const SMALLEST: f64 = 12.0;
/// Of rooms with small text, so many are written in.
const ROOMS: usize = 16;

/// For every connected part of the picture that looks the same, the place where the words for it
/// are largest, the largest first.
pub(crate) fn rooms(raster: &Raster, words: impl Fn(Look) -> Vec<String>) -> Vec<Room> {
    let block =
        |x: u32, y: u32| Cells { x: x.saturating_mul(BLOCK), y: y.saturating_mul(BLOCK), width: BLOCK, height: BLOCK };
    let mut looks: Vec<Vec<Option<Look>>> =
        (0..BLOCKS).map(|y| (0..BLOCKS).map(|x| raster.look(block(x, y))).collect()).collect();
    let mut rooms = Vec::new();
    for y in 0..BLOCKS {
        for x in 0..BLOCKS {
            if let Some(look) = at(&looks, x, y) {
                let part = part_of(&mut looks, look, (x, y));
                rooms.extend(largest(&part, look, &words(look)));
            }
        }
    }
    rooms.sort_by(|one: &Room, other: &Room| other.size.total_cmp(&one.size));
    rooms.truncate(ROOMS);
    rooms
}

fn at(looks: &[Vec<Option<Look>>], x: u32, y: u32) -> Option<Look> {
    let row = looks.get(usize::try_from(y).ok()?)?;
    *row.get(usize::try_from(x).ok()?)?
}

/// Takes the blocks that look the same and touch one another; which of each row they are.
fn part_of(looks: &mut [Vec<Option<Look>>], look: Look, start: (u32, u32)) -> Vec<Vec<bool>> {
    let mut part: Vec<Vec<bool>> = (0..BLOCKS).map(|_| (0..BLOCKS).map(|_| false).collect()).collect();
    let mut open = vec![start];
    while let Some((x, y)) = open.pop() {
        if at(looks, x, y) != Some(look) {
            continue;
        }
        let place = |n: u32| usize::try_from(n).unwrap_or(usize::MAX);
        if let Some(block) = looks.get_mut(place(y)).and_then(|row| row.get_mut(place(x))) {
            *block = None;
        }
        if let Some(block) = part.get_mut(place(y)).and_then(|row| row.get_mut(place(x))) {
            *block = true;
        }
        open.extend([(x.wrapping_add(1), y), (x.wrapping_sub(1), y), (x, y.wrapping_add(1)), (x, y.wrapping_sub(1))]);
    }
    part
}

/// The rectangle of a part in which the words are largest.
fn largest(part: &[Vec<bool>], look: Look, words: &[String]) -> Option<Room> {
    let mut best: Option<(f64, u32, Room)> = None;
    let free = |x: u32, y: u32| -> u32 {
        let row = usize::try_from(y).ok().and_then(|y| part.get(y));
        let blocks = row.into_iter().flatten().skip(usize::try_from(x).unwrap_or(usize::MAX));
        u32::try_from(blocks.take_while(|is_free| **is_free).count()).unwrap_or(0)
    };
    for y in 0..BLOCKS {
        for x in 0..BLOCKS {
            let mut across = BLOCKS;
            for (down, row) in (1..).zip(y..BLOCKS) {
                across = across.min(free(x, row));
                if across == 0 {
                    break;
                }
                let frame = Frame::of(Cells {
                    x: x.saturating_mul(BLOCK),
                    y: y.saturating_mul(BLOCK),
                    width: across.saturating_mul(BLOCK),
                    height: BLOCK.saturating_mul(down),
                });
                for lines in splits(words) {
                    let longest = lines.iter().map(|line| width(line, 1.0)).fold(1.0, f64::max);
                    let count = f64::from(u32::try_from(lines.len()).unwrap_or(1));
                    let size =
                        LARGEST.min((frame.width - 8.0) / longest).min((frame.height - 6.0) / count / 1.2).floor();
                    let area = across.saturating_mul(down);
                    let is_better = best.as_ref().is_none_or(|(large, wide, _)| (*large, *wide) < (size, area));
                    if size >= SMALLEST && is_better {
                        let (x, y) = frame.middle();
                        let frame = Frame::around(x, y, longest * size, count * size * 1.2);
                        best = Some((size, area, Room { look, lines, size, frame }));
                    }
                }
            }
        }
    }
    best.map(|(_, _, room)| room)
}

/// Words in one, two and three lines, as short as can be.
fn splits(words: &[String]) -> impl Iterator<Item = Vec<String>> {
    let all: usize = words.iter().map(|word| word.len().saturating_add(1)).sum();
    (1..=words.len().min(3)).filter_map(move |count| {
        let in_lines = |room: usize| {
            let mut lines: Vec<String> = Vec::new();
            for word in words {
                match lines.last_mut() {
                    Some(line) if line.len().saturating_add(word.len()) < room => {
                        line.push(' ');
                        line.push_str(word);
                    }
                    _ => lines.push(word.clone()),
                }
            }
            lines
        };
        (all.checked_div(count)?..=all).map(in_lines).find(|lines| lines.len() <= count)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_label_lies_over_another_or_leaves_the_picture() {
        let mut table = Table::default();
        let mut placed = Vec::new();
        for number in 0..40_u32 {
            let about = Frame::around(f64::from(number * 7919 % 1000), f64::from(number * 104_729 % 1000), 16.0, 16.0);
            table.take(about);
            placed.extend(table.place(about, (150.0, 40.0), None));
        }
        assert_eq!(placed.len(), 40);
        for (at, (frame, _)) in placed.iter().enumerate() {
            assert!(frame.is_within(MAP));
            assert!(placed.iter().skip(at + 1).all(|(other, _)| !frame.meets(*other)));
        }
    }

    #[test]
    fn words_are_split_into_lines_of_about_the_same_length() {
        let words: Vec<String> = ["allowed", "on", "port", "443", "only"].map(String::from).into();
        let lines: Vec<String> = splits(&words).map(|lines| lines.join("/")).collect();
        assert_eq!(lines, ["allowed on port 443 only", "allowed on/port 443 only", "allowed/on port/443 only"]);
    }
}
