//! Everything the engine learns comes in through here: frames and what else is known. Same inputs, same outputs.

use super::client::Device;
use super::view::{Incident, LossView, Marker};
use crate::attribution::Owner;
use crate::flow::FlowId;
use crate::wire::{Frame, Text, Timestamp};
use std::net::IpAddr;

/// One thing the engine is told.
#[derive(Debug)]
pub enum Input<'a> {
    Frame(Frame<'a>),
    /// The frames that follow came through the interface of this number; also told of one that will be heard of.
    Through(u32),
    /// Time has passed without frames.
    Tick(Timestamp),
    /// An address of the capturing host.
    Local(IpAddr),
    /// Frames that an earlier stage lost.
    Loss(LossView),
    /// Frames that are not in the evidence, because they are of nobody who is audited.
    OutsideScope(LossView),
    /// The evidence is a copy with pseudonyms, of the bundle whose tag manifest has this SHA-512.
    CopyOf(Box<str>),
    /// The capture is cut or damaged: it was not read to its end.
    Truncated,
    /// What happened to the capturing machine.
    Incident(Incident),
    /// Who is audited: from now on, and for the flows that are there.
    Scope {
        device: Option<Device>,
        watched_only: bool,
    },
    /// Whether only flows of watched programs are judged: from now on, and of the flows that are there.
    WatchedOnly(bool),
    /// A program that was told before is the audited client, or a part of it, or is not: from now on, and for its flows that
    /// are there.
    Program {
        owner: Owner,
        watched: bool,
    },
    /// Beyond so many bytes of each direction of a flow the evidence keeps headers only, as it was told to. `whole`: before
    /// that every frame was whole.
    Minimised {
        kept: u32,
        whole: bool,
    },
    /// Somebody set a marker.
    Mark(Marker),
    /// What somebody whom the user had asked says that an address is called (PTR). It is shown; nothing is judged by it.
    Reverse {
        address: IpAddr,
        name: Text,
    },
    /// The program behind a flow: the one named, or the one of the frame that was taken last. `watched`: it is the audited
    /// client, or a part of it.
    Owner {
        flow: Option<FlowId>,
        owner: Owner,
        watched: bool,
    },
}
