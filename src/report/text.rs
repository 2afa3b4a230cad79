//! The summary for people on a terminal: what was captured and how completely, what deserves a look, who received what,
//! and what such a capture cannot show.

mod findings;
pub(super) mod recipients;

use super::format::{self, bytes, number, short_source, symbol};
use super::page::{Page, Role, Style};
use crate::attribution::CountryCode;
use crate::engine::view::{LawNote, LookUps, LossView, Stated, Summary};
use crate::policy::{self, Finding, Ground, Lang, Listing};
use crate::wire::{Day, FrameNo, Text};
use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::io::{self, Write};

/// Frames spelled out behind a finding; the rest is in the tables.
const FRAMES: usize = 3;
/// Capture files named in the title.
const CAPTURES: usize = 3;
/// The stage under which the engine counts frames that belong to no flow.
const SET_ASIDE: &str = "set aside";
/// A kind of it: the packet belongs to a flow, which counts it once.
const ECHO: &str = "seen on another interface too";
/// Countries whose law is told in the head, and lines for each.
const LAWS: usize = 4;
const LAW_LINES: usize = 2;

/// Writes the summary in the language of the style. No line is wider than its width.
///
/// # Errors
/// Whatever the writer returns.
pub fn summary_text(summary: &Summary, style: &Style, out: &mut impl Write) -> io::Result<()> {
    let mut page = Page::new(style);
    let told = Told { summary, lang: style.lang, verbose: style.verbose };
    told.head(&mut page);
    told.findings(&mut page);
    told.recipients(&mut page);
    told.unseen(&mut page);
    if !style.next.is_empty() {
        page.blank();
        page.heading(style.lang.pick("Next", "Wie weiter"), "");
        for line in &style.next {
            page.text(2, Role::Plain, line, usize::MAX);
        }
    }
    out.write_all(page.finish().as_bytes())
}

/// A summary to be told.
pub(super) struct Told<'s> {
    summary: &'s Summary,
    lang: Lang,
    verbose: bool,
}

impl<'s> Told<'s> {
    /// Whole, for a page without an end of a screen.
    pub(super) fn new(summary: &'s Summary, lang: Lang) -> Self {
        Self { summary, lang, verbose: true }
    }
}

impl Told<'_> {
    /// A bound that `--verbose` lifts.
    fn most(&self, lines: usize) -> usize {
        if self.verbose { usize::MAX } else { lines }
    }

    fn n(&self, count: impl Into<u64>) -> String {
        number(count.into(), self.lang)
    }

    /// `1 flow`, `12 flows`; each word in both languages.
    fn count(&self, count: impl Into<u64>, one: [&str; 2], many: [&str; 2]) -> String {
        let count = count.into();
        let [en, de] = if count == 1 { one } else { many };
        format!("{} {}", number(count, self.lang), self.lang.pick(en, de))
    }

    fn head(&self, page: &mut Page<'_>) {
        let (s, c, lang) = (self.summary, &self.summary.circumstances, self.lang);
        let names: Vec<String> = s.captures.iter().take(CAPTURES).map(|capture| capture.name.to_string()).collect();
        let more = s.captures.len().saturating_sub(CAPTURES);
        let title = format!("{}{}", names.join(", "), if more > 0 { format!(", +{more}") } else { String::new() });
        let program = concat!("zollhund ", env!("CARGO_PKG_VERSION"));
        page.row(0, (Role::Strong, &title), (Role::Plain, &[]), (Role::Faint, program));
        let when = if c.frames == 0 {
            lang.pick("nothing: there are no frames", "nichts: Es gibt keine Frames").to_owned()
        } else {
            let span = format::duration(c.last.since(c.first), lang);
            let silent = c.silence.filter(policy::Silence::is_long).map_or_else(String::new, |s| {
                let (of_it, without) = (lang.pick("of it", "davon"), lang.pick("without a frame", "ohne Frames"));
                format!(", {of_it} {} {without}", format::duration(s.nanos, lang))
            });
            format!("{} ({span}{silent})", format::period(c.first, c.last, lang))
        };
        page.labelled(lang.pick("captured", "erfasst"), Role::Strong, &when, 2);
        page.labelled(lang.pick("contents", "Inhalt"), Role::Plain, &self.contents(), 2);
        let (role, complete) = self.completeness();
        page.labelled(lang.pick("complete", "lückenlos"), role, &complete, usize::MAX);
        page.labelled(lang.pick("service", "Dienst"), Role::Plain, &self.service(), 3);
        if let Some(stated) = s.stated.as_ref().map(|stated| self.stated(stated)).filter(|line| !line.is_empty()) {
            page.labelled(lang.pick("stated", "angegeben"), Role::Plain, &stated, self.most(2));
        }
        self.overview(page);
        if self.verbose && !s.sources.is_empty() {
            let sources: Vec<String> = s.sources.iter().map(|source| short_source(source)).collect();
            page.labelled(lang.pick("data", "Daten"), Role::Faint, &sources.join(" · "), usize::MAX);
        }
        if let Some(look_ups) = &s.look_ups {
            page.labelled(lang.pick("look-ups", "Abfragen"), Role::Attention, &self.look_ups(look_ups), usize::MAX);
        }
        self.law(page);
    }

    /// How many recipients there are of each kind, and in which countries.
    fn overview(&self, page: &mut Page<'_>) {
        let (s, lang) = (self.summary, self.lang);
        let of = |listing: Listing| s.recipients.iter().filter(|r| r.listing == listing).count() as u64;
        let kinds =
            recipients::GROUPS.iter().map(|(listing, ..)| (*listing, of(*listing))).filter(|(_, count)| *count > 0);
        let kinds: Vec<String> = kinds
            .map(|(listing, count)| match listing {
                Listing::Unjudged => self.n(count),
                _ => format!("{} {}", self.group_title(listing), self.n(count)),
            })
            .collect();
        if kinds.is_empty() {
            return;
        }
        page.labelled(lang.pick("recipients", "Empfänger"), Role::Plain, &kinds.join(" · "), 2);
        let mut places: BTreeMap<CountryCode, (u64, u64)> = BTreeMap::new();
        let mut unknown = 0_u64;
        for r in s.recipients.iter().filter(|r| r.listing != Listing::Local) {
            match &r.located_in {
                Some(claim) => {
                    let place = places.entry(claim.value).or_default();
                    *place = (place.0 + 1, place.1.saturating_add(r.traffic.bytes_up));
                }
                None => unknown += 1,
            }
        }
        let mut places: Vec<_> = places.into_iter().collect();
        places.sort_by_key(|(_, (_, sent))| Reverse(*sent));
        let mut told: Vec<String> =
            places.into_iter().map(|(country, (count, _))| format!("{country} {}", self.n(count))).collect();
        if unknown > 0 {
            told.push(format!("{} {}", lang.pick("not known", "unbekannt"), self.n(unknown)));
        }
        page.labelled(lang.pick("places", "Orte"), Role::Plain, &told.join(" · "), self.most(2));
    }

    /// What the auditor states of the case and nobody observed.
    fn stated(&self, said: &Stated) -> String {
        let lang = self.lang;
        let client = format!("{} {}", said.client, said.version);
        let parts = [
            (lang.pick("case", "Vorgang"), &*said.reference),
            (lang.pick("user", "Nutzer"), &*said.controller),
            ("client", client.trim()),
            (lang.pick("configuration", "Konfiguration"), &*said.configuration),
        ];
        let told = parts.into_iter().filter(|(_, said)| !said.is_empty());
        told.map(|(what, said)| format!("{what} {}", Text::from(said))).collect::<Vec<_>>().join(" · ")
    }

    /// That this program did not only observe.
    pub(super) fn look_ups(&self, look_ups: &LookUps) -> String {
        let LookUps { upstream, asked, unanswered, left_out } = look_ups;
        let aside: String = [
            (unanswered, ", {} gave no answer", ", {} ohne Antwort"),
            (left_out, ", {} more were left out", ", {} weitere ausgelassen"),
        ]
        .into_iter()
        .filter(|(count, ..)| **count > 0)
        .map(|(count, en, de)| self.lang.pick(en, de).replace("{}", &self.n(*count)))
        .collect();
        let asked = self.count(*asked, ["address was", "Adresse wurde"], ["addresses were", "Adressen wurden"]);
        match self.lang {
            Lang::En => format!(
                "{asked} asked of {upstream} on behalf of the user{aside}; its answers are marked ptr and no finding rests \
                 on them"
            ),
            Lang::De => format!(
                "{asked} im Auftrag des Nutzers bei {upstream} erfragt{aside}; die Antworten sind mit ptr gekennzeichnet, \
                 kein Befund stützt sich auf sie"
            ),
        }
    }

    pub(super) fn contents(&self) -> String {
        let s = self.summary;
        let total = s.up.bytes.saturating_add(s.down.bytes);
        let mut parts = vec![
            self.count(s.circumstances.frames, ["frame", "Frame"], ["frames", "Frames"]),
            bytes(total, self.lang),
            self.count(s.flows, ["flow", "Verbindung"], ["flows", "Verbindungen"]),
        ];
        for (count, one, many) in [
            (s.endpoints, ["remote address", "Gegenstelle"], ["remote addresses", "Gegenstellen"]),
            (s.handshakes, ["TLS hello", "TLS-Hello"], ["TLS hellos", "TLS-Hellos"]),
            (s.dns_answers, ["DNS answer", "DNS-Antwort"], ["DNS answers", "DNS-Antworten"]),
            (s.markers.len() as u64, ["marker", "Marke"], ["markers", "Marken"]),
        ] {
            if count > 0 {
                parts.push(self.count(count, one, many));
            }
        }
        parts.join(" · ")
    }

    /// Whether the capture is incomplete, and how, in words.
    pub(super) fn completeness_words(&self) -> (bool, String) {
        let (role, words) = self.completeness();
        (role == Role::High, words)
    }

    /// Everything that makes the capture less than what was sent, in one loud line.
    fn completeness(&self) -> (Role, String) {
        let (c, lang) = (&self.summary.circumstances, self.lang);
        let mut gaps = Vec::new();
        if c.lost > 0 {
            let lost = self.count(c.lost, ["frame lost", "Frame verloren"], ["frames lost", "Frames verloren"]);
            gaps.push(format!("{} {lost}", lang.pick("at least", "mindestens")));
        }
        if c.truncated_file {
            let text = lang.pick("the file is cut or damaged", "die Datei ist abgeschnitten oder beschädigt");
            gaps.push(text.to_owned());
        }
        if c.incidents.ways_not_captured > 0 {
            let text = lang.pick(
                "another way to the internet was not captured",
                "ein anderer Weg ins Internet wurde nicht aufgezeichnet",
            );
            gaps.push(text.to_owned());
        }
        if c.incidents.interfaces_gone > 0 {
            let text = lang.pick("an interface was gone meanwhile", "eine Schnittstelle war zwischendurch fort");
            gaps.push(text.to_owned());
        }
        if c.unreadable > 0 {
            gaps.push(self.count(
                c.unreadable,
                ["frame could not be read", "Frame nicht lesbar"],
                ["frames could not be read", "Frames nicht lesbar"],
            ));
        }
        gaps.extend(c.limits.iter().map(|limit| limit.get(lang).to_owned()));
        let incomplete = !gaps.is_empty();
        if c.cut > 0 && c.payload_kept.is_none() {
            let cut = self.count(c.cut, ["frame cut", "Frame gekürzt"], ["frames cut", "Frames gekürzt"]);
            let (to, unit) = (lang.pick("to", "auf"), lang.pick("bytes", "Byte"));
            gaps.push(format!("{cut} {to} {} {unit}", self.n(c.snap_length)));
        }
        if c.time_reversals > 0 {
            let times = self.n(c.time_reversals);
            gaps.push(match lang {
                Lang::En => format!("the clock ran backwards {times}×"),
                Lang::De => format!("die Uhr lief {times}× rückwärts"),
            });
        }
        if let Some(silence) = c.silence.filter(policy::Silence::is_long) {
            let (before, after) = (silence.before, silence.after);
            gaps.push(match lang {
                Lang::En => format!("nothing between frames {before} and {after}"),
                Lang::De => format!("nichts zwischen den Frames {before} und {after}"),
            });
        }
        if gaps.is_empty() {
            let text = lang.pick(
                "yes, as far as the capture says: nothing lost, cut or unreadable",
                "ja, laut Aufzeichnung: nichts verloren, gekürzt oder unlesbar",
            );
            return (Role::Plain, text.to_owned());
        }
        let gaps = gaps.join("; ");
        if !incomplete {
            return (Role::Attention, format!("{}: {gaps}", lang.pick("all frames, but", "alle Frames, aber")));
        }
        let so = lang.pick(
            "counts are lower bounds, recipients may be missing",
            "Zahlen sind Untergrenzen, Empfänger können fehlen",
        );
        (Role::High, format!("{}: {gaps}; {so}", lang.pick("NO", "NEIN")))
    }

    pub(super) fn service(&self) -> String {
        let lang = self.lang;
        let Some((id, name)) = &self.summary.service else {
            let none = lang.pick(
                "none given: recipients are held against no list",
                "keiner genannt: Empfänger werden an keiner Liste gemessen",
            );
            let Some(found) = &self.summary.circumstances.proposal else { return none.to_owned() };
            let guess = lang.pick("the traffic looks like", "der Verkehr sieht aus nach");
            let call = if found.is_call() { "" } else { lang.pick(", no call seen", ", kein Anruf zu sehen") };
            return format!("{none}; {guess} {} ({}{call})", found.name, found.confidence.token());
        };
        let list = self.summary.list.as_ref().map(|list| {
            let hash = policy::short_hash(list);
            let hash = if hash.is_empty() { String::new() } else { format!(", SHA-256 {hash}…") };
            format!("; {} {}{hash}", lang.pick("list", "Liste"), policy::source(list, lang))
        });
        format!("{name} ({id}){}", list.unwrap_or_default())
    }

    /// What all notes on the law have in common (the day, the table), and what is left of each.
    pub(super) fn laws(&self) -> (String, Vec<(String, &str)>) {
        let laws = self.laws_by_weight();
        let prefix = common(&laws, |text| text.find(": ").and_then(|at| text.get(..at + 2)));
        let suffix = common(&laws, |text| text.rfind(" (").and_then(|at| text.get(at..)));
        let said = format!("{}{}", prefix.trim_end_matches(": "), suffix.trim_end_matches('.'));
        let told = laws.into_iter().map(|law| {
            let text = law.text.strip_prefix(prefix).unwrap_or(&law.text);
            (self.country(&law.country), text.strip_suffix(suffix).unwrap_or(text))
        });
        (said.trim().to_owned(), told.collect())
    }

    /// The law of the days of the capture, and the age of the table that says it.
    fn law(&self, page: &mut Page<'_>) {
        let lang = self.lang;
        let (said, laws) = self.laws();
        let age = self.law_age().filter(|_| self.summary.circumstances.frames > 0);
        let head: Vec<String> = Some(said).filter(|said| !said.is_empty()).into_iter().chain(age).collect();
        if !head.is_empty() {
            page.labelled(lang.pick("law then", "Recht"), Role::Faint, &head.join(" · "), self.most(2));
        }
        let most = self.most(LAWS);
        for (country, text) in laws.iter().take(most) {
            page.labelled("", Role::Plain, &format!("{country}: {text}"), self.most(LAW_LINES));
        }
        let rest = laws.get(most.min(laws.len())..).unwrap_or_default();
        if !rest.is_empty() {
            let countries: Vec<&str> = rest.iter().map(|(country, _)| country.as_str()).collect();
            let also = lang.pick("also in report.html", "auch in report.html");
            page.labelled("", Role::Faint, &format!("{also}: {}", countries.join(", ")), 2);
        }
    }

    /// Countries that were sent most first.
    fn laws_by_weight(&self) -> Vec<&LawNote> {
        let sent = |law: &LawNote| -> u64 {
            let placed = |code: &CountryCode| code.as_str() == &*law.country;
            let there =
                self.summary.recipients.iter().filter(|r| r.located_in.as_ref().is_some_and(|c| placed(&c.value)));
            there.map(|r| r.traffic.bytes_up).fold(0, u64::saturating_add)
        };
        let mut laws: Vec<&LawNote> = self.summary.law.iter().collect();
        laws.sort_by_cached_key(|law| Reverse(sent(law)));
        laws
    }

    /// The edition of the table of law, seen from the traffic.
    pub(super) fn law_age(&self) -> Option<String> {
        let table = self.summary.sources.iter().find(|s| &*s.name == "jurisdictions.toml")?;
        let (edition, last) = (Day::parse(&table.date)?, self.summary.circumstances.last.day());
        let days = |n: u32| self.count(n, ["day", "Tag"], ["days", "Tage"]);
        Some(match (last.0.checked_sub(edition.0), self.lang) {
            (Some(0), Lang::En) => format!("edition {edition}, of the day of the capture"),
            (Some(0), Lang::De) => format!("Ausgabe {edition}, vom Tag der Aufzeichnung"),
            (Some(age), Lang::En) => format!("edition {edition}, {} older than the capture", days(age)),
            (Some(age), Lang::De) => format!("Ausgabe {edition}, {} älter als die Aufzeichnung", days(age)),
            (None, Lang::En) => format!("edition {edition}, {} after the capture", days(edition.0 - last.0)),
            (None, Lang::De) => format!("Ausgabe {edition}, {} nach der Aufzeichnung", days(edition.0 - last.0)),
        })
    }

    fn country(&self, code: &str) -> String {
        CountryCode::parse(code).map_or_else(|| code.to_owned(), |code| policy::country_name(code, self.lang))
    }

    /// `frames 12, 40, 77 …`; empty without frames.
    pub(super) fn frames(&self, frames: &[FrameNo], most: usize) -> String {
        if frames.is_empty() {
            return String::new();
        }
        let shown: Vec<String> = frames.iter().take(most).map(|frame| frame.0.to_string()).collect();
        let word = match (self.lang, frames.len()) {
            (Lang::En, 2..) => "frames",
            (Lang::En, _) => "frame",
            (Lang::De, 2..) => "Frames",
            (Lang::De, _) => "Frame",
        };
        let more = if frames.len() > most { " …" } else { "" };
        format!("{word} {}{more}", shown.join(", "))
    }

    fn unseen(&self, page: &mut Page<'_>) {
        page.blank();
        page.heading(self.lang.pick("What could not be seen", "Was nicht zu sehen war"), "");
        let of_capture = self.summary.findings.iter().filter(|f| f.ground == Ground::Capture);
        let (always, of_this): (Vec<&Finding>, Vec<&Finding>) = of_capture.partition(|f| f.code.starts_with("NEG-"));
        for finding in of_this {
            let frames = self.frames(&finding.frames, FRAMES);
            let text = if frames.is_empty() {
                Cow::from(&*finding.text)
            } else {
                format!("{} ({frames})", finding.text).into()
            };
            let label = format!("{} {}  ", symbol(finding.severity), finding.code);
            page.paragraph((Role::of(finding.severity), &label), 4, (Role::Plain, &text), self.most(4));
        }
        self.set_aside(page);
        for finding in always {
            page.text(2, Role::Plain, &finding.text, usize::MAX);
        }
    }

    /// The kind of a loss line for people; the tables keep the English tokens.
    pub(super) fn kind<'k>(&self, kind: &'k str) -> Cow<'k, str> {
        if self.lang == Lang::En {
            return kind.into();
        }
        let rest = |start| kind.strip_prefix(start);
        if let Some(number) = rest("not ip ") {
            format!("kein IP {number}").into()
        } else if let Some(number) = rest("encrypted ip protocol ") {
            format!("verschlüsseltes IP-Protokoll {number}").into()
        } else if let Some(number) = rest("ip protocol ") {
            format!("IP-Protokoll {number}").into()
        } else {
            match kind {
                "encrypted on the link" => "auf der Leitung verschlüsselt".into(),
                "fragment without its first" => "Fragment ohne das erste".into(),
                "dropped before a frame" => "vor einem Frame verworfen".into(),
                "dropped while capturing" => "während der Aufzeichnung verworfen".into(),
                "dropped by the interface" => "von der Schnittstelle verworfen".into(),
                "passed by, because analysis was behind" => "übergangen, weil die Auswertung zurücklag".into(),
                "not saved, because writing was behind" => "nicht gesichert, weil das Schreiben zurücklag".into(),
                "not saved, because there was no more room" => "nicht gesichert, weil kein Platz mehr war".into(),
                "left out, because it is out of scope" => "weggelassen, weil außerhalb des Prüfumfangs".into(),
                "dropped because the kernel's ring was full" => "verworfen, weil der Ring des Kernels voll war".into(),
                ECHO => "auch an einer anderen Schnittstelle gesehen".into(),
                other => other.into(),
            }
        }
    }

    /// The stage of a loss line for people.
    pub(super) fn stage<'k>(&self, stage: &'k str) -> &'k str {
        if self.lang == Lang::En {
            return stage;
        }
        match stage {
            SET_ASIDE => "beiseitegelegt",
            "decode" => "Dekodierung",
            "interface" => "Schnittstelle",
            "kernel" => "Kernel",
            "analysis" => "Auswertung",
            "evidence" => "Sicherung",
            other => other,
        }
    }

    /// Frames that were read but belong to no flow: what they carried is in no count of recipients.
    fn set_aside(&self, page: &mut Page<'_>) {
        let lang = self.lang;
        let aside = self.summary.losses.iter().filter(|loss| &*loss.stage == SET_ASIDE);
        let (echoes, aside): (Vec<_>, Vec<&LossView>) = aside.partition(|loss| &*loss.kind == ECHO);
        for echo in echoes {
            let frames = self.count(echo.frames, ["frame", "Frame"], ["frames", "Frames"]);
            let what = lang.pick(
                "Seen on more than one interface, counted once:",
                "An mehreren Schnittstellen gesehen, einmal gezählt:",
            );
            page.text(2, Role::Plain, &format!("{what} {frames}."), self.most(2));
        }
        let frames = aside.iter().map(|loss| loss.frames).fold(0, u64::saturating_add);
        if frames == 0 {
            return;
        }
        let kinds: Vec<String> =
            aside.iter().map(|loss| format!("{} {}", self.n(loss.frames), self.kind(&loss.kind))).collect();
        let frames = self.count(frames, ["frame", "Frame"], ["frames", "Frames"]);
        let what = lang.pick("In no TCP or UDP flow:", "In keiner TCP- oder UDP-Verbindung:");
        page.text(2, Role::Plain, &format!("{what} {frames} ({}).", kinds.join(", ")), self.most(2));
    }
}

/// The part that all notes share, or nothing.
fn common<'l>(laws: &[&'l LawNote], part: impl Fn(&'l str) -> Option<&'l str>) -> &'l str {
    let mut parts = laws.iter().map(|law| part(&law.text).unwrap_or_default());
    let first = parts.next().unwrap_or_default();
    if parts.all(|part| part == first) { first } else { "" }
}
