//! What comes out while the input runs: rows that are final and are not kept. Everything else is in the summary.

use super::view::{AnswerView, FactView, FlowView, HandshakeView};
use crate::flow::FlowId;
use crate::wire::{End, TransportKind};

/// One thing to write down now.
#[derive(Debug)]
pub enum Event<'a> {
    /// A flow has begun. Told only if [`super::Config::ask_owners`] is set: whoever can, answers with
    /// [`super::Input::Owner`]. `from` sent its first frame.
    FlowOpened { flow: FlowId, transport: TransportKind, from: End, to: End },
    /// A DNS answer record was read.
    Answer(AnswerView<'a>),
    /// Something else was read that belongs into the evidence.
    Fact(FactView<'a>),
    /// A flow is over and not kept any more, or the table was full and let go of its oldest.
    FlowRetired(FlowView<'a>),
    /// The list of hellos was full and let go of its oldest.
    HandshakeRetired(HandshakeView<'a>),
}
