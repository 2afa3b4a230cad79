//! What comes out while the input runs: rows that are final and are not kept. Everything else is in the summary.

use super::view::{AnswerView, FactView, FlowView, HandshakeView};

/// One thing to write down now.
#[derive(Debug)]
pub enum Event<'a> {
    /// A DNS answer record was read.
    Answer(AnswerView<'a>),
    /// Something else was read that belongs into the evidence.
    Fact(FactView<'a>),
    /// The table was full and let go of its oldest flow.
    FlowRetired(FlowView<'a>),
    /// The list of hellos was full and let go of its oldest.
    HandshakeRetired(HandshakeView<'a>),
}
