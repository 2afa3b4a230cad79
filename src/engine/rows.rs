//! Rows of the tables, and what the books want of a flow.

use super::ledger::Entry;
use super::notes::Notes;
use super::owners::OwnerSet;
use super::view::{ClientBasis, FlowView, HandshakeView, Tally};
use super::{Engine, Handshake};
use crate::attribution::{NameBasis, NameId};
use crate::dissect::fact::{MediaKind, MediaSeen};
use crate::flow::{Flow, FlowId, Sent};
use crate::wire::{Side, TextRef};
use std::num::NonZeroU64;

impl Engine {
    /// What the books want of a flow.
    pub(super) fn entry(&self, flow: &Flow, notes: &Notes, client: Side) -> Entry {
        Entry {
            server: flow.ends[client.other()].address,
            port: flow.ends[client.other()].port,
            name: notes.name(client),
            up: Tally::from(flow.sent[client]),
            down: Tally::from(flow.sent[client.other()]),
            first: flow.first,
            last: flow.last,
            frame: flow.first_frame,
            spoken: notes.spoken,
            clear: notes.clear,
            outer: notes.outer,
            tunnel: flow.tunnel,
            owners: OwnerSet::of(notes.owner),
            hidden: notes.hidden,
            agreement: notes.agreement,
            media: self.media(flow, client),
            trip: notes.trip,
            judged: self.judges(flow, notes),
        }
    }

    pub(super) fn flow_view(
        &self,
        id: FlowId,
        flow: &Flow,
        notes: &Notes,
        (client, client_basis): (Side, ClientBasis),
    ) -> FlowView<'_> {
        let server = client.other();
        let text = |name: NameId| TextRef::new(self.names.resolve(name));
        let best = notes.name(client);
        let mut other_names: Vec<(TextRef<'_>, NameBasis)> = Vec::new();
        for (name, basis) in notes.names(client).skip(1) {
            if best.is_none_or(|(b, _)| b != name) {
                other_names.push((text(name), basis));
            }
        }
        if notes.contested {
            let from = self.contested.partition_point(|(flow, ..)| *flow < id);
            let more = self.contested.get(from..).unwrap_or_default().iter().take_while(|(flow, ..)| *flow == id);
            other_names.extend(more.map(|(_, name, basis)| (text(*name), *basis)));
        }
        let aliases = best.and_then(|(name, _)| self.chains.get(name)).into_iter().flatten();
        let aliases = aliases.map(|alias| text(*alias)).collect();
        FlowView {
            flow: row_number(id),
            transport: flow.transport,
            client: flow.ends[client],
            server: flow.ends[server],
            client_basis,
            first: flow.first,
            last: flow.last,
            first_frame: flow.first_frame,
            up: Tally::from(flow.sent[client]),
            down: Tally::from(flow.sent[server]),
            tunnel: flow.tunnel,
            application: self.tokens.application(notes.spoken, notes.last_spoken),
            name: best.map(|(name, basis)| (text(name), basis)),
            other_names,
            aliases,
            round_trip: flow.round_trip.map(NonZeroU64::get),
            media: self.media(flow, client).map(Box::new),
            cut: flow.cut && !self.whole,
            owner: notes.owner.and_then(|id| self.owners.get(id)),
            scope: self.vantage.scope(flow, notes.owner.map(|id| self.owners.watched(id))),
        }
    }

    /// Media sent by the client and by the server.
    fn media(&self, flow: &Flow, client: Side) -> Option<[MediaSeen; 2]> {
        let mut seen = [flow.media(client)?, flow.media(client.other())?];
        if let Some(kind) = self.announced(flow) {
            for seen in &mut seen {
                seen.assume(kind);
            }
        }
        Some(seen)
    }

    /// The kind of media that session descriptions in the clear announced for an end of a flow, if it was only one.
    pub(super) fn announced(&self, flow: &Flow) -> Option<MediaKind> {
        if self.announced.is_empty() {
            return None;
        }
        flow.ends.iter().find_map(|end| *self.announced.get(end)?)
    }

    pub(super) fn handshake_view(&self, handshake: &Handshake) -> Option<HandshakeView<'_>> {
        Some(HandshakeView {
            frame: handshake.frame,
            time: handshake.time,
            flow: row_number(handshake.flow),
            client: handshake.client,
            server: handshake.server,
            sni: handshake.sni.map(|name| TextRef::new(self.names.resolve(name))),
            offer: self.offers.get(handshake.offer as usize)?,
            choice: handshake.choice,
        })
    }
}

/// Flows are numbered from 1 in every table.
pub(super) fn row_number(id: FlowId) -> u64 {
    u64::from(id.0) + 1
}

impl From<Sent> for Tally {
    fn from(sent: Sent) -> Self {
        Self { packets: sent.packets, bytes: sent.bytes, payload: sent.payload }
    }
}
