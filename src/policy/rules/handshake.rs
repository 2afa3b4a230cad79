//! ENC-02 to -04, -07, -08, -10: what a handshake settled, graded against dated lists.

use super::{Case, Draft, Judge, Out, Rule, View};
use crate::attribution::Confidence;
use crate::dissect::fact::HelloTransport;
use crate::policy::finding::{Ground, Severity};
use crate::policy::subject::{Agreement, Listing, Subject, Validity};
use crate::policy::transport::{Grade, Graded, Kind, Measured};
use crate::policy::words::{self, Lang};
use crate::wire::{Day, FrameNo};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

pub(super) const RULE: Rule = Rule {
    codes: &[
        ("ENC-02", "an outdated version of TLS was agreed on", "Eine veraltete TLS-Version wurde ausgehandelt"),
        ("ENC-03", "a weak cipher or key exchange was agreed on", "Ein schwaches Verfahren wurde ausgehandelt"),
        ("ENC-04", "no forward secrecy", "Keine Forward Secrecy"),
        ("ENC-07", "a weak SRTP profile was agreed on", "Ein schwaches SRTP-Profil wurde ausgehandelt"),
        ("ENC-08", "DTLS 1.0 was agreed on", "DTLS 1.0 wurde ausgehandelt"),
        ("ENC-10", "something odd about a certificate", "Auffälliges Zertifikat"),
    ],
    judge: Judge::Subject(judge),
};

/// Things that a sentence spells out.
pub(super) const SPELLED: usize = 8;

/// One thing said of a recipient's handshakes: in how many flows, from which frame on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen {
    flows: u32,
    pub(super) frame: FrameNo,
    severity: Severity,
    pub(super) unverified: bool,
}

/// Statements by their words; equal ones are counted together.
pub(super) type Statements = BTreeMap<String, Seen>;

#[derive(Debug, Default)]
pub(super) struct Said(pub(super) BTreeMap<&'static str, Statements>);

impl Said {
    fn add(&mut self, code: &'static str, severity: Severity, what: String, of: &Agreement, unverified: bool) {
        let seen = Seen { flows: 0, frame: of.frame, severity, unverified };
        let known = self.0.entry(code).or_default().entry(what).or_insert(seen);
        known.flows += of.flows;
        known.frame = known.frame.min(of.frame);
    }

    /// A grade worse than acceptable under one code, a remark of the list under ENC-05.
    fn grade(&mut self, code: &'static str, graded: &Graded<'_>, what: &str, of: &Agreement, case: &Case<'_>) {
        let lang = case.lang;
        let Some(grade) = graded.grade else {
            let text = match lang {
                Lang::En => format!("{what} {}, unknown to the table", graded.name),
                Lang::De => format!("{what} {}, der Tabelle unbekannt", graded.name),
            };
            return self.add("ENC-05", Severity::Info, text, of, false);
        };
        let severity = match grade {
            Grade::Broken | Grade::Outdated => Severity::Attention,
            Grade::Dated => Severity::Notice,
            _ => Severity::Info,
        };
        if severity > Severity::Info {
            self.add(code, severity, told(what, graded, grade, lang), of, graded.unverified);
        } else if graded.omitted || graded.lapsed.is_some() || grade == Grade::Unusual {
            let bsi = case.book.transport.list_words(lang);
            let why = match (graded.lapsed, grade, lang) {
                (Some(day), _, Lang::En) => format!("until {day} by {bsi}"),
                (Some(day), _, Lang::De) => format!("bis {day} laut {bsi}"),
                (None, Grade::Unusual, _) => lang.pick("rarely used", "selten benutzt").to_owned(),
                (None, _, Lang::En) => format!("not recommended in {bsi}"),
                (None, _, Lang::De) => format!("nicht empfohlen in {bsi}"),
            };
            self.add("ENC-05", Severity::Info, format!("{what} {} ({why})", graded.name), of, graded.unverified);
        }
    }
}

/// `cipher suite TLS_RSA_WITH_RC4_128_SHA: broken, RFC 7465 forbids RC4`.
fn told(what: &str, graded: &Graded<'_>, grade: Grade, lang: Lang) -> String {
    let mut text = format!("{what} {}: {}", graded.name, grade.words(lang));
    if let Some(note) = graded.note {
        let _ = write!(text, ", {}", note.get(lang));
    }
    if let Some(last) = graded.lapsed {
        let _ = write!(text, ", {} {last}", lang.pick("last day of use in the list:", "letzter Tag laut Liste:"));
    }
    text
}

fn judge(view: &View<'_>, case: &Case<'_>, out: &mut Out) {
    let subject = view.subject;
    if subject.agreements.is_empty() {
        return;
    }
    for (code, statements) in all_said(subject, case).0.into_iter().filter(|(code, _)| *code != "ENC-05") {
        let worst = statements.values().map(|s| s.severity).max().unwrap_or(Severity::Info);
        // Inside the own network nobody on the Internet listens.
        let worst = if subject.listing == Listing::Local { worst.min(Severity::Notice) } else { worst };
        out.about(view, code, worst, |severity| draft(view, case, code, severity, &statements));
    }
}

pub(super) fn all_said(subject: &Subject, case: &Case<'_>) -> Said {
    let mut said = Said::default();
    for agreement in &subject.agreements {
        settled(agreement, subject.first.day(), case, &mut said);
        certificate(agreement, subject.first.day(), case, &mut said);
    }
    said
}

/// What the answer to a hello settled.
fn settled(agreement: &Agreement, day: Day, case: &Case<'_>, said: &mut Said) {
    let Some(choice) = &agreement.choice else { return };
    let (table, lang) = (&case.book.transport, case.lang);
    let dtls =
        agreement.offer.as_ref().is_some_and(|o| o.transport == HelloTransport::Dtls) || choice.version >> 8 == 0xfe;
    let version = table.code(Kind::Version, choice.version, day, false);
    let code = if choice.version == 0xfeff { "ENC-08" } else { "ENC-02" };
    said.grade(code, &version, lang.pick("version", "Version"), agreement, case);
    let suite = table.code(Kind::Suite, choice.cipher, day, choice.encrypt_then_mac);
    said.grade("ENC-03", &suite, lang.pick("cipher suite", "Cipher Suite"), agreement, case);
    // RFC 8446 §4.2.9: a session resumed without a key share rests on the old secret alone.
    let old_secret = choice.version == 0x0304 && choice.resumed && choice.group.is_none() && !choice.retry;
    if !suite.forward_secrecy || old_secret {
        let why = if old_secret {
            lang.pick("session resumed without a new key exchange", "Sitzung ohne neuen Schlüsselaustausch fortgesetzt")
        } else {
            lang.pick("static key exchange", "statischer Schlüsselaustausch")
        };
        said.add("ENC-04", Severity::Attention, format!("{} ({why})", suite.name), agreement, suite.unverified);
    }
    // The group of a retry is a wish.
    if let Some(group) = choice.group.filter(|_| !choice.retry) {
        let graded = table.code(Kind::Group, group, day, false);
        said.grade("ENC-03", &graded, lang.pick("group", "Gruppe"), agreement, case);
    }
    if let Some(bits) = choice.prime_bits {
        let graded = table.size(Measured::Dh, bits, day);
        said.grade("ENC-03", &graded, lang.pick("prime", "Primzahl"), agreement, case);
    }
    if let Some(signature) = choice.signature {
        let graded = table.code(Kind::Signature, signature, day, false);
        said.grade("ENC-10", &graded, lang.pick("signed with", "unterschrieben mit"), agreement, case);
    }
    if let Some(srtp) = choice.srtp.filter(|_| dtls) {
        let graded = table.code(Kind::Srtp, srtp, day, false);
        if graded.grade == Some(Grade::Broken) {
            let text = told(lang.pick("SRTP profile", "SRTP-Profil"), &graded, Grade::Broken, lang);
            said.add("ENC-07", Severity::High, text, agreement, graded.unverified);
        } else {
            said.grade("ENC-07", &graded, lang.pick("SRTP profile", "SRTP-Profil"), agreement, case);
        }
    }
}

/// The server's certificate, where it was sent in the clear (up to TLS 1.2).
fn certificate(agreement: &Agreement, day: Day, case: &Case<'_>, said: &mut Said) {
    let Some(leaf) = &agreement.leaf else { return };
    let (table, lang) = (&case.book.transport, case.lang);
    let dtls = agreement.choice.is_some_and(|c| c.version >> 8 == 0xfe);
    let key = table.word(Kind::Key, &leaf.key, day);
    said.grade("ENC-10", &key, lang.pick("key", "Schlüssel"), agreement, case);
    // WebRTC binds its certificates by a fingerprint in the signalling (RFC 8827 §6.5): nobody checks name or issuer.
    if dtls {
        return;
    }
    let signature = table.word(Kind::CertificateSignature, &leaf.signature, day);
    if !leaf.self_signed {
        said.grade(
            "ENC-10",
            &signature,
            lang.pick("certificate signed with", "Zertifikat unterschrieben mit"),
            agreement,
            case,
        );
    }
    let odd = [
        (leaf.validity == Validity::Over, "its time was over", "seine Gültigkeit war abgelaufen"),
        (leaf.validity == Validity::NotYet, "its time had not begun", "seine Gültigkeit hatte noch nicht begonnen"),
        (leaf.self_signed, "signed by itself", "von sich selbst unterschrieben"),
        (leaf.fits == Some(false), "not for the name asked for", "nicht für den erfragten Namen"),
    ];
    for (_, en, de) in odd.iter().filter(|(is, ..)| *is) {
        said.add("ENC-10", Severity::Notice, lang.pick(en, de).to_owned(), agreement, false);
    }
}

fn draft(view: &View<'_>, case: &Case<'_>, code: &'static str, severity: Severity, said: &Statements) -> Draft {
    let lang = case.lang;
    let table = words::source(case.book.transport.source(), lang);
    let (line, day) = (view.line(), view.day());
    let what: Vec<String> = said.iter().map(|(what, seen)| counted(what, *seen, case)).collect();
    let what = words::enumerate(&what, SPELLED, "; ", lang);
    let text = match (code, lang) {
        ("ENC-04", Lang::En) => format!(
            "Agreed with {line}, graded by {table} for {day}: {what}. Whoever gets the server's key later can read what was recorded."
        ),
        ("ENC-04", Lang::De) => format!(
            "Ausgehandelt mit {line}, eingestuft nach {table} für den {day}: {what}. Wer später den Schlüssel des Servers erhält, kann Aufgezeichnetes lesen."
        ),
        ("ENC-10", Lang::En) => {
            format!("Certificate and signatures shown by {line}, looked at by {table} for {day}: {what}.")
        }
        ("ENC-10", Lang::De) => {
            format!("Zertifikat und Unterschriften von {line}, betrachtet nach {table} für den {day}: {what}.")
        }
        (_, Lang::En) => format!("Agreed with {line}, graded by {table} for {day}: {what}."),
        (_, Lang::De) => format!("Ausgehandelt mit {line}, eingestuft nach {table} für den {day}: {what}."),
    };
    let (mut doubts, confidence) = unchecked(said.values().any(|s| s.unverified), lang);
    if view.subject.ungraded > 0 {
        let more = words::number(view.subject.ungraded.into(), lang);
        doubts.push(match lang {
            Lang::En => format!("{more} further flows were not graded"),
            Lang::De => format!("{more} weitere Verbindungen sind nicht eingestuft"),
        });
    }
    if day > case.book.transport.edition() {
        doubts.push(
            lang.pick(
                "the table of grades is older than the observation",
                "die Tabelle der Einstufungen ist älter als die Beobachtung",
            )
            .to_owned(),
        );
    }
    let sources = vec![Arc::clone(case.book.transport.source())];
    Draft { code, severity, ground: Ground::Transport, confidence, text, doubts, sources }
}

/// What is general knowledge weakens what rests on it.
pub(super) fn unchecked(any: bool, lang: Lang) -> (Vec<String>, Confidence) {
    let doubt = lang.pick(
        "a grade is general knowledge, to be checked against RFC and BSI",
        "eine Einstufung ist Allgemeinwissen, an RFC und BSI zu prüfen",
    );
    if any { (vec![doubt.to_owned()], Confidence::Medium) } else { (Vec::new(), Confidence::High) }
}

/// `version TLS 1.0: outdated (at least 2 flows, from frame 7)`.
fn counted(what: &str, seen: Seen, case: &Case<'_>) -> String {
    let (lang, flows, frame) = (case.lang, words::number(seen.flows.into(), case.lang), seen.frame);
    let least = if case.at_least { lang.pick("at least ", "mindestens ") } else { "" };
    match (lang, seen.flows) {
        (Lang::En, 1) => format!("{what} ({least}1 flow, from frame {frame})"),
        (Lang::En, _) => format!("{what} ({least}{flows} flows, from frame {frame})"),
        (Lang::De, 1) => format!("{what} ({least}1 Verbindung, ab Frame {frame})"),
        (Lang::De, _) => format!("{what} ({least}{flows} Verbindungen, ab Frame {frame})"),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::sample::{judged, subject};
    use super::*;
    use crate::dissect::fact::{Choice, Hidden, Offer};
    use crate::policy::subject::Leaf;

    pub(in crate::policy::rules) fn agreement(choice: Choice) -> Agreement {
        let transport = if choice.version >> 8 == 0xfe { HelloTransport::Dtls } else { HelloTransport::Tls };
        let offer = Offer { version: choice.version, ..Offer::unknown(transport) };
        Agreement { offer: Some(Arc::new(offer)), choice: Some(choice), leaf: None, flows: 3, frame: FrameNo(7) }
    }

    pub(in crate::policy::rules) fn tls12(cipher: u16) -> Choice {
        Choice { version: 0x0303, cipher, group: Some(0x17), ..Choice::default() }
    }

    fn leaf() -> Leaf {
        Leaf {
            key: "ec-p256".into(),
            signature: "ecdsa-sha256".into(),
            self_signed: false,
            validity: Validity::InTime,
            fits: Some(true),
        }
    }

    pub(in crate::policy::rules) fn with(agreement: Agreement, day: &str) -> Subject {
        Subject { agreements: vec![agreement], ..subject("a.example", "DE", day) }
    }

    fn raised(choice: Choice, day: &str) -> Vec<(&'static str, Severity)> {
        judged(with(agreement(choice), day), None, Lang::En).iter().map(|f| (f.code, f.severity)).collect()
    }

    /// Subjects that together raise every code of this file.
    pub(in crate::policy::rules) fn cases() -> Vec<Subject> {
        let day = "2021-06-18";
        let mut old = agreement(Choice { version: 0x0301, ..tls12(0x000a) });
        old.offer = Some(Arc::new(Offer { ciphers: vec![0x0005, 0x1301], ..Offer::unknown(HelloTransport::Tls) }));
        old.leaf = Some(Leaf {
            key: "rsa-1024".into(),
            signature: "rsa-sha1".into(),
            self_signed: false,
            validity: Validity::Over,
            fits: Some(false),
        });
        let dtls = Choice { version: 0xfeff, cipher: 0xc014, srtp: Some(2), ..Choice::default() };
        let unknown = Choice { version: 0x7f1c, cipher: 0xfafb, group: Some(0x1d), prime_bits: Some(1024), ..tls12(0) };
        let resumed = Choice { version: 0x0304, resumed: true, cipher: 0x1303, ..Choice::default() };
        vec![
            with(old, day),
            with(agreement(dtls), day),
            with(agreement(unknown), day),
            with(agreement(resumed), day),
            Subject { applications: vec!["zoom"], ungraded: 2, ..with(agreement(tls12(0x9c)), day) },
            Subject { hidden: vec![Hidden::Doh], ..with(agreement(tls12(0xc02f)), day) },
        ]
    }

    #[test]
    fn what_was_settled_is_graded_by_its_day() {
        use Severity::{Attention, High, Info, Notice};
        let today = "2026-10-15";
        let modern = Choice { version: 0x0304, cipher: 0x1301, group: Some(0x17), ..Choice::default() };
        assert_eq!(raised(modern, today), []);
        assert_eq!(raised(tls12(0xc02f), today), []);
        // What a list leaves out is a remark: ChaCha20, x25519.
        assert_eq!(raised(Choice { cipher: 0x1303, group: Some(0x1d), ..modern }, today), [("ENC-05", Info)]);
        let old = |day| raised(Choice { version: 0x0301, ..tls12(0xc02f) }, day);
        assert_eq!(old("2014-06-01"), []);
        assert_eq!(old("2018-06-01"), [("ENC-02", Notice)]);
        assert_eq!(old("2022-06-01"), [("ENC-02", Attention)]);
        assert_eq!(raised(tls12(0x0005), today), [("ENC-03", Attention), ("ENC-04", Attention)]);
        assert_eq!(raised(tls12(0xc014), today), [("ENC-03", Notice)]);
        assert_eq!(raised(Choice { encrypt_then_mac: true, ..tls12(0xc027) }, today), []);
        assert_eq!(raised(tls12(0xc027), today), [("ENC-03", Notice)]);
        assert_eq!(raised(tls12(0x009c), today), [("ENC-04", Attention), ("ENC-05", Info)]);
        assert_eq!(raised(tls12(0xfafb), today), [("ENC-05", Info)]);
        let prime = |bits| raised(Choice { group: None, prime_bits: Some(bits), ..tls12(0x009f) }, today);
        assert_eq!(prime(1024), [("ENC-03", Attention)]);
        assert_eq!(prime(2048), [("ENC-03", Notice)]);
        assert_eq!(prime(4096), []);
        // The group of a HelloRetryRequest is no final choice.
        assert_eq!(raised(Choice { retry: true, group: Some(0x0100), ..modern }, today), []);
        assert_eq!(raised(Choice { group: Some(0x0100), ..modern }, today), [("ENC-03", Attention)]);
        let resumed = Choice { resumed: true, group: None, ..modern };
        assert_eq!(raised(resumed, today), [("ENC-04", Attention)]);
        assert_eq!(raised(Choice { group: Some(0x17), ..resumed }, today), []);
        let media =
            |srtp| raised(Choice { version: 0xfefd, cipher: 0xc02b, srtp: Some(srtp), ..Choice::default() }, today);
        assert_eq!((media(1), media(7)), (vec![], vec![]));
        assert_eq!(media(2), [("ENC-07", Notice)]);
        assert_eq!(media(5), [("ENC-07", High)]);
        assert_eq!(media(0x0b), [("ENC-05", Info)]);
        let dtls10 = Choice { version: 0xfeff, cipher: 0xc02b, ..Choice::default() };
        assert_eq!(raised(dtls10, today), [("ENC-08", Attention)]);
        let signed = |signature| raised(Choice { signature: Some(signature), ..tls12(0xc02f) }, today);
        assert_eq!((signed(0x0403), signed(0x0201)), (vec![], vec![("ENC-10", Attention)]));
        assert_eq!(signed(0x0401), [("ENC-05", Info)]);
    }

    #[test]
    fn certificates_are_looked_at_but_not_those_of_webrtc() {
        let seen = |leaf: Leaf, version| {
            let choice = Choice { version, ..tls12(0xc02b) };
            let subject = with(Agreement { leaf: Some(leaf), ..agreement(choice) }, "2026-10-15");
            judged(subject, None, Lang::En).iter().map(|f| (f.code, f.text.to_string())).collect::<Vec<_>>()
        };
        assert_eq!(seen(leaf(), 0x0303), []);
        let odd = Leaf { self_signed: true, fits: Some(false), ..leaf() };
        let found = seen(odd.clone(), 0x0303);
        assert_eq!(found.len(), 1);
        assert!(
            found[0].1.contains("signed by itself") && found[0].1.contains("not for the name asked for"),
            "{found:?}"
        );
        assert_eq!(seen(odd, 0xfefd), []);
        let late = seen(Leaf { validity: Validity::Over, ..leaf() }, 0x0303);
        assert!(late[0].1.contains("its time was over"), "{late:?}");
        // A key that browsers take but the BSI list finds short is a remark.
        assert_eq!(seen(Leaf { key: "rsa-2048".into(), ..leaf() }, 0x0303)[0].0, "ENC-05");
        assert_eq!(seen(Leaf { key: "rsa-1024".into(), ..leaf() }, 0x0303)[0].0, "ENC-10");
    }

    #[test]
    fn the_sentence_counts_and_names_table_and_day() {
        let all = judged(with(agreement(Choice { version: 0x0301, ..tls12(0xc02f) }), "2026-10-15"), None, Lang::En);
        let found = all.iter().find(|f| f.code == "ENC-02").unwrap();
        assert_eq!(
            &*found.text,
            "Agreed with a.example, graded by transport.toml of 2026-11-22 for 2026-10-15: version TLS 1.0: outdated, RFC 8996 \
             withdraws it (3 flows, from frame 7)."
        );
        assert_eq!(found.sources[0].sha256.len(), 64);
        let local = Subject { listing: Listing::Local, ..with(agreement(tls12(0x0005)), "2026-10-15") };
        assert!(judged(local, None, Lang::En).iter().all(|f| f.severity <= Severity::Notice));
    }
}
