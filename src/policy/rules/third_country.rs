//! TRF: where the addresses stand, held against the law of the day.

use super::offered::is_resolution;
use super::{Case, Draft, Judge, Out, Rule, View};
use crate::attribution::{Claim, Confidence, CountryCode};
use crate::policy::audit::{Audit, DpfEntry, DpfStatus};
use crate::policy::finding::{Ground, Severity};
use crate::policy::jurisdiction::{Regime, Status};
use crate::policy::words::{self, Lang};
use std::sync::Arc;

pub(super) const RULE: Rule = Rule {
    codes: &[
        (
            "TRF-01",
            "placed in a country without adequacy decision",
            "Standort in einem Land ohne Angemessenheitsbeschluss",
        ),
        (
            "TRF-02",
            "placed in the United States, with the regime of the day",
            "Standort in den Vereinigten Staaten, mit dem Regime des Tages",
        ),
        (
            "TRF-03",
            "placed in a country with a limited adequacy decision",
            "Standort in einem Land mit begrenztem Angemessenheitsbeschluss",
        ),
        (
            "TRF-04",
            "placed in a country with an adequacy decision",
            "Standort in einem Land mit Angemessenheitsbeschluss",
        ),
        ("TRF-05", "the place cannot be told", "Der Standort lässt sich nicht bestimmen"),
        ("TRF-09", "name resolution placed outside the EEA", "Namensauflösung mit Standort außerhalb des EWR"),
        (
            "TRF-13",
            "placed in a territory with a legal particularity",
            "Standort in einem Gebiet mit rechtlicher Besonderheit",
        ),
    ],
    judge: Judge::Subject(judge),
};

fn judge(view: &View<'_>, case: &Case<'_>, out: &mut Out) {
    if !view.is_outside() {
        return;
    }
    let Some(claim) = &view.subject.located_in else {
        return unknown(view, case, out, None);
    };
    let regime = case.book.regimes.on(claim.value, view.day());
    let (code, severity) = match regime.status {
        // An EEA answer is only as good as the place behind it.
        Status::Eea if view.subject.indeterminate.is_some() => return unknown(view, case, out, Some(claim)),
        Status::Eea => return,
        Status::Indeterminate => return unknown(view, case, out, Some(claim)),
        _ if resolves_names(view) => ("TRF-09", Severity::Notice),
        Status::TreatedAsEea | Status::AdequateFull => ("TRF-04", Severity::Info),
        Status::AdequatePartial if certified(view, case, &regime).is_some_and(|e| e.status == DpfStatus::Active) => {
            ("TRF-02", Severity::Notice)
        }
        Status::AdequatePartial | Status::ThirdCountry if regime.is_united_states() => ("TRF-02", Severity::Attention),
        Status::AdequatePartial => ("TRF-03", Severity::Notice),
        Status::ThirdCountry => ("TRF-01", Severity::Attention),
        Status::Special => ("TRF-13", Severity::Notice),
    };
    out.about(view, code, severity, |severity| {
        let (mut doubts, confidence) = view.place_doubts(claim, case);
        regime_doubts(&regime, view, case, &mut doubts);
        let entry = certified(view, case, &regime);
        let extract = entry.and_then(|entry| Some(extract_words(entry, case.audit?, case.lang)));
        let law = law(&regime, extract.as_deref(), case.lang);
        let mut text = format!("{} {} {law}", view.traffic(), view.located(claim));
        if code == "TRF-09" {
            text.insert_str(0, case.lang.pick("This is name resolution. ", "Hier geht es um Namensauflösung. "));
        }
        let mut sources = vec![Arc::clone(&claim.source), Arc::clone(regime.source())];
        if let (Some(entry), Some(audit)) = (entry, case.audit) {
            sources.push(Arc::clone(&audit.source));
            doubts.push(match case.lang {
                Lang::En => {
                    format!("the extract is of {}, and names are compared without legal forms", entry.checked.0)
                }
                Lang::De => {
                    format!("der Auszug ist vom {}, und Namen sind ohne Rechtsformen verglichen", entry.checked.0)
                }
            });
        }
        Draft { code, severity, ground: Ground::LocatedIn, confidence, text, doubts, sources }
    });
}

/// What the auditor's extract of the DPF List says of who runs the host; it speaks of no time before that regime.
fn certified<'c>(view: &View<'_>, case: &Case<'c>, regime: &Regime<'_>) -> Option<&'c DpfEntry> {
    let operator = view.subject.operator.as_ref()?;
    let audit = case.audit.filter(|_| regime.token().ends_with(":us_dpf"))?;
    audit.dpf_of(&operator.value.name)
}

/// ` audit.toml of 2026-11-20 (SHA-256 …) has an extract of the DPF List: Zoom Communications, Inc. is active (non-HR).`
fn extract_words(entry: &DpfEntry, audit: &Audit, lang: Lang) -> String {
    let (file, hash) = (words::source(&audit.source, lang), words::short_hash(&audit.source));
    let (name, checked) = (words::shown(&entry.name), entry.checked.0);
    let covers = if entry.covers.is_empty() { String::new() } else { format!(" ({})", words::shown(&entry.covers)) };
    let status = match entry.status {
        DpfStatus::Active => lang.pick("active", "aktiv"),
        DpfStatus::Inactive => lang.pick("inactive", "inaktiv"),
        DpfStatus::NotFound => lang.pick("not found there", "dort nicht gefunden"),
    };
    match lang {
        Lang::En => format!(
            " {file} (SHA-256 {hash}) has an extract of the DPF List of {checked}: {name}, {status}{covers}. A possible transfer, to be assessed legally."
        ),
        Lang::De => format!(
            " {file} (SHA-256 {hash}) enthält einen Auszug der DPF-Liste vom {checked}: {name}, {status}{covers}. Mögliche Übermittlung, rechtlich zu prüfen."
        ),
    }
}

/// Nothing but name resolution went there, in the clear or encrypted.
fn resolves_names(view: &View<'_>) -> bool {
    let subject = view.subject;
    subject.applications.as_slice() == ["dns"] || subject.hidden.iter().any(|h| is_resolution(*h))
}

/// The sentence about the law of the day, and what follows from it for the reader.
fn law(regime: &Regime<'_>, extract: Option<&str>, lang: Lang) -> String {
    let table = words::source(regime.source(), lang);
    let clause = regime.clause(lang);
    let after = match regime.status {
        Status::AdequatePartial if regime.is_united_states() && extract.is_some() => extract.unwrap_or_default(),
        Status::AdequatePartial if regime.is_united_states() => lang.pick(
            " Whether the recipient was certified has not been checked: a possible transfer, to be assessed legally.",
            " Ob der Empfänger zertifiziert war, ist nicht geprüft: mögliche Übermittlung, rechtlich zu prüfen.",
        ),
        Status::AdequatePartial => lang.pick(
            " Whether the recipient falls under it cannot be seen in traffic.",
            " Ob der Empfänger darunter fällt, ist dem Verkehr nicht anzusehen.",
        ),
        Status::ThirdCountry | Status::Special => {
            lang.pick(" A possible transfer, to be assessed legally.", " Mögliche Übermittlung, rechtlich zu prüfen.")
        }
        _ => "",
    };
    match lang {
        Lang::En => format!("For {} {table} lists: {clause}.{after}", regime.day),
        Lang::De => format!("Für den {} führt {table}: {clause}.{after}", regime.day),
    }
}

/// What weakens the legal half of a statement; also used for the seat of companies.
pub(super) fn regime_doubts(regime: &Regime<'_>, view: &View<'_>, case: &Case<'_>, doubts: &mut Vec<String>) {
    let lang = case.lang;
    if regime.unverified() {
        doubts.push(
            lang.pick(
                "this row of the table is general knowledge, to be checked on EUR-Lex",
                "diese Zeile der Tabelle ist Allgemeinwissen, auf EUR-Lex zu prüfen",
            )
            .to_owned(),
        );
    }
    if regime.beyond_edition {
        doubts.push(
            lang.pick(
                "the table of law is older than the observation",
                "die Regimetabelle ist älter als die Beobachtung",
            )
            .to_owned(),
        );
    }
    let last = view.subject.last.day();
    if last > regime.day && case.book.regimes.on(regime.code, last).token() != regime.token() {
        doubts.push(match lang {
            Lang::En => format!("the regime changed while it was observed (until {last}); the first day counts here"),
            Lang::De => format!("das Regime wechselte während der Beobachtung (bis {last}); hier zählt der erste Tag"),
        });
    }
}

fn unknown(view: &View<'_>, case: &Case<'_>, out: &mut Out, claim: Option<&Claim<CountryCode>>) {
    out.about(view, "TRF-05", Severity::Notice, |severity| {
        let lang = case.lang;
        let regime = claim.map(|c| case.book.regimes.on(c.value, view.day()));
        let why = match (view.indeterminate(), regime.filter(|r| r.status == Status::Indeterminate)) {
            (Some(why), _) => why,
            (None, Some(regime)) => regime.clause(lang),
            (None, None) => lang.pick("no source places it", "keine Quelle gibt einen Ort an").to_owned(),
        };
        let mut text = match lang {
            Lang::En => format!("{} The place of {} cannot be told: {why}.", view.traffic(), view.addresses()),
            Lang::De => {
                format!("{} Der Standort {} lässt sich nicht bestimmen: {why}.", view.traffic(), view.addresses())
            }
        };
        let mut sources = Vec::new();
        if let Some(claim) = claim {
            text.push(' ');
            text.push_str(&view.located(claim));
            sources.push(Arc::clone(&claim.source));
            if regime.is_some_and(|r| r.status == Status::Indeterminate) {
                sources.push(Arc::clone(case.book.regimes.source()));
            }
        }
        Draft {
            code: "TRF-05",
            severity,
            ground: Ground::LocatedIn,
            confidence: Confidence::Low,
            text,
            doubts: Vec::new(),
            sources,
        }
    });
}

#[cfg(test)]
mod tests {
    use super::super::sample::{at, book, codes, company, judged, subject, zoom};
    use super::*;
    use crate::dissect::fact::Hidden;
    use crate::policy::rules::judge_all;
    use crate::policy::service::Profile;
    use crate::policy::subject::Circumstances;
    use crate::policy::subject::{Listing, Subject};

    #[test]
    fn a_place_is_held_against_the_law_of_its_day() {
        for (country, day, expected) in [
            ("US", "2015-10-05", "TRF-02"),
            ("US", "2018-06-01", "TRF-02"),
            ("US", "2020-03-01", "TRF-02"),
            ("US", "2020-08-01", "TRF-02"),
            ("US", "2021-02-18", "TRF-02"),
            ("US", "2023-06-30", "TRF-02"),
            ("US", "2023-08-01", "TRF-02"),
            ("GB", "2020-01-31", ""),
            ("GB", "2020-06-01", "TRF-04"),
            ("GB", "2021-03-01", "TRF-04"),
            ("GB", "2021-07-01", "TRF-04"),
            ("GB", "2026-05-01", "TRF-04"),
            ("BR", "2026-01-25", "TRF-01"),
            ("BR", "2026-01-26", "TRF-03"),
            ("CH", "2020-04-16", "TRF-04"),
            ("JP", "2020-04-16", "TRF-03"),
            ("CA", "2020-04-16", "TRF-03"),
            ("IL", "2020-04-16", "TRF-03"),
            ("IN", "2020-04-16", "TRF-01"),
            ("XK", "2020-04-16", "TRF-01"),
            ("GI", "2020-06-01", "TRF-04"),
            ("GI", "2021-02-01", "TRF-01"),
            ("GP", "2020-04-16", ""),
            ("DE", "2020-04-16", ""),
            ("BL", "2020-04-16", "TRF-13"),
            ("EU", "2020-04-16", "TRF-05"),
            ("", "2020-04-16", "TRF-05"),
        ] {
            let expected: Vec<_> = Some(expected).filter(|e| !e.is_empty()).into_iter().collect();
            assert_eq!(codes(subject("a.example", country, day), None), expected, "{country} on {day}");
        }
    }

    #[test]
    fn the_united_states_are_never_a_plain_yes_or_no() {
        let text = |day: &str, lang| judged(subject("a.example", "US", day), None, lang).remove(0).text.to_string();
        assert_eq!(
            text("2020-04-16", Lang::En),
            "Sent to a.example: 1,234 packets (56.8 kB); received: 1 packet (60 bytes). DB-IP Country Lite of 2026-06-01 places the \
             address 203.0.112.7 in the United States (US). For 2020-04-16 jurisdictions.toml of 2026-11-22 lists: Privacy Shield, \
             Decision (EU) 2016/1250, in force 2016-07-12 to 2020-07-15, for certified organisations only; annulled later by C-311/18 \
             (Schrems II). Whether the recipient was certified has not been checked: a possible transfer, to be assessed legally."
        );
        assert_eq!(
            text("2021-02-18", Lang::De),
            "Gesendet an a.example: 1.234 Pakete (56,8 kB); empfangen: 1 Paket (60 Byte). Standort der Adresse 203.0.112.7 laut DB-IP \
             Country Lite vom 2026-06-01: Vereinigte Staaten (US). Für den 2021-02-18 führt jurisdictions.toml vom 2026-11-22: kein \
             Angemessenheitsbeschluss; Privacy Shield war am 2020-07-16 durch C-311/18 für ungültig erklärt, das Data Privacy Framework \
             noch nicht erlassen. Mögliche Übermittlung, rechtlich zu prüfen."
        );
        assert!(
            text("2023-08-01", Lang::En)
                .contains("Data Privacy Framework, Decision (EU) 2023/1795, in force since 2023-07-10")
        );
    }

    #[test]
    fn only_what_is_outside_is_placed() {
        let us = || subject("a.example", "US", "2021-02-18");
        assert_eq!(codes(Subject { listing: Listing::Local, ..us() }, None), Vec::<&str>::new());
        let private = Subject { addresses: vec!["192.168.1.1".parse().unwrap()], ..us() };
        assert_eq!(codes(private, None), Vec::<&str>::new());
        let background = judged(Subject { listing: Listing::Background, ..us() }, None, Lang::En);
        assert_eq!((background[0].code, background[0].severity), ("TRF-02", Severity::Info));
        // Name resolution has its own code; mixed traffic has not.
        assert_eq!(codes(Subject { applications: vec!["dns"], ..us() }, None), ["ENC-09", "TRF-09"]);
        assert_eq!(codes(Subject { applications: vec!["dns", "tls"], ..us() }, None), ["TRF-02", "ENC-09"]);
        // A resolver that is asked in secret is one all the same.
        assert_eq!(codes(Subject { hidden: vec![Hidden::Dot], ..us() }, None), ["TRF-09"]);
        assert_eq!(codes(Subject { hidden: vec![Hidden::Proxy], ..us() }, None), ["TRF-02"]);
    }

    #[test]
    fn doubts_lower_the_confidence_and_are_said() {
        let one = |s: Subject, profile: Option<&Profile>| judged(s, profile, Lang::En).remove(0);
        let us = || subject("a.example", "US", "2021-02-18");
        let plain = one(us(), None);
        assert_eq!(plain.confidence, Confidence::Medium);
        assert!(!plain.uncertainty.contains("anycast"));
        let anycast = one(Subject { indeterminate: Some("anycast".into()), ..us() }, None);
        assert_eq!((anycast.code, anycast.confidence), ("TRF-02", Confidence::Low));
        assert!(anycast.uncertainty.contains("anycast, the same address is served from many places"));
        // An EEA answer for an anycast address is no all-clear.
        let eea = Subject { indeterminate: Some("anycast".into()), ..subject("a.example", "DE", "2021-02-18") };
        assert_eq!(codes(eea, None), ["TRF-05"]);
        let profile = zoom();
        let own = Subject { addresses: vec!["170.114.10.1".parse().unwrap()], listing: Listing::Service, ..us() };
        let own = one(own, Some(&profile));
        assert_eq!(own.confidence, Confidence::Low);
        assert!(own.uncertainty.contains("seat"), "{}", own.uncertainty);
        let changed = one(Subject { first: at("2020-07-15"), last: at("2020-07-17"), ..us() }, None);
        assert!(changed.text.contains("Privacy Shield, Decision") && changed.uncertainty.contains("regime changed"));
        let future = one(subject("a.example", "US", "2030-01-01"), None);
        assert!(future.uncertainty.contains("older than the observation"));
    }

    #[test]
    fn a_database_of_another_time_is_worth_less() {
        let sure = |day| {
            let mut s = subject("zoom.us", "US", day);
            s.located_in.as_mut().unwrap().confidence = Confidence::High;
            judged(s, None, Lang::En).remove(0)
        };
        let (then, now) = (sure("2019-09-26"), sure("2025-12-01"));
        assert_eq!((then.confidence, now.confidence), (Confidence::Medium, Confidence::High));
        assert!(then.uncertainty.contains("of 2026-06-01, the traffic of 2019-09-26"), "{}", then.uncertainty);
        assert_eq!(&*now.uncertainty, "");
    }

    #[test]
    fn an_extract_of_the_dpf_list_is_told_for_the_days_of_that_regime() {
        let entry = |status: &str| {
            format!(
                "[[dpf]]\nname = \"Zoom Communications\"\nstatus = \"{status}\"\nchecked = 2026-11-20\ncovers = \"non-HR\"\n"
            )
        };
        let told = |status: &str, day: &str, operator: &str| {
            let text = format!("[case]\nreference = \"A\"\ndate = 2026-11-20\n{}", entry(status));
            let audit = Audit::parse("audit.toml", &text, None).unwrap();
            let seen = Circumstances::default();
            let case = Case::new(book(), None, Lang::En, &seen).with_audit(Some(&audit));
            let us = Subject { operator: company(operator, "US", None), ..subject("a.example", "US", day) };
            let all = judge_all(&[us], &seen, &case);
            all.into_iter().find(|f| f.code == "TRF-02").map(|f| (f.severity, f.text.to_string())).unwrap()
        };
        let (severity, text) = told("active", "2026-10-15", "Zoom Communications, Inc.");
        assert_eq!(severity, Severity::Notice);
        assert!(
            text.contains("extract of the DPF List of 2026-11-20: Zoom Communications, active (non-HR)."),
            "{text}"
        );
        assert!(!text.contains("has not been checked") && text.contains("SHA-256"), "{text}");
        let (severity, text) = told("not-found", "2026-10-15", "Zoom Communications, Inc.");
        assert!(severity == Severity::Attention && text.contains("not found there"), "{text}");
        // Somebody else, and a day on which another regime held.
        assert!(told("active", "2026-10-15", "ZoomInfo").1.contains("has not been checked"));
        assert!(told("active", "2018-06-01", "Zoom Communications, Inc.").1.contains("has not been checked"));
    }
}
