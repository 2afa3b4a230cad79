//! Which service is this? What was seen of each recipient is held against what every known service shows of itself, and
//! what speaks for it is counted. The answer is a proposal with its reasons; nothing is judged by it.
//!
//! A service is told by what only its calls show (its own media format, the realm of its relays, media to its hosts or
//! networks), and by the hosts that its client asks for. Hosts alone count only where they make a good part of the traffic:
//! a messenger that idles in the background of a phone is not what the capture is about.

use super::data_file::{self, Date, PolicyError};
use super::hosts::HostMap;
use super::place::is_host_name;
use super::service::{HostCodes, Profile, Purpose, Reference};
use super::words::{self, Lang, Twin};
use crate::attribution::{Confidence, CountryCode, Prefix, Source};
use crate::wire::{AddressKind, Day, FrameNo};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

/// Points at which a service is proposed.
const ENOUGH: u32 = 4;
/// Points at which the proposal is more than likely, if calls are among what was seen.
const PLENTY: u32 = 6;
/// Points for the hosts of a client, each and at most.
const PER_HOST: u32 = 2;
const HOSTS_AT_MOST: u32 = 4;
/// Hosts alone speak for a service if at least this part of all traffic with the outside went there: a quarter.
const SHARE: u64 = 4;
/// Packets of an unknown protocol from which a flow into a media network counts as more than a probe.
const SUSTAINED: u64 = 20;
/// Packets from which TLS with a relay is more than a probe whether it can be reached: some seconds of sound.
const RELAYED: u64 = 500;
/// Hosts kept as reasons.
const HOSTS_TOLD: usize = 4;
/// Protocols of a call: real-time media and what opens its way.
const CALL: [&str; 9] = ["zoom", "rtp", "rtcp", "stun", "turn", "dtls", "zrtp", "discord", "telegram"];

/// What a service shows of itself, as its profile (`[recognise]`) or `data/recognised.toml` gives it.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Recognise {
    /// Tokens of protocols that nobody else speaks in calls.
    #[serde(default)]
    pub protocols: Vec<Box<str>>,
    /// Tokens that say less: shared with a sister, or spoken without a call.
    #[serde(default)]
    pub hints: Vec<Box<str>>,
    /// Realms of its relays (TURN).
    #[serde(default)]
    pub realms: Vec<Box<str>>,
    /// Hosts that its client asks for and visitors of its web pages do not.
    #[serde(default)]
    pub client: Vec<Box<str>>,
    /// Hosts of both.
    #[serde(default)]
    pub site: Vec<Box<str>>,
    /// Hosts of its client that media goes to: much traffic with one is a call, whatever it is wrapped in.
    #[serde(default)]
    pub relays: Vec<Box<str>>,
    /// What else looks like it, where that is known.
    #[serde(default)]
    pub beside: Option<Twin>,
    /// Programs, without `.exe`.
    #[serde(default)]
    pub processes: Vec<Box<str>>,
    /// The profile's own media ranges are shared with a sister and tell nothing.
    #[serde(default)]
    pub networks_shared: bool,
    /// Networks in which its media stands, beside the profile's own ranges.
    #[serde(default)]
    pub media: Vec<MediaNetwork>,
}

impl Recognise {
    /// Adds what a service shows that this one builds on.
    pub(super) fn join(&mut self, base: &Self) {
        let add = |mine: &mut Vec<Box<str>>, theirs: &[Box<str>]| {
            for one in theirs {
                if !mine.contains(one) {
                    mine.push(one.clone());
                }
            }
        };
        add(&mut self.protocols, &base.protocols);
        add(&mut self.hints, &base.hints);
        add(&mut self.realms, &base.realms);
        add(&mut self.client, &base.client);
        add(&mut self.site, &base.site);
        add(&mut self.relays, &base.relays);
        if self.beside.is_none() {
            self.beside.clone_from(&base.beside);
        }
        add(&mut self.processes, &base.processes);
        self.networks_shared |= base.networks_shared;
        self.media.extend(base.media.iter().cloned());
    }
}

/// Networks of a company that has other services too.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct MediaNetwork {
    pub asns: Vec<u32>,
    /// First and last port; any if left out.
    pub ports: Option<[u16; 2]>,
    /// The day from which it no longer holds.
    pub until: Option<Date>,
    /// Sister services have media there too.
    #[serde(default)]
    pub shared: bool,
}

/// A service that can be told, although there is no profile of it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    id: Box<str>,
    name: Box<str>,
    source: Box<str>,
    #[serde(flatten)]
    recognise: Recognise,
}

#[derive(Debug, Deserialize)]
struct File {
    edition: Date,
    sources: BTreeMap<String, Reference>,
    services: Vec<Entry>,
}

#[derive(Debug, Clone)]
struct Known {
    id: Box<str>,
    name: Box<str>,
    /// There is a profile, and whether it is a template that wants the operator's hosts.
    profile: bool,
    template: bool,
    /// The profile it inherits from.
    base: Option<Box<str>>,
    recognise: Recognise,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum HostKind {
    Client,
    Site,
    Relay,
}

#[derive(Debug)]
struct Range {
    prefix: Prefix,
    service: usize,
    from: Option<Date>,
    until: Option<Date>,
}

/// Every service that can be told.
#[derive(Debug)]
pub struct Catalogue {
    services: Vec<Known>,
    hosts: HostMap<Vec<(usize, HostKind)>>,
    ranges: Vec<Range>,
    asns: FxHashMap<u32, Vec<(usize, bool)>>,
    /// Suffix behind the label with the code → patterns.
    codes: HostMap<Vec<CodePattern>>,
    source: Arc<Source>,
}

/// One pattern of host names with a code, taken apart.
#[derive(Debug)]
pub(super) struct CodePattern {
    suffix: Box<str>,
    /// Fixed text before the code, and whether anything may stand before it.
    before: (bool, Box<str>),
    /// Fixed text behind the code; then, with a star, anything up to the second text.
    after: (Box<str>, Option<Box<str>>),
    /// Longest first.
    codes: Vec<(Box<str>, HostCode)>,
}

/// What a host name says of the place of the machine, as a profile reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostCode {
    pub code: Box<str>,
    /// `None`: the code names a part of the world.
    pub country: Option<CountryCode>,
    pub place: Box<str>,
    /// The reading is general knowledge.
    pub unverified: bool,
    /// The profile.
    pub source: Arc<Source>,
}

impl CodePattern {
    pub(super) fn read(row: &HostCodes, source: &Arc<Source>) -> Result<Self, String> {
        let pattern = &row.pattern;
        let wrong =
            || format!("`{pattern}`: write `{{code}}` once, in the first label, as in `rtr-{{code}}*.example.org`");
        let (label, suffix) = pattern.split_once('.').ok_or_else(wrong)?;
        let (before, after) = label.split_once("{code}").ok_or_else(wrong)?;
        let head = before.strip_prefix('*');
        let left = head.unwrap_or(before);
        let (right, tail) = after.split_once('*').map_or((after, None), |(text, tail)| (text, Some(tail)));
        let fixed = |text: &str| !text.contains(['*', '{', '}']);
        let texts = [left, right, tail.unwrap_or_default(), suffix];
        if !texts.into_iter().all(fixed) || (head.is_some() && tail.is_some()) {
            return Err(wrong());
        }
        let mut codes = Vec::with_capacity(row.codes.len());
        for (code, (country, place)) in &row.codes {
            let known = CountryCode::parse(country).filter(|c| c.as_str() == &**country);
            if known.is_none() && !country.is_empty() {
                return Err(format!("`{country}` is no country code; write two capitals, or nothing for none"));
            }
            let unverified = row.confidence.is_unverified();
            let (place, source) = (place.clone(), Arc::clone(source));
            codes.push((code.clone(), HostCode { code: code.clone(), country: known, place, unverified, source }));
        }
        codes.sort_by_key(|(code, _)| Reverse(code.len()));
        let (before, after) = ((head.is_some(), left.into()), (right.into(), tail.map(Into::into)));
        Ok(Self { suffix: suffix.into(), before, after, codes })
    }

    /// The code in a name that ends in the suffix.
    fn find(&self, name: &str) -> Option<&HostCode> {
        let left = name.strip_suffix(&*self.suffix)?.strip_suffix('.')?;
        let label = left.rsplit('.').next()?;
        let ((open, before), (after, tail)) = (&self.before, &self.after);
        let fits = |code: &str| {
            if *open {
                let head = label.strip_suffix(&**after).and_then(|rest| rest.strip_suffix(code));
                return head.is_some_and(|head| head.ends_with(&**before));
            }
            let behind = label.strip_prefix(&**before).and_then(|rest| rest.strip_prefix(code));
            let Some(behind) = behind else { return false };
            match tail {
                None => behind == &**after,
                // What follows a code is a number or further text; a longer word is another word.
                Some(tail) => {
                    let middle = behind.strip_prefix(&**after).and_then(|rest| rest.strip_suffix(&**tail));
                    let word =
                        |rest: &str| after.is_empty() && tail.is_empty() && rest.starts_with(char::is_alphabetic);
                    middle.is_some_and(|rest| !word(rest))
                }
            }
        };
        self.codes.iter().find(|(code, _)| fits(code)).map(|(_, found)| found)
    }
}

/// What was seen of one recipient.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    /// The name that its flows used; none if it stood beside an encrypted one.
    pub name: Option<&'a str>,
    pub address: IpAddr,
    pub asn: Option<u32>,
    /// The port of its first flow.
    pub port: u16,
    /// Protocol tokens.
    pub spoken: &'a [&'static str],
    pub packets: u64,
    pub bytes: u64,
    pub day: Day,
    pub frame: FrameNo,
}

impl Seen<'_> {
    /// Nobody knows what it is, and it goes on. On the ports of the web it may be a page whose beginning was not captured:
    /// the services' web servers stand in the same networks.
    fn is_sustained_and_unknown(&self) -> bool {
        self.spoken.is_empty() && self.packets >= SUSTAINED && !matches!(self.port, 80 | 443)
    }
}

/// What speaks for a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sign {
    /// A media format of its own.
    Protocol,
    /// The realm of a relay.
    Realm,
    /// Media to a host or into a network of its own.
    Media,
    /// Media into a network that it shares with a sister.
    SharedMedia,
    /// Traffic of an unknown protocol into a media network of its own, or much of it with a relay.
    Network,
    Process,
    /// A protocol that others speak too.
    Hint,
    /// Hosts that its client asks for.
    Client,
    /// Its web site.
    Site,
}

impl Sign {
    const fn points(self) -> u32 {
        match self {
            Self::Protocol | Self::Realm | Self::Media => 4,
            Self::Network | Self::Process => 3,
            Self::SharedMedia | Self::Hint => 2,
            Self::Client => PER_HOST,
            Self::Site => 1,
        }
    }

    const fn is_of_a_call(self) -> bool {
        matches!(self, Self::Protocol | Self::Realm | Self::Media | Self::SharedMedia | Self::Network)
    }

    const fn words(self, lang: Lang) -> &'static str {
        match self {
            Self::Protocol => {
                lang.pick("a protocol that nobody else speaks", "ein Protokoll, das niemand sonst spricht")
            }
            Self::Realm => lang.pick("the realm of its relays", "der Bereichsname (Realm) seiner Relays"),
            Self::Media => lang.pick("media to its hosts or networks", "Medien zu seinen Hosts oder Netzen"),
            Self::SharedMedia => {
                lang.pick("media into a network of its company", "Medien in ein Netz seines Unternehmens")
            }
            Self::Network => lang.pick(
                "sustained traffic with its relays or media networks",
                "anhaltender Verkehr mit seinen Relays oder Mediennetzen",
            ),
            Self::Process => lang.pick("its program", "sein Programm"),
            Self::Hint => {
                lang.pick("a protocol that it speaks, as others do", "ein Protokoll, das es wie andere spricht")
            }
            Self::Client => lang.pick("hosts that its client asks for", "Hosts, die sein Client abfragt"),
            Self::Site => lang.pick("its web site", "seine Website"),
        }
    }
}

/// One reason for a proposal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    pub sign: Sign,
    /// What was seen: protocols, hosts, addresses, programs; neutralised.
    pub what: Vec<Box<str>>,
    /// Where it was seen first; `None` for what no frame shows.
    pub frame: Option<FrameNo>,
}

/// The service that the traffic looks like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    pub id: Box<str>,
    pub name: Box<str>,
    /// There is a profile of it; if it is a template it wants the operator's hosts.
    pub profile: bool,
    pub template: bool,
    pub score: u32,
    pub confidence: Confidence,
    pub reasons: Vec<Reason>,
    /// The next best, with its score.
    pub next: Option<(Box<str>, u32)>,
}

impl Proposal {
    /// Whether a call was among what was seen, and not only hosts and programs.
    #[must_use]
    pub fn is_call(&self) -> bool {
        self.reasons.iter().any(|reason| reason.sign.is_of_a_call())
    }

    /// The reasons in words, strongest first.
    #[must_use]
    pub fn words(&self, lang: Lang) -> String {
        let one = |reason: &Reason| {
            let what: Vec<String> = reason.what.iter().map(ToString::to_string).collect();
            format!("{} ({})", reason.sign.words(lang), words::enumerate(&what, HOSTS_TOLD, ", ", lang))
        };
        self.reasons.iter().map(one).collect::<Vec<_>>().join("; ")
    }
}

impl Catalogue {
    /// Of the profiles and of the services without one.
    ///
    /// # Errors
    /// With file, place and cure.
    pub(super) fn build(name: &str, text: &str, profiles: &[Profile]) -> Result<Self, PolicyError> {
        let file: File = data_file::parse(name, text)?;
        let mut catalogue = Self {
            services: Vec::new(),
            hosts: HostMap::default(),
            ranges: Vec::new(),
            asns: FxHashMap::default(),
            codes: HostMap::default(),
            source: data_file::stamp(name, file.edition.0, text),
        };
        let mut hosts: BTreeMap<Box<str>, Vec<(usize, HostKind)>> = BTreeMap::new();
        let mut codes: BTreeMap<Box<str>, Vec<CodePattern>> = BTreeMap::new();
        for profile in profiles {
            let at = catalogue.services.len();
            let file = &profile.file;
            let recognise = file.recognise.clone();
            for row in file.networks.iter().filter(|n| n.purpose == Some(Purpose::Media) && !recognise.networks_shared)
            {
                let prefixes = row.prefixes.iter().filter_map(|p| Prefix::parse(p));
                let range = |prefix| Range { prefix, service: at, from: row.from, until: row.until };
                catalogue.ranges.extend(prefixes.map(range));
                for asn in &row.asns {
                    catalogue.asns.entry(*asn).or_default().push((at, false));
                }
            }
            // A profile that builds on another has the same ones.
            for row in file.host_codes.iter().filter(|row| !row.source.contains('/')) {
                let pattern = CodePattern::read(row, &profile.source)
                    .map_err(|what| PolicyError::new(&profile.source.name, "host_codes", what))?;
                codes.entry(pattern.suffix.clone()).or_default().push(pattern);
            }
            catalogue.services.push(Known {
                id: file.id.clone(),
                name: file.name.clone(),
                profile: true,
                template: !file.parameters.is_empty(),
                base: file.inherits.clone(),
                recognise,
            });
        }
        for (row, entry) in file.services.into_iter().enumerate() {
            if !file.sources.contains_key(&*entry.source) {
                let what = format!("source `{}` is not under [sources]; add it there", entry.source);
                return Err(PolicyError::new(name, format!("services {} ({})", row + 1, entry.id), what));
            }
            if catalogue.services.iter().any(|known| known.id == entry.id) {
                continue;
            }
            let (id, title) = (entry.id, entry.name);
            let (profile, template, base, recognise) = (false, false, None, entry.recognise);
            catalogue.services.push(Known { id, name: title, profile, template, base, recognise });
        }
        for (at, known) in catalogue.services.iter().enumerate() {
            for row in &known.recognise.media {
                for asn in &row.asns {
                    let list = catalogue.asns.entry(*asn).or_default();
                    if !list.iter().any(|(service, _)| *service == at) {
                        list.push((at, row.shared));
                    }
                }
            }
            let client = known.recognise.client.iter().map(|host| (host, HostKind::Client));
            let site = known.recognise.site.iter().map(|host| (host, HostKind::Site));
            let relays = known.recognise.relays.iter().map(|host| (host, HostKind::Relay));
            for (host, kind) in client.chain(site).chain(relays) {
                hosts.entry(host.clone()).or_default().push((at, kind));
            }
        }
        for (host, of) in hosts {
            catalogue.hosts.insert(&host, of).map_err(|what| PolicyError::new(name, "recognise", what))?;
        }
        for (suffix, patterns) in codes {
            catalogue.codes.insert(&suffix, patterns).map_err(|what| PolicyError::new(name, "host_codes", what))?;
        }
        catalogue.ranges.sort_by_key(|r| Reverse(r.prefix.bits()));
        Ok(catalogue)
    }

    #[must_use]
    pub const fn source(&self) -> &Arc<Source> {
        &self.source
    }

    /// What a host name (lower-case) says of the place of its machine.
    #[must_use]
    pub fn host_code(&self, name: &str) -> Option<&HostCode> {
        self.codes.find(name)?.value.iter().find_map(|pattern| pattern.find(name))
    }

    /// What else looks like a service.
    #[must_use]
    pub fn beside(&self, id: &str) -> Option<&Twin> {
        self.services.iter().find(|s| *s.id == *id)?.recognise.beside.as_ref()
    }

    /// Ids and names of all services that can be told, and whether there is a profile.
    pub fn services(&self) -> impl Iterator<Item = (&str, &str, bool)> {
        self.services.iter().map(|s| (&*s.id, &*s.name, s.profile))
    }
}

/// What speaks for one service so far.
#[derive(Debug, Clone, Default)]
struct Tally {
    reasons: Vec<Reason>,
    hosts: u32,
    /// Bytes with its hosts and networks.
    bytes: u64,
}

impl Tally {
    fn add(&mut self, sign: Sign, what: &str, frame: Option<FrameNo>) {
        let at = self.reasons.iter().position(|r| r.sign == sign).unwrap_or_else(|| {
            self.reasons.push(Reason { sign, what: Vec::new(), frame });
            self.reasons.len() - 1
        });
        let Some(reason) = self.reasons.get_mut(at) else { return };
        reason.frame = [reason.frame, frame].into_iter().flatten().min();
        let shown = words::shown(what);
        if reason.what.len() < HOSTS_TOLD && !reason.what.iter().any(|w| **w == *shown) {
            if sign == Sign::Client {
                self.hosts += 1;
            }
            reason.what.push(shown.into());
        }
    }

    fn is_call(&self) -> bool {
        self.reasons.iter().any(|reason| reason.sign.is_of_a_call())
    }

    /// The points. `all` is the traffic with the outside.
    fn score(&self, all: u64) -> u32 {
        let weighty = self.is_call() || self.bytes.saturating_mul(SHARE) >= all;
        let points = |reason: &Reason| match reason.sign {
            Sign::Client if weighty => (self.hosts * PER_HOST).min(HOSTS_AT_MOST),
            Sign::Client => 0,
            sign => sign.points(),
        };
        self.reasons.iter().map(points).sum()
    }
}

/// Counts what speaks for whom.
#[derive(Debug)]
pub struct Recogniser<'a> {
    catalogue: &'a Catalogue,
    tallies: Vec<Tally>,
    all: u64,
}

impl<'a> Recogniser<'a> {
    #[must_use]
    pub fn new(catalogue: &'a Catalogue) -> Self {
        Self { catalogue, tallies: vec![Tally::default(); catalogue.services.len()], all: 0 }
    }

    /// Takes one recipient into account.
    pub fn see(&mut self, seen: &Seen<'_>) {
        let public = AddressKind::of(seen.address).is_public();
        if public {
            self.all += seen.bytes;
        }
        let frame = Some(seen.frame);
        let of_a_call = seen.spoken.iter().any(|token| CALL.contains(token));
        for token in seen.spoken {
            if matches!(*token, "tls" | "dns" | "quic" | "http" | "stun" | "rtp") {
                continue;
            }
            for (known, tally) in self.catalogue.services.iter().zip(&mut self.tallies) {
                let has = |list: &[Box<str>]| list.iter().any(|t| **t == **token);
                if has(&known.recognise.protocols) {
                    tally.add(Sign::Protocol, token, frame);
                } else if has(&known.recognise.hints) {
                    tally.add(Sign::Hint, token, frame);
                }
            }
        }
        let name = seen.name.filter(|name| is_host_name(name));
        if let Some(hit) = name.and_then(|name| Some((name, self.catalogue.hosts.find(name)?))) {
            let (name, of) = (hit.0, hit.1.value);
            for (service, kind) in of {
                let Some(tally) = self.tallies.get_mut(*service) else { continue };
                tally.bytes += seen.bytes;
                tally.add(if *kind == HostKind::Site { Sign::Site } else { Sign::Client }, name, frame);
                if of_a_call {
                    tally.add(Sign::Media, name, frame);
                } else if *kind == HostKind::Relay && seen.packets >= RELAYED {
                    tally.add(Sign::Network, name, frame);
                }
            }
        } else if public && (of_a_call || seen.is_sustained_and_unknown()) {
            self.network(seen, of_a_call);
        }
    }

    /// Traffic without a telling name into a network where a service has its media. A published range says more than the
    /// number of a network.
    fn network(&mut self, seen: &Seen<'_>, of_a_call: bool) {
        let what = seen.address.to_string();
        let say = |tallies: &mut [Tally], service: usize, shared: bool| {
            if let Some(tally) = tallies.get_mut(service) {
                tally.bytes += seen.bytes;
                let sign = match (of_a_call, shared) {
                    (true, false) => Sign::Media,
                    (true, true) => Sign::SharedMedia,
                    (false, false) => Sign::Network,
                    (false, true) => return,
                };
                tally.add(sign, &what, Some(seen.frame));
            }
        };
        let holds = |r: &&Range| {
            r.prefix.contains(seen.address)
                && r.from.is_none_or(|f| f.0 <= seen.day)
                && r.until.is_none_or(|u| seen.day < u.0)
        };
        let mut ranges = self.catalogue.ranges.iter().filter(holds);
        if let Some(first) = ranges.next() {
            say(&mut self.tallies, first.service, false);
            for other in ranges.filter(|r| r.prefix.bits() == first.prefix.bits() && r.service != first.service) {
                say(&mut self.tallies, other.service, false);
            }
            return;
        }
        let Some(asn) = seen.asn else { return };
        for (service, shared) in self.catalogue.asns.get(&asn).into_iter().flatten() {
            let rows = self.catalogue.services.get(*service).map_or(&[][..], |s| &s.recognise.media);
            let row = rows.iter().find(|row| row.asns.contains(&asn));
            let fits = row.is_none_or(|row| {
                row.until.is_none_or(|u| seen.day < u.0)
                    && row.ports.is_none_or(|[first, last]| (first..=last).contains(&seen.port))
            });
            if fits {
                say(&mut self.tallies, *service, *shared);
            }
        }
    }

    /// Takes the realm of a relay into account.
    pub fn realm(&mut self, realm: &str, frame: FrameNo) {
        let realm = realm.to_ascii_lowercase();
        for (known, tally) in self.catalogue.services.iter().zip(&mut self.tallies) {
            let below = |r: &str| realm == r || realm.strip_suffix(r).is_some_and(|rest| rest.ends_with('.'));
            if known.recognise.realms.iter().any(|r| below(r)) {
                tally.add(Sign::Realm, &realm, Some(frame));
            }
        }
    }

    /// Takes a program into account.
    pub fn process(&mut self, name: &str) {
        let bare = name.strip_suffix(".exe").unwrap_or(name);
        for (known, tally) in self.catalogue.services.iter().zip(&mut self.tallies) {
            if known.recognise.processes.iter().any(|p| p.eq_ignore_ascii_case(bare)) {
                tally.add(Sign::Process, name, None);
            }
        }
    }

    /// The service that was told, and how well the service `asked` about did: its points.
    #[must_use]
    pub fn proposal(self, asked: Option<&str>) -> (Option<Proposal>, u32) {
        let all = self.all;
        let mut ranked: Vec<(u32, &Known, Tally)> =
            self.catalogue.services.iter().zip(self.tallies).map(|(known, t)| (t.score(all), known, t)).collect();
        let points = ranked.iter().find(|(_, known, _)| Some(&*known.id) == asked).map_or(0, |(score, ..)| *score);
        // On a tie the one that others build on comes before them, and a template before the service proper: that one would
        // have shown hosts of its own.
        ranked.sort_by_key(|(score, known, _)| (Reverse(*score), known.base.is_some(), !known.template));
        let mut ranked = ranked.into_iter();
        let Some((score, known, tally)) = ranked.next().filter(|(score, ..)| *score >= ENOUGH) else {
            return (None, points);
        };
        let related = |other: &Known| other.base.as_ref() == Some(&known.id) || known.base.as_ref() == Some(&other.id);
        let next = ranked.find(|(_, other, _)| !related(other));
        if next.as_ref().is_some_and(|(other, rival, _)| *other == score && rival.template == known.template) {
            return (None, points);
        }
        let call = tally.is_call();
        let mut reasons = tally.reasons;
        reasons.sort_by_key(|r| r.sign);
        let proposal = Proposal {
            id: known.id.clone(),
            name: known.name.clone(),
            profile: known.profile,
            template: known.template,
            score,
            confidence: match (call, score >= PLENTY) {
                (true, true) => Confidence::High,
                (true, false) | (false, true) => Confidence::Medium,
                (false, false) => Confidence::Low,
            },
            reasons,
            next: next.filter(|(score, ..)| *score > 0).map(|(score, known, _)| (known.id.clone(), score)),
        };
        (Some(proposal), points)
    }
}

#[cfg(test)]
mod tests;
