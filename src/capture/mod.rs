//! Outer room: frames from a capture file. In goes a path or a byte stream, out come borrowed [`Frame`](crate::wire::Frame)s
//! in file order, and [`Note`]s: what the file says beside its frames (interfaces, losses, comments, names).
//!
//! Reading is streamed: memory is bounded however large the file is. A file that ends or breaks in the middle counts up
//! to there, and [`CaptureFile::ending`] says how it ended; a [`CaptureError`] means that nothing, or nothing more, could
//! be read from the disk.

mod error;
mod file;
mod note;
mod order;
mod pcap;
mod pcapng;
mod source;
mod window;

pub use error::CaptureError;
pub use file::{CaptureFile, CaptureInfo, Ending, Format};
pub use note::{About, Note, Record};
pub use source::Digest;

#[cfg(test)]
mod build;
#[cfg(test)]
mod tests;
