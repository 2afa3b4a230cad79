//! CAP and NEG: what this capture cannot show. Silence about a blind spot would read as an all-clear.

use super::{Case, Judge, Out, Rule};
use crate::attribution::Confidence;
use crate::dissect::fact::Hidden;
use crate::policy::finding::{Finding, Ground, Severity};
use crate::policy::subject::{Blind, Circumstances, Incidents, Silence};
use crate::policy::suppression::Suppressions;
use crate::policy::words::{self, Lang};
use crate::wire::FrameNo;
use std::sync::Arc;

pub(super) const RULE: Rule = Rule {
    codes: &[
        ("CAP-01", "frames were lost", "Frames gingen verloren"),
        ("CAP-02", "frames were cut", "Frames wurden gekürzt"),
        ("CAP-03", "the clock of the capture ran backwards", "Die Uhr der Aufzeichnung lief rückwärts"),
        ("CAP-04", "VPN or proxy", "VPN oder Proxy"),
        ("CAP-05", "flows of other devices", "Verbindungen anderer Geräte"),
        ("CAP-06", "frames could not be read", "Frames waren nicht lesbar"),
        ("CAP-07", "the file is cut or damaged", "Die Datei ist abgeschnitten oder beschädigt"),
        ("CAP-08", "flows with one direction only", "Verbindungen mit nur einer Richtung"),
        ("CAP-09", "flows whose start is missing", "Verbindungen, deren Anfang fehlt"),
        ("CAP-10", "flows inside a tunnel", "Verbindungen in einem Tunnel"),
        ("CAP-11", "limits of this program were reached", "Grenzen dieses Programms wurden erreicht"),
        ("CAP-12", "name resolution was encrypted", "Namensauflösung war verschlüsselt"),
        (
            "CAP-13",
            "names beside an encrypted hello may be covers",
            "Namen neben verschlüsseltem Hello können Decknamen sein",
        ),
        ("CAP-14", "names were hidden by ESNI", "Namen waren durch ESNI verborgen"),
        ("CAP-15", "a long time without frames", "Lange Zeit ohne Frames"),
        ("CAP-16", "the table of law is old", "Die Regimetabelle ist alt"),
        ("CAP-17", "findings that the auditor has set aside", "Vom Prüfer zurückgestellte Befunde"),
        ("CAP-18", "what happened to the capturing machine", "Was dem aufzeichnenden Rechner geschah"),
        ("CAP-19", "frames out of scope were left out", "Frames außerhalb des Prüfumfangs wurden weggelassen"),
        ("CAP-20", "a shareable copy with pseudonyms", "Weitergabefähige Kopie mit Pseudonymen"),
        ("NEG-00", "what such a capture cannot show", "Was eine solche Aufzeichnung nicht zeigen kann"),
    ],
    judge: Judge::Capture(judge),
};

fn judge(c: &Circumstances, case: &Case<'_>, out: &mut Out) {
    let lang = case.lang;
    let n = |count: u64| words::number(count, lang);
    let of = if case.at_least { lang.pick("at least ", "mindestens ") } else { "" };
    let mut say = |code: &'static str, severity: Severity, frames: &[FrameNo], en: String, de: String| {
        out.push(code, severity, || Finding {
            code,
            severity,
            ground: Ground::Capture,
            subject: lang.pick("the capture", "die Aufzeichnung").into(),
            text: match lang {
                Lang::En => en,
                Lang::De => de,
            }
            .into(),
            confidence: Confidence::High,
            uncertainty: Box::default(),
            first: c.first,
            last: c.last,
            frames: frames.to_vec(),
            sources: Vec::new(),
            aside: None,
        });
    };
    if c.lost > 0 {
        let (lost, all) = (n(c.lost), n(c.frames));
        say(
            "CAP-01",
            Severity::Notice,
            &[],
            format!(
                "Frames lost: at least {lost}, beside {all} that were read. All counts are lower bounds, and recipients may be missing."
            ),
            format!(
                "Verlorene Frames: mindestens {lost}, neben {all} gelesenen. Alle Zahlen sind Untergrenzen, und Empfänger können fehlen."
            ),
        );
    }
    if let Some(first) = &c.copy_of {
        // It comes from a file: a digest has only these, and so many.
        let first: String = first.chars().filter(char::is_ascii_hexdigit).take(128).collect();
        say(
            "CAP-20",
            Severity::Info,
            &[],
            format!(
                "This is a shareable copy of the bundle whose tag manifest has the SHA-512 {first}. Addresses of the audited side, hardware addresses and names of its hosts are pseudonyms; addresses and names of recipients are as captured. Of the payload it holds what hellos, name resolution and the headers of media say, and no content. Times, volumes, ports and recipients remain: whoever knows a part of the traffic may recognise it."
            ),
            format!(
                "Dies ist eine weitergabefähige Kopie des Bündels, dessen Tag-Manifest die SHA-512 {first} hat. Adressen der geprüften Seite, Hardwareadressen und Namen ihrer Geräte sind Pseudonyme; Adressen und Namen der Empfänger stehen da wie aufgezeichnet. Von den Nutzdaten enthält sie, was Hellos, Namensauflösung und Medienköpfe sagen, und keine Inhalte. Zeiten, Mengen, Ports und Empfänger bleiben: Wer einen Teil des Verkehrs kennt, kann ihn wiedererkennen."
            ),
        );
    } else if let Some(kept) = c.payload_kept {
        let kept = n(kept.into());
        say(
            "CAP-02",
            Severity::Info,
            &[],
            format!(
                "The evidence keeps all headers and the first {kept} bytes of each direction of a flow; of what follows it keeps headers only, to hold little content. Names further back cannot be read from it; volumes count what was sent."
            ),
            format!(
                "Die Beweisdateien enthalten alle Kopfdaten und die ersten {kept} Byte jeder Richtung einer Verbindung, danach nur noch Kopfdaten, um wenig Inhalt zu halten. Weiter hinten stehende Namen sind daraus nicht lesbar; Mengen zählen, was gesendet wurde."
            ),
        );
    } else if c.cut > 0 {
        let (cut, snap) = (n(c.cut), n(c.snap_length.into()));
        say(
            "CAP-02",
            Severity::Info,
            &[],
            format!(
                "Frames kept only in part: {cut} (at most {snap} bytes each). Names further back could not be read; volumes count what was sent."
            ),
            format!(
                "Nur teilweise aufgehobene Frames: {cut} (je höchstens {snap} Byte). Weiter hinten stehende Namen waren nicht lesbar; Mengen zählen, was gesendet wurde."
            ),
        );
    }
    if c.outside_scope > 0 {
        let (left, all) = (n(c.outside_scope), n(c.frames));
        say(
            "CAP-19",
            Severity::Info,
            &[],
            format!(
                "Frames left out of the evidence: {left}, beside {all} that are in it. They are of no flow of the audited program or device, nor of the name resolution for one; where they went is not told."
            ),
            format!(
                "Nicht in die Beweisdateien aufgenommene Frames: {left}, neben {all} enthaltenen. Sie gehören zu keiner Verbindung des geprüften Programms oder Geräts und zu keiner Namensauflösung dafür; wohin sie gingen, wird nicht gesagt."
            ),
        );
    }
    if c.time_reversals > 0 {
        let times = n(c.time_reversals);
        say(
            "CAP-03",
            Severity::Notice,
            &[],
            format!(
                "The clock of the capture ran backwards (jumps: {times}); order and durations are uncertain there, and so may be the day whose law applies."
            ),
            format!(
                "Die Uhr der Aufzeichnung lief rückwärts (Sprünge: {times}); Reihenfolge und Dauern sind dort ungewiss, womöglich auch der Tag, dessen Recht gilt."
            ),
        );
    }
    if let Some(silence) = c.silence.filter(Silence::is_long) {
        let Silence { from, until, before, after, .. } = silence;
        say(
            "CAP-15",
            Severity::Notice,
            &[before, after],
            format!(
                "Between frame {before} ({from}) and frame {after} ({until}) nothing was captured: the file is made of pieces, or the clock was set. What was sent in between is unknown; every finding names its own day."
            ),
            format!(
                "Zwischen Frame {before} ({from}) und Frame {after} ({until}) ist nichts aufgezeichnet: Die Datei besteht aus Stücken, oder die Uhr wurde gestellt. Was dazwischen gesendet wurde, ist unbekannt; jeder Befund nennt seinen eigenen Tag."
            ),
        );
    }
    incidents(c.incidents, lang, &mut say);
    let (edition, last) = (case.book.regimes.edition(), c.last.day());
    if let Some(age) = case.book.stale(last) {
        let age = n(age.into());
        say(
            "CAP-16",
            Severity::Notice,
            &[],
            format!(
                "The table of law is of {edition}, {age} days before the end of the capture on {last}: decisions may have been made or annulled since. Use a newer edition."
            ),
            format!(
                "Die Regimetabelle ist vom {edition}, {age} Tage vor dem Ende der Aufzeichnung am {last}: Seither können Beschlüsse gefasst oder aufgehoben worden sein. Eine neuere Ausgabe verwenden."
            ),
        );
    }
    if let Some(device) = &c.device {
        foreign(c, &words::shown(device), lang, &mut say);
    }
    for blind in &c.blind {
        hidden(blind, lang, &mut say);
    }
    if c.unreadable > 0 {
        let count = n(c.unreadable);
        say(
            "CAP-06",
            Severity::Notice,
            &[],
            format!("Frames that could not be read: {count}. What they carried is not in the counts."),
            format!("Nicht lesbare Frames: {count}. Was sie trugen, fehlt in den Zahlen."),
        );
    }
    if c.truncated_file {
        say(
            "CAP-07",
            Severity::Notice,
            &[],
            "The file is cut or damaged; what came after was not read.".to_owned(),
            "Die Datei ist abgeschnitten oder beschädigt; was danach kam, wurde nicht gelesen.".to_owned(),
        );
    }
    if c.one_sided_flows > 0 {
        let (count, all) = (n(c.one_sided_flows.into()), n(c.flows));
        say(
            "CAP-08",
            Severity::Info,
            &[],
            format!("Of {count} of {all} flows only one direction was captured; what came back is unknown."),
            format!(
                "Von {count} der {all} Verbindungen wurde nur eine Richtung aufgezeichnet; was zurückkam, ist unbekannt."
            ),
        );
    }
    if c.midstream_flows > 0 {
        let (count, all) = (n(c.midstream_flows.into()), n(c.flows));
        say(
            "CAP-09",
            Severity::Info,
            &[],
            format!(
                "{count} of {all} flows had begun before the capture; their names may have been said before it, and who opened them is inferred."
            ),
            format!(
                "{count} der {all} Verbindungen hatten vor der Aufzeichnung begonnen; ihre Namen können vorher gefallen sein, und wer sie öffnete, ist erschlossen."
            ),
        );
    }
    if c.tunnelled_flows > 0 {
        let (count, all, kinds) = (n(c.tunnelled_flows.into()), n(c.flows), c.tunnels.join(", "));
        say(
            "CAP-10",
            Severity::Notice,
            &c.tunnel_frames,
            format!(
                "Inside a tunnel ({kinds}) ran {of}{count} of {all} flows. The inner addresses are shown; the ends of the tunnel saw the traffic too."
            ),
            format!(
                "In einem Tunnel ({kinds}): {of}{count} der {all} Verbindungen. Gezeigt sind die inneren Adressen; auch die Enden des Tunnels sahen den Verkehr."
            ),
        );
    }
    if !c.limits.is_empty() {
        let limits: Vec<String> = c.limits.iter().map(|l| words::shown(l.get(lang))).collect();
        let limits = words::enumerate(&limits, 20, "; ", lang);
        say(
            "CAP-11",
            Severity::Notice,
            &[],
            format!("Limits of this program were reached, so something is missing: {limits}."),
            format!("Grenzen dieses Programms wurden erreicht, es fehlt also etwas: {limits}."),
        );
    }
    if c.ech_hellos > 0 {
        let count = n(c.ech_hellos.into());
        say(
            "CAP-13",
            Severity::Notice,
            &c.ech_frames,
            format!(
                "Hellos with Encrypted Client Hello, real or as a dummy: {of}{count}. The outer name beside it may be a cover, the real one cannot be read."
            ),
            format!(
                "Hellos mit Encrypted Client Hello, echt oder als Attrappe: {of}{count}. Der äußere Name daneben kann ein Deckname sein, der echte ist nicht lesbar."
            ),
        );
    }
    if c.esni_hellos > 0 {
        let count = n(c.esni_hellos.into());
        say(
            "CAP-14",
            Severity::Notice,
            &[],
            format!("Hellos with the withdrawn ESNI extension: {of}{count}. Their host names cannot be read."),
            format!("Hellos mit der zurückgezogenen Erweiterung ESNI: {of}{count}. Ihre Hostnamen sind nicht lesbar."),
        );
    }
    let (frames, first, last) = (n(c.frames), c.first.day(), c.last.day());
    let (en, de) = if first == last {
        (format!("on {first}"), format!("vom {first}"))
    } else {
        (format!("from {first} to {last}"), format!("vom {first} bis {last}"))
    };
    say(
        "NEG-00",
        Severity::Info,
        &[],
        format!(
            "This report rests on {frames} frames {en} at one place, with one client, version, configuration and account. It cannot show what servers pass on among themselves, remote access to stored data from other countries, what is stored or recorded and for how long, whether the provider can read encrypted content (end-to-end encryption), names asked for over HTTPS of a host that is not known to resolve them, what the contract says, or what happens at other times. That no recipient outside the EEA was observed would not mean that there is none. Whether an observation is a possible transfer is to be assessed legally."
        ),
        format!(
            "Dieser Bericht beruht auf {frames} Frames {de} an einem Ort, mit einem Client, einer Version, einer Konfiguration und einem Konto. Er kann nicht zeigen, was Server untereinander weitergeben, Fernzugriff auf gespeicherte Daten aus anderen Ländern, was wie lange gespeichert oder aufgezeichnet wird, ob der Anbieter verschlüsselte Inhalte lesen kann (Ende-zu-Ende-Verschlüsselung), Namen, die über HTTPS bei einem nicht dafür bekannten Host erfragt werden, was im Vertrag steht oder was zu anderen Zeiten geschieht. Dass kein Empfänger außerhalb des EWR beobachtet wurde, hieße nicht, dass es keinen gibt. Ob eine Beobachtung eine mögliche Übermittlung ist, ist rechtlich zu prüfen."
        ),
    );
}

/// Applies what the auditor has set aside, and tells what came of every such decision.
pub(super) fn set_aside(all: &Suppressions, c: &Circumstances, case: &Case<'_>, out: &mut Out) {
    const SPELLED: usize = 20;
    let lang = case.lang;
    let applied = out.suppress(all, lang);
    let n = |count: u64| words::number(count, lang);
    let findings = |count: u64| match (lang, count) {
        (Lang::En, 1) => "1 finding".to_owned(),
        (Lang::En, _) => format!("{} findings", n(count)),
        (Lang::De, 1) => "1 Befund".to_owned(),
        (Lang::De, _) => format!("{} Befunde", n(count)),
    };
    let mut items = Vec::new();
    for ((row, aside), ended) in all.rows().zip(&applied.aside).zip(&applied.ended) {
        let whom = format!("{} {}", row.code, words::shown(&row.host));
        let by = if row.by.is_empty() { String::new() } else { format!(", {}", words::shown(&row.by)) };
        let why = format!("{} ({}{by})", words::shown(&row.reason).trim_end_matches('.'), row.decided.0);
        let until = row.until.map(|u| u.0.to_string()).unwrap_or_default();
        items.push(match (lang, aside, ended) {
            (Lang::En, 0, 0) => format!("{}, without a finding: {why}", whom.trim()),
            (Lang::De, 0, 0) => format!("{}, ohne Befund: {why}", whom.trim()),
            (Lang::En, 0, _) => format!("{}, ended on {until}: {} are told again", whom.trim(), findings(*ended)),
            (Lang::De, 0, _) => format!("{}, befristet bis {until}: {} gelten wieder", whom.trim(), findings(*ended)),
            _ => format!("{}, {}: {why}", whom.trim(), findings(*aside)),
        });
    }
    let ended = applied.ended.iter().any(|count| *count > 0);
    let severity = if ended { Severity::Notice } else { Severity::Info };
    out.push("CAP-17", severity, || {
        let (file, hash) = (words::source(&all.source, lang), words::short_hash(&all.source));
        let items = words::enumerate(&items, SPELLED, "; ", lang);
        Finding {
            code: "CAP-17",
            severity,
            ground: Ground::Capture,
            subject: lang.pick("the capture", "die Aufzeichnung").into(),
            text: match lang {
                Lang::En => format!("Set aside by {file} (SHA-256 {hash}), and told all the same: {items}."),
                Lang::De => format!("Zurückgestellt durch {file} (SHA-256 {hash}) und dennoch aufgeführt: {items}."),
            }
            .into(),
            confidence: Confidence::High,
            uncertainty: Box::default(),
            first: c.first,
            last: c.last,
            frames: Vec::new(),
            sources: vec![Arc::clone(&all.source)],
            aside: None,
        }
    });
}

/// What the capturing machine told of itself: each tells of frames that are not there, or of times that are not right.
fn incidents(seen: Incidents, lang: Lang, say: &mut impl FnMut(&'static str, Severity, &[FrameNo], String, String)) {
    let Incidents { clock_set, largest_step, slept, interfaces_gone, ways_not_captured } = seen;
    let n = |count: u64| words::number(count, lang);
    let seconds = |nanos: u64| n(nanos.div_ceil(1_000_000_000));
    let (mut en, mut de) = (Vec::new(), Vec::new());
    if clock_set > 0 {
        let (times, most) = (n(clock_set.into()), seconds(largest_step));
        en.push(format!("its clock was set (times: {times}, by at most {most} s): times before and after do not fit together, nor may the day whose law applies be certain"));
        de.push(format!("seine Uhr wurde gestellt (Male: {times}, um höchstens {most} s): Zeiten davor und danach passen nicht zusammen, womöglich ist auch der Tag ungewiss, dessen Recht gilt"));
    }
    if slept > 0 {
        let slept = seconds(slept);
        en.push(format!("it slept for {slept} s, in which nothing was captured"));
        de.push(format!("er schlief {slept} s, in denen nichts aufgezeichnet wurde"));
    }
    if interfaces_gone > 0 {
        let times = n(interfaces_gone.into());
        en.push(format!(
            "an interface was gone (times: {times}): what was sent through it before its capture went on is unknown"
        ));
        de.push(format!("eine Schnittstelle war fort (Male: {times}): Was über sie gesendet wurde, bevor die Aufzeichnung weiterging, ist unbekannt"));
    }
    if ways_not_captured > 0 {
        let ways = n(ways_not_captured.into());
        en.push(format!("its way to the internet changed to interfaces that were not captured ({ways}): what was sent through them is unknown"));
        de.push(format!("sein Weg ins Internet führte über Schnittstellen, die nicht aufgezeichnet wurden ({ways}): Was über sie gesendet wurde, ist unbekannt"));
    }
    if !en.is_empty() {
        say(
            "CAP-18",
            Severity::Notice,
            &[],
            format!("The capturing machine tells of itself: {}.", en.join("; ")),
            format!("Der aufzeichnende Rechner meldet von sich: {}.", de.join("; ")),
        );
    }
}

/// What was not judged because it is not the audited device's.
fn foreign(
    c: &Circumstances,
    device: &str,
    lang: Lang,
    say: &mut impl FnMut(&'static str, Severity, &[FrameNo], String, String),
) {
    let (foreign, all) = (words::number(c.foreign_flows, lang), words::number(c.flows, lang));
    if c.foreign_flows == c.flows {
        return say(
            "CAP-05",
            Severity::Attention,
            &[],
            format!(
                "The audited device {device} takes part in none of the {all} flows: nothing was judged. Is it named as the capture shows it?"
            ),
            format!(
                "Das geprüfte Gerät {device} kommt in keiner der {all} Verbindungen vor: Nichts wurde beurteilt. Ist es so benannt, wie die Aufzeichnung es zeigt?"
            ),
        );
    }
    if c.foreign_flows > 0 {
        say(
            "CAP-05",
            Severity::Info,
            &[],
            format!(
                "In {foreign} of {all} flows the audited device {device} takes no part: they are in the tables (scope out), not among recipients and findings."
            ),
            format!(
                "An {foreign} der {all} Verbindungen ist das geprüfte Gerät {device} nicht beteiligt: Sie stehen in den Tabellen (scope out), nicht unter Empfängern und Befunden."
            ),
        );
    }
}

/// How many resolvers or proxies a sentence names.
const ENDS_SPELLED: usize = 10;

fn hidden(blind: &Blind, lang: Lang, say: &mut impl FnMut(&'static str, Severity, &[FrameNo], String, String)) {
    let flows = words::number(blind.flows.into(), lang);
    let ends: Vec<String> = blind.to.iter().take(ENDS_SPELLED + 1).map(words::shown_text).collect();
    let ends = if ends.is_empty() {
        String::new()
    } else {
        format!(" ({})", words::enumerate(&ends, ENDS_SPELLED, ", ", lang))
    };
    let protocol = match blind.what {
        Hidden::Dot => "DNS over TLS",
        Hidden::Doq => "DNS over QUIC",
        Hidden::Doh => "DNS over HTTPS",
        Hidden::Dnscrypt => "DNSCrypt",
        Hidden::Vpn => {
            return say(
                "CAP-04",
                Severity::Notice,
                &blind.frames,
                format!(
                    "Flows that look like a VPN: {flows}{ends}. What runs inside cannot be seen, and the addresses beyond are hidden."
                ),
                format!(
                    "Verbindungen, die nach einem VPN aussehen: {flows}{ends}. Was darin läuft, ist nicht zu sehen, und die Adressen dahinter sind verborgen."
                ),
            );
        }
        Hidden::ProxyHost => {
            return say(
                "CAP-04",
                Severity::Notice,
                &blind.frames,
                format!(
                    "Flows to hosts that are known by name as a proxy or VPN service: {flows}{ends}. What is reached through them cannot be seen; address and place shown are those of the service."
                ),
                format!(
                    "Verbindungen zu Hosts, die dem Namen nach als Proxy- oder VPN-Dienst bekannt sind: {flows}{ends}. Was durch sie erreicht wird, ist nicht zu sehen; Adresse und Standort sind die des Dienstes."
                ),
            );
        }
        Hidden::Teredo => {
            return say(
                "CAP-04",
                Severity::Notice,
                &blind.frames,
                format!(
                    "Flows that set up a Teredo tunnel for IPv6: {flows}{ends}. IPv6 then goes through relays of others, who can read it; what was seen in the tunnel has flows of its own."
                ),
                format!(
                    "Verbindungen, die einen Teredo-Tunnel für IPv6 aufbauen: {flows}{ends}. IPv6 läuft dann über Relays anderer, die es lesen können; was im Tunnel zu sehen war, hat eigene Verbindungen."
                ),
            );
        }
        Hidden::Proxy => {
            return say(
                "CAP-04",
                Severity::Notice,
                &blind.frames,
                format!(
                    "Flows through a proxy: {flows}{ends}. Address and place shown for them are the proxy's, not the recipient's."
                ),
                format!(
                    "Verbindungen durch einen Proxy: {flows}{ends}. Adresse und Standort sind dort die des Proxys, nicht die des Empfängers."
                ),
            );
        }
    };
    say(
        "CAP-12",
        Severity::Notice,
        &blind.frames,
        format!(
            "Flows with {protocol}: {flows}{ends}. The names asked for cannot be read; the resolver is a recipient of its own."
        ),
        format!(
            "Verbindungen mit {protocol}: {flows}{ends}. Die erfragten Namen sind nicht lesbar; der Resolver ist selbst ein Empfänger."
        ),
    );
}

#[cfg(test)]
mod tests {
    use super::super::sample::{blind, book, silence};
    use super::*;
    use crate::policy::Twin;
    use crate::policy::rules::judge_all;
    use crate::wire::Timestamp;

    #[test]
    fn each_blind_spot_is_told_and_none_is_invented() {
        let told = |c: Circumstances| -> Vec<&'static str> {
            let case = Case::new(book(), None, Lang::En, &c);
            let mut codes: Vec<_> = judge_all(&[], &c, &case).iter().map(|f| f.code).collect();
            codes.sort_unstable();
            codes
        };
        let quiet = Circumstances::default;
        assert_eq!(told(quiet()), ["NEG-00"]);
        let device = || Some("192.168.1.6".into());
        assert_eq!(told(Circumstances { device: device(), flows: 3, ..quiet() }), ["NEG-00"]);
        assert_eq!(told(Circumstances { silence: Some(silence(599)), ..quiet() }), ["NEG-00"]);
        let none = Incidents::default();
        let after_edition = |days: u32| Timestamp::from_secs(u64::from(book().regimes.edition().0 + days) * 86_400);
        assert_eq!(told(Circumstances { last: after_edition(180), ..quiet() }), ["NEG-00"]);
        for (circumstances, code) in [
            (Circumstances { lost: 1, ..quiet() }, "CAP-01"),
            (Circumstances { cut: 1, ..quiet() }, "CAP-02"),
            (Circumstances { time_reversals: 1, ..quiet() }, "CAP-03"),
            (Circumstances { blind: vec![blind(Hidden::Vpn)], ..quiet() }, "CAP-04"),
            (Circumstances { blind: vec![blind(Hidden::Proxy)], ..quiet() }, "CAP-04"),
            (Circumstances { blind: vec![blind(Hidden::ProxyHost)], ..quiet() }, "CAP-04"),
            (Circumstances { blind: vec![blind(Hidden::Teredo)], ..quiet() }, "CAP-04"),
            (Circumstances { device: device(), flows: 3, foreign_flows: 1, ..quiet() }, "CAP-05"),
            (Circumstances { device: device(), flows: 3, foreign_flows: 3, ..quiet() }, "CAP-05"),
            (Circumstances { unreadable: 1, ..quiet() }, "CAP-06"),
            (Circumstances { truncated_file: true, ..quiet() }, "CAP-07"),
            (Circumstances { one_sided_flows: 1, ..quiet() }, "CAP-08"),
            (Circumstances { midstream_flows: 1, ..quiet() }, "CAP-09"),
            (Circumstances { tunnelled_flows: 1, ..quiet() }, "CAP-10"),
            (Circumstances { limits: vec![Twin { en: "x".into(), de: "x".into() }], ..quiet() }, "CAP-11"),
            (Circumstances { blind: vec![blind(Hidden::Doh)], ..quiet() }, "CAP-12"),
            (Circumstances { ech_hellos: 1, ..quiet() }, "CAP-13"),
            (Circumstances { esni_hellos: 1, ..quiet() }, "CAP-14"),
            (Circumstances { silence: Some(silence(600)), ..quiet() }, "CAP-15"),
            (Circumstances { last: after_edition(181), ..quiet() }, "CAP-16"),
            (Circumstances { incidents: Incidents { clock_set: 1, ..none }, ..quiet() }, "CAP-18"),
            (Circumstances { incidents: Incidents { slept: 1, ..none }, ..quiet() }, "CAP-18"),
            (Circumstances { incidents: Incidents { interfaces_gone: 1, ..none }, ..quiet() }, "CAP-18"),
            (Circumstances { incidents: Incidents { ways_not_captured: 1, ..none }, ..quiet() }, "CAP-18"),
            (Circumstances { outside_scope: 1, ..quiet() }, "CAP-19"),
            (Circumstances { copy_of: Some("00".into()), cut: 1, ..quiet() }, "CAP-20"),
        ] {
            assert_eq!(told(circumstances), [code, "NEG-00"]);
        }
    }
}
