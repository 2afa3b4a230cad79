//! Outer room: frames from a capture file. In goes a path or a byte stream, out come borrowed [`Frame`](crate::wire::Frame)s
//! in file order, and [`Note`]s: what the file says beside its frames (interfaces, losses, comments, names). What goes on
//! while the program watches (interfaces, streams, files at their own pace) is a [`Feed`] of the same two things.
//!
//! Reading is streamed: memory is bounded however large the file is. A file that ends or breaks in the middle counts up
//! to there, and [`CaptureFile::ending`] says how it ended; a [`CaptureError`] means that nothing, or nothing more, could
//! be read from the disk.

mod error;
mod feed;
mod file;
#[cfg(feature = "live")]
mod live;
mod note;
mod order;
mod pcap;
mod pcapng;
mod source;
mod window;

pub use error::CaptureError;
pub use feed::{Feed, FeedInfo, Pace, Pumped, Reel, Tape};
pub use file::{CaptureFile, CaptureInfo, Ending, Format};
#[cfg(feature = "live")]
pub use live::{Interface, Live, LiveOptions, default_interfaces, interfaces, libpcap_version};
pub use note::{About, Captured, Note};
pub use source::Digest;

#[cfg(test)]
mod build;
#[cfg(test)]
mod tests;
