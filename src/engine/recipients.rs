//! From the books to recipients: who is behind an address and a name, where, and how that stands to the audited service.

use super::agreements::Agreements;
use super::ledger::{Encounter, Endpoint};
use super::limits::LedgerLimits;
use super::names::Chains;
use super::notes::{TokenSet, Tokens};
use super::owners::Owners;
use super::trips::{TripId, Trips};
use super::view::EndpointView;
use crate::attribution::{
    Atlas, Circle, Claim, Company, Confidence, CountryCode, Horizon, Interner, NameBasis, NameId, Organisations, Place,
    Records, Source, registrable,
};
use crate::dissect::fact::{Hidden, Offer};
use crate::policy::subject::{Agreement, Alias, Label, Measured, TripLayer};
use crate::policy::{Audit, Book, Lang, Listing, Profile, Proposal, Recogniser, Seen, Sighting, Subject, far_from};
use crate::wire::{AddressKind, Day, FrameNo, Text, TextRef};
use hashbrown::{Equivalent, HashMap};
use smallvec::SmallVec;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;

/// What the judgement rests on, beside the capture: databases, lists and law, all dated.
#[derive(Debug)]
pub struct Knowledge {
    pub atlas: Atlas,
    pub organisations: Organisations,
    pub book: Book,
    /// The profile of the audited service, if one was named.
    pub profile: Option<Profile>,
    /// What the auditor declared.
    pub audit: Option<Audit>,
    /// What round trips say, as seen from the place of capture; `None` if that is not known.
    pub horizon: Option<Horizon>,
    pub lang: Lang,
}

impl Knowledge {
    /// Every database and data file in use.
    pub(super) fn sources(&self) -> Vec<Arc<Source>> {
        let mut sources = self.atlas.sources();
        sources.push(Arc::clone(self.organisations.source()));
        sources.extend(self.book.sources());
        sources.extend(self.profile.iter().flat_map(|p| [Some(&p.source), p.base.as_ref()]).flatten().map(Arc::clone));
        sources.extend(self.horizon.iter().map(|h| Arc::clone(h.source())));
        sources.extend(self.audit.iter().map(|a| Arc::clone(&a.source)));
        sources
    }
}

/// Whom recipients are grouped by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Who<S> {
    /// The company behind the name.
    Operator(S),
    /// A registrable domain whose company is not known.
    Domain(S),
    /// Nothing but the network it stands in.
    Network(S),
    Address(IpAddr),
    /// Beyond the bound: by network.
    Further(S),
}

/// One recipient in one place, as far as grouping goes. Keys are kept with their texts and looked up with borrowed ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Key<S> {
    who: Who<S>,
    country: Option<CountryCode>,
    /// A round trip excludes what some source says.
    contradicted: bool,
    listing: Listing,
    role: Option<S>,
    category: Option<S>,
    law: Law,
}

impl<S: AsRef<str>> Key<S> {
    fn with<'k, T>(&'k self, text: impl Fn(&'k str) -> T) -> Key<T> {
        let text = |s: &'k S| text(s.as_ref());
        let Self { country, contradicted, listing, law, .. } = *self;
        let who = match &self.who {
            Who::Operator(name) => Who::Operator(text(name)),
            Who::Domain(name) => Who::Domain(text(name)),
            Who::Network(name) => Who::Network(text(name)),
            Who::Address(address) => Who::Address(*address),
            Who::Further(name) => Who::Further(text(name)),
        };
        let (role, category) = (self.role.as_ref().map(text), self.category.as_ref().map(text));
        Key { who, country, contradicted, listing, role, category, law }
    }
}

impl Equivalent<Key<Box<str>>> for Key<&str> {
    fn equivalent(&self, kept: &Key<Box<str>>) -> bool {
        *self == kept.with(|text| text)
    }
}

/// What was filed of a subject, so that each address and each name is counted once.
#[derive(Debug, Default)]
struct Filed {
    /// The last one: those of one address come in one go.
    address: Option<IpAddr>,
    names: Vec<NameId>,
}

/// Which rows of the table of law hold for place, operator, its parent, holder, its parent; and which grades of transport.
/// Zeros while all flows lie in one period.
type Law = [u32; 6];

/// Collects subjects while the endpoints are walked.
#[derive(Debug)]
pub(super) struct Recipients<'a> {
    knowledge: &'a Knowledge,
    names: &'a Interner,
    tokens: &'a Tokens,
    chains: &'a Chains,
    owners: &'a Owners,
    agreements: &'a Agreements,
    offers: &'a [Arc<Offer>],
    limits: LedgerLimits,
    /// Counts which service this could be, where that can be told.
    recogniser: Option<Recogniser<'a>>,
    /// Flows began in more than one period.
    pub(super) periods: bool,
    trips: &'a Trips,
    /// Somebody near the client may answer these.
    unused: Vec<TripLayer>,
    circles: HashMap<Day, Option<Circle>>,
    regimes: HashMap<(CountryCode, Day), Arc<str>>,
    spoken: HashMap<TokenSet, Rc<[&'static str]>>,
    records: Records,
    index: HashMap<Key<Box<str>>, usize>,
    pub(super) subjects: Vec<Subject>,
    /// Beside the subjects.
    filed: Vec<Filed>,
    /// Encounters that were judged together because there were too many recipients.
    pub(super) lumped: u64,
}

impl<'a> Recipients<'a> {
    pub(super) fn new(
        knowledge: &'a Knowledge,
        names: &'a Interner,
        (tokens, chains): (&'a Tokens, &'a Chains),
        owners: &'a Owners,
        (agreements, offers): (&'a Agreements, &'a [Arc<Offer>]),
        (trips, unused): (&'a Trips, Vec<TripLayer>),
        limits: LedgerLimits,
    ) -> Self {
        Self {
            trips,
            unused,
            circles: HashMap::new(),
            owners,
            knowledge,
            names,
            tokens,
            chains,
            agreements,
            offers,
            limits,
            recogniser: knowledge.book.catalogue().ok().map(Recogniser::new),
            periods: false,
            regimes: HashMap::new(),
            spoken: HashMap::new(),
            records: Records::default(),
            index: HashMap::new(),
            subjects: Vec::new(),
            filed: Vec::new(),
            lumped: 0,
        }
    }

    /// Adds what went to one address, and notes with it which recipients that are; returns its row.
    pub(super) fn add(&mut self, endpoint: &mut Endpoint) -> EndpointView<'a> {
        let kind = AddressKind::of(endpoint.address);
        let place = self.knowledge.atlas.place_among(endpoint.address, &mut self.records);
        let holder = self.knowledge.organisations.holder_of(&place);
        let mut row = EndpointView {
            address: endpoint.address,
            names: SmallVec::new(),
            operator: None,
            holder,
            place,
            round_trip: None,
            excluded: &[],
            regime: Arc::default(),
            label: None,
            listing: Listing::Unjudged,
            up: endpoint.sum(|e| e.up),
            down: endpoint.sum(|e| e.down),
            first: endpoint.encounters.iter().map(|e| e.first).min().unwrap_or_default(),
            last: endpoint.encounters.iter().map(|e| e.last).max().unwrap_or_default(),
            flows: endpoint.encounters.iter().map(|e| u64::from(e.flows)).sum(),
            reverse_name: None,
        };
        self.hear(endpoint, &mut row.place);
        let measured = self.measure(&mut row, endpoint.trip);
        // What a database says of another time than that of the traffic is not sure, however exact it was then.
        if let Some(claim) = &mut row.place.located_in
            && far_from(&claim.source, row.first.day()).is_some()
        {
            claim.confidence = claim.confidence.min(Confidence::Medium);
        }
        if let Some(country) = row.place.located_in.as_ref().map(|c| c.value) {
            row.regime = self.regimes_of(country, endpoint);
        }
        let mut most_telling = None;
        for encounter in &mut endpoint.encounters {
            let judged = self.judge(encounter, endpoint.address, &row);
            if let Some((name, _)) = encounter.name {
                row.names.push(TextRef::new(self.names.resolve(name)));
            }
            row.label = row.label.take().or_else(|| judged.label.clone());
            row.operator = row.operator.take().or_else(|| judged.operator.clone());
            // An address that serves several names is as far from the list as the farthest of them.
            if most_telling.is_none_or(|m| judged.listing > m) {
                most_telling = Some(judged.listing);
            }
            if encounter.judged {
                self.recognise(encounter, endpoint.address, &row);
                encounter.recipient = Some(self.file(encounter, kind, &row, &judged, measured.as_ref()) as u32);
            }
        }
        row.listing = most_telling.unwrap_or(Listing::Unjudged);
        row
    }

    fn recognise(&mut self, encounter: &Encounter, address: IpAddr, row: &EndpointView<'_>) {
        let spoken = self.applications(encounter.spoken);
        let Some(recogniser) = &mut self.recogniser else { return };
        recogniser.see(&Seen {
            name: encounter.name.filter(|(_, basis)| is_sure(*basis)).map(|(id, _)| self.names.resolve(id)),
            address,
            asn: row.place.network.as_ref().map(|n| n.asn),
            port: encounter.port,
            spoken: &spoken,
            packets: encounter.up.packets + encounter.down.packets,
            bytes: encounter.up.bytes + encounter.down.bytes,
            day: encounter.first.day(),
            frame: encounter.frames.first().copied().unwrap_or_default(),
        });
    }

    /// The service that the traffic looks like; and whether the profile in use has anything to show for itself.
    pub(super) fn proposal(&mut self, realms: &[(Text, FrameNo)]) -> (Option<Proposal>, bool) {
        let Some(mut recogniser) = self.recogniser.take() else { return (None, true) };
        for (realm, frame) in realms {
            recogniser.realm(realm.exact(), *frame);
        }
        let processes: BTreeSet<&Text> = self.subjects.iter().flat_map(|s| &s.processes).collect();
        for process in processes {
            recogniser.process(process.exact());
        }
        let asked = self.knowledge.profile.as_ref().map(|p| &*p.file.id);
        let (proposal, points) = recogniser.proposal(asked);
        let own = self.subjects.iter().any(|s| s.listing == Listing::Service);
        (proposal, own || points > 0)
    }

    /// What host names of an address say of its place.
    fn hear(&self, endpoint: &Endpoint, place: &mut Place) {
        let Ok(catalogue) = self.knowledge.book.catalogue() else { return };
        for (id, basis) in endpoint.encounters.iter().filter_map(|encounter| encounter.name) {
            let code = is_sure(basis).then(|| catalogue.host_code(self.names.resolve(id))).flatten();
            if let Some((code, country)) = code.and_then(|code| Some((code, code.country?))) {
                place.hear(country, &code.source, &code.code, code.unverified);
            }
        }
    }

    /// What round trips say of the place of an address: marks it in the row.
    fn measure(&mut self, row: &mut EndpointView<'a>, known: Option<TripId>) -> Option<Measured> {
        row.round_trip = self.trips.smallest(row.address, &self.unused, known);
        let (trip, knowledge) = (row.round_trip?, self.knowledge);
        let horizon = knowledge.horizon.as_ref().filter(|_| AddressKind::of(row.address).is_outside())?;
        row.excluded = horizon.excluded(trip.at_most());
        // Of an address without a place nothing is contradicted: nobody claimed that it stands where databases have it.
        let placed = row.place.located_in.is_some();
        row.place.test(horizon, trip.at_most());
        let mut excluded: Vec<Claim<CountryCode>> = Vec::new();
        for vote in row.place.votes.iter().filter(|vote| placed && vote.excluded) {
            if excluded.iter().all(|claim| claim.value != vote.country) {
                excluded.push(Claim {
                    value: vote.country,
                    source: Arc::clone(&vote.source),
                    confidence: Confidence::High,
                });
            }
        }
        let day = row.first.day();
        let circle = *self.circles.entry(day).or_insert_with(|| knowledge.book.regimes.eea_circle(horizon, day));
        let within_eea = circle.is_some_and(|circle| horizon.is_within(&circle, trip.at_most()));
        Some(Measured { address: row.address, trip, excluded, within_eea })
    }

    /// The protocols of a set, sorted; the same few sets come again and again.
    fn applications(&mut self, spoken: TokenSet) -> Rc<[&'static str]> {
        let list = self.spoken.entry(spoken);
        Rc::clone(list.or_insert_with(|| self.tokens.list(spoken).into()))
    }

    /// The tokens of the law of a country on the days of the flows, in their order.
    fn regimes_of(&mut self, country: CountryCode, endpoint: &Endpoint) -> Arc<str> {
        if let [only] = endpoint.encounters.as_slice() {
            return self.regime(country, only.first.day());
        }
        let mut days: Vec<(u16, Day)> = endpoint.encounters.iter().map(|e| (e.period, e.first.day())).collect();
        days.sort_unstable();
        days.dedup_by_key(|(period, _)| *period);
        let mut tokens: Vec<Arc<str>> = days.into_iter().map(|(_, day)| self.regime(country, day)).collect();
        tokens.dedup();
        match tokens.as_slice() {
            [one] => Arc::clone(one),
            many => many.join("; ").into(),
        }
    }

    /// The token of the law of a country on a day; made once.
    fn regime(&mut self, country: CountryCode, day: Day) -> Arc<str> {
        let token = self.regimes.entry((country, day));
        Arc::clone(token.or_insert_with(|| self.knowledge.book.regimes.on(country, day).token().into()))
    }

    fn judge(&mut self, encounter: &Encounter, address: IpAddr, row: &EndpointView<'_>) -> Judged {
        let knowledge = self.knowledge;
        let name = encounter.name.map(|(id, _)| self.names.resolve(id));
        let operator = name.and_then(|n| knowledge.organisations.operator_of(n));
        let aliases = encounter.name.and_then(|(id, _)| self.chains.get(id)).into_iter().flatten();
        let placed = knowledge.book.place(
            knowledge.profile.as_ref(),
            &Sighting {
                names: name.as_slice(),
                addresses: &[address],
                asn: row.place.network.as_ref().map(|n| n.asn),
                operator: operator.as_ref().map(|c| &*c.value.name),
                holder: row.holder.as_ref().map(|c| &*c.value.name),
                applications: &self.applications(encounter.spoken),
                day: encounter.first.day(),
            },
        );
        let label = knowledge.book.label(name, aliases.map(|id| self.names.resolve(*id)));
        Judged { listing: placed.listing, role: placed.role.map(Into::into), label, operator }
    }

    /// Which law holds for what is known of the recipient on the day of the encounter.
    fn law(&self, encounter: &Encounter, row: &EndpointView<'_>, judged: &Judged) -> Law {
        if !self.periods {
            return Law::default();
        }
        let day = encounter.first.day();
        let company = |c: &Option<Claim<Arc<Company>>>| match c {
            Some(c) => [c.value.seat, c.value.parent_seat],
            None => [None; 2],
        };
        let ([operator, parent], [holder, owner]) = (company(&judged.operator), company(&row.holder));
        let place = row.place.located_in.as_ref().map(|c| c.value);
        let regimes = &self.knowledge.book.regimes;
        let number = |country: Option<CountryCode>| country.map_or(0, |c| regimes.on(c, day).number());
        let grades = if encounter.agreed.is_empty() { 0 } else { self.knowledge.book.transport.period(day) };
        [number(place), number(operator), number(parent), number(holder), number(owner), grades]
    }

    /// Whom DNS led to from a name, if that is somebody else than the name belongs to.
    fn alias(&self, id: NameId) -> Option<Alias> {
        let organisations = &self.knowledge.organisations;
        let name = self.names.resolve(id);
        let own = registrable(name).unwrap_or(name);
        let operator = organisations.operator_of(name);
        let foreign = |alias: &&str| registrable(alias).unwrap_or(alias) != own;
        let mut targets = self.chains.get(id)?.iter().map(|alias| self.names.resolve(*alias)).filter(foreign).rev();
        let same = |company: &Company| operator.as_ref().is_some_and(|o| o.value.name == company.name);
        let stands_behind = |target: &str| {
            let (entry, _) = organisations.by_domain(target)?;
            (!same(&entry.company)).then(|| organisations.claim(entry))
        };
        // The last one says most; but the last may be unknown, or the company's own under another domain.
        let (target, company) = targets
            .clone()
            .find_map(|target| stands_behind(target).map(|company| (target, Some(company))))
            .or_else(|| {
                let last = targets.next()?;
                organisations.by_domain(last).is_none().then_some((last, None))
            })?;
        let trackers = &self.knowledge.book.trackers;
        let aliases = self.chains.get(id)?.iter().map(|alias| self.names.resolve(*alias));
        let label = self
            .knowledge
            .book
            .label(Some(name), aliases)
            .filter(|l| l.via.is_some() && trackers.label(name).is_none());
        let target = label.as_ref().and_then(|l| l.via.clone()).unwrap_or_else(|| target.into());
        Some(Alias { name: name.into(), target, company, label })
    }

    fn file(
        &mut self,
        encounter: &Encounter,
        kind: AddressKind,
        row: &EndpointView<'_>,
        judged: &Judged,
        measured: Option<&Measured>,
    ) -> usize {
        let address = row.address;
        let name = encounter.name.map(|(id, _)| self.names.resolve(id));
        let network = row.holder.as_ref().map_or("", |h| &*h.value.name);
        let who = match (&judged.operator, name) {
            _ if !kind.is_outside() => Who::Address(address),
            (Some(operator), _) => Who::Operator(&*operator.value.name),
            (None, Some(name)) => match registrable(name) {
                Some(domain) => Who::Domain(domain),
                None => Who::Domain(name),
            },
            (None, None) if row.holder.is_some() => Who::Network(network),
            (None, None) => Who::Address(address),
        };
        let mut key = Key {
            who,
            country: row.place.located_in.as_ref().map(|c| c.value),
            contradicted: measured.is_some_and(|m| !m.excluded.is_empty()),
            listing: judged.listing,
            role: judged.role.as_deref(),
            category: judged.label.as_ref().map(|l| &*l.category),
            law: self.law(encounter, row, judged),
        };
        if self.index.len() >= self.limits.recipients && !self.index.contains_key(&key) {
            self.lumped += 1;
            key.who = Who::Further(network);
        }
        let at = self.index.get(&key).copied().unwrap_or_else(|| {
            self.subjects.push(subject(encounter, row, judged));
            self.filed.push(Filed::default());
            self.index.insert(key.with(Into::into), self.subjects.len() - 1);
            self.subjects.len() - 1
        });
        let wanted = |id: NameId| {
            self.chains.get(id).is_some()
                && self.subjects.get(at).is_some_and(|s| {
                    s.aliases.len() < self.limits.aliases_per_recipient
                        && s.aliases.iter().all(|a| a.name.exact() != self.names.resolve(id))
                })
        };
        let alias = encounter.name.filter(|(id, _)| wanted(*id)).and_then(|(id, _)| self.alias(id));
        let (agreements, offers, most) = (self.agreements, self.offers, self.limits.agreements_per_recipient);
        let (Some(subject), Some(filed)) = (self.subjects.get_mut(at), self.filed.get_mut(at)) else { return at };
        if let Some((id, basis)) = encounter.name {
            if let Some(known) = filed.names.iter().position(|name| *name == id) {
                if let Some((_, old)) = subject.names.get_mut(known) {
                    *old = (*old).min(basis);
                }
            } else if filed.names.len() < self.limits.names_per_recipient {
                filed.names.push(id);
                subject.names.push((self.names.resolve(id).into(), basis));
            }
        }
        if filed.address != Some(address) {
            filed.address = Some(address);
            subject.address_count += 1;
            if subject.addresses.len() < self.limits.addresses_per_recipient {
                subject.addresses.push(address);
            }
            if subject.measured.len() < self.limits.addresses_per_recipient {
                subject.measured.extend(measured.cloned());
            }
        }
        // To its servers Zoom speaks on these ports; elsewhere its media goes from participant to participant.
        let zoom = encounter.name.is_none() && !(8801..=8810).contains(&encounter.port);
        subject.peer |= zoom && self.tokens.list(encounter.spoken).contains(&"zoom");
        for process in self.owners.names(encounter.owners) {
            if let Err(at) = subject.processes.binary_search(process) {
                subject.processes.insert(at, process.clone());
            }
        }
        subject.aliases.extend(alias);
        subject.ungraded += encounter.ungraded;
        for agreed in &encounter.agreed {
            let new = agreements.resolve(agreed, offers);
            let room = subject.agreements.len() < most;
            let same = |known: &&mut Agreement| {
                (known.choice, &known.leaf) == (new.choice, &new.leaf)
                    && is_same_offer(known.offer.as_ref(), new.offer.as_ref())
            };
            match subject.agreements.iter_mut().find(same) {
                Some(known) => known.flows += new.flows,
                None if room => subject.agreements.push(new),
                None => subject.ungraded += new.flows,
            }
        }
        join(subject, encounter, row, self.tokens, &self.limits);
        at
    }
}

fn is_same_offer(a: Option<&Arc<Offer>>, b: Option<&Arc<Offer>>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => Arc::ptr_eq(a, b) || a.is_graded_as(b),
        (None, None) => true,
        _ => false,
    }
}

/// Whether a name is surely the one of the host that the flow went to.
const fn is_sure(basis: NameBasis) -> bool {
    !matches!(basis, NameBasis::OuterHello(_) | NameBasis::ReverseLookup | NameBasis::DnsAfter { .. })
}

struct Judged {
    listing: Listing,
    role: Option<Box<str>>,
    label: Option<Label>,
    operator: Option<Claim<Arc<Company>>>,
}

fn subject(encounter: &Encounter, row: &EndpointView<'_>, judged: &Judged) -> Subject {
    let network = row.place.network.as_ref();
    Subject {
        operator: judged.operator.clone(),
        holder: row.holder.clone(),
        registered_in: network.and_then(|n| {
            n.country.map(|value| Claim { value, source: Arc::clone(&n.source), confidence: Confidence::High })
        }),
        located_in: row.place.located_in.clone(),
        indeterminate: row.place.indeterminate.clone(),
        listing: judged.listing,
        role: judged.role.clone(),
        label: judged.label.clone(),
        first: encounter.first,
        last: encounter.last,
        ..Subject::default()
    }
}

fn join(subject: &mut Subject, encounter: &Encounter, row: &EndpointView<'_>, tokens: &Tokens, limits: &LedgerLimits) {
    // Of several addresses in the same country the least certain one speaks for all.
    if let (Some(ours), Some(theirs)) = (&mut subject.located_in, &row.place.located_in)
        && theirs.confidence < ours.confidence
    {
        *ours = theirs.clone();
        subject.indeterminate.clone_from(&row.place.indeterminate);
    }
    let traffic = &mut subject.traffic;
    traffic.packets_up += encounter.up.packets;
    traffic.bytes_up += encounter.up.bytes;
    traffic.packets_down += encounter.down.packets;
    traffic.bytes_down += encounter.down.bytes;
    subject.first = subject.first.min(encounter.first);
    subject.last = subject.last.max(encounter.last);
    subject.flow_count += encounter.flows;
    subject.outer_names += encounter.outer;
    if let Some(media) = &encounter.media {
        let [up, down] = &**media;
        subject.media_up.join(up);
        subject.media_down.join(down);
    }
    let room = limits.frames_per_recipient.saturating_sub(subject.frames.len());
    subject.frames.extend(encounter.frames.iter().take(room));
    merge(&mut subject.applications, tokens.iter(encounter.spoken));
    merge(&mut subject.clear, tokens.iter(encounter.clear));
    merge(&mut subject.tunnels, encounter.tunnel.kinds());
    for hidden in Hidden::ALL.into_iter().filter(|h| encounter.hidden.has(*h)) {
        if !subject.hidden.contains(&hidden) {
            subject.hidden.push(hidden);
        }
    }
}

/// Adds what is missing; keeps the list sorted.
fn merge(list: &mut Vec<&'static str>, more: impl Iterator<Item = &'static str>) {
    for token in more {
        if let Err(at) = list.binary_search(&token) {
            list.insert(at, token);
        }
    }
}
