//! Wiring: who feeds the engine, who takes its rows. The only room that opens files.

mod batch;
mod bundle;
#[cfg(feature = "live")]
mod clients;
#[cfg(feature = "tui")]
mod dashboard;
mod given;
mod knowledge;
mod live;
#[cfg(feature = "live")]
mod machine;
mod narrow;
mod offline;
mod pdf;
mod ranges;
mod reel;
#[cfg(feature = "resolve")]
mod reverse;
mod ring;
mod saved;
mod share;
mod slice;
mod stage;
mod tables;
mod told;
mod verify;
mod watch;

pub use crate::evidence::Redacted;
pub use bundle::{Bundle, Draft, Witness, finish, witness};
#[cfg(feature = "live")]
pub use clients::programs;
pub use given::{Keep, keep};
pub use knowledge::{Wanted, audit, knowledge};
pub use live::{Confine, Desk, Machine, Plan, Prepare, RING, Rate, Save, Session};
#[cfg(feature = "live")]
pub use machine::{Programs, machine};
pub use offline::{Input, Job, Outcome, analyze};
pub use pdf::pdf;
pub use ranges::{geo_folder, import_ranges};
pub use saved::{Kept, is_kept, kept};
pub use share::{Share, Shared, share};
pub use slice::{Sliced, slice};
pub use verify::{About, Holds, Statement, Verified, Verify, verify};
pub use watch::{Signals, Telling, watch};
