//! How many connections or requests are under way: in total, and of each key.

use std::{
    collections::HashMap,
    hash::Hash,
    sync::{Arc, Mutex, PoisonError},
};

/// Room for a number of things at a time, and for fewer that have the same key: no one takes all.
///
/// ```
/// use sandgate_proxy::Slots;
///
/// let slots = Slots::new(3, 2);
/// let held = [slots.take("a").unwrap(), slots.take("a").unwrap()];
/// assert!(slots.take("a").is_none());
/// assert!(slots.take("b").is_some());
/// drop(held);
/// assert!(slots.take("a").is_some());
/// ```
#[derive(Debug)]
pub struct Slots<K> {
    taken: Arc<Mutex<Taken<K>>>,
    total: usize,
    per_key: usize,
}

#[derive(Debug)]
struct Taken<K> {
    total: usize,
    by_key: HashMap<K, usize>,
}

/// One taken slot. It is free again when the last clone is dropped.
#[derive(Clone)]
pub struct Slot(#[expect(dead_code, reason = "held for its drop")] Arc<dyn Send + Sync>);

struct Held<K: Hash + Eq> {
    taken: Arc<Mutex<Taken<K>>>,
    key: K,
}

impl<K: Hash + Eq + Clone + Send + 'static> Slots<K> {
    /// Room for `total`, and for `per_key` of each key.
    #[must_use]
    pub fn new(total: usize, per_key: usize) -> Self {
        Self { taken: Arc::new(Mutex::new(Taken { total: 0, by_key: HashMap::new() })), total, per_key }
    }

    /// A slot, if there is one.
    #[must_use]
    pub fn take(&self, key: K) -> Option<Slot>
    where
        K: Sync,
    {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let of_key = taken.by_key.get(&key).copied().unwrap_or(0);
        if taken.total >= self.total || of_key >= self.per_key {
            return None;
        }
        taken.total = taken.total.saturating_add(1);
        taken.by_key.insert(key.clone(), of_key.saturating_add(1));
        Some(Slot(Arc::new(Held { taken: Arc::clone(&self.taken), key })))
    }
}

impl<K: Hash + Eq> Drop for Held<K> {
    fn drop(&mut self) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.total = taken.total.saturating_sub(1);
        // A key that holds nothing is forgotten: the map is never larger than the total.
        match taken.by_key.get_mut(&self.key) {
            Some(count) if *count > 1 => *count = count.saturating_sub(1),
            _ => drop(taken.by_key.remove(&self.key)),
        }
    }
}

impl std::fmt::Debug for Slot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Slot")
    }
}
