//! Outer room: the dashboard. What it shows comes in as values, what the user wants goes out as a [`Command`].

use crate::wire::Text;

/// What the user wants of the wiring. What concerns the picture alone (page, filter, pause) never leaves this room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Set a marker now: a phase's token ([`crate::policy::Phase`]) or free text.
    Mark(Text),
    /// Put everything on the disk now.
    Save,
    /// Narrow to the program with this process id, with what it starts.
    Choose(u32),
    /// Close everything. The picture stays until [`crate::engine::health::Health::closed`].
    Quit,
}
