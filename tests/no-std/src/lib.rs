//! A program without an operating system that compiles and asks a policy.
//!
//! It brings its own panic handler and allocator. If anything below it linked `std`, there would
//! be two panic handlers, and this would not compile.

#![no_std]

use core::{
    alloc::{GlobalAlloc, Layout},
    net::{IpAddr, Ipv4Addr},
    sync::atomic::{AtomicUsize, Ordering},
};
use sandgate::{Options, Policy};

const HEAP_BYTES: usize = 1 << 20;

/// An allocator that only ever gives: enough to show that the core needs no other.
struct Bump {
    heap: [u8; HEAP_BYTES],
    used: AtomicUsize,
}

#[global_allocator]
static HEAP: Bump = Bump { heap: [0; HEAP_BYTES], used: AtomicUsize::new(0) };

// SAFETY: every call gets bytes that no other call gets, aligned as asked, or null.
unsafe impl GlobalAlloc for Bump {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let taken = layout.size() + layout.align();
        let start = self.used.fetch_add(taken, Ordering::Relaxed);
        if start + taken > HEAP_BYTES {
            return core::ptr::null_mut();
        }
        let base = self.heap.as_ptr().cast_mut().wrapping_add(start);
        base.wrapping_add(base.align_offset(layout.align()))
    }

    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

/// 1 if the document is valid and lets the client reach the port.
///
/// # Safety
///
/// `text` points to `len` bytes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sandgate_allows_ingress(text: *const u8, len: usize, client: u32, port: u16) -> u8 {
    // SAFETY: the caller's promise.
    let bytes = unsafe { core::slice::from_raw_parts(text, len) };
    let policy = core::str::from_utf8(bytes).ok().and_then(|text| Policy::from_json(text, &Options::default()).ok());
    let client = Some(IpAddr::V4(Ipv4Addr::from_bits(client)));
    u8::from(policy.is_some_and(|policy| policy.allows_ingress(client, port)))
}
