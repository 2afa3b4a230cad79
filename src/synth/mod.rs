//! Beside floor 2: makes traffic. Everything that comes out of this room is generated, from a seed and nothing else: no
//! clock, no files, no network. The demo, the tests and the seeds of the fuzz targets are made here; the core never
//! looks in.
//!
//! [`frames`] builds packets, [`hello`], [`quic`], [`dns`], [`media`] fill them, [`call()`] puts them together to a
//! conference call, [`mangle`] damages what a network or a capture would damage.

mod bytes;
mod call;
pub mod dns;
pub mod frames;
pub mod hello;
pub mod mangle;
pub mod media;
mod pcap;
pub mod quic;
mod random;

pub use bytes::Bytes;
pub use call::{Call, call};
pub use pcap::pcap;
pub use random::Random;

#[cfg(test)]
mod tests;
