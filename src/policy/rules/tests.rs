use super::sample::{
    all_kinds, at, book, broken, company, declared as declarations, judged, sorted_talk, subject, talk, zoom,
};
use super::*;
use crate::attribution::NameBasis;
use crate::dissect::fact::NameSource;
use crate::policy::service::Parameters;
use crate::policy::subject::Label;
use crate::policy::{Ground, Profile};
use crate::wire::{Day, FrameNo, Text};

/// Splits at full stops that end a sentence: followed by a space and a capital.
fn sentences(text: &str) -> Vec<&str> {
    let mut out = Vec::new();
    let mut start = 0;
    for (at, _) in text.match_indices(". ") {
        if text[at + 2..].starts_with(char::is_uppercase) {
            out.push(&text[start..=at]);
            start = at + 2;
        }
    }
    out.push(&text[start..]);
    out
}

fn has_country(sentence: &str) -> bool {
    let bytes = sentence.as_bytes();
    bytes.windows(4).any(|w| w[0] == b'(' && w[1].is_ascii_uppercase() && w[2].is_ascii_uppercase() && w[3] == b')')
        && !sentence.contains("(EU)")
        || bytes.windows(4).any(|w| w == b"(US)" || w == b"(CN)")
}

fn has_date(sentence: &str) -> bool {
    sentence
        .as_bytes()
        .windows(10)
        .any(|w| w.iter().enumerate().all(|(i, b)| if i == 4 || i == 7 { *b == b'-' } else { b.is_ascii_digit() }))
}

/// The service that media to a host makes likely.
fn proposal(host: &str) -> Option<crate::policy::Proposal> {
    use crate::policy::{Recogniser, Seen};
    let mut recogniser = Recogniser::new(book().catalogue().unwrap());
    let (address, day, frame) = ("203.0.112.9".parse().unwrap(), Day::parse("2026-11-01").unwrap(), FrameNo(4));
    for name in [host, &format!("a.{host}"), &format!("b.{host}")] {
        let (spoken, port) = (&["rtp"][..], 443);
        recogniser.see(&Seen { name: Some(name), address, asn: None, port, spoken, packets: 9, bytes: 9, day, frame });
    }
    recogniser.process("ms-teams.exe");
    recogniser.proposal(None).0
}

#[test]
fn every_text_keeps_to_the_manners_in_both_languages() {
    let zoom = zoom();
    let profile = zoom.clone();
    let mut raised: Vec<&str> = Vec::new();
    let aside = "reason = \"a gadget\"\ndecided = 2020-01-01\n";
    let rows = [format!("code = \"TRF-02\"\n{aside}"), format!("code = \"SUB-01\"\nuntil = 2020-01-02\n{aside}")];
    let rows = rows.map(|row| format!("[[suppress]]\n{row}")).concat();
    let audit = format!("[case]\nreference = \"A\"\ndate = 2026-11-20\n{rows}");
    let audit = Audit::parse("audit.toml", &audit, None).unwrap();
    for (lang, (talk, timeline, markers)) in Lang::ALL.into_iter().flat_map(|l| [(l, talk()), (l, sorted_talk())]) {
        let quiet = || Circumstances { first: at("2020-04-16"), last: at("2020-04-16"), ..Circumstances::default() };
        let other = || Circumstances { proposal: proposal("teams.microsoft.com"), ..quiet() };
        let course = Course { timeline: &timeline, markers: &markers, first: talk[0].first, last: talk[0].last };
        let declared = declarations();
        let kinds: Vec<Subject> = talk.iter().cloned().chain(all_kinds(&zoom)).collect();
        for (circumstances, profile) in [
            (broken(), Some(&profile)),
            (Circumstances { copy_of: Some("0f".repeat(64).into()), ..quiet() }, Some(&profile)),
            (other(), Some(&profile)),
            (other(), None),
            (Circumstances { proposal: proposal("voip.signal.org"), ..quiet() }, None),
        ] {
            let audit = if circumstances.lost > 0 { &audit } else { &declared };
            let horizon = geo_conflict::tests::frankfurt();
            let case = Case::new(book(), profile, lang, &circumstances).with_audit(Some(audit));
            let case = case.with_horizon(Some(horizon)).with_course(course);
            let subjects = [kinds.clone(), geo_conflict::tests::kinds()].concat();
            for finding in judge_all(&subjects, &circumstances, &case) {
                raised.push(finding.code);
                let whole = format!("{} | {} | {}", finding.subject, finding.text, finding.uncertainty);
                if let Some(word) = forbidden(&whole, lang) {
                    panic!("{}: `{word}` in: {whole}", finding.code);
                }
                for sentence in sentences(&finding.text) {
                    assert!(!has_country(sentence) || has_date(sentence), "{}: no date: {sentence}", finding.code);
                }
                if finding.ground == Ground::List {
                    assert!(whole.contains("SHA-256") || case.profile.is_none(), "{}: no hash: {whole}", finding.code);
                    assert!(case.profile.is_none() || finding.sources.iter().any(|s| s.sha256.len() == 64));
                }
                if case.at_least && (finding.text.contains("1,234") || finding.text.contains("1.234")) {
                    assert!(finding.text.contains(lang.pick("at least 1,234", "mindestens 1.234")), "{}", finding.text);
                }
                assert!(finding.text.ends_with('.'), "{}: {}", finding.code, finding.text);
                assert!(
                    !finding.text.contains("  ") && !finding.text.contains(".."),
                    "{}: {}",
                    finding.code,
                    finding.text
                );
                let foreign: &[&str] = if lang == Lang::En {
                    &[" der ", " und ", " ist ", " nicht "]
                } else {
                    &[" the ", " and ", " is ", " not "]
                };
                for word in foreign {
                    assert!(!whole.contains(word), "{}: `{word}` in the other language: {whole}", finding.code);
                }
                assert!(!finding.subject.is_empty());
            }
        }
    }
    // No rule is left out of this test, and no code is raised that is not in the catalogue.
    let mut catalogue: Vec<&str> = RULES.iter().flat_map(|r| r.codes.iter().map(|c| c.0)).collect();
    catalogue.sort_unstable();
    assert!(catalogue.windows(2).all(|w| w[0] != w[1]), "a code belongs to one rule");
    raised.sort_unstable();
    raised.dedup();
    assert_eq!(raised, catalogue);
    for (_, en, de) in RULES.iter().flat_map(|r| r.codes) {
        assert_eq!((forbidden(en, Lang::En), forbidden(de, Lang::De)), (None, None), "{en} / {de}");
    }
}

#[test]
fn the_word_list_bites() {
    for (text, lang, bites) in [
        ("This is illegal.", Lang::En, true),
        ("a transfer", Lang::En, true),
        ("A possible transfer, to be assessed", Lang::En, false),
        ("secure.example.org", Lang::En, false),
        ("Das ist sicher.", Lang::De, true),
        ("Mögliche Übermittlung, rechtlich zu prüfen", Lang::De, false),
        ("Die Übermittlung", Lang::De, true),
    ] {
        assert_eq!(forbidden(text, lang).is_some(), bites, "{text}");
    }
}

#[test]
fn findings_come_gravest_first_and_carry_their_evidence() {
    let profile = zoom();
    let circumstances = broken();
    let case = Case::new(book(), Some(&profile), Lang::En, &circumstances);
    let all = judge_all(&all_kinds(&profile), &circumstances, &case);
    assert!(all.windows(2).all(|w| (Reverse(w[0].severity), w[0].code) <= (Reverse(w[1].severity), w[1].code)));
    let placed = all.iter().find(|f| f.code == "TRF-02").unwrap();
    assert_eq!(placed.frames, [FrameNo(7)]);
    assert_eq!(placed.sources.len(), 2);
    assert!(placed.sources.iter().all(|s| !s.date.is_empty() && s.sha256.len() == 64));
}

#[test]
fn a_flood_of_recipients_is_summed_up_and_nothing_vanishes() {
    let one = subject("a.example", "US", "2021-02-18");
    let many = vec![one; FINDINGS_PER_CODE + 1500];
    let circumstances = Circumstances::default();
    let case = Case::new(book(), None, Lang::En, &circumstances);
    let all = judge_all(&many, &circumstances, &case);
    let located: Vec<_> = all.iter().filter(|f| f.code == "TRF-02").collect();
    assert_eq!(located.len(), FINDINGS_PER_CODE + 1);
    let summary = located.last().unwrap();
    assert_eq!((&*summary.subject, summary.severity), ("1,500 further recipients", Severity::Attention));
    assert!(summary.text.starts_with("1,500 further findings of this code"));
}

#[test]
fn hostile_names_stay_harmless() {
    let name = format!("a\u{1b}[2J\u{202e}{}", "b".repeat(70_000));
    let named = Subject {
        names: vec![(Text::from(name.as_str()), NameBasis::Hello(NameSource::TlsSni))],
        ..subject("", "US", "2021-02-18")
    };
    let named = Subject {
        label: Some(Label {
            category: "odd".into(),
            suffix: "x".into(),
            via: Some("z\u{7}".into()),
            operator: "y\u{7}".into(),
            operator_country: None,
            unverified: false,
        }),
        ..named
    };
    for lang in Lang::ALL {
        for finding in judged(named.clone(), Some(&zoom()), lang) {
            let whole = format!("{}{}{}", finding.subject, finding.text, finding.uncertainty);
            assert!(!whole.chars().any(crate::wire::is_treacherous), "{whole}");
            assert!(whole.len() < 3000);
        }
    }
}

#[test]
fn the_sentence_about_traffic_can_be_left_out() {
    for lang in Lang::ALL {
        let mut subject = subject("stats.example (a. b)", "US", "2021-02-18");
        subject.holder = company("Example, Inc.", "US", None);
        for finding in judged(subject, Some(&zoom()), lang) {
            let sent = lang.pick("Sent to", "Gesendet an");
            let short = without_traffic(&finding.text, lang);
            assert!(!short.contains(sent) && !short.is_empty(), "{}: {short}", finding.code);
            assert!(finding.text.contains(&*short) || finding.text.contains(sent), "{}", finding.code);
            assert_eq!(without_traffic(&short, lang), short);
        }
    }
}

#[test]
fn a_service_is_proposed_and_never_judged_by() {
    use crate::policy::{Recogniser, Seen};
    let zoom_seen = |spoken| {
        let mut recogniser = Recogniser::new(book().catalogue().unwrap());
        let day = Day::parse("2026-11-01").unwrap();
        let address = "170.114.10.1".parse().unwrap();
        recogniser.see(&Seen {
            name: None,
            address,
            asn: None,
            port: 8801,
            spoken,
            packets: 9,
            bytes: 9,
            day,
            frame: FrameNo(4),
        });
        recogniser.proposal(None).0
    };
    let told = |proposal, shows, profile: Option<&Profile>, lang| {
        let c = Circumstances { proposal, profile_shows: shows, ..Circumstances::default() };
        let mut all = judge_all(&[], &c, &Case::new(book(), profile, lang, &c));
        all.retain(|f| f.code.starts_with("SVC"));
        all
    };
    let one = told(zoom_seen(&["zoom"]), false, None, Lang::En).remove(0);
    assert_eq!(
        (one.code, one.severity, one.frames.as_slice()),
        ("SVC-01", Severity::Info, &[FrameNo(4), FrameNo(4)][..])
    );
    assert!(one.text.contains("looks like Zoom (8 points)") && one.text.contains("a guess"), "{}", one.text);
    assert!(
        one.text.contains("--service zoom uses the profile") && one.uncertainty.contains("patterns"),
        "{}",
        one.text
    );
    assert!(!one.text.contains("No media of a call") && one.uncertainty.contains("pages of zoom.us"), "{}", one.text);
    let mut idle = zoom_seen(&["zoom"]).unwrap();
    idle.reasons.retain(|reason| reason.sign == crate::policy::recognise::Sign::Client);
    for (lang, says) in
        [(Lang::En, "No media of a call were seen"), (Lang::De, "Medien eines Anrufs waren nicht zu sehen")]
    {
        let idle = told(Some(idle.clone()), false, None, lang).remove(0);
        assert!(idle.text.contains(says), "{}", idle.text);
    }
    // Nothing seen, nothing proposed; the profile in use says enough; a weak proposal contradicts nobody.
    let teams = book().profile("teams", &Parameters::new()).unwrap();
    assert_eq!(told(None, false, None, Lang::En), []);
    assert_eq!(told(zoom_seen(&["zoom"]), true, Some(&teams), Lang::En), []);
    assert_eq!(told(zoom_seen(&["zoom"]), false, Some(&zoom()), Lang::En), []);
    assert_eq!(told(zoom_seen(&["rtp"]), false, Some(&teams), Lang::En), []);
    let other = told(zoom_seen(&["zoom"]), false, Some(&teams), Lang::De).remove(0);
    assert_eq!((other.code, other.severity), ("SVC-02", Severity::Notice));
    assert!(other.text.contains("Profil von Microsoft Teams, von dem nichts zu sehen war"), "{}", other.text);
}

/// Every code of the catalogue of findings is raised by a rule.
#[test]
fn no_code_of_the_catalogue_is_forgotten() {
    const CATALOGUE: &[(&str, u32)] =
        &[("TRF", 10), ("SUB", 5), ("TEL", 4), ("MED", 2), ("ENC", 13), ("CAP", 5), ("NEG", 0), ("E2E", 0)];
    let raised: Vec<&str> = RULES.iter().flat_map(|r| r.codes.iter().map(|c| c.0)).collect();
    for (group, last) in CATALOGUE {
        for number in u32::from(*last > 0)..=*last {
            let code = format!("{group}-{number:02}");
            assert!(raised.contains(&code.as_str()), "{code}: no rule raises it");
        }
    }
}

#[test]
fn a_skeleton_says_that_it_does_not_cover_rather_than_that_something_is_not_listed() {
    let skeleton = book().profile("zooo-video", &Parameters::new()).unwrap();
    let foreign = || Subject { listing: Listing::NotListed, ..subject("cdn.example.org", "DE", "2026-02-01") };
    for (lang, says) in [(Lang::En, "is not covered by the profile of zooo.video"), (Lang::De, "nicht erfasst")] {
        let found = judged(foreign(), Some(&skeleton), lang).remove(0);
        assert_eq!((found.code, found.severity), ("SUB-01", Severity::Notice));
        assert!(found.text.contains(says) && found.text.contains("SHA-256"), "{}", found.text);
    }
    // The contract's own list speaks of all recipients.
    let list = "title = \"Annex\"\nas_of = 2026-01-01\n";
    let held = Book::embedded().unwrap().with_list("annex.toml", list).unwrap();
    let held = held.profile("zooo-video", &Parameters::new()).unwrap();
    let found = judged(foreign(), Some(&held), Lang::En).remove(0);
    assert_eq!(found.severity, Severity::Attention);
    assert!(found.text.contains("nor in the list"), "{}", found.text);
}
