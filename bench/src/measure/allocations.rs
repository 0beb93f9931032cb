//! An allocator that counts, for the programs that make it theirs. The relay must not: counting
//! would make the floor dearer.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
};

thread_local! {
    static ALLOCATIONS: Cell<u64> = const { Cell::new(0) };
}

/// How often this thread has allocated or grown memory.
pub fn count() -> u64 {
    ALLOCATIONS.with(Cell::get)
}

/// The system's allocator with a count of allocations and growths per thread.
#[derive(Debug, Clone, Copy, Default)]
pub struct Counting;

#[expect(
    unsafe_code,
    reason = "the trait is unsafe; every call is passed on to the system's allocator unchanged"
)]
// SAFETY: all four methods pass their arguments unchanged to `System` and return what it returns,
// so `System`'s guarantees hold; counting touches a thread-local `Cell` without a destructor and
// does not allocate.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        increment();
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        increment();
        // SAFETY: the caller keeps the contract of `alloc_zeroed`.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        increment();
        // SAFETY: the caller keeps the contract of `realloc`.
        unsafe { System.realloc(pointer, layout, size) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

/// A thread that ends no longer has its count; nobody asks for it either.
fn increment() {
    let counted = ALLOCATIONS.try_with(|count| count.set(count.get() + 1));
    debug_assert!(counted.is_ok() || std::thread::panicking());
}
