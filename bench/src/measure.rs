//! Time and memory: medians of interleaved samples, and an allocator that counts.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    hint::black_box,
    sync::atomic::{AtomicUsize, Ordering::Relaxed},
    time::Instant,
};

/// The system's allocator, counting the bytes in use and the most there ever were.
pub struct Counting;

static IN_USE: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call is the system allocator's; the counters do not touch the memory.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let now = IN_USE.fetch_add(layout.size(), Relaxed) + layout.size();
        MOST.fetch_max(now, Relaxed);
        // SAFETY: the caller's promise is the system allocator's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        IN_USE.fetch_sub(layout.size(), Relaxed);
        // SAFETY: the caller's promise is the system allocator's.
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// What `make` makes, and the heap bytes that it keeps and that it needed at most.
pub fn with_bytes<T>(make: impl FnOnce() -> T) -> (T, usize, usize) {
    let before = IN_USE.load(Relaxed);
    MOST.store(before, Relaxed);
    let made = make();
    (made, IN_USE.load(Relaxed).saturating_sub(before), MOST.load(Relaxed).saturating_sub(before))
}

/// A contestant: a way to answer a query.
pub struct Contestant<'a, Q> {
    pub name: String,
    pub bytes: usize,
    pub answer: Box<dyn Fn(&Q) -> bool + 'a>,
    all: Box<dyn Fn(&[Q]) -> usize + 'a>,
}

impl<'a, Q: 'a> Contestant<'a, Q> {
    pub fn new<A: Fn(&Q) -> bool + Clone + 'a>(name: &str, bytes: usize, answer: A) -> Self {
        let one = answer.clone();
        // The loop is compiled with the answer in it: what is timed has no call through a pointer.
        let all = move |queries: &[Q]| queries.iter().filter(|query| black_box(answer(black_box(query)))).count();
        Self { name: name.into(), bytes, answer: Box::new(one), all: Box::new(all) }
    }
}

/// The median of a contestant's samples and their spread (quartiles), in nanoseconds a query.
#[derive(Debug, Clone, Copy)]
pub struct Timing {
    pub median: f64,
    pub spread: f64,
}

const ROUNDS: usize = 11;
const SAMPLE_SECONDS: f64 = 0.004;

/// Times all contestants on the same queries, a sample of each in turn, so that a change of the
/// machine's pace meets all of them.
pub fn time<Q>(contestants: &[Contestant<'_, Q>], queries: &[Q]) -> Vec<Timing> {
    let plans: Vec<(usize, usize)> = contestants.iter().map(|contestant| plan(contestant, queries)).collect();
    let mut samples = vec![Vec::new(); contestants.len()];
    for _ in 0..ROUNDS {
        for (index, contestant) in contestants.iter().enumerate() {
            let (len, repeats) = plans[index];
            let start = Instant::now();
            for _ in 0..repeats {
                black_box((contestant.all)(&queries[..len]));
            }
            samples[index].push(start.elapsed().as_secs_f64() * 1e9 / (len * repeats) as f64);
        }
    }
    samples.into_iter().map(timing).collect()
}

/// How many queries, how often, make a sample of the right length.
fn plan<Q>(contestant: &Contestant<'_, Q>, queries: &[Q]) -> (usize, usize) {
    let few = queries.len().min(16);
    let start = Instant::now();
    black_box((contestant.all)(&queries[..few]));
    let each = start.elapsed().as_secs_f64() / few as f64;
    let wanted = (SAMPLE_SECONDS / each.max(1e-9)) as usize;
    if wanted < queries.len() { (wanted.max(8).min(queries.len()), 1) } else { (queries.len(), wanted / queries.len() + 1) }
}

pub fn timing(mut samples: Vec<f64>) -> Timing {
    samples.sort_by(f64::total_cmp);
    let at = |part: usize| samples[(samples.len() - 1) * part / 4];
    Timing { median: at(2), spread: at(3) - at(1) }
}

/// The median time of a piece of work, in nanoseconds.
pub fn time_of<T>(rounds: usize, mut work: impl FnMut() -> T) -> f64 {
    let samples = (0..rounds).map(|_| {
        let start = Instant::now();
        black_box(work());
        start.elapsed().as_secs_f64() * 1e9
    });
    timing(samples.collect()).median
}
