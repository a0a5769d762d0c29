//! Memory that is handed out and never taken back.

use std::{
    alloc::{GlobalAlloc, Layout},
    arch::wasm32::{memory_grow, memory_size},
    cell::Cell,
    ptr::null_mut,
};

const PAGE: usize = 64 * 1024;

unsafe extern "C" {
    /// Set by the linker: the first byte after stack and data.
    static __heap_base: u8;
}

struct Bump {
    /// The first free byte; 0 before the first allocation.
    next: Cell<usize>,
}

// SAFETY: a component has one thread.
unsafe impl Sync for Bump {}

impl Bump {
    /// Takes `size` bytes from `start` on; false when the memory limit is reached.
    fn take(&self, start: usize, size: usize) -> bool {
        let Some(end) = start.checked_add(size) else {
            return false;
        };
        let have = memory_size::<0>() * PAGE;
        if end > have && memory_grow::<0>((end - have).div_ceil(PAGE)) == usize::MAX {
            return false;
        }
        self.next.set(end);
        true
    }
}

// SAFETY: each block is a fresh range above `next`, aligned as asked, inside linear memory; ranges never overlap
// because `next` only grows, except where the newest block is itself resized.
unsafe impl GlobalAlloc for Bump {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let free = match self.next.get() {
            0 => &raw const __heap_base as usize,
            next => next,
        };
        let start = free.next_multiple_of(layout.align());
        if self.take(start, layout.size()) {
            start as *mut u8
        } else {
            null_mut()
        }
    }

    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // Never used before, so still as the instance began: zero. Holds because nothing is given back; a shrunk
        // newest block is the exception, which `realloc` avoids by keeping `next`.
        unsafe { self.alloc(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if size <= layout.size() {
            return block;
        }
        if block as usize + layout.size() == self.next.get() {
            return if self.take(block as usize, size) {
                block
            } else {
                null_mut()
            };
        }
        unsafe {
            let fresh = self.alloc(Layout::from_size_align_unchecked(size, layout.align()));
            if !fresh.is_null() {
                std::ptr::copy_nonoverlapping(block, fresh, layout.size());
            }
            fresh
        }
    }
}

#[global_allocator]
static ALLOCATOR: Bump = Bump { next: Cell::new(0) };
