//! Where labels go: next to what they are about, none over another.

use super::hilbert::Cells;

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
}
