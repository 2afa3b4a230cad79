//! ENC-05, -12, -15: what hellos say of the client, whoever they went to, and what the lists remark on. What a client offered
//! and what was settled are told apart; that a list leaves something out is a remark, never more.

use super::handshake::{SPELLED, all_said, unchecked};
use super::{Case, Judge, Out, Rule};
use crate::attribution::{Confidence, NameBasis};
use crate::dissect::fact::Hidden;
use crate::policy::finding::{Finding, Ground, Severity};
use crate::policy::subject::{Listing, Subject};
use crate::policy::transport::{Grade, Graded, Kind};
use crate::policy::words::{self, Lang};
use crate::wire::{FrameNo, Timestamp};
use std::collections::BTreeMap;
use std::sync::Arc;

pub(super) const RULE: Rule = Rule {
    codes: &[
        ("ENC-05", "algorithms that the list leaves out", "Verfahren, die die Liste auslässt"),
        ("ENC-12", "host names stood in the clear in hellos", "Hostnamen standen im Klartext in Hellos"),
        ("ENC-15", "the client also offers what is outdated", "Der Client bietet auch Veraltetes an"),
    ],
    judge: Judge::Subjects(judge),
};

/// What the client's hellos say of the client, whoever they went to.
fn judge(subjects: &[Subject], case: &Case<'_>, out: &mut Out) {
    names_in_the_clear(subjects, case, out);
    remarks(subjects, case, out);
    let table = &case.book.transport;
    let lang = case.lang;
    let mut weak: BTreeMap<String, (Grade, u32)> = BTreeMap::new();
    let (mut frames, mut unverified) = (Vec::new(), false);
    for (subject, agreement) in subjects.iter().flat_map(|s| s.agreements.iter().map(move |a| (s, a))) {
        let Some(offer) = &agreement.offer else { continue };
        let day = subject.first.day();
        let mut found = false;
        let mut note = |graded: Graded<'_>| {
            if let Some(grade) = graded.grade.filter(|g| *g >= Grade::Outdated) {
                weak.entry(graded.name.into_owned()).or_insert((grade, 0)).1 += agreement.flows;
                unverified |= graded.unverified;
                found = true;
            }
        };
        if offer.oldest_version != 0 {
            note(table.code(Kind::Version, offer.oldest_version, day, false));
        }
        offer.ciphers.iter().for_each(|suite| note(table.code(Kind::Suite, *suite, day, true)));
        offer.srtp.iter().for_each(|profile| note(table.code(Kind::Srtp, *profile, day, false)));
        if found {
            frames.push(agreement.frame);
        }
    }
    if weak.is_empty() {
        return;
    }
    frames.sort_unstable();
    frames.truncate(16);
    out.push("ENC-15", Severity::Info, || {
        let (doubts, confidence) = unchecked(unverified, lang);
        let items: Vec<String> = weak.iter().map(|(name, (grade, _))| format!("{name} ({})", grade.words(lang))).collect();
        let items = words::enumerate(&items, SPELLED, ", ", lang);
        let source = words::source(table.source(), lang);
        Finding {
            code: "ENC-15",
            severity: Severity::Info,
            ground: Ground::Transport,
            subject: lang.pick("hellos of the client", "Hellos des Clients").into(),
            text: match lang {
                Lang::En => format!("Hellos of the client also offer what {source} grades as outdated or broken: {items}. What was agreed on is told apart."),
                Lang::De => format!("Hellos des Clients bieten auch an, was {source} als veraltet oder gebrochen einstuft: {items}. Was ausgehandelt wurde, steht gesondert."),
            }
            .into(),
            confidence,
            uncertainty: doubts.join("; ").into(),
            first: subjects.iter().map(|s| s.first).min().unwrap_or(Timestamp::ZERO),
            last: subjects.iter().map(|s| s.last).max().unwrap_or(Timestamp::ZERO),
            frames,
            sources: vec![Arc::clone(table.source())],
            aside: None,
        }
    });
}

/// Remarks on what was agreed on with anybody: what the list leaves out or limits, and what the table does not know.
fn remarks(subjects: &[Subject], case: &Case<'_>, out: &mut Out) {
    let lang = case.lang;
    let mut all: BTreeMap<String, (usize, FrameNo)> = BTreeMap::new();
    let (mut unverified, mut seen) = (false, Vec::new());
    for subject in subjects.iter().filter(|s| !s.agreements.is_empty()) {
        let Some(mut remarks) = all_said(subject, case).0.remove("ENC-05") else { continue };
        seen.push(subject);
        while let Some((what, said)) = remarks.pop_first() {
            unverified |= said.unverified;
            let known = all.entry(what).or_insert((0, said.frame));
            *known = (known.0 + 1, known.1.min(said.frame));
        }
    }
    let (Some(first), Some(until)) = (seen.iter().map(|s| s.first).min(), seen.iter().map(|s| s.last).max()) else {
        return;
    };
    out.push("ENC-05", Severity::Info, || {
        let least = if case.at_least { lang.pick("at least ", "mindestens ") } else { "" };
        let item = |(what, (recipients, frame)): (&String, &(usize, FrameNo))| {
            let n = words::number(*recipients as u64, lang);
            match lang {
                Lang::En => format!("{what}, with {least}{n} (from frame {frame})"),
                Lang::De => format!("{what}, mit {least}{n} (ab Frame {frame})"),
            }
        };
        let items: Vec<String> = all.iter().map(item).collect();
        let items = words::enumerate(&items, SPELLED, "; ", lang);
        let table = words::source(case.book.transport.source(), lang);
        let (doubts, confidence) = unchecked(unverified, lang);
        let text = match lang {
            Lang::En => format!("Agreed on with recipients, with remarks by {table}: {items}. That a list leaves something out does not make it weak."),
            Lang::De => format!("Mit Empfängern ausgehandelt, mit Anmerkungen nach {table}: {items}. Dass eine Liste etwas auslässt, macht es nicht schwach."),
        };
        let mut frames: Vec<FrameNo> = all.values().map(|(_, frame)| *frame).collect();
        frames.sort_unstable();
        frames.dedup();
        frames.truncate(16);
        Finding {
            code: "ENC-05",
            severity: Severity::Info,
            ground: Ground::Transport,
            subject: lang.pick("handshakes of the capture", "Handshakes der Aufzeichnung").into(),
            text: text.into(),
            confidence,
            uncertainty: doubts.join("; ").into(),
            first,
            last: until,
            frames,
            sources: vec![Arc::clone(case.book.transport.source())],
            aside: None,
        }
    });
}

/// Whoever carries the packets can read the name in a hello (RFC 6066 §3), unless it is encrypted (RFC 9849).
fn names_in_the_clear(subjects: &[Subject], case: &Case<'_>, out: &mut Out) {
    let said = |s: &&Subject| s.names.iter().any(|(_, basis)| matches!(basis, NameBasis::Hello(_)));
    let readable: Vec<&Subject> = subjects.iter().filter(|s| s.listing != Listing::Local).filter(said).collect();
    if readable.is_empty() {
        return;
    }
    out.push("ENC-12", Severity::Info, || {
        let lang = case.lang;
        let n = words::number(readable.len() as u64, lang);
        let least = if case.at_least { lang.pick("at least ", "mindestens ") } else { "" };
        let hidden = readable.iter().filter(|s| s.hidden.iter().any(|h| is_resolution(*h))).count();
        let mut text = match lang {
            Lang::En => format!("The host names of {least}{n} recipients stood in the clear in hellos: anyone on the way could read with whom the client spoke."),
            Lang::De => format!("Die Hostnamen von {least}{n} Empfängern standen im Klartext in Hellos: Unterwegs war lesbar, mit wem der Client sprach."),
        };
        if hidden > 0 {
            text.push_str(lang.pick(
                " That name resolution was encrypted did not hide them.",
                " Dass die Namensauflösung verschlüsselt war, verbarg sie nicht.",
            ));
        }
        Finding {
            code: "ENC-12",
            severity: Severity::Info,
            ground: Ground::Transport,
            subject: lang.pick("hellos of the client", "Hellos des Clients").into(),
            text: text.into(),
            confidence: Confidence::High,
            uncertainty: Box::default(),
            first: readable.iter().map(|s| s.first).min().unwrap_or(Timestamp::ZERO),
            last: readable.iter().map(|s| s.last).max().unwrap_or(Timestamp::ZERO),
            frames: readable.iter().filter_map(|s| s.frames.first().copied()).take(16).collect(),
            sources: Vec::new(),
            aside: None,
        }
    });
}

/// Whether what is hidden is name resolution.
pub(super) const fn is_resolution(hidden: Hidden) -> bool {
    matches!(hidden, Hidden::Dot | Hidden::Doq | Hidden::Doh | Hidden::Dnscrypt)
}

#[cfg(test)]
mod tests {
    use super::super::handshake::tests::{agreement, tls12, with};
    use super::super::sample::{book, subject};
    use super::*;
    use crate::dissect::fact::{HelloTransport, Offer};
    use crate::policy::rules::judge_all;
    use crate::policy::subject::{Agreement, Circumstances};

    #[test]
    fn what_is_offered_is_no_agreement() {
        let circumstances = Circumstances::default();
        let case = Case::new(book(), None, Lang::En, &circumstances);
        let of = |offer: Offer| {
            let agreement = Agreement { offer: Some(Arc::new(offer)), ..agreement(tls12(0xc02f)) };
            let all = judge_all(&[with(agreement, "2026-10-15")], &circumstances, &case);
            all.into_iter().filter(|f| f.code.starts_with("ENC-") && f.code != "ENC-12").collect::<Vec<_>>()
        };
        let strong =
            Offer { ciphers: vec![0x1301, 0xc014], oldest_version: 0x0303, ..Offer::unknown(HelloTransport::Tls) };
        assert_eq!(of(strong.clone()).len(), 0);
        let weak = of(Offer { ciphers: vec![0x1301, 0x0005], oldest_version: 0x0301, ..strong });
        assert_eq!((weak.len(), weak[0].code, weak[0].severity), (1, "ENC-15", Severity::Info));
        assert!(weak[0].text.contains("TLS 1.0 (outdated) and TLS_RSA_WITH_RC4_128_SHA (broken)"), "{}", weak[0].text);
    }

    #[test]
    fn names_in_hellos_are_one_finding() {
        let circumstances = Circumstances::default();
        let case = Case::new(book(), None, Lang::En, &circumstances);
        let told = |subjects: &[Subject]| {
            judge_all(subjects, &circumstances, &case).iter().filter(|f| f.code == "ENC-12").count()
        };
        let named = subject("a.example", "DE", "2026-10-15");
        assert_eq!(told(&[named.clone(), named]), 1);
        assert_eq!(told(&[subject("", "DE", "2026-10-15")]), 0);
    }
}
