//! Findings that the auditor has set aside, with a reason and a date. They stay in the report; only nobody is called by them.
//!
//! ```toml
//! [[suppress]]
//! code = "SUB-01"                     # stable code of the rule
//! host = "weather.example"            # host, with every name below it; left out: every finding of the code
//! reason = "a gadget of the test device, not part of the service"
//! decided = 2026-11-20
//! by = "AB"                           # may be left out
//! until = 2027-06-30                  # last day of traffic for which it holds; may be left out
//! ```

use super::data_file::{Date, PolicyError};
use super::finding::Finding;
use super::hosts::HostMap;
use super::rules::RULES;
use super::words::{self, Lang};
use crate::attribution::Source;
use crate::wire::Day;
use rustc_hash::FxHashMap;
use serde::Deserialize;
use std::sync::Arc;

/// Decisions that are read.
const MAX_ROWS: usize = 10_000;

/// One decision, as an audit file holds it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Suppression {
    pub code: Box<str>,
    #[serde(default)]
    pub host: Box<str>,
    pub reason: Box<str>,
    pub decided: Date,
    #[serde(default)]
    pub by: Box<str>,
    pub until: Option<Date>,
}

/// Why a finding is set aside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetAside {
    pub reason: Box<str>,
    pub decided: Day,
    pub by: Box<str>,
    /// The file that says so.
    pub source: Arc<Source>,
}

/// The checked decisions of one file.
#[derive(Debug, Clone)]
pub struct Suppressions {
    rows: Vec<(Suppression, HostMap<()>)>,
    by_code: FxHashMap<Box<str>, Vec<usize>>,
    pub source: Arc<Source>,
}

/// What came of them.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Applied {
    /// Findings set aside, by the position of the decision.
    pub aside: Vec<u64>,
    /// Findings that are told again because the decision has ended.
    pub ended: Vec<u64>,
}

impl Suppressions {
    /// # Errors
    /// With file, key and cure.
    pub(super) fn new(name: &str, rows: Vec<Suppression>, source: &Arc<Source>) -> Result<Self, PolicyError> {
        if rows.len() > MAX_ROWS {
            let what = format!("has {} entries; keep to {MAX_ROWS}", rows.len());
            return Err(PolicyError::new(name, "suppress", what));
        }
        let mut all = Self { rows: Vec::new(), by_code: FxHashMap::default(), source: Arc::clone(source) };
        for (at, row) in rows.into_iter().enumerate() {
            let wrong = |what: String| PolicyError::new(name, format!("suppress {}", at + 1), what);
            if !RULES.iter().flat_map(|r| r.codes).any(|(code, ..)| **code == *row.code) {
                return Err(wrong(format!("`{}` is no code of a finding; write it as the report does", row.code)));
            }
            if row.code.starts_with("CAP-") || row.code.starts_with("NEG-") {
                let what = "what a capture cannot show is always told; remove the entry";
                return Err(wrong(format!("{} cannot be set aside: {what}", row.code)));
            }
            if row.reason.trim().is_empty() {
                return Err(wrong("reason is empty; write why the finding is set aside".into()));
            }
            if row.until.is_some_and(|until| until < row.decided) {
                return Err(wrong("until is before decided; until is the last day for which it holds".into()));
            }
            let mut hosts = HostMap::default();
            if !row.host.is_empty() && row.host.parse::<std::net::IpAddr>().is_err() {
                hosts.insert(&row.host, ()).map_err(wrong)?;
            }
            all.by_code.entry(row.code.clone()).or_default().push(at);
            all.rows.push((row, hosts));
        }
        Ok(all)
    }

    #[must_use]
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &Suppression> {
        self.rows.iter().map(|(row, _)| row)
    }

    /// Sets findings aside, and says of those whose decision has ended that it did.
    pub(super) fn apply(&self, findings: &mut [Finding], lang: Lang) -> Applied {
        let mut applied = Applied { aside: vec![0; self.rows.len()], ended: vec![0; self.rows.len()] };
        for finding in findings {
            let Some(candidates) = self.by_code.get(finding.code) else { continue };
            let host = finding.subject.split(" (").next().unwrap_or_default();
            let day = finding.last.day();
            for at in candidates {
                let Some((row, hosts)) = self.rows.get(*at) else { continue };
                if !(row.host.is_empty() || *row.host == *host || hosts.find(host).is_some()) {
                    continue;
                }
                if let Some(until) = row.until.filter(|until| until.0 < day) {
                    if let Some(count) = applied.ended.get_mut(*at) {
                        *count += 1;
                    }
                    let (decided, until) = (row.decided.0, until.0);
                    let note = match lang {
                        Lang::En => format!("it was set aside on {decided}, which ended on {until}"),
                        Lang::De => format!("am {decided} zurückgestellt, befristet bis {until}"),
                    };
                    let joined =
                        if finding.uncertainty.is_empty() { note } else { format!("{}; {note}", finding.uncertainty) };
                    finding.uncertainty = joined.into();
                    continue;
                }
                if let Some(count) = applied.aside.get_mut(*at) {
                    *count += 1;
                }
                finding.aside = Some(Arc::new(SetAside {
                    reason: words::shown(&row.reason).into(),
                    decided: row.decided.0,
                    by: words::shown(&row.by).into(),
                    source: Arc::clone(&self.source),
                }));
                finding.sources.push(Arc::clone(&self.source));
                break;
            }
        }
        applied
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::audit::Audit;
    use crate::policy::rules::sample::{book, subject};
    use crate::policy::rules::{Case, judge_all};
    use crate::policy::subject::Circumstances;

    fn audit(rows: &str) -> Result<Audit, PolicyError> {
        Audit::parse("audit.toml", &format!("[case]\nreference = \"A\"\ndate = 2026-11-20\n{rows}"), None)
    }

    fn row(code: &str, more: &str) -> String {
        format!("[[suppress]]\ncode = \"{code}\"\nreason = \"a gadget\"\ndecided = 2026-11-20\n{more}\n")
    }

    fn judged(rows: &str, lang: Lang) -> Vec<Finding> {
        let audit = audit(rows).unwrap();
        let seen = Circumstances::default();
        let case = Case::new(book(), None, lang, &seen).with_audit(Some(&audit));
        judge_all(&[subject("a.example", "US", "2026-10-15"), subject("b.example", "US", "2026-10-15")], &seen, &case)
    }

    #[test]
    fn what_is_set_aside_stays_with_reason_date_and_file() {
        let all = judged(&row("TRF-02", "host = \"a.example\"\nby = \"AB\""), Lang::En);
        let located: Vec<_> = all.iter().filter(|f| f.code == "TRF-02").collect();
        assert_eq!(located.len(), 2);
        let aside = located[0].aside.as_ref().unwrap();
        assert_eq!((&*aside.reason, &*aside.by, aside.decided.to_string().as_str()), ("a gadget", "AB", "2026-11-20"));
        assert!(located[0].sources.iter().any(|s| &*s.name == "audit.toml"));
        assert!(located[1].aside.is_none());
        let told = all.iter().find(|f| f.code == "CAP-17").unwrap();
        assert!(
            told.text.contains("TRF-02 a.example, 1 finding: a gadget (2026-11-20, AB)")
                && told.text.contains("SHA-256"),
            "{}",
            told.text
        );
        // Without a host every finding of the code; a pattern covers what lies below it.
        let every = judged(&row("TRF-02", ""), Lang::En);
        assert!(every.iter().filter(|f| f.code == "TRF-02").all(|f| f.aside.is_some()));
        let below = judged(&row("TRF-02", "host = \"example.org\""), Lang::En);
        assert!(below.iter().all(|f| f.aside.is_none()));
    }

    #[test]
    fn a_decision_that_has_ended_or_met_nothing_is_told() {
        let rows = row("TRF-02", "until = 2026-11-20")
            .replace("2026-11-20\nu", "2026-01-01\nu")
            .replace("until = 2026-11-20", "until = 2026-10-14");
        let ended = judged(&rows, Lang::En);
        let located: Vec<_> = ended.iter().filter(|f| f.code == "TRF-02").collect();
        assert!(located.iter().all(|f| f.aside.is_none() && f.uncertainty.contains("which ended on 2026-10-14")));
        let told = ended.iter().find(|f| f.code == "CAP-17").unwrap();
        assert_eq!(told.severity, crate::policy::Severity::Notice);
        assert!(told.text.contains("ended on 2026-10-14: 2 findings are told again"), "{}", told.text);
        let unused = judged(&row("SUB-01", "host = \"c.example\""), Lang::De);
        let told = unused.iter().find(|f| f.code == "CAP-17").unwrap();
        assert!(told.text.contains("SUB-01 c.example, ohne Befund"), "{}", told.text);
        assert!(judged("", Lang::En).iter().all(|f| f.code != "CAP-17"));
    }

    #[test]
    fn a_bad_decision_is_refused_with_place_and_cure() {
        for (rows, says) in [
            (row("SUB-99", ""), "suppress 1: `SUB-99` is no code of a finding"),
            (row("NEG-00", ""), "suppress 1: NEG-00 cannot be set aside"),
            (row("CAP-01", ""), "always told"),
            (row("SUB-01", "host = \"*.a.de\""), "write `a.de`"),
            (row("SUB-01", "until = 2026-11-19"), "until is before decided"),
            (row("SUB-01", "").replace("a gadget", " "), "reason is empty"),
            ("[[suppress]]\ncode = \"SUB-01\"\nreason = \"a\"".to_owned(), "missing field `decided`"),
        ] {
            let said = audit(&rows).unwrap_err().to_string();
            assert!(said.starts_with("audit.toml: ") && said.contains(says), "{said}");
        }
    }
}
