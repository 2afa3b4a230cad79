//! Floor 5: judgement. Subjects in, findings out; no bytes, no flows, no clock. All knowledge is in dated data files.

pub mod finding;
pub mod subject;

pub use finding::{Finding, Ground, Severity};
pub use subject::{Circumstances, Listing, Subject};
