//! What is too small to be seen: spots, and clusters of spots that lie too near one another.

use super::{
    hilbert::{Cells, network},
    survey::{Look, Piece},
    words,
};

/// A piece that needs to be pointed at, and the cells of the first network in it.
#[derive(Debug, Clone)]
pub(crate) struct Spot {
    pub(crate) piece: Piece,
    pub(crate) cells: Cells,
}

/// Spots that are pointed at together.
#[derive(Debug, Clone)]
pub(crate) struct Cluster {
    pub(crate) spots: Vec<Spot>,
    /// The network that is drawn around them, unless they lie in one place.
    pub(crate) around: Option<(u32, u32)>,
}

/// So many clusters have a label each.
const LABELS: usize = 24;
/// Spots in a network of this length are too near one another to be told apart.
const NEAR: u32 = 10;
/// Pieces larger than this are seen without help.
const LARGE: u128 = 1 << 24;

/// The spots among pieces, in order. `ground` is a piece of what is most.
pub(crate) fn spots(pieces: &[Piece], ground: &Piece, is_change: bool) -> Vec<Spot> {
    let is_spot = |piece: &&Piece| {
        let is_small = piece.last.saturating_sub(piece.first) < LARGE.saturating_sub(1);
        // Other ports than most have are painted alike, and have to be pointed at.
        let is_other = (piece.look, piece.mark) != (ground.look, ground.mark);
        is_small && is_other && (!is_change || piece.look.is_change())
    };
    pieces.iter().filter(is_spot).map(|piece| Spot { piece: *piece, cells: largest(piece) }).collect()
}

/// The cells of the largest network within a piece: what is seen of it first.
fn largest(piece: &Piece) -> Cells {
    let bits = |address: u128| u32::try_from(address).unwrap_or(u32::MAX);
    let mut best = (bits(piece.first), 32_u32);
    let mut next = Some(piece.first);
    while let Some(first) = next.filter(|first| *first <= piece.last) {
        let fitting = piece.last.saturating_sub(first).saturating_add(1).ilog2();
        let open = first.trailing_zeros().min(fitting).min(32);
        if 32_u32.saturating_sub(open) < best.1 {
            best = (bits(first), 32_u32.saturating_sub(open));
        }
        next = 1_u128.checked_shl(open).and_then(|size| first.checked_add(size));
    }
    network(best.0, best.1)
}

/// Clusters of spots, few enough that each can have a label.
pub(crate) fn clusters(spots: &[Spot]) -> Vec<Cluster> {
    let mut clusters: Vec<Cluster> =
        spots.iter().map(|spot| Cluster { spots: vec![spot.clone()], around: None }).collect();
    merge(&mut clusters, NEAR);
    for len in [8, 6, 4] {
        if clusters.len() > LABELS {
            merge(&mut clusters, len);
        }
    }
    clusters
}

/// Merges the clusters that lie in one network of this length. They are in order.
fn merge(clusters: &mut Vec<Cluster>, len: u32) {
    let mut merged: Vec<Cluster> = Vec::new();
    for cluster in clusters.drain(..) {
        match merged.last_mut() {
            Some(last) if last.network(len) == cluster.network(len) => {
                last.around = (len < NEAR).then(|| last.network(len));
                last.spots.extend(cluster.spots);
            }
            _ => merged.push(cluster),
        }
    }
    *clusters = merged;
}

impl Cluster {
    /// The network of this length in which it begins.
    fn network(&self, len: u32) -> (u32, u32) {
        let first = self.spots.first().map_or(0, |spot| u32::try_from(spot.piece.first).unwrap_or(u32::MAX));
        let open = 32_u32.saturating_sub(len);
        (first.checked_shr(open).and_then(|bits| bits.checked_shl(open)).unwrap_or_default(), len)
    }

    /// Whether it is as large as a label, which is then written into it.
    pub(crate) fn is_wide(&self) -> bool {
        self.around.is_some_and(|(_, len)| len <= 6)
    }

    /// The look of all its spots, if it is one.
    pub(crate) fn look(&self) -> Option<Look> {
        let look = self.spots.first()?.piece.look;
        self.spots.iter().all(|spot| spot.piece.look == look).then_some(look)
    }

    /// A piece of it, if the same is said of all.
    pub(crate) fn alike(&self) -> Option<&Piece> {
        let first = &self.spots.first()?.piece;
        let is_alike = |spot: &Spot| (spot.piece.look, spot.piece.mark) == (first.look, first.mark);
        self.spots.iter().all(is_alike).then_some(first)
    }

    /// What it is called.
    pub(crate) fn name(&self) -> String {
        match self.spots.as_slice() {
            [spot] => words::range(&spot.piece, true),
            spots => {
                let (first, len) = self.around.unwrap_or_else(|| self.network(self.shared()));
                let network = words::address(first.into(), true);
                let all = words::grouped(spots.len().try_into().unwrap_or(u128::MAX));
                format!("{all} networks in {network}/{len}")
            }
        }
    }

    /// The longest of some usual lengths whose network holds all spots.
    fn shared(&self) -> u32 {
        let first = self.spots.first().map_or(0, |spot| spot.piece.first);
        let last = self.spots.last().map_or(0, |spot| spot.piece.last);
        let differing = 128_u32.saturating_sub((first ^ last).leading_zeros());
        [28, 24, 20, 16, 12].into_iter().find(|len| differing <= 32_u32.saturating_sub(*len)).unwrap_or(NEAR)
    }
}
