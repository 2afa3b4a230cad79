//! The rows of a table in an order, some of them filtered out, one of them chosen. The choice stays on its row and the row
//! stays where it is on the screen, whatever comes in.

use crate::engine::Snapshot;
use crate::engine::view::Summary;
use crate::policy::tracker::Category;
use crate::policy::{Finding, Ground, Lang, Subject, country_name};
use crate::report::format::company;
use crate::wire::End;
use std::cmp::Reverse;
use std::collections::hash_map::DefaultHasher;
use std::fmt::Write;
use std::hash::{Hash, Hasher};
use std::net::SocketAddr;

/// How the rows of a kind of table can be sorted.
pub(super) trait Order: Copy + Default + PartialEq + 'static {
    /// In the order in which `s` goes through them.
    const ALL: &'static [Self];
}

#[derive(Debug, Clone, Default)]
pub(super) struct List<S> {
    /// Positions in the picture.
    order: Vec<u32>,
    pub(super) sort: S,
    pub(super) reversed: bool,
    /// Which row is chosen, told by what does not change.
    chosen: Option<u64>,
    at: usize,
    top: usize,
}

impl<S: Order> List<S> {
    /// Rows that passed the filter.
    pub(super) fn len(&self) -> usize {
        self.order.len()
    }

    /// The rows on the screen: their positions in the picture, and whether it is the chosen one.
    pub(super) fn visible(&self, rows: usize) -> impl Iterator<Item = (usize, bool)> {
        let shown = self.order.iter().enumerate().skip(self.top).take(rows);
        shown.map(|(n, at)| (*at as usize, n == self.at))
    }

    pub(super) fn chosen(&self) -> Option<usize> {
        self.order.get(self.at).map(|at| *at as usize)
    }

    /// Where the chosen row is on the screen.
    pub(super) fn offset(&self) -> isize {
        self.at.saturating_sub(self.top).try_into().unwrap_or(isize::MAX)
    }

    /// The place of the chosen row among all, from 1.
    pub(super) fn place(&self) -> usize {
        if self.order.is_empty() { 0 } else { self.at + 1 }
    }

    pub(super) fn step(&mut self, by: isize, rows: usize, id: impl Fn(usize) -> u64) {
        self.at = self.at.saturating_add_signed(by).min(self.order.len().saturating_sub(1));
        self.chosen = self.chosen().map(id);
        self.keep_in_sight(rows);
    }

    fn keep_in_sight(&mut self, rows: usize) {
        let rows = rows.max(1);
        self.top = self.top.min(self.at).max((self.at + 1).saturating_sub(rows));
        self.top = self.top.min(self.order.len().saturating_sub(rows));
    }

    pub(super) fn next_order(&mut self, reverse: bool) {
        if reverse {
            self.reversed = !self.reversed;
            return;
        }
        let at = S::ALL.iter().position(|sort| *sort == self.sort).unwrap_or(0);
        self.sort = S::ALL.get((at + 1) % S::ALL.len()).copied().unwrap_or_default();
        self.reversed = false;
    }

    /// Takes the order that a column stands for; the same once more turns it round.
    fn take_order(&mut self, sort: S) {
        self.reversed = sort == self.sort && !self.reversed;
        self.sort = sort;
    }

    fn settle(&mut self, mut order: Vec<u32>, rows: usize, id: impl Fn(usize) -> u64) {
        if self.reversed {
            order.reverse();
        }
        let offset = self.at.saturating_sub(self.top);
        self.order = order;
        let found = self.chosen.and_then(|chosen| self.order.iter().position(|at| id(*at as usize) == chosen));
        self.at = found.unwrap_or(self.at).min(self.order.len().saturating_sub(1));
        // Before anybody has chosen, the first row stays the first, whatever comes before it.
        if found.is_some() {
            self.top = self.at.saturating_sub(offset);
        }
        self.keep_in_sight(rows);
    }
}

/// Positions of the rows in which all words occur, in any order, whatever their case; `say` writes what is searched.
fn matching<T>(rows: &[T], filter: &str, mut say: impl FnMut(&T, &mut String)) -> Vec<u32> {
    let words: Vec<String> = filter.split_whitespace().map(str::to_lowercase).collect();
    let all = (0..).zip(rows);
    if words.is_empty() {
        return all.map(|(at, _)| at).collect();
    }
    let mut text = String::new();
    let mut fits = |row: &T| {
        text.clear();
        say(row, &mut text);
        if !text.is_ascii() {
            text = text.to_lowercase();
        }
        text.make_ascii_lowercase();
        words.iter().all(|word| text.contains(word.as_str()))
    };
    all.filter(|(_, row)| fits(row)).map(|(at, _)| at).collect()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum RecipientSort {
    /// By group, then by what was sent: as they are judged.
    #[default]
    Group,
    Sent,
    Received,
    Name,
    Company,
    Place,
    RoundTrip,
}

impl Order for RecipientSort {
    const ALL: &'static [Self] =
        &[Self::Group, Self::Sent, Self::Received, Self::Name, Self::Company, Self::Place, Self::RoundTrip];
}

/// The first frame of its first flow: no other recipient has it, and it stays.
pub(super) fn recipient_id(recipient: &Subject) -> u64 {
    recipient.frames.first().map_or(0, |frame| frame.0)
}

pub(super) fn recipient_id_at(picture: &Snapshot, at: usize) -> u64 {
    picture.summary.recipients.get(at).map_or(0, recipient_id)
}

/// The smallest round trip of the flows of each recipient.
pub(super) fn round_trips(picture: &Snapshot) -> Vec<Option<u64>> {
    let mut least = vec![None; picture.summary.recipients.len()];
    for flow in &picture.flows {
        if let Some(slot) = flow.recipient.and_then(|at| least.get_mut(at)) {
            *slot = [*slot, flow.round_trip].into_iter().flatten().min();
        }
    }
    least
}

/// What a recipient is called: its first name, else its first address.
pub(super) fn called(recipient: &Subject) -> String {
    match (recipient.names.first(), recipient.addresses.first()) {
        (Some((name, _)), _) => name.to_string(),
        (None, Some(address)) => address.to_string(),
        (None, None) => String::new(),
    }
}

/// The kind of telemetry or tracking that a list or the profile gives a recipient, else its purpose.
pub(super) fn category(recipient: &Subject, lang: Lang) -> String {
    match (&recipient.label, &recipient.role) {
        (Some(label), _) => Category::parse(&label.category).map_or(&*label.category, |c| c.words(lang)).into(),
        (None, Some(role)) => crate::report::format::role_word(role, lang).into(),
        (None, None) => String::new(),
    }
}

impl List<RecipientSort> {
    pub(super) fn sort(
        &mut self,
        picture: &Snapshot,
        round_trips: &[Option<u64>],
        filter: &str,
        lang: Lang,
        rows: usize,
    ) {
        let recipients = &picture.summary.recipients;
        let look = super::theme::Look { lang, ..super::theme::Look::default() };
        let mut order = matching(recipients, filter, |r, text| {
            for (name, basis) in &r.names {
                let _ = write!(text, "{} {} ", name.exact(), basis.token());
            }
            for address in &r.addresses {
                let _ = write!(text, "{address} ");
            }
            for claim in [&r.operator, &r.holder].into_iter().flatten() {
                let _ = write!(text, "{} {} ", claim.value.name, claim.value.parent.as_deref().unwrap_or_default());
            }
            if let Some(place) = &r.located_in {
                let _ = write!(text, "{} {} ", place.value, country_name(place.value, lang));
            }
            let _ = write!(text, "{} {} ", look.group(r.listing), look.listing_word(r.listing));
            let _ = write!(text, "{} {} ", category(r, lang), r.indeterminate.as_deref().unwrap_or_default());
            for process in &r.processes {
                let _ = write!(text, "{} ", process.exact());
            }
            for application in &r.applications {
                let _ = write!(text, "{application} ");
            }
        });
        let of = |at: &u32| recipients.get(*at as usize);
        match self.sort {
            RecipientSort::Group => {}
            RecipientSort::Sent => order.sort_by_key(|at| Reverse(of(at).map(|r| r.traffic.bytes_up))),
            RecipientSort::Received => order.sort_by_key(|at| Reverse(of(at).map(|r| r.traffic.bytes_down))),
            RecipientSort::Name => order.sort_by_cached_key(|at| of(at).map(called)),
            RecipientSort::Company => order.sort_by_key(|at| {
                let name = of(at).and_then(company).map(|(_, claim)| &claim.value.name);
                (name.is_none(), name)
            }),
            RecipientSort::Place => order.sort_by_key(|at| {
                let place = of(at).and_then(|r| r.located_in.as_ref()).map(|claim| claim.value);
                (place.is_none(), place)
            }),
            RecipientSort::RoundTrip => order.sort_by_key(|at| {
                let time = round_trips.get(*at as usize).copied().flatten();
                (time.is_none(), time)
            }),
        }
        self.settle(order, rows, |at| recipient_id_at(picture, at));
    }

    /// Sorts by a column of the table, if one can.
    pub(super) fn order_by(&mut self, column: usize) -> bool {
        let sort = super::table::RECIPIENT_COLUMNS.get(column).and_then(|column| column.sort);
        sort.map(|sort| self.take_order(sort)).is_some()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum FlowSort {
    /// The latest first.
    #[default]
    Latest,
    Sent,
    Received,
    Name,
    RoundTrip,
}

impl Order for FlowSort {
    const ALL: &'static [Self] = &[Self::Latest, Self::Sent, Self::Received, Self::Name, Self::RoundTrip];
}

pub(super) fn flow_id_at(picture: &Snapshot, at: usize) -> u64 {
    picture.flows.get(at).map_or(0, |flow| flow.flow)
}

/// Address and port.
pub(super) const fn socket(end: End) -> SocketAddr {
    SocketAddr::new(end.address, end.port)
}

impl List<FlowSort> {
    pub(super) fn sort(&mut self, picture: &Snapshot, filter: &str, rows: usize) {
        let flows = &picture.flows;
        let mut order = matching(flows, filter, |flow, text| {
            if let Some((name, basis)) = &flow.name {
                let _ = write!(text, "{} {} ", name.exact(), basis.token());
            }
            let _ = write!(text, "{} {} {} ", socket(flow.client), socket(flow.server), flow.transport.token());
            let _ = write!(text, "{} {} ", flow.application, flow.scope);
            if let Some(owner) = &flow.owner {
                let _ = write!(text, "{} {} ", owner.name.exact(), owner.pid);
            }
        });
        let of = |at: &u32| flows.get(*at as usize);
        match self.sort {
            FlowSort::Latest => order.reverse(),
            FlowSort::Sent => order.sort_by_key(|at| Reverse(of(at).map(|f| f.up.bytes))),
            FlowSort::Received => order.sort_by_key(|at| Reverse(of(at).map(|f| f.down.bytes))),
            FlowSort::Name => order.sort_by_key(|at| {
                let name = of(at).and_then(|f| f.name.as_ref()).map(|(name, _)| name);
                (name.is_none(), name, of(at).map(|f| f.server))
            }),
            FlowSort::RoundTrip => order.sort_by_key(|at| {
                let time = of(at).and_then(|f| f.round_trip);
                (time.is_none(), time)
            }),
        }
        self.settle(order, rows, |at| flow_id_at(picture, at));
    }

    pub(super) fn order_by(&mut self, column: usize) -> bool {
        let sort = super::table::FLOW_COLUMNS.get(column).and_then(|column| column.sort);
        sort.map(|sort| self.take_order(sort)).is_some()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum FindingRow {
    /// The gravest first.
    #[default]
    Gravity,
    Subject,
}

impl Order for FindingRow {
    const ALL: &'static [Self] = &[Self::Gravity, Self::Subject];
}

fn finding_id(finding: &Finding) -> u64 {
    let mut hasher = DefaultHasher::new();
    (finding.code, &finding.subject, finding.ground, finding.frames.first()).hash(&mut hasher);
    hasher.finish()
}

pub(super) fn finding_id_at(picture: &Snapshot, at: usize) -> u64 {
    picture.summary.findings.get(at).map_or(0, finding_id)
}

impl List<FindingRow> {
    pub(super) fn sort(&mut self, picture: &Snapshot, filter: &str, rows: usize) {
        let findings = &picture.summary.findings;
        let mut order = matching(findings, filter, |f, text| {
            let _ = write!(text, "{} {} {} {} {}", f.code, f.severity.token(), f.ground.token(), f.subject, f.text);
        });
        if self.sort == FindingRow::Subject {
            order.sort_by_key(|at| findings.get(*at as usize).map(|f| &f.subject));
        }
        self.settle(order, rows, |at| finding_id_at(picture, at));
    }
}

/// The recipient that a finding is about: the one whose flows begin with its frames.
pub(super) fn recipient_of(summary: &Summary, finding: &Finding) -> Option<usize> {
    let frame = finding.frames.first().filter(|_| finding.ground != Ground::Capture)?;
    summary.recipients.iter().position(|recipient| recipient.frames.contains(frame))
}

/// The findings about a recipient.
pub(super) fn findings_about<'s>(
    summary: &'s Summary,
    recipient: &'s Subject,
) -> impl Iterator<Item = &'s Finding> + use<'s> {
    let about = |finding: &&Finding| {
        finding.ground != Ground::Capture && finding.frames.first().is_some_and(|f| recipient.frames.contains(f))
    };
    summary.findings.iter().filter(about)
}
