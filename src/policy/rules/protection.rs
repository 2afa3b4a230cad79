//! ENC-06, ENC-11, E2E-00: how media are protected, as far as packets show it. That no clear format was found is not said to
//! be encryption, and a profile that has room for a layer from end to end is not said to be one.

use super::{Case, Draft, Judge, Out, Rule, View};
use crate::attribution::Confidence;
use crate::dissect::fact::ClearMedia;
use crate::policy::finding::{Ground, Severity};
use crate::policy::subject::{Agreement, Listing};
use crate::policy::words::{self, Lang};

pub(super) const RULE: Rule = Rule {
    codes: &[
        ("ENC-06", "media that look unencrypted", "Medien, die unverschlüsselt aussehen"),
        ("ENC-11", "how media are protected cannot be told", "Wie Medien geschützt sind, ist nicht zu erkennen"),
        (
            "E2E-00",
            "an SRTP profile with a second layer was agreed on",
            "Ein SRTP-Profil mit zweiter Schicht wurde ausgehandelt",
        ),
    ],
    judge: Judge::Subject(judge),
};

/// The profiles of RFC 8723: an outer layer up to the server, an inner one that it may pass on.
const DOUBLE: [u16; 2] = [0x0009, 0x000a];

fn judge(view: &View<'_>, case: &Case<'_>, out: &mut Out) {
    let subject = view.subject;
    let clear = [(subject.media_up.clear, true), (subject.media_down.clear, false)];
    let clear: Vec<(ClearMedia, bool)> = clear.into_iter().filter_map(|(c, up)| Some((c?, up))).collect();
    if !clear.is_empty() {
        unencrypted(&clear, view, case, out);
    } else if subject.listing != Listing::Local {
        undecidable(view, case, out);
    }
    if subject.agreements.iter().any(|a| a.choice.and_then(|c| c.srtp).is_some_and(|p| DOUBLE.contains(&p))) {
        out.about(view, "E2E-00", Severity::Info, |severity| Draft {
            code: "E2E-00",
            severity,
            ground: Ground::Transport,
            confidence: Confidence::High,
            text: match case.lang {
                Lang::En => format!(
                    "With {} an SRTP profile with an inner and an outer layer was agreed on (RFC 8723). It allows for encryption between the participants; who holds the inner keys cannot be told from packets.",
                    view.line()
                ),
                Lang::De => format!(
                    "Mit {} wurde ein SRTP-Profil mit innerer und äußerer Schicht ausgehandelt (RFC 8723). Es erlaubt Verschlüsselung zwischen den Teilnehmenden; wer die inneren Schlüssel hat, ist aus Paketen nicht zu erkennen.",
                    view.line()
                ),
            },
            doubts: Vec::new(),
            sources: Vec::new(),
        });
    }
}

/// What was looked at, and the rule it kept to.
fn shown(clear: &ClearMedia, up: bool, lang: Lang) -> String {
    let (packets, fits) = (words::number(clear.packets.into(), lang), words::number(clear.fits.into(), lang));
    let way = if up { lang.pick("sent", "gesendet") } else { lang.pick("received", "empfangen") };
    if let Some(entropy) = clear.entropy {
        let bits = format!("{}{}{:02}", entropy / 100, lang.pick(".", ","), entropy % 100);
        return match lang {
            Lang::En => format!(
                "{}, {way}: {bits} bits of entropy per byte in {packets} packets, where encrypted bytes have 7.9",
                clear.codec
            ),
            Lang::De => format!(
                "{}, {way}: {bits} Bit Entropie je Byte in {packets} Paketen, wo verschlüsselte Bytes 7,9 haben",
                clear.codec
            ),
        };
    }
    match lang {
        Lang::En => format!("{}, {way}: {fits} of {packets} packets keep to the rules of its header", clear.codec),
        Lang::De => format!("{}, {way}: {fits} von {packets} Paketen halten die Regeln seines Kopfes ein", clear.codec),
    }
}

fn unencrypted(clear: &[(ClearMedia, bool)], view: &View<'_>, case: &Case<'_>, out: &mut Out) {
    let severity = if view.subject.listing == Listing::Local { Severity::Notice } else { Severity::Attention };
    out.about(view, "ENC-06", severity, |severity| {
        let (lang, line) = (case.lang, view.line());
        let items: Vec<String> = clear.iter().map(|(clear, up)| shown(clear, *up, lang)).collect();
        let items = words::enumerate(&items, 2, "; ", lang);
        let text = match lang {
            Lang::En => format!("Media exchanged with {line} are consistent with unencrypted payload ({items}). {}", view.traffic()),
            Lang::De => format!("Medien, ausgetauscht mit {line}, passen zu unverschlüsseltem Inhalt ({items}). {}", view.traffic()),
        };
        let doubt = lang.pick(
            "a sample of packets was held against the rules of the format, nothing was decoded; another format may keep to them by chance",
            "eine Stichprobe wurde an den Regeln des Formats gemessen, nichts dekodiert; ein anderes Format kann sie zufällig einhalten",
        );
        let (code, ground, confidence) = ("ENC-06", Ground::Transport, Confidence::Medium);
        Draft { code, severity, ground, confidence, text, doubts: vec![doubt.to_owned()], sources: Vec::new() }
    });
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

#[cfg(test)]
pub(super) mod tests {
    use super::super::handshake::tests::{agreement, tls12};
    use super::super::sample::{judged, subject};
    use super::*;
    use crate::dissect::fact::{Choice, MediaSeen};
    use crate::policy::subject::Subject;

    fn media(clear: Option<ClearMedia>) -> MediaSeen {
        MediaSeen { clear, ..MediaSeen::default() }
    }

    const G711: ClearMedia = ClearMedia { codec: "G.711", packets: 26, fits: 26, entropy: Some(512) };
    const VP8: ClearMedia = ClearMedia { codec: "VP8", packets: 12, fits: 12, entropy: None };

    /// Subjects that together raise every code of this file.
    pub(in crate::policy::rules) fn cases() -> Vec<Subject> {
        let of = || subject("a.example", "DE", "2026-10-15");
        let double = Choice { version: 0xfefd, cipher: 0xc02b, srtp: Some(9), ..Choice::default() };
        vec![
            Subject { media_up: media(Some(G711)), media_down: media(Some(VP8)), applications: vec!["rtp"], ..of() },
            Subject { applications: vec!["zoom"], ..of() },
            Subject { applications: vec!["dtls", "rtp"], agreements: vec![agreement(double)], ..of() },
        ]
    }

    #[test]
    fn a_format_in_the_clear_is_told_with_its_numbers() {
        let told = |up, down, listing| {
            let (media_up, media_down) = (media(up), media(down));
            let s = Subject {
                media_up,
                media_down,
                listing,
                applications: vec!["rtp"],
                ..subject("a.example", "DE", "2026-10-15")
            };
            let all = judged(s, None, Lang::En);
            all.iter().find(|f| f.code == "ENC-06").map(|f| (f.severity, f.text.to_string()))
        };
        let (severity, text) = told(Some(G711), Some(VP8), Listing::Unjudged).unwrap();
        assert_eq!(severity, Severity::Attention);
        assert!(text.contains("G.711, sent: 5.12 bits of entropy per byte in 26 packets"), "{text}");
        assert!(text.contains("VP8, received: 12 of 12 packets"), "{text}");
        assert_eq!(told(None, Some(VP8), Listing::Local).unwrap().0, Severity::Notice);
        // That no format fits says nothing.
        assert_eq!(told(None, None, Listing::Unjudged), None);
    }

    #[test]
    fn a_second_layer_is_no_end_to_end_encryption() {
        let told = |srtp| {
            let choice = Choice { version: 0xfefd, cipher: 0xc02b, srtp: Some(srtp), ..Choice::default() };
            let s = Subject { agreements: vec![agreement(choice)], ..subject("a.example", "DE", "2026-10-15") };
            judged(s, None, Lang::En).iter().any(|f| f.code == "E2E-00" && f.text.contains("cannot be told"))
        };
        assert_eq!([7, 8, 9, 10].map(told), [false, false, true, true]);
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
}
