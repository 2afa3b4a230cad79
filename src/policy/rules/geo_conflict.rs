//! TRF-07, TRF-08: what the time of answers says against a place, and for the EEA; CAP-04 where somebody on the way answers.

use super::{Case, Draft, Judge, Out, Rule, View};
use crate::attribution::{Claim, Confidence, CountryCode, Horizon, light_km};
use crate::policy::country::{country_name, english};
use crate::policy::finding::{Finding, Ground, Severity};
use crate::policy::subject::{Circumstances, Measured, Near};
use crate::policy::words::{self, Lang};
use crate::wire::{RoundTrip, TripKind};
use std::fmt::Write;
use std::sync::Arc;

pub(super) const RULE: Rule = Rule {
    codes: &[
        (
            "TRF-07",
            "a round trip excludes the place that sources give",
            "Eine Umlaufzeit schließt den Standort laut Quellen aus",
        ),
        (
            "TRF-08",
            "a round trip keeps the answering host within the EEA",
            "Eine Umlaufzeit hält den antwortenden Host im EWR",
        ),
    ],
    judge: Judge::Subject(judge),
};

pub(super) const NEAR: Rule = Rule {
    // CAP-04 is described where VPNs and proxies are found.
    codes: &[],
    judge: Judge::Capture(near),
};

fn judge(view: &View<'_>, case: &Case<'_>, out: &mut Out) {
    let Some(horizon) = case.horizon.filter(|_| view.is_outside()) else { return };
    let measured = &view.subject.measured;
    let contradicted = measured.iter().filter(|m| !m.excluded.is_empty()).min_by_key(|m| m.trip.at_most());
    if let Some(measured) = contradicted {
        out.about(view, "TRF-07", Severity::Notice, |severity| excludes(view, case, horizon, measured, severity));
    }
    // Of several addresses, the farthest must be near enough.
    let all = measured.len() == view.subject.address_count as usize;
    if let Some(farthest) = measured.iter().max_by_key(|m| m.trip.at_most())
        && all
        && measured.iter().all(|m| m.within_eea)
        && let Some(circle) = case.book.regimes.eea_circle(horizon, view.day())
    {
        out.about(view, "TRF-08", Severity::Info, |severity| {
            let lang = case.lang;
            let (km, edge) = (reach(&farthest.trip, lang), whole(circle.km, lang));
            let (place, table) = (place(horizon, lang), words::source(case.book.regimes.source(), lang));
            let text = match lang {
                Lang::En => format!(
                    "{} The host that answered stands at most {km} km from {place}. The nearest land outside the EEA as {table} has it for {} is {} at {edge} km ({}). {}",
                    trip(&measured_name(farthest, measured.len(), lang), &farthest.trip, lang),
                    view.day(),
                    english(circle.country),
                    horizon.source().name,
                    after(lang)
                ),
                Lang::De => format!(
                    "{} Der antwortende Host steht höchstens {km} km von {place}. Das nächste Land außerhalb des EWR nach {table} für den {} ist {} in {edge} km Entfernung ({}). {}",
                    trip(&measured_name(farthest, measured.len(), lang), &farthest.trip, lang),
                    view.day(),
                    country_name(circle.country, lang),
                    horizon.source().name,
                    after(lang)
                ),
            };
            draft("TRF-08", severity, case, (text, &farthest.trip), vec![Arc::clone(case.book.regimes.source()), Arc::clone(horizon.source())])
        });
    }
}

fn excludes(view: &View<'_>, case: &Case<'_>, horizon: &Horizon, measured: &Measured, severity: Severity) -> Draft {
    let lang = case.lang;
    let others = view.subject.measured.iter().filter(|m| !m.excluded.is_empty()).count();
    let (km, place) = (reach(&measured.trip, lang), place(horizon, lang));
    let mut text = trip(&measured_name(measured, others, lang), &measured.trip, lang);
    let _ = match lang {
        Lang::En => write!(text, " At light speed the host that answered is at most {km} km from {place}."),
        Lang::De => {
            write!(text, " Bei Lichtgeschwindigkeit ist der antwortende Host höchstens {km} km von {place} entfernt.")
        }
    };
    let mut sources = Vec::new();
    for claim in &measured.excluded {
        let _ = write!(text, " {}", excluded(claim, horizon, lang));
        sources.push(Arc::clone(&claim.source));
    }
    let _ = match (&view.subject.located_in, lang) {
        (None, Lang::En) => write!(text, " Where it stands instead is not known."),
        (None, Lang::De) => write!(text, " Wo er stattdessen steht, ist nicht bekannt."),
        (Some(claim), _) => write!(text, " {}", view.located(claim)),
    };
    let _ = write!(text, " {}", after(lang));
    sources.push(Arc::clone(horizon.source()));
    draft("TRF-07", severity, case, (text, &measured.trip), sources)
}

/// One sentence on one country.
fn excluded(claim: &Claim<CountryCode>, horizon: &Horizon, lang: Lang) -> String {
    let by = words::source(&claim.source, lang);
    let (km, needs) =
        (horizon.distance(claim.value).unwrap_or_default(), horizon.needs(claim.value).unwrap_or_default());
    let (km, needs, outlines) = (whole(km, lang), millis(needs, lang), &horizon.source().name);
    match lang {
        Lang::En => format!(
            "{by} places it in {}, which begins at {km} km ({outlines}) and needs at least {needs} ms: excluded for the host that answered.",
            english(claim.value)
        ),
        Lang::De => format!(
            "{by} nennt als Standort {}; das beginnt in {km} km Entfernung ({outlines}) und braucht mindestens {needs} ms: für den antwortenden Host ausgeschlossen.",
            country_name(claim.value, lang)
        ),
    }
}

fn draft(
    code: &'static str,
    severity: Severity,
    case: &Case<'_>,
    (text, trip): (String, &RoundTrip),
    sources: Vec<Arc<crate::attribution::Source>>,
) -> Draft {
    let lang = case.lang;
    let mut doubts = vec![
        lang.pick(
            "the statement holds if the capture was made where it is said to have been",
            "die Aussage gilt, wenn die Aufzeichnung dort entstand, wo sie entstanden sein soll",
        )
        .to_owned(),
    ];
    if case.at_least {
        doubts.push(
            lang.pick(
                "where frames were lost, a question may have been sent earlier than the one that was seen",
                "wo Frames fehlen, kann eine Frage früher gesendet worden sein als die gesehene",
            )
            .to_owned(),
        );
    }
    if trip.kind.is_tcp() {
        doubts.push(
            lang.pick(
                "TCP answered: whoever splits connections on the way would do so in the host's place",
                "geantwortet hat TCP: Wer unterwegs Verbindungen aufteilt, täte das an Stelle des Hosts",
            )
            .to_owned(),
        );
    }
    let sure = !case.at_least && !trip.kind.is_tcp();
    let confidence = if sure { Confidence::High } else { Confidence::Medium };
    Draft { code, severity, ground: Ground::LocatedIn, confidence, text, doubts, sources }
}

/// `203.0.113.7`, or with how many more there are.
fn measured_name(measured: &Measured, all: usize, lang: Lang) -> String {
    match all {
        0 | 1 => measured.address.to_string(),
        n => format!("{} ({} {})", measured.address, n - 1, lang.pick("more alike", "weitere ebenso")),
    }
}

/// A sentence with its full stop.
fn trip(address: &str, trip: &RoundTrip, lang: Lang) -> String {
    let (ms, kind) = (millis(trip.at_most(), lang), kind(trip.kind, lang));
    match lang {
        Lang::En => format!(
            "Smallest round trip of {address}: {ms} ms ({kind}, frames {} and {}).",
            trip.asked.0, trip.answered.0
        ),
        Lang::De => format!(
            "Kleinste Umlaufzeit von {address}: {ms} ms ({kind}, Frames {} und {}).",
            trip.asked.0, trip.answered.0
        ),
    }
}

const fn kind(kind: TripKind, lang: Lang) -> &'static str {
    match kind {
        TripKind::TcpHandshake => lang.pick("TCP handshake", "TCP-Handshake"),
        TripKind::TcpData => lang.pick("TCP data and its acknowledgment", "TCP-Daten und ihre Bestätigung"),
        TripKind::TlsHello => lang.pick("TLS hello", "TLS-Hello"),
        TripKind::QuicHello => lang.pick("QUIC hello", "QUIC-Hello"),
        TripKind::DtlsHello => lang.pick("DTLS hello", "DTLS-Hello"),
        TripKind::Stun => lang.pick("STUN request", "STUN-Anfrage"),
    }
}

fn place(horizon: &Horizon, lang: Lang) -> String {
    let vantage = &horizon.vantage;
    let (name, km) = (words::shown(&vantage.name), whole(vantage.radius, lang));
    match lang {
        Lang::En => format!("{name} (known to within {km} km)"),
        Lang::De => format!("{name} (auf {km} km genau)"),
    }
}

const fn after(lang: Lang) -> &'static str {
    lang.pick(
        "This says nothing of where data are later processed or stored.",
        "Das sagt nichts darüber, wo Daten später verarbeitet oder gespeichert werden.",
    )
}

fn reach(trip: &RoundTrip, lang: Lang) -> String {
    whole(light_km(trip.at_most()).ceil(), lang)
}

fn whole(km: f64, lang: Lang) -> String {
    words::number(std::time::Duration::from_secs_f64(km.clamp(0.0, 1e6)).as_secs(), lang)
}

/// Milliseconds with one digit, rounded up.
fn millis(nanos: u64, lang: Lang) -> String {
    let tenths = nanos.div_ceil(100_000);
    format!("{}{}{}", words::number(tenths / 10, lang), lang.pick(".", ","), tenths % 10)
}

/// Somebody near the client may have answered: which times are not used, and why.
fn near(circumstances: &Circumstances, case: &Case<'_>, out: &mut Out) {
    for near in &circumstances.near {
        out.push("CAP-04", Severity::Notice, || told(near, circumstances, case.lang));
    }
}

fn told(near: &Near, circumstances: &Circumstances, lang: Lang) -> Finding {
    let (mut frames, mut sources) = (Vec::new(), Vec::new());
    let mut uncertainty = "";
    let text = match near {
        Near::Split { servers, tcp, hello, frames: answers } => {
            frames.clone_from(answers);
            let n = words::number((*servers).into(), lang);
            let (tcp, hello) = (millis(*tcp, lang), millis(*hello, lang));
            match lang {
                Lang::En => format!(
                    "TCP connections to {n} servers in different networks were answered within {tcp} ms, while the servers themselves took at least {hello} ms: a proxy, security software or a box on the way answers in their place. The times of these handshakes are not used; handshakes and certificates may be those of that box."
                ),
                Lang::De => format!(
                    "TCP-Verbindungen zu {n} Servern in verschiedenen Netzen wurden binnen {tcp} ms beantwortet, die Server selbst brauchten mindestens {hello} ms: Ein Proxy, eine Sicherheitssoftware oder ein Gerät auf dem Weg antwortet an ihrer Stelle. Die Zeiten dieser Handshakes werden nicht verwendet; Handshakes und Zertifikate können die dieses Geräts sein."
                ),
            }
        }
        Near::Alike { layer, servers, within, claims, frames: answers } => {
            frames.clone_from(answers);
            sources.extend(claims.iter().map(|claim| Arc::clone(&claim.source)));
            uncertainty = lang.pick(
                "the sources may be wrong about all of them at once, or the place of capture another one than stated",
                "die Quellen können sich bei allen zugleich irren, oder der Aufzeichnungsort ist ein anderer als angegeben",
            );
            let (n, ms, layer) = (words::number((*servers).into(), lang), millis(*within, lang), layer.words(lang));
            let placed = |claim: &Claim<CountryCode>| {
                let (country, by) = (country_name(claim.value, lang), words::source(&claim.source, lang));
                format!("{country} ({by})")
            };
            let placed = words::enumerate(&claims.iter().map(placed).collect::<Vec<_>>(), 5, ", ", lang);
            match lang {
                Lang::En => format!(
                    "Over {layer}, all {n} servers answered within {ms} ms, also those that sources place where light does not come and go in that time: {placed}. A device near the client may answer in their place. The times of {layer} are not used to say where a server is."
                ),
                Lang::De => format!(
                    "Über {layer} antworteten alle {n} Server binnen {ms} ms, auch die, deren Standort laut Quellen dort ist, wohin Licht in dieser Zeit nicht hin- und zurückkommt: {placed}. Ein Gerät nahe dem Client kann an ihrer Stelle antworten. Die Zeiten von {layer} werden nicht verwendet, um zu sagen, wo ein Server steht."
                ),
            }
        }
        Near::Opened { issuer, product, hosts, frames: seen } => {
            frames.clone_from(seen);
            let hosts: Vec<String> = hosts.iter().map(words::shown_text).collect();
            let (hosts, issuer) = (words::enumerate(&hosts, 5, ", ", lang), words::shown_text(issuer));
            let unused = lang.pick(
                "Times of TCP and TLS are not used to say where a server is; versions, algorithms and certificates of these flows may be those of that device.",
                "Die Zeiten von TCP und TLS werden nicht verwendet, um zu sagen, wo ein Server steht; Versionen, Verfahren und Zertifikate dieser Verbindungen können die dieses Geräts sein.",
            );
            match (product, lang) {
                (Some(product), Lang::En) => format!(
                    "The certificates for {hosts} were issued by {issuer}, known as a product that opens TLS on the way ({product}). {unused}"
                ),
                (Some(product), Lang::De) => format!(
                    "Die Zertifikate für {hosts} stellte {issuer} aus, bekannt als Produkt, das TLS auf dem Weg öffnet ({product}). {unused}"
                ),
                (None, Lang::En) => format!(
                    "The certificates for {hosts}, hosts of companies that have nothing to do with each other, were issued by {issuer}, which is no public issuer that the table knows: a device near the client may open TLS on the way. {unused}"
                ),
                (None, Lang::De) => format!(
                    "Die Zertifikate für {hosts}, Hosts von Unternehmen, die nichts miteinander zu tun haben, stellte {issuer} aus, kein öffentlicher Aussteller, den die Tabelle kennt: Ein Gerät nahe dem Client kann TLS auf dem Weg öffnen. {unused}"
                ),
            }
        }
    };
    Finding {
        code: "CAP-04",
        aside: None,
        severity: Severity::Notice,
        ground: Ground::Capture,
        subject: lang.pick("the capture", "die Aufzeichnung").into(),
        text: text.into(),
        confidence: Confidence::Medium,
        uncertainty: uncertainty.into(),
        first: circumstances.first,
        last: circumstances.last,
        frames,
        sources,
    }
}

/// What the tests of all texts add to their subjects.
#[cfg(test)]
pub(super) mod tests {
    use super::super::sample::{at, book, code, source, subject};
    use super::super::{forbidden, judge_all};
    use super::*;
    use crate::attribution::Vantage;
    use crate::policy::subject::{Subject, TripLayer};
    use crate::wire::{FrameNo, Text, Timestamp};
    use std::sync::OnceLock;

    pub(in super::super) fn frankfurt() -> &'static Horizon {
        static HORIZON: OnceLock<Horizon> = OnceLock::new();
        HORIZON.get_or_init(|| Horizon::new(Vantage::parse("Frankfurt").unwrap()).unwrap())
    }

    /// A subject whose only address answered within so many microseconds, which excludes these countries.
    fn measured(country: &str, micros: u64, excluded: &[&str], within_eea: bool) -> Subject {
        let (asked, answered) = ((FrameNo(3), Timestamp(1)), (FrameNo(5), Timestamp(1 + micros * 1000)));
        let trip = RoundTrip::between(TripKind::TlsHello, asked, answered).unwrap();
        let claim =
            |c: &&str| Claim { value: code(c), source: source("DB-IP Country Lite"), confidence: Confidence::High };
        let excluded = excluded.iter().map(claim).collect();
        let subject = subject("relay.example", country, "2026-02-01");
        let address = subject.addresses[0];
        Subject { measured: vec![Measured { address, trip, excluded, within_eea }], ..subject }
    }

    /// Subjects that raise TRF-07 and TRF-08.
    pub(in super::super) fn kinds() -> Vec<Subject> {
        vec![
            measured("", 12_000, &["US"], false),
            measured("DE", 12_000, &["US"], false),
            measured("DE", 900, &[], true),
        ]
    }

    fn judged(subject: Subject, horizon: Option<&Horizon>, lang: Lang) -> Vec<Finding> {
        let circumstances = Circumstances { frames: 10, ..Circumstances::default() };
        let case = Case::new(book(), None, lang, &circumstances).with_horizon(horizon);
        let mut found = judge_all(&[subject], &circumstances, &case);
        found.retain(|f| matches!(f.code, "TRF-07" | "TRF-08"));
        found
    }

    #[test]
    fn a_place_that_light_does_not_reach_is_told_and_a_nearer_one_is_not() {
        let codes = |s: Subject| judged(s, Some(frankfurt()), Lang::En).iter().map(|f| f.code).collect::<Vec<_>>();
        assert_eq!(codes(measured("", 12_000, &["US"], false)), ["TRF-07"]);
        assert_eq!(codes(measured("DE", 900, &[], true)), ["TRF-08"]);
        // Near misses: nothing excluded; not all addresses near; the own network; a place of capture that is not known.
        assert_eq!(codes(measured("US", 95_000, &[], false)), Vec::<&str>::new());
        assert_eq!(codes(Subject { address_count: 2, ..measured("DE", 900, &[], true) }), Vec::<&str>::new());
        let own = Subject { addresses: vec!["192.168.1.1".parse().unwrap()], ..measured("", 12_000, &["US"], false) };
        assert_eq!(codes(own), Vec::<&str>::new());
        assert!(judged(measured("", 12_000, &["US"], false), None, Lang::En).is_empty());
    }

    #[test]
    fn the_sentence_gives_the_measurement_and_what_it_does_not_say() {
        let text = |lang| judged(measured("", 12_000, &["US"], false), Some(frankfurt()), lang).remove(0);
        let en = text(Lang::En);
        assert_eq!(
            &*en.text,
            "Smallest round trip of 203.0.112.7: 12.1 ms (TLS hello, frames 3 and 5). At light speed the host that answered is at \
             most 1,799 km from Frankfurt (known to within 25 km). DB-IP Country Lite of 2026-06-01 places it in the United States \
             (US), which begins at 5,381 km (Natural Earth 4.1.0 (2018), 1:50m) and needs at least 35.4 ms: excluded for the host \
             that answered. Where it stands instead is not known. This says nothing of where data are later processed or stored."
        );
        assert_eq!((en.confidence, en.severity), (Confidence::High, Severity::Notice));
        assert!(
            text(Lang::De)
                .text
                .contains("für den antwortenden Host ausgeschlossen. Wo er stattdessen steht, ist nicht bekannt.")
        );
        // What TCP answers is a little less sure than what only the host can say.
        let mut by_tcp = measured("", 12_000, &["US"], false);
        by_tcp.measured[0].trip.kind = TripKind::TcpData;
        let by_tcp = judged(by_tcp, Some(frankfurt()), Lang::En).remove(0);
        assert!(by_tcp.uncertainty.contains("splits connections"), "{}", by_tcp.uncertainty);
        assert_eq!(by_tcp.confidence, Confidence::Medium);
        let near = judged(measured("DE", 900, &[], true), Some(frankfurt()), Lang::En).remove(0);
        assert!(
            near.text.contains("at most 135 km from Frankfurt") && near.text.contains("Switzerland"),
            "{}",
            near.text
        );
    }

    /// A sign of each kind.
    pub(in super::super) fn near() -> Vec<Near> {
        let claim = |country, name| Claim { value: code(country), source: source(name), confidence: Confidence::High };
        let claims = vec![claim("US", "Cloud region list"), claim("JP", "DB-IP Country Lite")];
        let opened = |issuer: &str, product: Option<&str>| Near::Opened {
            issuer: Text::from(issuer),
            product: product.map(Into::into),
            hosts: ["zoom.us", "teams.example", "=cmd()"].map(Text::from).into(),
            frames: vec![FrameNo(9)],
        };
        vec![
            Near::Split { servers: 4, tcp: 900_000, hello: 25_000_000, frames: vec![FrameNo(2)] },
            Near::Alike { layer: TripLayer::Tls, servers: 5, within: 3_000_000, claims, frames: vec![FrameNo(7)] },
            opened("O=Zscaler Inc., CN=Zscaler Intermediate", Some("Zscaler")),
            opened("CN=Gateway \u{1b}[2J CA", None),
        ]
    }

    #[test]
    fn answers_on_the_way_are_told() {
        for lang in Lang::ALL {
            let told = |near| {
                let first = at("2026-02-01");
                let circumstances = Circumstances { frames: 10, near, first, ..Circumstances::default() };
                let case = Case::new(book(), None, lang, &circumstances);
                let mut found = judge_all(&[], &circumstances, &case);
                found.retain(|f| f.code == "CAP-04");
                found
            };
            let found = told(near());
            let frames: Vec<_> = found.iter().map(|f| f.frames.first().map(|f| f.0)).collect();
            assert_eq!(frames, [Some(2), Some(7), Some(9), Some(9)]);
            for (finding, words) in found.iter().zip([
                lang.pick("0.9 ms", "0,9 ms"),
                lang.pick(
                    "Over TLS, all 5 servers answered within 3.0 ms",
                    "Über TLS antworteten alle 5 Server binnen 3,0 ms",
                ),
                "(Zscaler)",
                "Gateway ",
            ]) {
                assert_eq!(forbidden(&finding.text, lang), None);
                assert!(finding.text.contains(words), "{}", finding.text);
                assert!(!finding.text.contains('\u{1b}'));
            }
            assert_eq!(found[1].sources.len(), 2);
            assert!(told(Vec::new()).is_empty());
        }
    }
}
