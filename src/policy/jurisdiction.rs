//! Which law stood between the European Economic Area and a country on a day: a dated table, never a verdict.

use super::data_file::{self, Code, Date, PolicyError, Standing};
use super::service::Reference;
use super::words::{Lang, Twin};
use super::{country, words};
use crate::attribution::{Circle, CountryCode, Horizon, Source};
use crate::wire::Day;
use rustc_hash::FxHashMap;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

/// How a country stood on a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// EU member or EEA/EFTA state.
    Eea,
    /// United Kingdom in the transition and bridging period.
    TreatedAsEea,
    /// Art. 45 decision without a limit that matters.
    AdequateFull,
    /// Art. 45 decision with a limit that a packet cannot show.
    AdequatePartial,
    ThirdCountry,
    /// A territory with a legal particularity: needs a note, has no plain answer.
    Special,
    /// The code is no country, or the table does not reach back to the day.
    Indeterminate,
}

impl Status {
    #[must_use]
    pub const fn token(self) -> &'static str {
        match self {
            Self::Eea => "eea",
            Self::TreatedAsEea => "treated_as_eea",
            Self::AdequateFull => "adequate_full",
            Self::AdequatePartial => "adequate_partial",
            Self::ThirdCountry => "third_country",
            Self::Special => "special",
            Self::Indeterminate => "indeterminate",
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    edition: Date,
    begins: Date,
    sources: BTreeMap<String, Reference>,
    row: Vec<Row>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    codes: Vec<Code>,
    status: Status,
    #[serde(default)]
    token: Box<str>,
    from: Date,
    until: Option<Date>,
    instrument: Option<Twin>,
    scope: Option<Twin>,
    ended: Option<Twin>,
    note: Option<Twin>,
    source: Box<str>,
    #[serde(default)]
    confidence: Standing,
}

/// The whole table.
#[derive(Debug)]
pub struct Regimes {
    edition: Day,
    begins: Day,
    rows: Box<[Row]>,
    /// Indices into `rows`, by day.
    by_code: FxHashMap<CountryCode, Vec<u32>>,
    source: Arc<Source>,
}

/// What the table says of one country on one day.
#[derive(Debug, Clone, Copy)]
pub struct Regime<'a> {
    pub status: Status,
    pub code: CountryCode,
    pub day: Day,
    /// The edition of the table is older than the day.
    pub beyond_edition: bool,
    number: u32,
    row: Option<&'a Row>,
    regimes: &'a Regimes,
}

impl Regimes {
    /// Reads and checks the table. Rows of one country must not overlap.
    ///
    /// # Errors
    /// With file, place and cure.
    pub fn parse(name: &str, text: &str) -> Result<Self, PolicyError> {
        let file: File = data_file::parse(name, text)?;
        let mut by_code: FxHashMap<CountryCode, Vec<u32>> = FxHashMap::default();
        for (at, row) in (0_u32..).zip(&file.row) {
            let place = || format!("row {} ({})", at + 1, row.codes.first().map_or("no code", |c| c.0.as_str()));
            let wrong = |what: &str| Err(PolicyError::new(name, place(), what));
            if row.codes.is_empty() {
                return wrong("codes is empty; name at least one country");
            }
            if row.until.is_some_and(|u| u <= row.from) {
                return wrong("until is not after from; until is the first day on which the row no longer holds");
            }
            if !file.sources.contains_key(&*row.source) {
                return wrong(&format!("source `{}` is not under [sources]; add it there", row.source));
            }
            match row.status {
                Status::Indeterminate => return wrong("status indeterminate is never written; leave the row out"),
                Status::Special if row.note.is_none() => return wrong("a special territory needs a note"),
                Status::Eea | Status::TreatedAsEea | Status::AdequateFull | Status::AdequatePartial
                    if row.instrument.is_none() =>
                {
                    return wrong("instrument is missing; name the legal act");
                }
                Status::AdequatePartial if row.scope.is_none() => return wrong("a limited decision needs a scope"),
                _ => {}
            }
            for code in &row.codes {
                if !country::is_country(code.0) {
                    return wrong(&format!(
                        "`{}` is no country; its status is always indeterminate, remove it",
                        code.0
                    ));
                }
                by_code.entry(code.0).or_default().push(at);
            }
        }
        let row = |at: u32| file.row.get(at as usize);
        for (code, rows) in &mut by_code {
            rows.sort_by_key(|at| row(*at).map(|r| r.from));
            let overlap = rows.iter().zip(rows.iter().skip(1)).find(|(a, b)| {
                let (Some(a), Some(b)) = (row(**a), row(**b)) else { return false };
                a.until.is_none_or(|until| until > b.from)
            });
            if let Some((a, b)) = overlap {
                let what = format!("rows {} and {} hold on the same day; set `until` of the earlier one", a + 1, b + 1);
                return Err(PolicyError::new(name, code.as_str(), what));
            }
        }
        Ok(Self {
            edition: file.edition.0,
            begins: file.begins.0,
            rows: file.row.into(),
            by_code,
            source: data_file::stamp(name, file.edition.0, text),
        })
    }

    /// What the table says of `code` on `day`. Never fails: what it cannot say is [`Status::Indeterminate`].
    #[must_use]
    pub fn on(&self, code: CountryCode, day: Day) -> Regime<'_> {
        let rows = self.by_code.get(&code).map_or(&[][..], Vec::as_slice);
        let found =
            rows.iter().find_map(|at| self.rows.get(*at as usize).filter(|r| r.holds(day)).map(|row| (*at, row)));
        let row = found.map(|(_, row)| row);
        let status = match row {
            _ if day < self.begins => Status::Indeterminate,
            Some(row) => row.status,
            None if country::is_country(code) => Status::ThirdCountry,
            None => Status::Indeterminate,
        };
        let known = found.filter(|_| status != Status::Indeterminate);
        let number = known.map_or(if status == Status::Indeterminate { u32::MAX } else { u32::MAX - 1 }, |(at, _)| at);
        let row = known.map(|(_, row)| row);
        Regime { status, code, day, beyond_edition: day > self.edition, number, row, regimes: self }
    }

    /// The largest circle around a place of capture that has no land outside the EEA as of `day`.
    #[must_use]
    pub fn eea_circle(&self, horizon: &Horizon, day: Day) -> Option<Circle> {
        horizon.circle(|country| self.on(country, day).status != Status::Eea)
    }

    #[must_use]
    pub const fn edition(&self) -> Day {
        self.edition
    }

    /// First days on which the law of some country is another.
    pub(crate) fn turning_days(&self) -> impl Iterator<Item = Day> {
        let rows = self.rows.iter().flat_map(|r| [Some(r.from.0), r.until.map(|u| u.0)]).flatten();
        rows.chain([self.begins])
    }

    /// Name, edition and hash, for the evidence.
    #[must_use]
    pub const fn source(&self) -> &Arc<Source> {
        &self.source
    }

    /// Rows, and how many of them are marked as unverified.
    #[must_use]
    pub fn facts(&self) -> (usize, usize) {
        (self.rows.len(), self.rows.iter().filter(|r| r.confidence.is_unverified()).count())
    }

    /// Every text of the table in one language.
    #[cfg(test)]
    pub(crate) fn texts(&self, lang: Lang) -> impl Iterator<Item = String> {
        self.rows
            .iter()
            .flat_map(|r| [&r.instrument, &r.scope, &r.ended, &r.note])
            .flatten()
            .map(move |t| t.get(lang).to_owned())
    }

    /// The law between the two days (inclusive), one sentence per regime:
    /// "On 2020-04-16: Privacy Shield, Decision (EU) 2016/1250, in force 2016-07-12 to 2020-07-15, for certified
    /// organisations only; annulled later by C-311/18 (Schrems II) (jurisdictions.toml of 2026-11-22)."
    #[must_use]
    pub fn law_note(&self, code: CountryCode, from: Day, until: Day, lang: Lang) -> String {
        let mut out = String::new();
        let mut day = from;
        loop {
            let regime = self.on(code, day);
            let last = self.last_day(&regime).min(until.max(from));
            if !out.is_empty() {
                out.push(' ');
            }
            let _ = match (lang, day == last) {
                (Lang::En, true) => write!(out, "On {day}: "),
                (Lang::En, false) => write!(out, "From {day} to {last}: "),
                (Lang::De, true) => write!(out, "Am {day}: "),
                (Lang::De, false) => write!(out, "Von {day} bis {last}: "),
            };
            out.push_str(&regime.clause(lang));
            if regime.beyond_edition {
                out.push_str(lang.pick("; the table is older than this day", "; die Tabelle ist älter als dieser Tag"));
            }
            let _ = write!(out, " ({}).", words::source(&self.source, lang));
            if last >= until {
                return out;
            }
            day = Day(last.0.saturating_add(1));
        }
    }

    /// The last day on which the same answer holds.
    fn last_day(&self, regime: &Regime<'_>) -> Day {
        if regime.day < self.begins {
            return Day(self.begins.0.saturating_sub(1));
        }
        let end = match regime.row {
            Some(row) => row.until.map(|u| u.0),
            None => self.by_code.get(&regime.code).and_then(|rows| {
                rows.iter().filter_map(|at| self.rows.get(*at as usize)).map(|r| r.from.0).find(|f| *f > regime.day)
            }),
        };
        let last = end.map_or(Day(u32::MAX), |e| Day(e.0.saturating_sub(1)));
        // What is said of days beyond the edition carries its own caveat.
        if regime.day <= self.edition { last.min(self.edition) } else { last }
    }
}

impl Row {
    fn holds(&self, day: Day) -> bool {
        self.from.0 <= day && self.until.is_none_or(|u| day < u.0)
    }
}

impl<'a> Regime<'a> {
    /// The stable token of the tables' `regime` column: the status, and after a colon the regime where it has a name:
    /// `eea`, `third_country`, `adequate_partial:us_privacy_shield`, `third_country:us_no_decision`.
    #[must_use]
    pub fn token(&self) -> String {
        match self.row.map(|r| &*r.token).filter(|t| !t.is_empty()) {
            Some(token) => format!("{}:{token}", self.status.token()),
            None => self.status.token().to_owned(),
        }
    }

    /// Of one country: equal for two days if the same row of the table, or none on both, holds for them.
    #[must_use]
    pub const fn number(&self) -> u32 {
        self.number
    }

    /// First day of the row, if the table has one.
    #[must_use]
    pub fn from(&self) -> Option<Day> {
        self.row.map(|r| r.from.0)
    }

    /// First day on which the row no longer holds.
    #[must_use]
    pub fn until(&self) -> Option<Day> {
        self.row.and_then(|r| r.until).map(|u| u.0)
    }

    /// The legal act.
    #[must_use]
    pub fn instrument(&self, lang: Lang) -> Option<&'a str> {
        self.row.and_then(|r| r.instrument.as_ref()).map(|t| t.get(lang))
    }

    /// Its limit.
    #[must_use]
    pub fn scope(&self, lang: Lang) -> Option<&'a str> {
        self.row.and_then(|r| r.scope.as_ref()).map(|t| t.get(lang))
    }

    #[must_use]
    pub fn note(&self, lang: Lang) -> Option<&'a str> {
        self.row.and_then(|r| r.note.as_ref()).map(|t| t.get(lang))
    }

    /// The row is general knowledge, not read in a source.
    #[must_use]
    pub fn unverified(&self) -> bool {
        self.row.is_some_and(|r| r.confidence.is_unverified())
    }

    /// Whether it is one of the regimes for the United States and its territories.
    #[must_use]
    pub fn is_united_states(&self) -> bool {
        self.row.is_some_and(|r| r.token.starts_with("us_")) || self.code.as_str() == "US"
    }

    /// The table it comes from.
    #[must_use]
    pub fn source(&self) -> &'a Arc<Source> {
        &self.regimes.source
    }

    /// The regime in words, without day and source: "Privacy Shield, Decision (EU) 2016/1250, in force 2016-07-12 to
    /// 2020-07-15, for certified organisations only; annulled later by C-311/18 (Schrems II)".
    #[must_use]
    pub fn clause(&self, lang: Lang) -> String {
        let mut out = String::with_capacity(160);
        match self.status {
            Status::Indeterminate if self.day < self.regimes.begins => {
                let _ = match lang {
                    Lang::En => write!(out, "the table begins on {}", self.regimes.begins),
                    Lang::De => write!(out, "die Tabelle beginnt am {}", self.regimes.begins),
                };
            }
            Status::Indeterminate => {
                let _ = match lang {
                    Lang::En => write!(out, "the code {} stands for no country", self.code),
                    Lang::De => write!(out, "der Code {} steht für kein Land", self.code),
                };
            }
            Status::ThirdCountry => out.push_str(lang.pick("no adequacy decision", "kein Angemessenheitsbeschluss")),
            Status::Special => {
                out.push_str(lang.pick("territory with a legal particularity", "Gebiet mit rechtlicher Besonderheit"));
            }
            _ => out.push_str(self.instrument(lang).unwrap_or_default()),
        }
        let Some(row) = self.row else { return out };
        if matches!(self.status, Status::AdequateFull | Status::AdequatePartial | Status::TreatedAsEea) {
            let last = row.until.map(|u| Day(u.0.0.saturating_sub(1)));
            let _ = match (lang, last) {
                (Lang::En, Some(last)) => write!(out, ", in force {} to {last}", row.from.0),
                (Lang::En, None) => write!(out, ", in force since {}", row.from.0),
                (Lang::De, Some(last)) => write!(out, ", in Kraft von {} bis {last}", row.from.0),
                (Lang::De, None) => write!(out, ", in Kraft seit {}", row.from.0),
            };
        }
        for (join, text) in [(", ", &row.scope), ("; ", &row.note)] {
            if let Some(text) = text {
                let _ = write!(out, "{join}{}", text.get(lang));
            }
        }
        if let (Some(ended), Some(_)) = (&row.ended, row.until) {
            let _ = write!(out, "; {}", ended.get(lang));
        }
        out
    }
}

#[cfg(test)]
mod tests;
