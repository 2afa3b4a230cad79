//! Outer room: what is told. Text and bytes from values, in many dresses: tables (CSV and JSON lines), `report.json` with
//! its schema, and the summary for people. Nothing here opens a file, asks for the time or changes what it is given; the
//! same input gives the same bytes.

mod community;
mod document;
pub mod format;
mod json;
mod page;
mod read;
mod row;
pub mod tables;
mod text;

pub use community::community_hash;
pub use json::{MAX_ROWS, Rows, SCHEMA, SCHEMA_VERSION, report_json, summary_json};
pub use page::Style;
pub use read::{ReadError, Saved, read_report};
pub use text::summary_text;
