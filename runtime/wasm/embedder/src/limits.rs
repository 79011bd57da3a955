//! How large a program's memories and tables may become. The cgroup's limit stands behind this one; here the program is told.
use wasmtime::{ResourceLimiter, Result};

/// Elements of all tables together: 80 MB, and as many as browsers take in one.
pub const TABLES: usize = 10_000_000;

/// What was asked for, and couldn't be given: bytes, or elements.
#[derive(Clone, Copy, Debug)]
pub enum Refused {
    Memory(u64),
    Tables(usize),
}

#[derive(Debug)]
pub struct Limits {
    memory: Option<u64>,
    memory_used: u64,
    tables_used: usize,
    /// The last of it.
    pub refused: Option<Refused>,
}

impl Limits {
    pub fn new(memory: Option<u64>) -> Self {
        Self { memory, memory_used: 0, tables_used: 0, refused: None }
    }
}

impl ResourceLimiter for Limits {
    fn memory_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> Result<bool> {
        let wanted = self.memory_used + desired.saturating_sub(current) as u64;
        let declared = maximum.is_none_or(|most| desired <= most);
        if declared && self.memory.is_some_and(|most| wanted > most) {
            self.refused = Some(Refused::Memory(wanted));
            return Ok(false);
        }
        if declared {
            self.memory_used = wanted;
        }
        Ok(declared)
    }

    fn table_growing(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> Result<bool> {
        let wanted = self.tables_used + desired.saturating_sub(current);
        let declared = maximum.is_none_or(|most| desired <= most);
        if declared && wanted > TABLES {
            self.refused = Some(Refused::Tables(wanted));
            return Ok(false);
        }
        if declared {
            self.tables_used = wanted;
        }
        Ok(declared)
    }
}
