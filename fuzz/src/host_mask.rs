//! Host masks: accepted exactly where the obvious evaluator accepts them, and filled in alike.

use sandgate::HostMask;
use sandgate_conformance::{
    errors::{offers, points_into},
    naive,
    vector::Case,
};

/// The input is a port in two bytes, low byte first, and the text of the mask.
///
/// # Panics
///
/// If the core is wrong about it.
pub fn run(data: &[u8]) {
    let Some((port, text)) = data.split_first_chunk() else { return };
    let (port, Ok(text)) = (u16::from_le_bytes(*port), str::from_utf8(text)) else { return };
    let mask = text.parse::<HostMask>();
    assert_eq!(mask.is_ok(), naive::is_mask(text));
    match mask {
        Ok(mask) => {
            assert_eq!(mask.to_string(), text);
            let masked = mask.masked(port).to_string();
            assert_eq!(masked, naive::masked(text, port));
            // A port of a sandbox is not 0; where it is one, the host is one that can be sent.
            if port > 0 {
                assert!(naive::is_mask(&masked), "{masked:?}");
            }
        }
        Err(error) => {
            points_into(text, &error).unwrap();
            for offer in offers(&error) {
                assert!(offer.parse::<HostMask>().is_ok(), "{text:?}: {} offers {offer:?}", error.code());
            }
        }
    }
}

/// The masks of the vectors, with a port each.
#[must_use]
pub fn seeds(case: &Case) -> Vec<Vec<u8>> {
    let Case::Mask { mask, .. } = case else { return Vec::new() };
    vec![[8080_u16.to_le_bytes().as_slice(), mask.as_bytes()].concat()]
}
