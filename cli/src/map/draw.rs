//! Puts the picture together: title and sentence, the map with its labels, what it cannot show.

use super::{
    known,
    labels::{Frame, Line, Table, width},
    marks::{callout, centred, frame, landmarks, mark, note, notes, size, text},
    raster::{Paint, Raster},
    rooms::rooms,
    spots::{Cluster, Spot, clusters, spots},
    style::{CSS, PATTERNS, fill},
    survey::{Look, Piece, Survey},
    svg::Svg,
    titles::{Asked, Index},
    words,
};
use std::collections::BTreeMap;

/// The page: its margin and the map's side, and the sizes of text around the map.
const MARGIN: f64 = 24.0;
const MAP: f64 = 1024.0;
const PAGE: f64 = MAP + 2.0 * MARGIN;
const TITLE: f64 = 28.0;
const SENTENCE: f64 = 19.0;
const FOOT: f64 = 16.0;
/// Up to so many spots each say what they are when pointed at; more do so with their neighbours.
const TARGETS: usize = 400;
/// Where there are more labels, they leave out what the sentence above the map says.
const UNSAID: usize = 12;

/// What is drawn.
pub(crate) struct Picture<'p> {
    survey: &'p Survey,
    asked: Asked<'p>,
    index: Index,
    pieces: Vec<Piece>,
    is_change: bool,
    /// A piece of what most addresses are: it lies under all others.
    ground: Piece,
}

impl<'p> Picture<'p> {
    pub(crate) fn new(survey: &'p Survey, asked: Asked<'p>) -> Self {
        let pieces = survey.pieces(true);
        let mut sizes: BTreeMap<(Look, u64), (u128, usize)> = BTreeMap::new();
        for (number, piece) in pieces.iter().enumerate() {
            let (size, _) = sizes.entry((piece.look, piece.mark)).or_insert((0, number));
            *size = size.saturating_add(piece.size());
        }
        let most = sizes.values().max_by_key(|(size, _)| size).and_then(|(_, number)| pieces.get(*number));
        let ground = most.copied().unwrap_or(Piece { first: 0, last: 0, look: Look::Denied, mark: 0 });
        Self { survey, asked, index: Index::new(asked), pieces, is_change: asked.old.is_some(), ground }
    }

    /// The whole picture as SVG.
    pub(crate) fn draw(&self, title: &str) -> String {
        let sentence = words::summary(self.survey, &self.pieces, self.is_change);
        let sentences = wrapped(&sentence, SENTENCE);
        let mut foot = words::beyond(self.survey, self.asked.policy, self.asked.direction, self.is_change);
        foot.push(
            "How to read it: each numbered square is the network of all addresses that begin with the number; \
             addresses near one another lie near one another."
                .into(),
        );
        let feet: Vec<String> = foot.iter().flat_map(|text| wrapped(text, FOOT)).collect();
        let top = MARGIN + TITLE + lines(&sentences) * SENTENCE * 1.3 + 16.0;
        let height = top + MAP + 14.0 + lines(&feet) * FOOT * 1.35 + MARGIN;
        let mut svg = Svg::default();
        let view = format!("0 0 {PAGE} {height:.0}");
        svg.begin(
            "svg",
            &[
                ("xmlns", &"http://www.w3.org/2000/svg"),
                ("viewBox", &view),
                ("width", &PAGE),
                ("height", &format!("{height:.0}")),
                ("role", &"img"),
                ("aria-labelledby", &"sandgate-title sandgate-desc"),
            ],
        );
        svg.text("title", &[("id", &"sandgate-title")], title);
        svg.text("desc", &[("id", &"sandgate-desc")], &format!("{sentence} {}", foot.join(" ")));
        svg.text("style", &[], CSS);
        patterns(&mut svg);
        svg.empty("rect", &[("class", &"page"), ("width", &"100%"), ("height", &"100%")]);
        let size = TITLE.min(TITLE * MAP / width(title, TITLE));
        text(&mut svg, (MARGIN, MARGIN + TITLE * 0.75), size, "", true, title);
        paragraph(&mut svg, MARGIN + TITLE + SENTENCE * 1.1, SENTENCE, "", &sentences);
        svg.begin("g", &[("transform", &format!("translate({MARGIN} {top:.0})"))]);
        self.map(&mut svg);
        svg.end();
        paragraph(&mut svg, top + MAP + 14.0 + FOOT, FOOT, "muted", &feet);
        svg.finish()
    }

    fn map(&self, svg: &mut Svg) {
        let raster = Raster::new(&self.pieces);
        self.areas(svg, &raster);
        let mut table = Table::default();
        landmarks(svg, &mut table);
        for room in rooms(&self.pieces, |piece, is_all| self.words_of(piece, is_all)) {
            let (x, y) = room.frame.middle();
            table.take(room.frame);
            let bold = room.look.is_change() || !self.is_change;
            let top = y - room.frame.height / 2.0;
            for (line, number) in room.lines.iter().zip(0_u32..) {
                let base = top + room.size * (0.93 + 1.2 * f64::from(number));
                let class = if room.look.is_change() || !self.is_change { "halo" } else { "halo muted" };
                centred(svg, (x, base), room.size, class, bold, line);
            }
        }
        svg.empty("rect", &[("class", &"border"), ("width", &MAP), ("height", &MAP)]);
        let spots = spots(&self.pieces, &self.ground, self.is_change);
        let clusters = clusters(&spots);
        let frames: Vec<Frame> = clusters.iter().map(frame).collect();
        let narrow = clusters.iter().zip(&frames).filter(|(cluster, _)| !cluster.is_wide());
        narrow.for_each(|(_, frame)| table.take(*frame));
        let label = |cluster: &Cluster| self.label(cluster, clusters.len());
        let labels: Vec<(String, String)> = clusters.iter().map(label).collect();
        let all = clusters.iter().zip(&frames).zip(&labels);
        let placed: Vec<Option<(Frame, Option<Line>)>> = all
            .map(|((cluster, frame), label)| {
                let size = size(label);
                if cluster.is_wide() {
                    return table.place_within(*frame, size).map(|frame| (frame, None));
                }
                table.place(*frame, size, None).map(|(frame, line)| (frame, Some(line)))
            })
            .collect();
        let notes = notes(&mut table, &spots);
        for (_, frame) in clusters.iter().zip(&frames).filter(|(cluster, _)| cluster.is_wide()) {
            let Frame { x, y, width, height } = *frame;
            svg.empty("rect", &[("class", &"lead"), ("x", &x), ("y", &y), ("width", &width), ("height", &height)]);
        }
        for (known, (frame, line)) in &notes {
            note(svg, known, *frame, *line);
        }
        let narrow = clusters.iter().zip(&frames).zip(&placed).filter(|((cluster, _), _)| !cluster.is_wide());
        for ((cluster, frame), placed) in narrow {
            mark(svg, cluster, *frame, placed.and_then(|(_, line)| line));
        }
        for ((placed, label), cluster) in placed.iter().zip(&labels).zip(&clusters) {
            if let Some((frame, _)) = placed {
                callout(svg, *frame, label, cluster.look().map(|look| fill(Paint::All(look), self.is_change)));
            }
        }
        self.targets(svg, &clusters, &frames, spots.len());
    }

    /// What is alike, each with what it is and which entries make it so.
    fn areas(&self, svg: &mut Svg, raster: &Raster) {
        let (name, value) = fill(Paint::All(self.ground.look), self.is_change);
        let title = |look| self.asked.told_of_look(self.survey, &self.pieces, look);
        svg.titled("rect", &[(name, &value), ("width", &MAP), ("height", &MAP)], &title(self.ground.look));
        for paint in raster.paints(self.ground.look) {
            let (name, value) = fill(paint, self.is_change);
            let title = match paint {
                Paint::All(look) => title(look),
                Paint::Part(look) => {
                    format!("a part of this /20 {}", words::common_phrase(self.survey, &self.pieces, look))
                }
                Paint::Mixed => "not all of this /20 is treated alike".into(),
            };
            svg.titled("path", &[(name, &value), ("fill-rule", &"evenodd"), ("d", &raster.outlines(paint))], &title);
        }
    }

    /// The words that are written into what is like a piece, in all or in look only.
    fn words_of(&self, piece: &Piece, is_all: bool) -> Vec<String> {
        let phrase = if is_all {
            words::phrase(self.survey, piece, true)
        } else {
            words::common_phrase(self.survey, &self.pieces, piece.look)
        };
        let still = if self.is_change && !piece.look.is_change() { "still " } else { "" };
        format!("{still}{phrase}").split(' ').map(String::from).collect()
    }

    /// What a cluster is called, and what is done with it.
    fn label(&self, cluster: &Cluster, count: usize) -> (String, String) {
        let common = cluster.look().map(|look| words::common_phrase(self.survey, &self.pieces, look));
        let phrase = match (cluster.alike(), &common) {
            (Some(piece), _) => words::phrase(self.survey, piece, true),
            (None, Some(common)) => common.clone(),
            (None, None) if self.is_change => "changes".into(),
            (None, None) => String::new(),
        };
        let is_said = !self.is_change && count > UNSAID && common.as_ref() == Some(&phrase);
        let known = match cluster.spots.as_slice() {
            [spot] => known::around(&spot.piece).map(|known| format!(" ({})", known.name)),
            _ => None,
        };
        if cluster.is_wide() {
            let count = words::grouped(cluster.spots.len().try_into().unwrap_or(u128::MAX));
            let is_other = !self.is_change && cluster.look() == Some(self.ground.look);
            let phrase = if is_other { "on other ports".into() } else { phrase };
            return (format!("{count} networks"), if is_said { String::new() } else { phrase });
        }
        let name = format!("{}{}", cluster.name(), known.unwrap_or_default());
        (name, if is_said { String::new() } else { phrase })
    }

    /// What says what it is when it is pointed at.
    fn targets(&self, svg: &mut Svg, clusters: &[Cluster], frames: &[Frame], count: usize) {
        let told = |spot: &Spot| self.asked.told(self.survey, &self.index, &spot.piece);
        svg.begin("g", &[("class", &"target")]);
        for (cluster, frame) in clusters.iter().zip(frames) {
            let some: Vec<String> = cluster.spots.iter().take(12).map(told).collect();
            let more = cluster.spots.len().saturating_sub(some.len());
            let more = if more == 0 { String::new() } else { format!("\nand {more} more") };
            let Frame { x, y, width, height } = *frame;
            svg.titled(
                "rect",
                &[("x", &x), ("y", &y), ("width", &width), ("height", &height)],
                &format!("{}{more}", some.join("\n")),
            );
            if cluster.spots.len() > 1 && count <= TARGETS {
                for spot in &cluster.spots {
                    let (x, y) = Frame::of(spot.cells).middle();
                    svg.titled("circle", &[("cx", &x), ("cy", &y), ("r", &4)], &told(spot));
                }
            }
        }
        svg.end();
    }
}

fn patterns(svg: &mut Svg) {
    svg.begin("defs", &[]);
    for (name, side, ground, class, data) in PATTERNS {
        svg.begin("pattern", &[("id", name), ("width", side), ("height", side), ("patternUnits", &"userSpaceOnUse")]);
        svg.empty("rect", &[("class", ground), ("width", side), ("height", side)]);
        svg.empty("path", &[("class", class), ("d", data)]);
        svg.end();
    }
    svg.end();
}

fn paragraph(svg: &mut Svg, top: f64, size: f64, class: &str, lines: &[String]) {
    for (line, number) in lines.iter().zip(0_u32..) {
        text(svg, (MARGIN, top + f64::from(number) * size * 1.33), size, class, false, line);
    }
}

fn lines(lines: &[String]) -> f64 {
    f64::from(u32::try_from(lines.len()).unwrap_or(u32::MAX))
}

/// A text in lines that are no wider than the map. Prose is narrower than names and numbers.
fn wrapped(text: &str, size: f64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if 0.9 * (width(line, size) + width(word, size)) < MAP => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.into()),
        }
    }
    lines
}
