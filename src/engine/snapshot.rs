//! An owned picture for whoever draws while the engine goes on: the summary, and the latest flows and hellos with the
//! recipient each belongs to.

use super::view::{ClientBasis, Summary, Tally};
use super::{Engine, Knowledge, NoRows, is_judged, row_number};
use crate::attribution::{NameBasis, Owner};
use crate::dissect::fact::{Choice, Offer};
use crate::wire::{End, FrameNo, Text, Timestamp, TransportKind};
use std::sync::Arc;

/// The picture at one time. Positions in `recipient` refer to `summary.recipients`.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// Engine time when it was taken.
    pub now: Timestamp,
    pub summary: Summary,
    /// The latest flows, oldest first; `summary.flows` is all of them.
    pub flows: Vec<FlowRow>,
    /// The latest hellos, oldest first.
    pub handshakes: Vec<HandshakeRow>,
}

/// One flow.
#[derive(Debug, Clone)]
pub struct FlowRow {
    /// 1-based, as in the tables.
    pub flow: u64,
    pub recipient: Option<usize>,
    pub transport: TransportKind,
    pub client: End,
    pub server: End,
    pub client_basis: ClientBasis,
    pub first: Timestamp,
    pub last: Timestamp,
    pub first_frame: FrameNo,
    pub up: Tally,
    pub down: Tally,
    pub application: &'static str,
    pub name: Option<(Text, NameBasis)>,
    /// The aliases (CNAME) through which DNS led from the name to the address.
    pub aliases: Vec<Text>,
    /// Nanoseconds.
    pub round_trip: Option<u64>,
    pub owner: Option<Arc<Owner>>,
    /// `in`, `out`, `unknown` or empty, as in the tables.
    pub scope: &'static str,
}

/// One ClientHello and what came of it.
#[derive(Debug, Clone)]
pub struct HandshakeRow {
    pub frame: FrameNo,
    pub time: Timestamp,
    /// As in the tables, from 1.
    pub flow: u64,
    pub sni: Option<Text>,
    pub offer: Offer,
    pub choice: Option<Choice>,
}

impl Engine {
    /// The picture now, with at most `rows` flows and hellos each. Costs about 2 µs per flow that is kept: ask for it a few
    /// times a second, and less often the longer it takes.
    pub fn snapshot(&self, knowledge: &Knowledge, rows: usize) -> Snapshot {
        let (summary, filed_as) = self.fold(knowledge, &mut NoRows);
        let skip = self.notes.len().saturating_sub(rows);
        let flows = self.flows().skip(skip).map(|(id, flow, notes)| {
            let client = self.vantage.client(flow, notes);
            let view = self.flow_view(id, flow, notes, client);
            let name = notes.name(client.0).map(|(name, _)| name);
            let judged = is_judged(view.scope);
            FlowRow {
                flow: view.flow,
                recipient: if judged { filed_as.get(view.server.address, name) } else { None },
                transport: view.transport,
                client: view.client,
                server: view.server,
                client_basis: view.client_basis,
                first: view.first,
                last: view.last,
                first_frame: view.first_frame,
                up: view.up,
                down: view.down,
                application: view.application,
                name: view.name.map(|(name, basis)| (name.exact().into(), basis)),
                aliases: view.aliases.iter().map(|alias| alias.exact().into()).collect(),
                round_trip: view.round_trip,
                owner: view.owner.cloned(),
                scope: view.scope,
            }
        });
        let skip = self.handshakes.len().saturating_sub(rows);
        let handshakes = self.handshakes.iter().skip(skip).filter_map(|handshake| {
            Some(HandshakeRow {
                frame: handshake.frame,
                time: handshake.time,
                flow: row_number(handshake.flow),
                sni: handshake.sni.map(|name| self.names.resolve(name).into()),
                offer: Offer::clone(self.offers.get(handshake.offer as usize)?),
                choice: handshake.choice,
            })
        });
        Snapshot { now: self.now, summary, flows: flows.collect(), handshakes: handshakes.collect() }
    }
}
