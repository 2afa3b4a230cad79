//! Outer room: what is kept of a running capture. Frames and what was told beside them go in, files come out that others can
//! check: pcapng segments, and a journal of every input that is no frame. Together they repeat the analysis.
//!
//! Files are made new, for their owner only, and are on the disk when [`Store::close`] returns. What was handed over a
//! second ago is readable even if the program is killed.

mod attest;
mod bag;
mod custody;
mod error;
mod journal;
mod pcapng;
mod pseudonym;
mod redact;
mod store;
mod trim;

pub use attest::{Stamp, Verdict, attach, request, sign, signature_path, stamp_path, verify_signature, verify_stamp};
pub use bag::{
    Checked, Digests, PAYLOAD, Sealed, TAG_MANIFEST, Wrong, check, digests, is_sealed, seal, seal_with, sha256, sha512,
};
pub use custody::{CUSTODY, Chain, Custody, Step};
pub use error::EvidenceError;
pub use journal::{Comment, Entry, Header, JOURNAL, Told, process_comment, read_comment, read_journal};
pub use pcapng::{Described, Kept, Section, Statistics, Writer};
pub use pseudonym::{PseudonymKey, Pseudonyms};
pub use redact::{HostNames, Redacted, Redactor, question};
pub use store::{Closed, Pick, Store, StoreOptions, make_folder};
pub use trim::Trim;
