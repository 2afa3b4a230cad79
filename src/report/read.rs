//! A `report.json` read back into the picture it was written from, so that any report can be made from it again. The document
//! may be anybody's: every text is neutralised or kept as untrusted, and what no program wrote is refused in one line.

use super::document::{
    Agreed, Aliased, Because, Capture, FindingRow, Hex, Kept, Labelled, Law, Line, Located, Looked, LossRow, Mark, On,
    Origin, Proposed, Recipient, Recorded, Runner, Seen, Service, Totals, Translation, VALIDITIES,
};
use super::json::SCHEMA_VERSION;
use crate::attribution::{Claim, Company, CountryCode, NameBasis, Source};
use crate::dissect::fact::{Choice, HelloTransport, Hidden, MediaSeen, NameSource, Offer};
use crate::engine::view::{
    CaptureInfo, Cell, Interface, LawNote, LookUps, LossView, Marker, Recording, Series, Stated, Summary, Timeline,
    Words,
};
use crate::policy::recognise::Reason;
use crate::policy::rules::RULES;
use crate::policy::subject::{Agreement, Alias, Blind, Label, Leaf, Silence, Traffic};
use crate::policy::suppression::SetAside;
use crate::policy::{Circumstances, Finding, Incidents, Lang, Listing, Proposal, Subject};
use crate::wire::{Day, FrameNo, Text, neutralise};
use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

/// Why a document is not taken. Each text ends in what to do.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error("not a report of this program: {0}; name a report.json that `zollhund analyze --output` wrote")]
    Shape(#[from] serde_json::Error),
    #[error("the report has version {0} of its shape and this program reads {SCHEMA_VERSION}; use a newer zollhund")]
    Version(u64),
    #[error("not a report of this program: `{0}` is no word that it writes; name the report.json as it was written")]
    Token(Text),
    #[error("the report has no words in this language; say --lang {0}")]
    Language(&'static str),
}

/// What a document holds beside its tables.
#[derive(Debug)]
pub struct Saved {
    pub summary: Summary,
    /// Version of the program that wrote it.
    pub program: Text,
    /// The tables that were written with it: name, rows, and whether they are in the document.
    pub tables: Vec<(String, u64, bool)>,
}

#[derive(Deserialize)]
struct Version {
    schema: u64,
}

/// The members that are read; rows of the large tables are passed over.
#[derive(Deserialize)]
struct Document<'a> {
    zollhund: String,
    lang: String,
    captures: Vec<Capture<'a>>,
    #[serde(default)]
    kept: Vec<Capture<'a>>,
    totals: Totals,
    circumstances: Seen<'a>,
    service: Option<Service<'a>>,
    proposal: Option<Proposed<'a>>,
    stated: Option<Value>,
    list: Option<Origin<'a>>,
    law: Vec<Law<'a>>,
    findings: Vec<FindingRow<'a>>,
    recipients: Vec<Recipient<'a>>,
    markers: Vec<Mark<'a>>,
    timeline: Line,
    losses: Vec<LossRow<'a>>,
    sources: Vec<Origin<'a>>,
    look_ups: Option<Looked<'a>>,
    #[serde(default)]
    translations: Vec<Translation<'a>>,
    tables: Vec<Kept<'a>>,
}

/// Reads a document back.
///
/// # Errors
/// [`ReadError`], in words for people.
pub fn read_report(json: &[u8]) -> Result<Saved, ReadError> {
    let version: Version = serde_json::from_slice(json)?;
    if version.schema != u64::from(SCHEMA_VERSION) {
        return Err(ReadError::Version(version.schema));
    }
    let document: Document<'_> = serde_json::from_slice(json)?;
    let program = Text::from(document.zollhund.as_str());
    let tables = document.tables.iter().map(|t| (t.name.to_string(), t.rows, t.here)).collect();
    Ok(Saved { summary: summary(document)?, program, tables })
}

/// The rows of a table that the document itself holds; none if they stayed in their own file.
///
/// # Errors
/// [`ReadError`], in words for people.
pub fn read_rows<T: DeserializeOwned>(json: &[u8], table: &str) -> Result<Vec<T>, ReadError> {
    struct One<'t, T>(&'t str, PhantomData<T>);
    impl<'de, T: DeserializeOwned> Visitor<'de> for One<'_, T> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a report")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Vec<T>, A::Error> {
            let mut rows = Vec::new();
            while let Some(key) = map.next_key::<String>()? {
                if key == self.0 {
                    rows = map.next_value()?;
                } else {
                    map.next_value::<IgnoredAny>()?;
                }
            }
            Ok(rows)
        }
    }
    let mut reader = serde_json::Deserializer::from_slice(json);
    Ok(reader.deserialize_map(One(table, PhantomData))?)
}

impl Saved {
    /// The picture in a language, if the document has its words.
    ///
    /// # Errors
    /// [`ReadError::Language`], with one that it has.
    pub fn in_language(&self, lang: Lang) -> Result<Summary, ReadError> {
        let mut summary = self.summary.clone();
        if summary.lang == lang {
            return Ok(summary);
        }
        let there = summary.other.iter().position(|words| words.lang == lang);
        let Some(words) = there.map(|at| summary.other.swap_remove(at)) else {
            return Err(ReadError::Language(summary.lang.token()));
        };
        let findings = std::mem::replace(&mut summary.findings, words.findings);
        let law = std::mem::replace(&mut summary.law, words.law);
        summary.other.push(Words { lang: std::mem::replace(&mut summary.lang, lang), findings, law });
        Ok(summary)
    }
}

/// Words that this program coins are `&'static` everywhere. Those of a document are a few dozen; they are kept as long as
/// the program runs, and a document with more of them was not written by it.
#[derive(Default)]
struct Tokens(BTreeSet<&'static str>);

impl Tokens {
    const MOST: usize = 512;
    const LONGEST: usize = 64;

    fn coin(&mut self, word: &str) -> Result<&'static str, ReadError> {
        if let Some(known) = self.0.get(word) {
            return Ok(known);
        }
        let codes = RULES.iter().flat_map(|rule| rule.codes).map(|(code, ..)| *code);
        let plain = word.len() <= Self::LONGEST && word.bytes().all(|b| matches!(b, b' '..=b'~'));
        if !plain || self.0.len() >= Self::MOST {
            return Err(ReadError::Token(word.into()));
        }
        let kept = codes.into_iter().find(|code| *code == word).unwrap_or_else(|| String::from(word).leak());
        self.0.insert(kept);
        Ok(kept)
    }

    fn all(&mut self, words: &[std::borrow::Cow<'_, str>]) -> Result<Vec<&'static str>, ReadError> {
        words.iter().map(|word| self.coin(word)).collect()
    }
}

/// Text of people, as the rest of the program holds it: neutralised.
fn clean(text: &str) -> Box<str> {
    let mut out = String::with_capacity(text.len());
    let _ = neutralise(text, &mut out);
    out.into()
}

fn maybe(text: Option<std::borrow::Cow<'_, str>>) -> Option<Box<str>> {
    text.map(|text| clean(&text))
}

fn frames(numbers: &[u64]) -> Vec<FrameNo> {
    numbers.iter().map(|n| FrameNo(*n)).collect()
}

fn lang(token: &str) -> Result<Lang, ReadError> {
    Lang::ALL.into_iter().find(|l| l.token() == token).ok_or_else(|| ReadError::Token(token.into()))
}

/// Sources that the document names by name and date, with the hash where it lists them.
struct Sources(Vec<Arc<Source>>);

impl Sources {
    fn new(origins: Vec<Origin<'_>>) -> Self {
        Self(origins.into_iter().map(|o| Arc::new(source(&o))).collect())
    }

    fn find(&self, shown: &str) -> Arc<Source> {
        let shown = clean(shown);
        if let Some(known) = self.0.iter().find(|s| s.to_string() == *shown) {
            return Arc::clone(known);
        }
        let (name, date) = match shown.rsplit_once(" of ") {
            Some((name, date)) if Day::parse(date).is_some() => (name, date),
            _ => (&*shown, ""),
        };
        Arc::new(Source { name: name.into(), date: date.into(), sha256: "".into() })
    }
}

fn source(origin: &Origin<'_>) -> Source {
    Source { name: clean(&origin.name), date: clean(&origin.date), sha256: clean(&origin.sha256) }
}

fn law(notes: Vec<Law<'_>>) -> Vec<LawNote> {
    notes.into_iter().map(|l| LawNote { country: clean(&l.country), text: clean(&l.text) }).collect()
}

fn summary(d: Document<'_>) -> Result<Summary, ReadError> {
    let mut tokens = Tokens::default();
    let sources = Sources::new(d.sources);
    let findings = d.findings.iter().map(|row| finding(row, &sources, &mut tokens)).collect::<Result<Vec<_>, _>>()?;
    let retell = |t: Translation<'_>| -> Result<Option<Words>, ReadError> {
        let lang = lang(&t.lang)?;
        let retold = findings.iter().zip(&t.findings).map(|(finding, told)| Finding {
            subject: clean(&told.subject),
            text: clean(&told.text),
            uncertainty: clean(&told.uncertainty),
            ..finding.clone()
        });
        let whole = t.findings.len() == findings.len();
        Ok(whole.then(|| Words { lang, findings: retold.collect(), law: law(t.law) }))
    };
    let mut other = Vec::new();
    for translation in d.translations {
        other.extend(retell(translation)?);
    }
    let (look_ups, reverse_names) = match d.look_ups {
        Some(Looked { upstream, asked, unanswered, left_out, names }) => {
            let upstream = Text::from(&*upstream);
            let names = names.into_iter().map(|n| (n.address, Text::from(&*n.reverse_name))).collect();
            (Some(LookUps { upstream, asked, unanswered, left_out }), names)
        }
        None => (None, BTreeMap::new()),
    };
    Ok(Summary {
        captures: d.captures.into_iter().map(capture).collect(),
        kept: d.kept.into_iter().map(capture).collect(),
        circumstances: Circumstances {
            proposal: d.proposal.map(proposal),
            ..circumstances(d.circumstances, &mut tokens)?
        },
        up: d.totals.up.into(),
        down: d.totals.down.into(),
        flows: d.totals.flows,
        endpoints: d.totals.endpoints,
        dns_answers: d.totals.dns_answers,
        handshakes: d.totals.handshakes,
        service: d.service.map(|s| (clean(&s.id), clean(&s.name))),
        stated: d.stated.map(stated).transpose()?,
        list: d.list.map(|list| Arc::new(source(&list))),
        recipients: d.recipients.into_iter().map(|r| recipient(r, &sources, &mut tokens)).collect::<Result<_, _>>()?,
        lang: lang(&d.lang)?,
        findings,
        law: law(d.law),
        other,
        markers: d.markers.into_iter().map(|m| Marker { time: m.time, text: Text::from(&*m.text) }).collect(),
        timeline: timeline(d.timeline),
        losses: d.losses.into_iter().map(loss).collect(),
        sources: sources.0,
        look_ups,
        reverse_names,
    })
}

fn proposal(p: Proposed<'_>) -> Proposal {
    let reason = |b: Because<'_>| Reason {
        sign: b.sign,
        what: b.what.iter().map(|what| clean(what)).collect(),
        frame: b.frame.map(FrameNo),
    };
    Proposal {
        id: clean(&p.id),
        name: clean(&p.name),
        profile: p.profile,
        template: p.template,
        score: p.score,
        confidence: p.confidence,
        reasons: p.reasons.into_iter().map(reason).collect(),
        next: p.next.map(|(id, score)| (clean(&id), score)),
    }
}

/// Every text in it is neutralised before it is taken for what the auditor stated.
fn stated(mut said: Value) -> Result<Stated, ReadError> {
    fn neutralised(value: &mut Value) {
        match value {
            Value::String(text) => *text = clean(text).into(),
            Value::Object(members) => members.values_mut().for_each(neutralised),
            _ => {}
        }
    }
    neutralised(&mut said);
    Ok(serde_json::from_value(said)?)
}

fn loss(row: LossRow<'_>) -> LossView {
    let LossRow { stage, kind, frames, bytes, from, until } = row;
    LossView { stage: clean(&stage), kind: clean(&kind), frames, bytes, from, until }
}

fn capture(c: Capture<'_>) -> CaptureInfo {
    CaptureInfo {
        name: Text::from(&*c.name),
        format: clean(&c.format),
        sha256: maybe(c.sha256).unwrap_or_default(),
        bytes: c.bytes,
        link_types: c.link_types.iter().map(|link| clean(link)).collect(),
        recording: c.recording.map(recording).unwrap_or_default(),
    }
}

fn recording(r: Recorded<'_>) -> Recording {
    let said = |text: Option<std::borrow::Cow<'_, str>>| text.map(|text| Text::from(&*text)).unwrap_or_default();
    let on = |on: On<'_>| Interface {
        name: said(on.name),
        description: said(on.description),
        filter: said(on.filter),
        snap_len: on.snap_length,
    };
    Recording {
        application: said(r.application),
        system: said(r.system),
        hardware: said(r.hardware),
        interfaces: r.interfaces.into_iter().map(on).collect(),
    }
}

fn finding(row: &FindingRow<'_>, sources: &Sources, tokens: &mut Tokens) -> Result<Finding, ReadError> {
    Ok(Finding {
        code: tokens.coin(&row.code)?,
        severity: row.severity,
        ground: row.ground,
        subject: clean(&row.subject),
        text: clean(&row.text),
        confidence: row.confidence,
        uncertainty: clean(&row.uncertainty),
        first: row.first,
        last: row.last,
        frames: frames(&row.frames),
        sources: row.sources.iter().map(|shown| sources.find(shown)).collect(),
        aside: row.set_aside.as_ref().map(|reason| {
            let source = row.sources.last().map_or_else(|| sources.find(""), |shown| sources.find(shown));
            let decided = row.set_aside_on.as_deref().and_then(Day::parse).unwrap_or_default();
            let by = clean(row.set_aside_by.as_deref().unwrap_or_default());
            Arc::new(SetAside { reason: clean(reason), decided, by, source })
        }),
    })
}

fn hidden(token: &str) -> Result<Hidden, ReadError> {
    Hidden::ALL.into_iter().find(|h| h.token() == token).ok_or_else(|| ReadError::Token(token.into()))
}

fn circumstances(c: Seen<'_>, tokens: &mut Tokens) -> Result<Circumstances, ReadError> {
    let mut blind = Vec::with_capacity(c.blind.len());
    for spot in c.blind {
        let what = hidden(&spot.what)?;
        let to = spot.to.iter().map(|to| Text::from(&**to)).collect();
        blind.push(Blind { what, flows: spot.flows, frames: frames(&spot.frames), to });
    }
    Ok(Circumstances {
        near: Vec::new(),
        first: c.first,
        last: c.last,
        first_frame: FrameNo(c.first_frame),
        frames: c.frames,
        lost: c.lost,
        cut: c.cut,
        snap_length: c.snap_length,
        payload_kept: c.payload_kept,
        // Findings tell it; nothing is judged anew.
        outside_scope: 0,
        copy_of: None,
        unreadable: c.unreadable,
        truncated_file: c.truncated_file,
        incidents: Incidents {
            interfaces_gone: c.interfaces_gone.unwrap_or_default(),
            ways_not_captured: c.ways_not_captured.unwrap_or_default(),
            ..Incidents::default()
        },
        blind,
        ech_hellos: c.ech_hellos,
        ech_frames: frames(&c.ech_frames),
        esni_hellos: c.esni_hellos,
        one_sided_flows: c.one_sided_flows,
        midstream_flows: c.midstream_flows,
        tunnelled_flows: c.tunnelled_flows,
        tunnels: tokens.all(&c.tunnels)?,
        tunnel_frames: frames(&c.tunnel_frames),
        flows: c.flows,
        time_reversals: c.time_reversals,
        silence: c.silence.map(|s| Silence {
            nanos: s.until.since(s.from),
            from: s.from,
            until: s.until,
            before: FrameNo(s.before),
            after: FrameNo(s.after),
        }),
        device: maybe(c.device),
        foreign_flows: c.foreign_flows,
        proposal: None,
        // Only judgement asks for it, and that is over.
        profile_shows: true,
        limits: c.limits.iter().map(|l| crate::policy::Twin { en: clean(&l.en), de: clean(&l.de) }).collect(),
        // Its findings are told as they stand, none is judged again.
        left_out: false,
    })
}

fn basis(token: &str, age_secs: Option<u32>, frame: Option<u64>) -> Option<NameBasis> {
    let hellos = NameSource::ALL.map(NameBasis::Hello);
    let dns = NameBasis::DnsAnswer { age_secs: age_secs.unwrap_or(0), frame: FrameNo(frame.unwrap_or(0)) };
    // Which hello an outer name stood in is not written down: its token is the same for all.
    let after = NameBasis::DnsAfter { frame: FrameNo(frame.unwrap_or(0)) };
    let others =
        [NameBasis::OuterHello(NameSource::TlsSni), dns, NameBasis::Certificate, after, NameBasis::ReverseLookup];
    hellos.into_iter().chain(others).find(|basis| basis.token() == token)
}

fn company(runner: Runner<'_>, sources: &Sources) -> Claim<Arc<Company>> {
    let Runner { name, seat, parent, parent_seat, unverified, source, confidence } = runner;
    let company = Company { name: clean(&name), seat, parent: maybe(parent), parent_seat, unverified };
    Claim { value: Arc::new(company), source: sources.find(&source), confidence }
}

fn place(located: &Located, sources: &Sources) -> Claim<CountryCode> {
    Claim { value: located.country, source: sources.find(&located.source), confidence: located.confidence }
}

fn label(l: Labelled<'_>) -> Label {
    Label {
        category: clean(&l.category),
        suffix: clean(&l.suffix),
        via: l.via.map(|alias| Text::from(&*alias)),
        operator: maybe(l.operator).unwrap_or_default(),
        operator_country: l.operator_country,
        unverified: l.unverified,
    }
}

fn alias(a: Aliased<'_>, sources: &Sources) -> Alias {
    Alias {
        name: Text::from(&*a.name),
        target: Text::from(&*a.target),
        company: a.company.map(|runner| company(runner, sources)),
        label: a.label.map(label),
    }
}

fn agreement(a: Agreed<'_>) -> Result<Agreement, ReadError> {
    let transports = [HelloTransport::Tls, HelloTransport::Quic, HelloTransport::Dtls];
    let transport =
        |token: &str| transports.into_iter().find(|t| t.token() == token).ok_or_else(|| ReadError::Token(token.into()));
    let codes = |codes: Vec<Hex>| codes.into_iter().map(|c| c.0).collect();
    let offer = match a.transport {
        Some(token) => Some(Arc::new(Offer {
            version: a.offered_version.map_or(0, |v| v.0),
            oldest_version: a.oldest_version.map_or(0, |v| v.0),
            ciphers: codes(a.ciphers_offered),
            srtp: codes(a.srtp_offered),
            ..Offer::unknown(transport(&token)?)
        })),
        None => None,
    };
    let leaf = match a.certificate {
        Some(shown) => {
            let validity = VALIDITIES.iter().find(|(_, token)| *token == shown.validity);
            Some(Leaf {
                key: clean(&shown.key),
                signature: clean(&shown.signature),
                self_signed: shown.self_signed,
                validity: validity.ok_or_else(|| ReadError::Token(Text::from(&*shown.validity)))?.0,
                fits: shown.fits,
            })
        }
        None => None,
    };
    let choice = a.settled.map(|s| Choice {
        version: s.version.0,
        cipher: s.cipher.0,
        group: s.group.map(|g| g.0),
        retry: s.retry,
        resumed: s.resumed,
        srtp: s.srtp.map(|p| p.0),
        encrypt_then_mac: s.encrypt_then_mac,
        prime_bits: s.prime_bits,
        signature: s.signature.map(|s| s.0),
    });
    Ok(Agreement { offer, choice, leaf, flows: a.flows, frame: FrameNo(a.frame) })
}

fn recipient(r: Recipient<'_>, sources: &Sources, tokens: &mut Tokens) -> Result<Subject, ReadError> {
    use Listing::{Background, Local, NotListed, Service, Subprocessor, Unjudged};
    let standing = r.disclosed.as_deref().unwrap_or_default();
    let listing = [Service, Subprocessor, NotListed, Background, Local, Unjudged].into_iter();
    let mut names = Vec::with_capacity(r.names.len());
    for known in r.names {
        let basis = basis(&known.basis, known.age_s, known.frame);
        names.push((Text::from(&*known.name), basis.ok_or_else(|| ReadError::Token(Text::from(&*known.basis)))?));
    }
    Ok(Subject {
        names,
        addresses: r.addresses.into_owned(),
        address_count: r.address_count,
        operator: r.operator.map(|runner| company(runner, sources)),
        holder: r.holder.map(|runner| company(runner, sources)),
        registered_in: r.registered_in.map(|located| place(&located, sources)),
        located_in: r.located_in.map(|located| place(&located, sources)),
        indeterminate: maybe(r.indeterminate),
        listing: listing.clone().find(|l| l.token() == standing).ok_or_else(|| ReadError::Token(standing.into()))?,
        role: maybe(r.role),
        label: r.label.map(label),
        traffic: Traffic {
            packets_up: r.packets_up,
            bytes_up: r.bytes_up,
            packets_down: r.packets_down,
            bytes_down: r.bytes_down,
        },
        first: r.first,
        last: r.last,
        frames: frames(&r.frames),
        flow_count: r.flows,
        applications: tokens.all(&r.applications)?,
        clear: tokens.all(&r.clear)?,
        outer_names: r.outer_names,
        tunnels: tokens.all(&r.tunnels)?,
        measured: Vec::new(),
        media_up: MediaSeen::default(),
        media_down: MediaSeen::default(),
        peer: r.peer,
        processes: r.processes.iter().map(|name| Text::from(&**name)).collect(),
        hidden: r.hidden.iter().map(|token| hidden(token)).collect::<Result<_, _>>()?,
        agreements: r.agreements.into_iter().map(agreement).collect::<Result<_, _>>()?,
        ungraded: r.ungraded,
        aliases: r.aliases.into_iter().map(|a| alias(a, sources)).collect(),
    })
}

fn timeline(line: Line) -> Timeline {
    let cell = |(window, up, down)| Cell { window, up, down };
    let series = line.series.into_iter().map(|s| Series {
        recipient: s.recipient,
        media: s.media,
        cells: s.cells.into_iter().map(cell).collect(),
    });
    // What the media carried was asked for by judgement alone, and that is over.
    Timeline {
        start: line.start,
        width: line.width,
        windows: line.windows,
        series: series.collect(),
        kinds: Vec::new(),
    }
}
