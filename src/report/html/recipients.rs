//! Section 3 of the page, recipients by group, and the table of countries in section 4.

use super::{Maker, ROWS_PER_GROUP, clean};
use crate::attribution::{Confidence, CountryCode};
use crate::policy::{self, Lang, Listing, Subject};
use crate::report::format::confidence_word;
use crate::report::text::recipients::{Usual, companies};
use std::cmp::Reverse;
use std::collections::BTreeMap;

pub(super) struct Group {
    pub(super) title: String,
    pub(super) count: String,
    pub(super) note: String,
    pub(super) rows: Vec<Row>,
    pub(super) more: String,
}

pub(super) struct Row {
    pub(super) number: usize,
    pub(super) sheet: bool,
    pub(super) name: String,
    pub(super) after: String,
    pub(super) marks: String,
    pub(super) place: String,
    pub(super) place_note: String,
    pub(super) companies: Vec<String>,
    pub(super) sent: String,
    pub(super) received: String,
    pub(super) flows: String,
}

pub(super) struct Placed {
    pub(super) country: String,
    pub(super) recipients: String,
    pub(super) sent: String,
    pub(super) received: String,
    pub(super) confidence: &'static str,
}

impl Maker<'_> {
    pub(super) fn groups(&self) -> Vec<Group> {
        use Listing::{Background, Local, NotListed, Service, Subprocessor, Unjudged};
        let (s, lang) = (self.summary, self.lang);
        let usual = self.told.usual();
        let mut groups = Vec::new();
        for listing in [Unjudged, Service, Subprocessor, NotListed, Background, Local] {
            let members: Vec<(usize, &Subject)> =
                s.recipients.iter().enumerate().filter(|(_, r)| r.listing == listing).collect();
            if members.is_empty() {
                continue;
            }
            let note = match (listing, &s.list) {
                (Unjudged, _) => lang
                    .pick(
                        "No service and no list was named, so nothing is said of how they stand to one.",
                        "Es wurde weder ein Dienst noch eine Liste genannt; über das Verhältnis dazu ist nichts gesagt.",
                    )
                    .to_owned(),
                (NotListed | Subprocessor, Some(list)) => {
                    let hash = policy::short_hash(list);
                    let source = policy::source(list, lang);
                    match lang {
                        Lang::En => format!("Held against {source}, SHA-256 {hash}…"),
                        Lang::De => format!("Gemessen an {source}, SHA-256 {hash}…"),
                    }
                }
                _ => String::new(),
            };
            let title = match listing {
                Unjudged => lang.pick("All recipients", "Alle Empfänger").to_owned(),
                _ => self.told.group_title(listing),
            };
            groups.push(Group {
                title: clean(&title),
                count: self.n(members.len() as u64),
                note,
                rows: members.iter().take(ROWS_PER_GROUP).map(|(at, r)| self.row(*at, r, usual)).collect(),
                more: self.more(
                    members.len().saturating_sub(ROWS_PER_GROUP),
                    ["recipients", "Empfänger"],
                    "endpoints.csv",
                ),
            });
        }
        groups
    }

    fn row(&self, at: usize, r: &Subject, usual: Usual<'_>) -> Row {
        let (place, note) = self.told.place(r, usual.place);
        let after = r.names.first().map(|(_, basis)| self.told.after_name(r, *basis).concat()).unwrap_or_default();
        Row {
            number: at + 1,
            sheet: self.sheets.contains(&at),
            name: self.name(r),
            after: clean(after.trim()),
            marks: clean(&self.told.marks(r).join(" · ")),
            place: clean(&place),
            place_note: clean(&note.unwrap_or_default()),
            companies: companies(r)
                .map(|(by_name, claim)| clean(&self.told.company(by_name, claim, usual.company)))
                .collect(),
            sent: self.bytes(r.traffic.bytes_up),
            received: self.bytes(r.traffic.bytes_down),
            flows: self.n(r.flow_count.into()),
        }
    }

    pub(super) fn places(&self) -> Vec<Placed> {
        let lang = self.lang;
        let mut sums: BTreeMap<Option<CountryCode>, (u64, u64, u64, Option<Confidence>)> = BTreeMap::new();
        for r in self.summary.recipients.iter().filter(|r| r.listing != Listing::Local) {
            let claim = r.located_in.as_ref();
            let sum = sums.entry(claim.map(|c| c.value)).or_default();
            sum.0 += 1;
            sum.1 = sum.1.saturating_add(r.traffic.bytes_up);
            sum.2 = sum.2.saturating_add(r.traffic.bytes_down);
            sum.3 = match (sum.3, claim.map(|c| c.confidence)) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (a, b) => a.or(b),
            };
        }
        let mut sums: Vec<_> = sums.into_iter().collect();
        sums.sort_by_key(|(country, sum)| (country.is_none(), Reverse(sum.1), *country));
        let place = |(country, (recipients, up, down, confidence)): (
            Option<CountryCode>,
            (u64, u64, u64, Option<Confidence>),
        )| Placed {
            country: match country {
                Some(code) => policy::country_name(code, lang),
                None => lang.pick("unknown, or at many places", "unbekannt, oder an vielen Orten").to_owned(),
            },
            recipients: self.n(recipients),
            sent: self.bytes(up),
            received: self.bytes(down),
            confidence: confidence.map_or("", |c| confidence_word(c, lang)),
        };
        sums.into_iter().map(place).collect()
    }
}
