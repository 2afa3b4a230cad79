//! The picture at the end, or at any time before: flows folded into recipients, judged, and every bound that was reached.

use super::ledger::{self, Ledger};
use super::recipients::{Knowledge, Recipients};
use super::timeline::Share;
use super::view::{KindSeries, LawNote, LossView, Marker, Series, Stated, StatedPlace, Summary, Timeline, Words};
use super::{Cell, Engine, Rows};
use crate::attribution::{Claim, Confidence, CountryCode, NameId};
use crate::policy::audit::Audit;
use crate::policy::subject::Near;
use crate::policy::{Case, Circumstances, Course, Lang, Status, Subject, Twin, judge_all, number};
use crate::wire::{AddressKind, Day, TextRef};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

/// Which recipient an address under a name is.
pub(super) struct FiledAs {
    ledger: Ledger,
    /// The ledger's numbers → positions in the order in which recipients are shown.
    place: Vec<u32>,
}

impl FiledAs {
    pub(super) fn get(&self, address: IpAddr, name: Option<NameId>) -> Option<usize> {
        self.place.get(self.ledger.recipient(address, name)? as usize).map(|at| *at as usize)
    }
}

impl Engine {
    /// The whole picture so far: every row goes to `rows`, the rest is returned. Can be asked at any time.
    pub fn summary(&self, knowledge: &Knowledge, rows: &mut dyn Rows) -> Summary {
        self.fold(knowledge, rows).0
    }

    /// The summary, and which recipient an address under a name is.
    pub(super) fn fold(&self, knowledge: &Knowledge, rows: &mut dyn Rows) -> (Summary, FiledAs) {
        let mut ledger = self.ledger.clone();
        let mut circumstances = self.circumstances.clone();
        circumstances.last = self.now;
        circumstances.flows = self.table.opened();
        let mut blind = self.blind.clone();
        for (id, flow, notes) in self.flows() {
            let client = self.vantage.client(flow, notes);
            ledger.fold(&self.entry(flow, notes, client.0));
            let view = self.flow_view(id, flow, notes, client);
            rows.flow(&view);
            blind.note(flow, notes, &view, &mut circumstances);
        }
        for handshake in &self.handshakes {
            if let Some(view) = self.handshake_view(handshake) {
                rows.handshake(&view);
            }
        }
        circumstances.near = self.near(knowledge);
        let unused = circumstances.near.iter().flat_map(|near| near.unused().iter().copied()).collect();
        let mut recipients = Recipients::new(
            knowledge,
            self.names.all(),
            (&self.tokens, &self.chains),
            &self.owners,
            (&self.agreements, &self.offers),
            (&self.trips, unused),
            self.limits.ledger,
        );
        recipients.periods = ledger.has_periods();
        for endpoint in &mut ledger.endpoints {
            let mut row = recipients.add(endpoint);
            // Only now: what was looked up must not take part in who it is and how it stands.
            row.reverse_name = self.reverse.get(&row.address).map(TextRef::from);
            rows.endpoint(&row);
        }
        circumstances.blind = blind.spots;
        circumstances.device = self.vantage.device.map(|d| d.to_string().into());
        circumstances.foreign_flows = ledger.foreign;
        let mut losses = self.losses.lines().cloned().collect();
        self.bounds(&ledger, (recipients.lumped, &recipients.subjects), &mut circumstances, &mut losses);
        (circumstances.proposal, circumstances.profile_shows) = recipients.proposal(&self.realms);
        for subject in &mut recipients.subjects {
            // A host with a name is no participant, even if a relay was asked for it.
            let named = !subject.names.is_empty();
            subject.peer |= !named && subject.addresses.iter().any(|a| self.peers.contains(a));
        }
        let (subjects, place) = sorted(recipients.subjects);
        let filed_as = FiledAs { ledger, place };
        let ledger = &filed_as.ledger;
        let timeline = self.timeline_view(&filed_as);
        let course = (&timeline, &*self.markers);
        let Words { lang, findings, law } = judge(&subjects, &circumstances, course, knowledge, knowledge.lang);
        let summary = Summary {
            captures: Vec::new(),
            kept: Vec::new(),
            up: ledger.up,
            down: ledger.down,
            flows: circumstances.flows,
            endpoints: ledger.endpoints.len() as u64,
            dns_answers: self.dns_answers,
            handshakes: u64::from(self.handshakes_retired) + self.handshakes.len() as u64,
            service: knowledge.profile.as_ref().map(|p| (p.file.id.clone(), p.file.name.clone())),
            stated: knowledge.audit.as_ref().map(Stated::from),
            list: knowledge.profile.as_ref().map(|p| Arc::clone(&p.list.source)),
            recipients: subjects,
            lang,
            findings,
            law,
            other: Vec::new(),
            markers: self.markers.clone(),
            timeline,
            losses,
            sources: knowledge.sources(),
            look_ups: None,
            reverse_names: self.reverse.clone(),
            circumstances,
        };
        (summary, filed_as)
    }

    /// Signs that somebody near the client answered in the hosts' place.
    fn near(&self, knowledge: &Knowledge) -> Vec<Near> {
        let surely = |claim: &Claim<CountryCode>| claim.confidence > Confidence::Low;
        let mut near =
            self.trips.near(knowledge.horizon.as_ref(), |a| knowledge.atlas.place(a).located_in.filter(surely));
        near.extend(self.issuers.opened(&knowledge.book.transport, &knowledge.organisations));
        near
    }

    /// The series of one recipient are joined, those of its media apart.
    fn timeline_view(&self, filed_as: &FiledAs) -> Timeline {
        let mut all = Vec::with_capacity(self.timeline.cells().len());
        let mut kinds = Vec::new();
        let series: Vec<(Option<usize>, Share)> = (self.timeline.keys().iter())
            .map(|key| {
                let recipient = if key.judged { filed_as.get(key.address, key.name) } else { None };
                (recipient, key.share)
            })
            .collect();
        for (number, cell) in self.timeline.cells() {
            match series.get(*number as usize) {
                Some((Some(recipient), Share::Kind(kind))) => kinds.push(((*recipient, *kind), *cell)),
                Some((recipient, share @ (Share::Media | Share::Other))) => {
                    all.push(((*recipient, *share == Share::Media), *cell));
                }
                _ => {}
            }
        }
        let series = by_window(all).map(|((recipient, media), cells)| Series { recipient, media, cells });
        let kinds = by_window(kinds).map(|((recipient, kind), cells)| KindSeries { recipient, kind, cells });
        Timeline {
            start: self.timeline.start(),
            width: self.timeline.width(),
            windows: self.timeline.windows(),
            series: series.collect(),
            kinds: kinds.collect(),
        }
    }

    /// Public remote addresses for which no flow has a name; those that were sent most come first.
    pub fn nameless(&self) -> Vec<IpAddr> {
        let mut ledger = self.ledger.clone();
        for (_, flow, notes) in self.flows() {
            ledger.fold(&self.entry(flow, notes, self.vantage.client(flow, notes).0));
        }
        let nameless = |e: &&ledger::Endpoint| e.encounters.iter().all(|e| e.name.is_none());
        let public = |e: &&ledger::Endpoint| AddressKind::of(e.address).is_public();
        let mut found: Vec<_> = ledger
            .endpoints
            .iter()
            .filter(nameless)
            .filter(public)
            .map(|e| (Reverse(e.sum(|e| e.up).bytes), e.address))
            .collect();
        found.sort_unstable();
        found.into_iter().map(|(_, address)| address).collect()
    }

    /// Says which bounds were reached, in the circumstances and as lines of the books.
    fn bounds(
        &self,
        ledger: &Ledger,
        (lumped, subjects): (u64, &[Subject]),
        seen: &mut Circumstances,
        losses: &mut Vec<LossView>,
    ) {
        let table = self.table.losses();
        let (from, until) = (seen.first, seen.last);
        let ungraded: u64 = subjects.iter().map(|s| u64::from(s.ungraded)).sum();
        let ungraded = ungraded + self.agreements.not_kept;
        // Flows that were closed early and recipients that were judged together are counted in full.
        seen.left_out = [self.names.not_kept, self.offers_not_kept, ungraded, table.unread, ledger.beyond_flows]
            .into_iter()
            .any(|count| count > 0);
        // `{}` stands for the count, `{most}` for the bound.
        let mut line = |stage: &str, kind: &str, frames: u64, bytes: u64, most: usize, en: &str, de: &str| {
            if frames + bytes > 0 {
                let (stage, kind) = (stage.into(), kind.into());
                losses.push(LossView { stage, kind, frames, bytes, from, until });
                let say = |text: &str, lang| {
                    text.replace("{}", &number(frames, lang)).replace("{most}", &number(most as u64, lang)).into()
                };
                seen.limits.push(Twin { en: say(en, Lang::En), de: say(de, Lang::De) });
            }
        };
        line(
            "flow table",
            "flows retired early",
            table.retired_early,
            0,
            self.limits.flows.flows,
            "{} flows were closed early because {most} were open",
            "{} Verbindungen wurden vorzeitig geschlossen, weil {most} offen waren",
        );
        line(
            "ledger",
            "names not kept",
            self.names.not_kept,
            0,
            0,
            "{} names were not kept, being too many",
            "{} Namen wurden nicht behalten, weil es zu viele waren",
        );
        line(
            "ledger",
            "offers not kept",
            self.offers_not_kept,
            0,
            0,
            "of {} hellos only the transport was kept",
            "von {} Hellos wurde nur der Transport behalten",
        );
        line(
            "ledger",
            "issuers not kept",
            self.issuers.not_kept,
            0,
            0,
            "{} certificates were not held against others, their issuers being too many",
            "{} Zertifikate wurden nicht mit anderen verglichen, weil es zu viele Aussteller waren",
        );
        line(
            "ledger",
            "handshakes not graded",
            ungraded,
            0,
            0,
            "{} handshakes were not graded, being too different",
            "{} Handshakes wurden nicht eingestuft, weil es zu viele verschiedene waren",
        );
        line(
            "flow table",
            "flows not read",
            table.unread,
            0,
            0,
            "{} flows were counted but not read, because too many bytes were waiting for reassembly",
            "{} Verbindungen wurden gezählt, aber nicht gelesen, weil zu viele Bytes auf ihr Zusammensetzen warteten",
        );
        line(
            "ledger",
            "flows to further addresses",
            ledger.beyond_flows,
            ledger.beyond.bytes,
            self.limits.ledger.endpoints,
            "{} flows went to addresses beyond the first {most}",
            "{} Verbindungen gingen an Adressen jenseits der ersten {most}",
        );
        line(
            "ledger",
            "recipients judged together",
            lumped,
            0,
            0,
            "{} further recipients were judged together, by network and country",
            "{} weitere Empfänger wurden zusammen beurteilt, nach Netz und Land",
        );
    }
}

/// The cells of each key in order of time, those of one window added up.
fn by_window<K: Ord + Copy>(mut all: Vec<(K, Cell)>) -> impl Iterator<Item = (K, Vec<Cell>)> {
    all.sort_unstable_by_key(|(key, cell)| (*key, cell.window));
    let mut series: Vec<(K, Vec<Cell>)> = Vec::new();
    for (key, cell) in all {
        match series.last_mut().filter(|(known, _)| *known == key) {
            Some((_, cells)) => match cells.last_mut().filter(|last| last.window == cell.window) {
                Some(last) => last.add(cell),
                None => cells.push(cell),
            },
            None => series.push((key, vec![cell])),
        }
    }
    series.into_iter()
}

/// The subjects in the order in which they are shown, and the new position of each.
fn sorted(subjects: Vec<Subject>) -> (Vec<Subject>, Vec<u32>) {
    let mut order: Vec<_> = subjects.into_iter().enumerate().collect();
    order.sort_by_key(|(_, s)| (s.listing, Reverse(s.traffic.bytes_up), s.first, s.frames.first().copied()));
    let mut place = vec![0; order.len()];
    for (new, (old, _)) in (0..).zip(&order) {
        if let Some(slot) = place.get_mut(*old) {
            *slot = new;
        }
    }
    (order.into_iter().map(|(_, subject)| subject).collect(), place)
}

impl From<&Audit> for Stated {
    fn from(audit: &Audit) -> Self {
        let Audit { case, operator, consent, network, retention, .. } = audit;
        Self {
            reference: case.reference.clone(),
            date: case.date.0.to_string().into(),
            purpose: case.purpose.clone(),
            legal_basis: case.legal_basis.clone(),
            controller: case.controller.clone(),
            operator: operator.name.clone(),
            organisation: operator.organisation.clone(),
            contact: operator.contact.clone(),
            witness: operator.witness.clone(),
            consent: consent.participants.clone(),
            accounts: consent.accounts.clone(),
            client: case.client.clone(),
            version: case.version.clone(),
            platform: case.platform.clone(),
            account: case.account.clone(),
            configuration: case.configuration.clone(),
            network: network.access.clone(),
            deletion: retention.until.map(|day| day.0.to_string().into()).unwrap_or_default(),
            retention: retention.rule.clone(),
            note: case.note.clone(),
            jurisdiction: audit.jurisdiction.map(|code| code.to_string().into()).unwrap_or_default(),
            place: audit.vantage.as_ref().map(|place| StatedPlace {
                city: place.name.clone(),
                latitude: place.point.latitude,
                longitude: place.point.longitude,
                radius_km: place.radius,
            }),
        }
    }
}

/// Judges recipients and capture, and says so in `lang`. The findings are the same in every language, in the same order.
pub fn judge(
    recipients: &[Subject],
    circumstances: &Circumstances,
    (timeline, markers): (&Timeline, &[Marker]),
    knowledge: &Knowledge,
    lang: Lang,
) -> Words {
    let course = Course { timeline, markers, first: circumstances.first, last: circumstances.last };
    let case = Case::new(&knowledge.book, knowledge.profile.as_ref(), lang, circumstances)
        .with_audit(knowledge.audit.as_ref())
        .with_horizon(knowledge.horizon.as_ref())
        .with_course(course);
    Words { lang, findings: judge_all(recipients, circumstances, &case), law: law(knowledge, recipients, lang) }
}

/// One sentence on the law for every country outside the EEA in which something was placed, of the days on which it was
/// seen there: those without a decision first, then by what they received.
fn law(knowledge: &Knowledge, subjects: &[Subject], lang: Lang) -> Vec<LawNote> {
    let regimes = &knowledge.book.regimes;
    let mut sent: BTreeMap<CountryCode, (u64, Day, Day)> = BTreeMap::new();
    for subject in subjects {
        if let Some(country) = &subject.located_in {
            let (first, last) = (subject.first.day(), subject.last.day());
            let there = sent.entry(country.value).or_insert((0, first, last));
            *there = (there.0 + subject.traffic.bytes_up, there.1.min(first), there.2.max(last));
        }
    }
    let mut countries: Vec<_> = sent
        .into_iter()
        .map(|(country, (bytes, first, last))| (regimes.on(country, first).status, bytes, country, first, last))
        .filter(|(status, ..)| *status != Status::Eea)
        .collect();
    let rank = |status| match status {
        Status::ThirdCountry | Status::Special | Status::Indeterminate => 0,
        Status::AdequatePartial => 1,
        Status::AdequateFull | Status::TreatedAsEea | Status::Eea => 2,
    };
    countries.sort_by_key(|(status, bytes, country, ..)| {
        // The law on the United States changed most often: it is not left to the end of the list.
        let first = country.as_str() == "US";
        (rank(*status), !first, Reverse(*bytes))
    });
    countries
        .into_iter()
        .map(|(_, _, country, first, last)| LawNote {
            country: country.to_string().into(),
            text: regimes.law_note(country, first, last, lang).into(),
        })
        .collect()
}
