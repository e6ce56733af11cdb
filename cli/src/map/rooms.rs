//! Words in the middle of what they are about, as large as there is room for.

use super::{
    hilbert::{Cells, SIDE, network},
    labels::{Frame, width},
    survey::{Look, Piece},
};

/// A text in the middle of what it is about.
#[derive(Debug, Clone)]
pub(crate) struct Room {
    pub(crate) look: Look,
    pub(crate) lines: Vec<String>,
    pub(crate) size: f64,
    pub(crate) frame: Frame,
}

/// Rooms are looked for in blocks that are networks of this length, and so many cells on a side.
const BLOCK_LEN: u32 = 12;
const BLOCK: u32 = 16;
const BLOCKS: u32 = SIDE / BLOCK;
const LARGEST: f64 = 40.0;
const SMALLEST: f64 = 12.0;
/// Of rooms with small text, so many are written in.
const ROOMS: usize = 16;

/// What all of a block is: its look, and the mark of what is said of it if that is one thing.
type Tint = (Look, Option<u64>);
type Blocks<T> = Vec<Vec<T>>;

/// For every connected part of the picture in which the same is to be said, the place where the
/// words for it are largest; the largest words first. `words` are asked for with a piece of it, and
/// whether all of it is as the piece is.
pub(crate) fn rooms(pieces: &[Piece], words: impl Fn(&Piece, bool) -> Vec<String>) -> Vec<Room> {
    let mut blocks = blocks(pieces);
    let mut rooms = Vec::new();
    for y in 0..BLOCKS {
        for x in 0..BLOCKS {
            if let Some((tint, piece)) = at(&blocks, x, y) {
                let part = part_of(&mut blocks, tint, (x, y));
                rooms.extend(largest(&part, tint.0, &words(piece, tint.1.is_some())));
            }
        }
    }
    rooms.sort_by(|one: &Room, other: &Room| other.size.total_cmp(&one.size));
    rooms.truncate(ROOMS);
    rooms
}

/// The tint of every block that has one look, and a piece in it. A block is a /12.
fn blocks(pieces: &[Piece]) -> Blocks<Option<(Tint, &Piece)>> {
    let mut blocks: Blocks<Option<(Tint, &Piece)>> = (0..BLOCKS).map(|_| (0..BLOCKS).map(|_| None).collect()).collect();
    for number in 0..1_u32 << BLOCK_LEN {
        let first = number.checked_shl(32 - BLOCK_LEN).unwrap_or_default();
        let last = u128::from(first | u32::MAX >> BLOCK_LEN);
        let from = pieces.partition_point(|piece| piece.last < first.into());
        let mut here = pieces.iter().skip(from).take_while(|piece| piece.first <= last);
        let Some(piece) = here.next() else { continue };
        let mut mark = Some(piece.mark);
        let is_one = here.all(|other| {
            mark = mark.filter(|mark| *mark == other.mark);
            other.look == piece.look
        });
        let Cells { x, y, .. } = network(first, BLOCK_LEN);
        let place = |at: u32| usize::try_from(at.checked_div(BLOCK).unwrap_or_default()).unwrap_or(usize::MAX);
        if let Some(block) = blocks.get_mut(place(y)).and_then(|row| row.get_mut(place(x))) {
            *block = is_one.then_some(((piece.look, mark), piece));
        }
    }
    blocks
}

fn at<'p>(blocks: &Blocks<Option<(Tint, &'p Piece)>>, x: u32, y: u32) -> Option<(Tint, &'p Piece)> {
    let row = blocks.get(usize::try_from(y).ok()?)?;
    *row.get(usize::try_from(x).ok()?)?
}

/// Takes the blocks that are alike and touch one another; which of each row they are.
fn part_of(blocks: &mut Blocks<Option<(Tint, &Piece)>>, tint: Tint, start: (u32, u32)) -> Blocks<bool> {
    let mut part: Blocks<bool> = (0..BLOCKS).map(|_| (0..BLOCKS).map(|_| false).collect()).collect();
    let mut open = vec![start];
    while let Some((x, y)) = open.pop() {
        if at(blocks, x, y).is_none_or(|(other, _)| other != tint) {
            continue;
        }
        let place = |n: u32| usize::try_from(n).unwrap_or(usize::MAX);
        if let Some(block) = blocks.get_mut(place(y)).and_then(|row| row.get_mut(place(x))) {
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
fn largest(part: &Blocks<bool>, look: Look, words: &[String]) -> Option<Room> {
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
    fn words_are_split_into_lines_of_about_the_same_length() {
        let words: Vec<String> = ["allowed", "on", "port", "443", "only"].map(String::from).into();
        let lines: Vec<String> = splits(&words).map(|lines| lines.join("/")).collect();
        assert_eq!(lines, ["allowed on port 443 only", "allowed on/port 443 only", "allowed/on port/443 only"]);
    }

    #[test]
    fn the_largest_words_stand_where_there_is_most_room() {
        let piece = |first, last, look| Piece { first, last, look, mark: 0 };
        let half = 1_u128 << 31;
        let pieces = [
            piece(0, (10 << 24) - 1, Look::Allowed),
            piece(10 << 24, (11 << 24) - 1, Look::Denied),
            piece(11 << 24, half - 1, Look::Allowed),
            piece(half, u128::from(u32::MAX), Look::Denied),
        ];
        let rooms = rooms(&pieces, |piece, is_all| vec![format!("{:?} {is_all}", piece.look)]);
        let told: Vec<(&str, f64)> = rooms.iter().map(|room| (&*room.lines[0], room.size)).collect();
        // The left half of the picture is allowed but for one square, the right half is denied.
        assert_eq!(told[..2], [("Allowed true", 40.0), ("Denied true", 40.0)]);
        assert!(rooms[0].frame.x + rooms[0].frame.width < 512.0 && rooms[1].frame.x > 512.0);
        assert!(rooms.len() == 2 || rooms[2].frame.width < 64.0);
    }
}
