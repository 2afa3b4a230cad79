//! Floor 3: who talks with whom, in order, for how long. Packets in; tallies kept, and what the dissectors read handed up.
//!
//! A flow is one generation of a TCP or UDP 5-tuple. While its dissector is curious, its bytes are put in order and read;
//! then it is *settled* and only counted: 99 of 100 packets of a call take that short way, which allocates nothing.

mod asked;
mod entry;
mod kept;
mod reader;
mod stream;
mod table;
mod timed;

pub use entry::{Flow, FlowId, Sent};
pub use kept::Kept;
pub use table::{FlowTable, Limits, TableLosses};
