//! Outer room: what is told. Text and bytes from values, in many dresses: tables (CSV and JSON lines), `report.json` with
//! its schema, and the summary for people. Nothing here opens a file, asks for the time or changes what it is given; the
//! same input gives the same bytes.

mod annex;
mod canonical;
mod checklist;
mod community;
mod diff;
mod document;
mod export;
pub mod format;
mod html;
mod json;
mod page;
mod phases;
mod read;
mod row;
pub mod tables;
mod text;

pub use annex::{Annex, EndpointRow, HelloRow};
pub use checklist::missing;
pub use community::community_hash;
pub use diff::{DIFF_SCHEMA, Difference, diff_html, diff_text};
pub use export::{Exporter, Fields, FlowRow, hosts_line};
pub use html::summary_html;
pub use json::{MAX_ROWS, Rows, SCHEMA, SCHEMA_VERSION, recipient_line, report_json, summary_json};
pub use page::Style;
pub use read::{ReadError, Saved, read_report, read_rows};
pub use text::summary_text;
