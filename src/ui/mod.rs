//! Outer room: the dashboard. Pictures come in as values ([`Snapshot`](crate::engine::Snapshot), [`Health`](crate::engine::health::Health)), what the user
//! wants goes out as a [`Command`]; nothing here captures, saves or judges.
//!
//! ```text
//! wiring ─ put, tell ─► Slot ─► run: the loop ─► View::take ──► draw ─► screen
//!        ◄── Command ────────── View::update ◄── keys, mouse
//! ```
//!
//! [`draw`] is pure: the same view and health give the same screen. [`View::update`] is too: no clock, no terminal. Only
//! `terminal` touches the terminal, and it is the only part with a thread (the reader of the keyboard).
//!
//! A page is a file in `page/`, a variant of [`Page`] and a row in the table of [`keys`].

pub mod keys;
mod lines;
mod list;
mod page;
mod paint;
mod table;
mod terminal;
mod theme;
mod view;

pub use page::draw;
pub use terminal::{Slot, run};
pub use theme::{Look, Palette};
pub use view::{Page, View};

use crate::wire::Text;

/// What the user wants of the wiring. What concerns the picture alone (page, filter, pause) never leaves this room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Set a marker now: a phase's token ([`crate::policy::Phase`]) or free text.
    Mark(Text),
    /// Put everything on the disk now.
    Save,
    /// Whether somebody looks at the list of clients: it is to be kept up to date.
    Clients(bool),
    /// This process, by number and name, is the client from now on, with what it starts; `None`: everything is judged. The
    /// list is not looked at any more.
    Choose(Option<(u32, Text)>),
    /// Close everything. The picture stays until [`crate::engine::health::Health::closed`].
    Quit,
}
