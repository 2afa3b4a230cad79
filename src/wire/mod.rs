//! Floor 0: plain values that every room speaks of. They keep their own invariants and know nothing else.

mod address;
pub mod capfile;
mod cursor;
mod fault;
mod frame;
mod key;
mod packet;
mod short;
mod text;
mod time;
mod trip;

pub use address::{AddressKind, canonical};
pub use cursor::Cursor;
pub use fault::{Fault, FaultKind, Layer};
pub use frame::{Direction, Frame, FrameNo, LinkType};
pub use key::{End, FlowKey, Pair, Side, TransportKind};
pub use packet::{Fragment, Packet, TcpFlags, Transport, Tunnel};
pub use short::{Short, decimal, dotted, pair};
pub use text::{Text, TextRef, is_treacherous, neutralise};
pub use time::{Clock, Day, Timestamp};
pub use trip::{RoundTrip, TripKind};
