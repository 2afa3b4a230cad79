//! Floor 5: judgement. Subjects in, findings out; no bytes, no flows, no clock. All knowledge is in dated data files
//! (`data/`), which a user can replace; this room reads no files, text comes in.

pub mod audit;
pub mod background;
pub mod country;
pub mod course;
pub mod data_file;
pub mod finding;
mod hosts;
pub mod jurisdiction;
pub mod list;
pub mod load;
pub mod phase;
pub mod place;
pub mod recognise;
pub mod rules;
pub mod service;
pub mod subject;
pub mod suppression;
pub mod tracker;
pub mod transport;
mod words;

pub use audit::Audit;
pub use country::{country_name, is_country};
pub use course::{Course, Marker, Timeline};
pub use data_file::PolicyError;
pub use finding::{Finding, Ground, Severity};
pub use jurisdiction::{Regime, Regimes, Status};
pub use list::List;
pub use load::Book;
pub use phase::Phase;
pub use place::{Placed, Reason, Sighting};
pub use recognise::{Catalogue, Proposal, Recogniser, Seen};
pub use rules::{Case, far_from, judge_all};
pub use service::{Facts, Parameters, Profile};
pub use subject::{Circumstances, Incidents, Listing, Silence, Subject};
pub use words::{Lang, Twin};
pub(crate) use words::{bytes, number, place_doubt, short_hash, source};
