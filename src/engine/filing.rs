//! What the dissectors said is filed: with its flow, in the books of names, hellos and round trips.

use super::agreements;
use super::client::Device;
use super::ledger::bits;
use super::notes::{Looked, Notes};
use super::timeline::{Timeline, TimelineLimits};
use super::{
    Engine, Handshake, LATE, MAX_ANNOUNCED, MAX_CONTESTED, MAX_EVIDENCE, MAX_NEWCOMERS, MAX_PEERS, Newcomer, Queued,
};
use crate::attribution::NameBasis;
use crate::dissect::fact::{Answer, Ech, HelloTransport, Hidden, Offer};
use crate::dissect::{Fact, Facts, resolvers};
use crate::flow::{Flow, FlowId};
use crate::wire::{End, Frame, FrameNo, Pair, RoundTrip, Side, Timestamp, TransportKind, TripKind};
use smallvec::SmallVec;
use std::net::IpAddr;
use std::sync::Arc;

impl Engine {
    /// A flow has begun: what had its client looked up before?
    pub(super) fn opened(&mut self, id: FlowId, macs: Option<([u8; 6], [u8; 6])>, frame: &Frame<'_>) {
        let mut notes = Notes::default();
        if let (Some(Device::Mac(mac)), Some(macs)) = (self.vantage.device, macs) {
            self.table.note_device(id, Side::First, macs, mac);
        }
        if let Some(flow) = self.table.get(id) {
            for asker in Side::BOTH {
                let (client, server) = (flow.ends[asker].address, flow.ends[asker.other()].address);
                for found in self.book.name_for(client, server, frame.time) {
                    let Some(name) = self.chains.looked_up(&found, &mut self.names) else { break };
                    if notes.looked.is_none() {
                        let (age_secs, frame, after) = (found.age_secs, found.frame, false);
                        notes.looked = Some(Looked { name, age_secs, frame, asker, after });
                    } else if self.contested.len() < MAX_CONTESTED {
                        notes.contested = true;
                        let basis = NameBasis::DnsAnswer { age_secs: found.age_secs, frame: found.frame };
                        self.contested.push((id, name, basis));
                    }
                }
            }
        }
        // A resolver is asked by its address: no look-up leads to it.
        if let Some(Flow { ends, .. }) = self.table.get(id)
            && notes.looked.is_none()
            && ends.iter().all(|end| end.port != 53)
        {
            while self.newcomers.len() >= MAX_NEWCOMERS {
                self.newcomers.pop_front();
            }
            let ends = Pair { first: bits(ends.first.address), second: bits(ends.second.address) };
            self.newcomers.push_back(Newcomer { opened: frame.time, flow: id, ends });
        }
        self.notes.push(notes);
        if self.ask_owners
            && let Some(flow) = self.table.get(id)
        {
            self.queue.push_back(Queued::Opened(id, flow.transport, flow.ends.first, flow.ends.second));
        }
        while let Some((id, flow, sent)) = self.table.retire(frame.time) {
            let Some(notes) = self.notes.take(id) else { break };
            self.retire(id, flow, notes, sent);
        }
    }

    /// Books a flow that is not kept any more, in full.
    fn retire(&mut self, id: FlowId, flow: Flow, notes: Notes, sent: Pair<u64>) {
        let mut timeline = std::mem::replace(&mut self.timeline, Timeline::new(TimelineLimits::default()));
        self.book_time(&mut timeline, &flow, &notes, sent);
        self.timeline = timeline;
        let client = self.vantage.client(&flow, &notes);
        self.ledger.fold(&self.entry(&flow, &notes, client.0));
        let (mut blind, mut seen) = (std::mem::take(&mut self.blind), std::mem::take(&mut self.circumstances));
        blind.note(&flow, &notes, &self.flow_view(id, &flow, &notes, client), &mut seen);
        (self.blind, self.circumstances) = (blind, seen);
        self.queue.push_back(Queued::Flow(id, Box::new((flow, notes))));
    }

    /// A client got an answer: flows to it that had just begun without a name get this one.
    pub(super) fn name_newcomers(&mut self, client: IpAddr, answer: &Answer, now: Timestamp) {
        // Numbers are compared faster than addresses, and every answer asks all newcomers.
        let told: SmallVec<[u128; 4]> = answer.address.iter().chain(&answer.hints).map(|told| bits(*told)).collect();
        let (own, tells) = (bits(client), |address: u128| told.contains(&address));
        let late = |newcomer: &Newcomer| now.since(newcomer.opened) > LATE;
        while self.newcomers.front().is_some_and(late) {
            self.newcomers.pop_front();
        }
        for at in 0..self.newcomers.len() {
            let Some(newcomer) = self.newcomers.get(at) else { return };
            let Newcomer { flow, ends, .. } = *newcomer;
            let to = |asker: &Side| ends[*asker] == own && tells(ends[asker.other()]);
            let Some(asker) = Side::BOTH.into_iter().find(to).filter(|_| !late(newcomer)) else { continue };
            let Some(server) = self.table.get(flow).map(|flow| flow.ends[asker.other()].address) else { continue };
            let found = self.book.name_for(client, server, now);
            let Some(found) = found.first() else { continue };
            let Some(name) = self.chains.looked_up(found, &mut self.names) else { return };
            let frame = found.frame;
            if let Some(notes) = self.notes.get_mut(flow) {
                notes.looked = notes.looked.or(Some(Looked { name, age_secs: 0, frame, asker, after: true }));
            }
        }
    }

    /// Facts read behind holes that were given up: they stand at the first frame of their flow.
    pub(super) fn late_facts(&mut self, told: Vec<(FlowId, Facts)>) {
        for (id, facts) in told {
            let Some(frame) = self.table.get(id).map(|f| f.first_frame) else { continue };
            self.facts = facts;
            self.note_facts(id, frame, self.now);
        }
    }

    /// Files what the dissectors said about a flow.
    pub(super) fn note_facts(&mut self, id: FlowId, frame: FrameNo, time: Timestamp) {
        let mut facts = std::mem::take(&mut self.facts);
        for (side, fact) in facts.0.drain(..) {
            self.note(id, side, fact, frame, time);
        }
        self.facts = facts;
    }

    pub(super) fn note(&mut self, id: FlowId, side: Side, fact: Fact, frame: FrameNo, time: Timestamp) {
        let Some(flow) = self.table.get(id) else { return };
        let (from, to) = (flow.ends[side], flow.ends[side.other()]);
        let Some(notes) = self.notes.get_mut(id) else { return };
        match fact {
            Fact::Speaks(token) => {
                let set = self.tokens.set(token);
                notes.spoken.join(set);
                if token == "teredo" {
                    notes.hidden.add(Hidden::Teredo);
                }
                // A dialect is no protocol of its own.
                if !token.starts_with("stun-") {
                    notes.last_spoken = set;
                }
                return;
            }
            Fact::Clear(token) => {
                notes.clear.join(self.tokens.set(token));
                return;
            }
            Fact::Named { name, how } => {
                notes.client = notes.client.or(Some(side));
                let Some(known) = self.names.intern(name.exact(), notes.names_at_hand()) else { return };
                match notes.said {
                    None => notes.said = Some((known, how)),
                    Some((first, _)) if first != known && self.contested.len() < MAX_CONTESTED => {
                        notes.contested = true;
                        self.contested.push((id, known, NameBasis::Hello(how)));
                    }
                    Some(_) => {}
                }
                // On their own ports the same names speak DNS over TLS or QUIC.
                if !matches!(to.port, 53 | 784 | 853 | 8853) && resolvers::doh_resolver(name.exact()).is_some() {
                    notes.hidden.add(Hidden::Doh);
                }
                if resolvers::proxy(name.exact()).is_some() {
                    notes.hidden.add(Hidden::ProxyHost);
                }
                return;
            }
            Fact::RoundTrip(trip) => {
                self.measured(id, from, trip);
                return;
            }
            Fact::Answered => {
                let hello = notes.handshake;
                self.answered(id, hello, from, (frame, time));
                return;
            }
            Fact::Offered(offer) => {
                notes.client = Some(side);
                let awaited = notes.handshake.and_then(|n| n.checked_sub(self.handshakes_retired));
                let awaited = awaited.and_then(|at| self.handshakes.get(at as usize));
                let awaited = awaited.filter(|h| !h.answered && h.client == from).map(|h| h.since);
                if offer.ech != Ech::Absent {
                    notes.outer = true;
                    let seen = &mut self.circumstances;
                    match offer.ech {
                        Ech::Esni => seen.esni_hellos += 1,
                        _ => seen.ech_hellos += 1,
                    }
                    if seen.ech_frames.len() < MAX_EVIDENCE {
                        seen.ech_frames.push(frame);
                    }
                }
                notes.handshake = Some(self.handshakes_retired + self.handshakes.len() as u32);
                let mut offer = *offer;
                let at_hand = notes.names_at_hand();
                let sni = offer.sni.take().and_then(|name| self.names.intern(name.exact(), at_hand));
                let offer = self.offer_number(offer);
                if let Some(notes) = self.notes.get_mut(id) {
                    notes.agreement = self.agreements.offered(notes.agreement, offer);
                }
                if self.handshakes.len() >= self.limits.ledger.handshakes {
                    // The older half in one go: rows are written faster side by side than between frames.
                    let half = self.handshakes.len().div_ceil(2);
                    self.handshakes_retired += half as u32;
                    self.queue.extend(self.handshakes.drain(..half).map(Queued::Handshake));
                }
                self.handshakes.push_back(Handshake {
                    frame,
                    time,
                    flow: id,
                    client: from,
                    server: to,
                    sni,
                    offer,
                    choice: None,
                    since: awaited.unwrap_or((frame, time)),
                    answered: false,
                });
                return;
            }
            Fact::Chosen(choice) => {
                notes.agreement = self.agreements.chosen(notes.agreement, choice);
                let hello = notes.handshake;
                self.answered(id, hello, from, (frame, time));
                let at = hello.and_then(|n| n.checked_sub(self.handshakes_retired));
                // The latest word counts: after a retry, and with the group of a ServerKeyExchange.
                if let Some(handshake) = at.and_then(|at| self.handshakes.get_mut(at as usize)) {
                    handshake.choice = Some(choice);
                }
                return;
            }
            Fact::Asked { .. } => {
                notes.client = notes.client.or(Some(side));
                return;
            }
            Fact::Resolved(ref answer) => {
                notes.client = notes.client.or(Some(side.other()));
                self.dns_answers += 1;
                self.book.learn(to.address, answer, time, frame);
                if !self.newcomers.is_empty() && (answer.address.is_some() || !answer.hints.is_empty()) {
                    self.name_newcomers(to.address, answer, time);
                }
            }
            Fact::Certified(ref certificate) => {
                let asked = notes.said.map(|(name, _)| self.names.resolve(name));
                // Only over TCP: WebRTC's certificates over DTLS are each client's own (RFC 8827 §6.5).
                if let Some(host) = asked.filter(|_| flow.transport == TransportKind::Tcp && !certificate.self_signed) {
                    self.issuers.add(&certificate.issuer, host, frame);
                }
                let leaf = agreements::leaf(certificate, time, asked);
                notes.agreement = self.agreements.certified(notes.agreement, leaf);
                if notes.certificate.is_none()
                    && let Some(name) = certificate.names.first()
                {
                    notes.certificate = self.names.intern(name.exact(), [None; 2]);
                }
            }
            Fact::Hidden(hidden) => notes.hidden.add(hidden),
            Fact::Announced { end, kind } => {
                if let Some(known) = self.announced.get_mut(&end) {
                    *known = known.filter(|known| *known == kind);
                } else if self.announced.len() < MAX_ANNOUNCED {
                    self.announced.insert(end, Some(kind));
                }
                return;
            }
            Fact::Peer(end) if self.peers.len() < MAX_PEERS => {
                self.peers.insert(end.address);
            }
            Fact::Realm(ref realm) => {
                let judged = self.vantage.judges(flow, notes.owner.map(|id| self.owners.watched(id)));
                if judged && self.realms.len() < MAX_EVIDENCE && !self.realms.iter().any(|(known, _)| known == realm) {
                    self.realms.push((realm.clone(), frame));
                }
            }
            _ => {}
        }
        self.queue.push_back(Queued::Fact { frame, time, flow: id, from, to, fact });
    }

    /// Measures the time from a hello to the first that the other end says to it.
    pub(super) fn answered(&mut self, id: FlowId, hello: Option<u32>, from: End, at: (FrameNo, Timestamp)) {
        let hello = hello.and_then(|n| n.checked_sub(self.handshakes_retired));
        let Some(hello) = hello.and_then(|n| self.handshakes.get_mut(n as usize)) else { return };
        if hello.answered || hello.server != from {
            return;
        }
        hello.answered = true;
        let Some(offer) = self.offers.get(hello.offer as usize) else { return };
        let kind = match offer.transport {
            HelloTransport::Tls => TripKind::TlsHello,
            HelloTransport::Quic => TripKind::QuicHello,
            HelloTransport::Dtls => TripKind::DtlsHello,
        };
        if let Some(trip) = RoundTrip::between(kind, hello.since, at) {
            self.measured(id, from, trip);
        }
    }

    /// Files what a flow showed of the way to one of its ends.
    pub(super) fn measured(&mut self, id: FlowId, from: End, trip: RoundTrip) {
        let notes = self.notes.get_mut(id);
        let known = notes.as_ref().and_then(|notes| notes.trip);
        let kept = self.trips.add(from.address, trip, self.limits.ledger.endpoints, known);
        if let Some(notes) = notes {
            notes.trip = kept;
        }
    }

    /// The number of an offer. Clients make few different ones, apart from the name asked for.
    pub(super) fn offer_number(&mut self, mut offer: Offer) -> u32 {
        // Mostly the one before comes again, which is seen faster than its hash is made.
        let before = self.handshakes.back().map(|hello| hello.offer);
        if let Some(before) = before.filter(|n| self.offers.get(*n as usize).is_some_and(|known| **known == offer)) {
            return before;
        }
        if let Some(known) = self.offer_index.get(&offer) {
            return *known;
        }
        if self.offers.len() >= self.limits.ledger.offers {
            self.offers_not_kept += 1;
            offer = Offer::unknown(offer.transport);
            if let Some(known) = self.offer_index.get(&offer) {
                return *known;
            }
        }
        let new = self.offers.len() as u32;
        let offer = Arc::new(offer);
        self.offer_index.insert(Arc::clone(&offer), new);
        self.offers.push(offer);
        new
    }
}
