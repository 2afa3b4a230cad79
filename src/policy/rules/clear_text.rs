//! ENC: what anyone on the way could read.

use super::{Case, Draft, Judge, Out, Rule, View};
use crate::attribution::Confidence;
use crate::dissect::fact::MediaSeen;
use crate::policy::finding::{Ground, Severity};
use crate::policy::subject::Listing;
use crate::policy::words::{self, Lang};

pub(super) const RULE: Rule = Rule {
    codes: &[
        ("ENC-01", "application data readable in clear text", "Anwendungsdaten im Klartext lesbar"),
        ("ENC-09", "name resolution readable in clear text", "Namensauflösung im Klartext lesbar"),
        (
            "ENC-13",
            "what stands beside media is readable (STUN, TURN, RTP extensions, RTCP), or told to a third party's server",
            "was neben Medien steht, ist lesbar (STUN, TURN, RTP-Erweiterungen, RTCP) oder dem Server eines Dritten bekannt",
        ),
        ("ENC-14", "certificate status checks in clear text", "Zertifikatsprüfungen im Klartext"),
    ],
    judge: Judge::Subject(judge),
};

/// Protocols that run in clear text by design and carry no content of the conference.
const INFRASTRUCTURE: &[&str] = &[
    "dns",
    "mdns",
    "llmnr",
    "netbios",
    "nbns",
    "ntp",
    "ptp",
    "stun",
    "turn",
    "ssdp",
    "upnp",
    "dhcp",
    "dhcpv6",
    "ws-discovery",
    "igmp",
    "icmp",
    "nat-pmp",
    "pcp",
    "ocsp",
    "crl",
];

fn judge(view: &View<'_>, case: &Case<'_>, out: &mut Out) {
    let subject = view.subject;
    let speaks = |token: &str| subject.clear.contains(&token) || subject.applications.contains(&token);
    let pki = subject.listing == Listing::Background && subject.role.as_deref() == Some("pki");
    let mut readable: Vec<&str> =
        subject.clear.iter().copied().filter(|t| !(INFRASTRUCTURE.contains(t) || pki && *t == "http")).collect();
    readable.dedup();
    if !readable.is_empty() {
        let inside = subject.listing == Listing::Local;
        let severity = if inside { Severity::Notice } else { Severity::High };
        out.about(view, "ENC-01", severity, |severity| application(view, case, severity, &readable, inside));
    }
    if speaks("dns") {
        // A resolver in the own network is not yet the way through the Internet.
        let severity = if subject.listing == Listing::Local { Severity::Info } else { Severity::Notice };
        out.push("ENC-09", severity, || resolution(view, case, severity));
    }
    if speaks("ocsp") || speaks("crl") || (pki && subject.clear.contains(&"http")) {
        out.about(view, "ENC-14", Severity::Info, |severity| Draft {
            code: "ENC-14",
            severity,
            ground: Ground::Transport,
            confidence: Confidence::High,
            text: format!(
                "{} {}",
                case.lang.pick(
                    "The status of certificates was asked for in clear text, as is usual; anyone on the way can tell which authority issued the certificate of the host visited.",
                    "Der Status von Zertifikaten wurde wie üblich im Klartext abgefragt; unterwegs ist erkennbar, von welcher Zertifizierungsstelle das Zertifikat des besuchten Hosts stammt."
                ),
                view.traffic()
            ),
            doubts: Vec::new(),
            sources: Vec::new(),
        });
    }
    beside_media(view, case, out);
    if speaks("turn") && view.is_outside() {
        out.about(view, "ENC-13", Severity::Notice, |severity| Draft {
            code: "ENC-13",
            severity,
            ground: Ground::Transport,
            confidence: Confidence::High,
            text: match case.lang {
                Lang::En => format!(
                    "TURN was spoken in clear text with {}: user name, realm, and the addresses of relay and peers were readable on the way. {}",
                    view.line(),
                    view.traffic()
                ),
                Lang::De => format!(
                    "Mit {} wurde TURN im Klartext gesprochen: Nutzername, Realm und die Adressen von Relais und Gegenstellen waren unterwegs lesbar. {}",
                    view.line(),
                    view.traffic()
                ),
            },
            doubts: Vec::new(),
            sources: Vec::new(),
        });
    } else if speaks("stun")
        && view.is_outside()
        && matches!(subject.listing, Listing::NotListed | Listing::Unjudged)
        && view.name().is_some()
    {
        out.about(view, "ENC-13", Severity::Notice, |severity| Draft {
            code: "ENC-13",
            severity,
            ground: Ground::Transport,
            confidence: view.name_confidence(),
            text: match case.lang {
                Lang::En => format!(
                    "STUN was spoken with {}: whoever runs it learned the participant's address. {}",
                    view.line(),
                    view.traffic()
                ),
                Lang::De => format!(
                    "Mit {} wurde STUN gesprochen: Wer ihn betreibt, erfuhr die Adresse des Teilnehmers. {}",
                    view.line(),
                    view.traffic()
                ),
            },
            doubts: view.name_doubt().into_iter().collect(),
            sources: Vec::new(),
        });
    }
}

/// Header extensions and reports of media: who speaks when, and names of streams and participants.
fn beside_media(view: &View<'_>, case: &Case<'_>, out: &mut Out) {
    let lang = case.lang;
    let (up, down) = (&view.subject.media_up, &view.subject.media_down);
    let both = |of: fn(&MediaSeen) -> bool| of(up) || of(down);
    let mut items: Vec<String> = Vec::new();
    let whose = match (up.level, down.level) {
        (true, true) => lang.pick("of both directions", "beider Richtungen"),
        (true, false) => lang.pick("of what was sent", "des Gesendeten"),
        _ => lang.pick("of what was received", "des Empfangenen"),
    };
    if both(|m| m.level) {
        items.push(match lang {
            Lang::En => format!("a number that goes as the loudness of the sound does, {whose} (RFC 6464): it shows who speaks when"),
            Lang::De => format!("eine Zahl, die sich wie die Lautstärke des Tons verhält, {whose} (RFC 6464): Sie zeigt, wer wann spricht"),
        });
    }
    if both(|m| m.named) {
        items.push(
            lang.pick(
                "a text that stays the same, as names of streams do (MID, RID)",
                "ein gleichbleibender Text, wie Namen von Strömen (MID, RID)",
            )
            .to_owned(),
        );
    }
    if both(|m| m.cname) {
        items.push(
            lang.pick(
                "the canonical name of a participant in reports (RTCP SDES)",
                "der kanonische Name eines Teilnehmers in Berichten (RTCP SDES)",
            )
            .to_owned(),
        );
    }
    if items.is_empty() || !view.is_outside() {
        return;
    }
    out.about(view, "ENC-13", Severity::Info, |severity| {
        let (line, elements) = (view.line(), up.elements.max(down.elements));
        let items = words::enumerate(&items, 3, "; ", lang);
        let text = match lang {
            Lang::En => format!("Beside media with {line} stood readable on the way: {items}. Header extensions in the clear: up to {elements} per packet. {}", view.traffic()),
            Lang::De => format!("Neben Medien mit {line} war unterwegs lesbar: {items}. Header-Erweiterungen im Klartext: bis zu {elements} je Paket. {}", view.traffic()),
        };
        let doubt = lang.pick(
            "what an extension means is agreed on in signalling that was not read; it is told from how its values go",
            "was eine Erweiterung bedeutet, wird in der nicht gelesenen Signalisierung vereinbart; erkannt ist es am Verlauf der Werte",
        );
        let (code, ground, confidence) = ("ENC-13", Ground::Transport, Confidence::Medium);
        Draft { code, severity, ground, confidence, text, doubts: vec![doubt.to_owned()], sources: Vec::new() }
    });
}

/// Keys of SRTP in a session description (RFC 4568).
const KEYS: &str = "srtp-keys";

fn application(view: &View<'_>, case: &Case<'_>, severity: Severity, readable: &[&str], inside: bool) -> Draft {
    let lang = case.lang;
    let protocols: Vec<String> = readable.iter().map(|t| t.to_uppercase()).collect();
    let protocols = words::enumerate(&protocols, 10, ", ", lang);
    let line = view.line();
    let mut text = match lang {
        Lang::En => format!(
            "Application data exchanged with {line} was readable in clear text ({protocols}). {}",
            view.traffic()
        ),
        Lang::De => format!(
            "Anwendungsdaten, ausgetauscht mit {line}, waren im Klartext lesbar ({protocols}). {}",
            view.traffic()
        ),
    };
    if readable.contains(&KEYS) {
        text.push_str(lang.pick(
            " Among it were keys of media (SRTP): whoever read them on the way can decrypt those media.",
            " Darunter waren Schlüssel von Medien (SRTP): Wer sie unterwegs las, kann diese Medien entschlüsseln.",
        ));
    }
    let mut doubts = vec![
        lang.pick(
            "the content itself may be protected inside; only the transport was judged",
            "der Inhalt kann in sich geschützt sein; beurteilt ist nur der Transport",
        )
        .to_owned(),
    ];
    if inside {
        doubts.push(lang.pick("readable inside the own network", "lesbar innerhalb des eigenen Netzes").to_owned());
    }
    Draft {
        code: "ENC-01",
        severity,
        ground: Ground::Transport,
        confidence: Confidence::High,
        text,
        doubts,
        sources: Vec::new(),
    }
}

fn resolution(view: &View<'_>, case: &Case<'_>, severity: Severity) -> crate::policy::Finding {
    let lang = case.lang;
    let line = view.line();
    let placed = view.subject.located_in.as_ref().filter(|_| view.is_outside());
    let mut text = match (lang, view.subject.listing == Listing::Local) {
        (Lang::En, false) => format!(
            "Host names were asked for in clear text: {line} and everyone on the way there could read them. {}",
            view.traffic()
        ),
        (Lang::En, true) => {
            format!(
                "Host names were asked for in clear text at {line} in the own network; how they travel on from there is not in the capture. {}",
                view.traffic()
            )
        }
        (Lang::De, false) => {
            format!(
                "Hostnamen wurden im Klartext erfragt: {line} und alle unterwegs dorthin konnten sie lesen. {}",
                view.traffic()
            )
        }
        (Lang::De, true) => {
            format!(
                "Hostnamen wurden im Klartext bei {line} im eigenen Netz erfragt; wie sie von dort weiterlaufen, ist nicht in der Aufzeichnung. {}",
                view.traffic()
            )
        }
    };
    if let Some(claim) = placed {
        text.push(' ');
        text.push_str(&view.located(claim));
    }
    crate::policy::Finding {
        code: "ENC-09",
        severity,
        ground: Ground::Transport,
        subject: line.into(),
        text: text.into(),
        confidence: Confidence::High,
        uncertainty: Box::default(),
        first: view.subject.first,
        last: view.subject.last,
        frames: view.subject.frames.clone(),
        sources: placed.map(|claim| std::sync::Arc::clone(&claim.source)).into_iter().collect(),
        aside: None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample::{codes, judged, subject};
    use super::*;
    use crate::policy::subject::Subject;

    #[test]
    fn what_stands_beside_media_is_told_once_it_says_something() {
        let beside = |up: MediaSeen, down: MediaSeen| {
            let s = Subject { media_up: up, media_down: down, ..subject("a.example", "DE", "2026-10-15") };
            let all = judged(s, None, Lang::En);
            all.iter().find(|f| f.code == "ENC-13").map(|f| (f.severity, f.text.to_string()))
        };
        let (none, elements) = (MediaSeen::default(), MediaSeen { elements: 4, ..MediaSeen::default() });
        let (severity, text) = beside(MediaSeen { level: true, ..elements }, none).unwrap();
        assert_eq!(severity, Severity::Info);
        assert!(
            text.contains("loudness of the sound does, of what was sent") && text.contains("up to 4 per"),
            "{text}"
        );
        let (_, text) =
            beside(MediaSeen { cname: true, ..none }, MediaSeen { named: true, level: true, ..elements }).unwrap();
        assert!(text.contains("of what was received") && text.contains("MID") && text.contains("SDES"), "{text}");
        // Times and numbers for the sake of the network say nothing of people; encrypted blocks say nothing at all.
        assert_eq!(beside(elements, MediaSeen { cryptex: true, ..none }), None);
    }

    #[test]
    fn clear_text_is_graded_by_what_it_shows() {
        let clear = |protocols: &[&'static str], listing| {
            let s = Subject { clear: protocols.to_vec(), listing, ..subject("a.example", "DE", "2020-04-16") };
            judged(s, None, Lang::En).iter().map(|f| (f.code, f.severity)).collect::<Vec<_>>()
        };
        assert_eq!(clear(&["http"], Listing::Unjudged), [("ENC-01", Severity::High)]);
        assert_eq!(clear(&["smtp"], Listing::Service), [("ENC-01", Severity::High)]);
        assert_eq!(clear(&["http"], Listing::Local), [("ENC-01", Severity::Notice)]);
        let keys = |clear: &[&'static str]| {
            let s = Subject { clear: clear.to_vec(), ..subject("sip.example", "DE", "2020-04-16") };
            Lang::ALL.map(|lang| judged(s.clone(), None, lang)[0].text.contains("(SRTP)"))
        };
        assert_eq!((keys(&["sip", KEYS]), keys(&["sip"])), ([true; 2], [false; 2]));
        assert_eq!(clear(&["http"], Listing::Background), [("ENC-01", Severity::Info)]);
        assert_eq!(clear(&["dns"], Listing::Background), [("ENC-09", Severity::Notice)]);
        assert_eq!(clear(&["dns"], Listing::Local), [("ENC-09", Severity::Info)]);
        assert_eq!(clear(&["ntp", "mdns", "ssdp", "dhcp", "llmnr", "netbios"], Listing::Local), []);
        assert_eq!(clear(&["stun"], Listing::Unjudged), [("ENC-13", Severity::Notice)]);
        assert_eq!(clear(&["stun"], Listing::Service), []);
        assert_eq!(clear(&["stun", "turn"], Listing::Service), [("ENC-13", Severity::Notice)]);
        assert_eq!(clear(&["stun", "turn"], Listing::Local), []);
        assert_eq!(clear(&["ocsp"], Listing::Background), [("ENC-14", Severity::Info)]);
        assert_eq!(clear(&[], Listing::Unjudged), []);
        let pki = Subject {
            clear: vec!["http"],
            listing: Listing::Background,
            role: Some("pki".into()),
            ..subject("ocsp.digicert.com", "DE", "2020-04-16")
        };
        assert_eq!(codes(pki, None), ["ENC-14"]);
    }
}
