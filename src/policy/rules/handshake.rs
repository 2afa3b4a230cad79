//! ENC-02 to -05, -07, -08, -10 to -12, -15: what a handshake shows, graded against dated lists. What a client offered and
//! what was settled are told apart; that a list leaves something out is a remark, never more.

use super::{Case, Draft, Judge, Out, Rule, View};
use crate::attribution::{Confidence, NameBasis};
use crate::dissect::fact::{HelloTransport, Hidden};
use crate::policy::finding::{Finding, Ground, Severity};
use crate::policy::subject::{Agreement, Listing, Subject, Validity};
use crate::policy::transport::{Grade, Graded, Kind, Measured};
use crate::policy::words::{self, Lang};
use crate::wire::{Day, FrameNo, Timestamp};
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
        ("ENC-11", "how media are protected cannot be told", "Wie Medien geschützt sind, ist nicht zu erkennen"),
    ],
    judge: Judge::Subject(judge),
};

pub(super) const OFFERED: Rule = Rule {
    codes: &[
        ("ENC-05", "algorithms that the list leaves out", "Verfahren, die die Liste auslässt"),
        ("ENC-12", "host names stood in the clear in hellos", "Hostnamen standen im Klartext in Hellos"),
        ("ENC-15", "the client also offers what is outdated", "Der Client bietet auch Veraltetes an"),
    ],
    judge: Judge::Subjects(offered),
};

/// Things that a sentence spells out.
const SPELLED: usize = 8;

/// One thing said of a recipient's handshakes: in how many flows, from which frame on.
#[derive(Debug, Clone, Copy)]
struct Seen {
    flows: u32,
    frame: FrameNo,
    severity: Severity,
    unverified: bool,
}

/// Statements by their words; equal ones are counted together.
type Statements = BTreeMap<String, Seen>;

#[derive(Debug, Default)]
struct Said(BTreeMap<&'static str, Statements>);

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
    if subject.listing != Listing::Local {
        undecidable(view, case, out);
    }
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

fn all_said(subject: &Subject, case: &Case<'_>) -> Said {
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
fn unchecked(any: bool, lang: Lang) -> (Vec<String>, Confidence) {
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

/// Media in a framing of their own, or without the handshake that would show their protection.
fn undecidable(view: &View<'_>, case: &Case<'_>, out: &mut Out) {
    const MEDIA: [&str; 5] = ["zoom", "rtp", "rtcp", "discord", "zrtp"];
    let subject = view.subject;
    let media: Vec<String> =
        MEDIA.iter().filter(|m| subject.applications.contains(m)).map(|m| m.to_uppercase()).collect();
    let by_dtls = |a: &Agreement| a.choice.is_some_and(|c| c.srtp.is_some());
    if media.is_empty() || subject.agreements.iter().any(by_dtls) {
        return;
    }
    out.about(view, "ENC-11", Severity::Info, |severity| Draft {
        code: "ENC-11",
        severity,
        ground: Ground::Transport,
        confidence: Confidence::High,
        text: match case.lang {
            Lang::En => format!(
                "Media were exchanged with {} ({}); no handshake that would show their protection was seen, and the bytes alone do not tell. {}",
                view.line(),
                media.join(", "),
                view.traffic()
            ),
            Lang::De => format!(
                "Mit {} wurden Medien ausgetauscht ({}); ein Handshake, der ihren Schutz zeigt, war nicht zu sehen, und die Bytes allein sagen es nicht. {}",
                view.line(),
                media.join(", "),
                view.traffic()
            ),
        },
        doubts: Vec::new(),
        sources: Vec::new(),
    });
}

/// What the client's hellos say of the client, whoever they went to.
fn offered(subjects: &[Subject], case: &Case<'_>, out: &mut Out) {
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
pub(super) mod tests {
    use super::super::sample::{book, judged, subject};
    use super::*;
    use crate::dissect::fact::{Choice, Offer};
    use crate::policy::rules::judge_all;
    use crate::policy::subject::{Circumstances, Leaf};

    fn agreement(choice: Choice) -> Agreement {
        let transport = if choice.version >> 8 == 0xfe { HelloTransport::Dtls } else { HelloTransport::Tls };
        let offer = Offer { version: choice.version, ..Offer::unknown(transport) };
        Agreement { offer: Some(Arc::new(offer)), choice: Some(choice), leaf: None, flows: 3, frame: FrameNo(7) }
    }

    fn tls12(cipher: u16) -> Choice {
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

    fn with(agreement: Agreement, day: &str) -> Subject {
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
    fn media_without_a_handshake_are_not_called_protected() {
        let media = |applications, agreements| {
            let s = Subject { applications, agreements, ..subject("a.example", "DE", "2026-10-15") };
            judged(s, None, Lang::En).iter().any(|f| f.code == "ENC-11")
        };
        assert!(media(vec!["zoom"], vec![]));
        let keys = Choice { version: 0xfefd, cipher: 0xc02b, srtp: Some(7), ..Choice::default() };
        assert!(!media(vec!["dtls", "rtp"], vec![agreement(keys)]));
        assert!(media(vec!["rtp"], vec![agreement(tls12(0xc02f))]));
        assert!(!media(vec!["tls"], vec![]));
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
