use wasmtime::ResourceLimiter;

use crate::ceilings::{MAX_CORE_INSTANCES, MAX_MEMORIES, MAX_TABLE_ELEMENTS, MAX_TABLES};

/// Counts and limits what one decision's store holds. Memory never shrinks within a decision, so the sum is the peak.
pub(crate) struct Meter {
    limit: usize,
    memory: usize,
    refused: bool,
}

impl Meter {
    pub(crate) const fn new(limit: usize) -> Self {
        Self {
            limit,
            memory: 0,
            refused: false,
        }
    }

    /// Another limit for what the store holds already.
    pub(crate) const fn limit_to(&mut self, limit: usize) {
        self.limit = limit;
    }

    /// Bytes of all memories.
    pub(crate) const fn memory(&self) -> usize {
        self.memory
    }

    /// Whether memory or table elements were refused: a trap after that is a consequence of it.
    pub(crate) const fn refused(&self) -> bool {
        self.refused
    }
}

impl ResourceLimiter for Meter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        most: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let sum = self.memory.saturating_add(desired.saturating_sub(current));
        if sum > self.limit || most.is_some_and(|most| desired > most) {
            self.refused = true;
            return Ok(false);
        }
        self.memory = sum;
        Ok(true)
    }

    fn table_growing(&mut self, _: usize, desired: usize, most: Option<usize>) -> wasmtime::Result<bool> {
        let fits = desired <= MAX_TABLE_ELEMENTS && most.is_none_or(|most| desired <= most);
        self.refused |= !fits;
        Ok(fits)
    }

    fn instances(&self) -> usize {
        MAX_CORE_INSTANCES as usize
    }

    fn tables(&self) -> usize {
        MAX_TABLES as usize
    }

    fn memories(&self) -> usize {
        MAX_MEMORIES as usize
    }
}
