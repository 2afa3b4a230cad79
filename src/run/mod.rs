//! Wiring: who feeds the engine, who takes its rows. The only room that opens files.

mod knowledge;
mod offline;
#[cfg(feature = "resolve")]
mod reverse;
mod tables;
mod told;

pub use knowledge::{Wanted, audit, knowledge};
pub use offline::{Input, Job, Outcome, analyze};
