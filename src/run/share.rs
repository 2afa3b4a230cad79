//! The shareable copy of a bundle: the same recipients, places and findings, with pseudonyms for the audited side. The frames
//! are made over and analyzed anew, so that tables and report can hold nothing that the frames do not.

use super::bundle::{self, ANALYSIS, Bundle, INPUTS, Recipe};
use super::knowledge::{file_name, policy_files, range_files};
use super::offline::{SeenFlow, Survey, analyze, survey};
use super::reel::{Scene, play};
use super::saved::kept;
use super::stage::wall;
use crate::attribution::Owner;
use crate::engine::Device;
use crate::engine::view::{Marker, Summary};
use crate::evidence::{
    CUSTODY, Custody, Described, Header, HostNames, PAYLOAD, Pick, PseudonymKey, Pseudonyms, Redacted, Redactor,
    Sealed, Store, StoreOptions, Told, check, is_sealed,
};
use crate::policy::{Lang, Phase};
use crate::wire::{AddressKind, Direction, End, Frame, FrameNo, Text, Timestamp, canonical};
use anyhow::{Context, Result, bail};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use toml::{Table, Value};

/// How a shareable copy is made.
#[derive(Debug, Default)]
pub struct Share<'a> {
    /// The key of the pseudonyms; without it one is made that is not kept.
    pub key: Option<&'a Path>,
    /// The databases of the user's own that were used.
    pub geoip: Option<&'a Path>,
    pub progress: bool,
}

/// What was made.
#[derive(Debug)]
pub struct Shared {
    pub sealed: Sealed,
    pub redacted: Redacted,
    /// What the copy says otherwise than the first bundle, a line each.
    pub differences: Vec<String>,
}

/// Codes that say what a capture was cut to: of a copy that is said in another way.
const ABOUT_THE_COPY: [&str; 2] = ["CAP-02", "CAP-20"];

/// Makes the shareable copy of a sealed bundle in a new folder, and notes so beside the first.
///
/// # Errors
/// The bundle is not as it was sealed, something that it rests on is missing, or the copy cannot be written.
pub fn share(root: &Path, out: &Path, how: &Share<'_>) -> Result<Shared> {
    if !is_sealed(root) {
        bail!("{} is not sealed; `zollhund seal` seals what is there, and a copy can be made of that", root.display());
    }
    let checked = check(root)?;
    if let Some((file, _)) = checked.wrong.first() {
        bail!("{} is not as it was sealed ({file}); no copy is made of it", root.display());
    }
    let recipe = bundle::recipe(root)?;
    if let Some((name, sha256)) = recipe.missing(how.geoip) {
        bail!("{}: {name} with SHA-256 {sha256} was used; name its folder (--geoip DIR)", root.display());
    }
    let lang = bundle::lang(&recipe);
    let before = kept(root)?.summary(lang)?;
    let job = bundle::job(root, &recipe, None, how.geoip, how.progress)?;
    let files = bundle::captures(root, &recipe)?;
    let seen = survey(&job)?;
    let pseudonyms = pseudonyms(&files, job.device, &seen, how)?;
    let mut redactor = Redactor::new(pseudonyms);
    play(&files, &mut |scene| {
        if let Scene::Frame { frame, .. } = scene {
            redactor.learn(&frame);
        }
        Ok(())
    })?;

    let (recipe, inputs) = inputs(root, &recipe, redactor.pseudonyms(), lang)?;
    let digest = checked.digest;
    let mut copy = Bundle::copy(out, &digest, lang, &inputs)?;
    copy.note("created", &format!("a copy with pseudonyms, of the bundle whose tag manifest has SHA-512 {digest}"))?;
    let redacted = record(&files, &copy.capture(), &digest, lang, &seen, &mut redactor)?;
    let Redacted { frames, cut, local, unreadable } = redacted;
    copy.note(
        "redacted",
        &format!(
            "{frames} frames: addresses, hardware addresses and host names of the audited side replaced (HMAC-SHA-256, \
             prefixes preserved; {}); {cut} bytes cut; {local} frames of its own networks and of no conversation kept as \
             headers; {unreadable} that cannot be read emptied",
            if how.key.is_some() { "the key is kept in a file" } else { "the key was not kept" }
        ),
    )?;
    let outcome = analyze(&bundle::job(out, &recipe, Some(copy.data()), how.geoip, how.progress)?)?;
    let differences = differences(&before, &outcome.summary, redactor.pseudonyms());
    let compared = if differences.is_empty() {
        "recipients, countries and codes of findings are those of the first bundle".to_owned()
    } else {
        format!("otherwise than in the first bundle: {}", differences.join("; "))
    };
    copy.note("compared", &compared)?;
    let sealed = copy.seal(&outcome)?;

    let inside = root.join(PAYLOAD).join(CUSTODY);
    let mut beside = Custody::go_on(&bundle::custody_beside(root), Some(&inside), &bundle::actor())?;
    let made = format!("shareable copy with pseudonyms; SHA-512 of its tag manifest: {}", sealed.digest);
    beside.note(wall(), "redacted", &made)?;
    Ok(Shared { sealed, redacted, differences })
}

/// Whose addresses and names are replaced: those of the device, of the capturing host, of whoever STUN told its public
/// address, of the clients of flows; and the names that DNS and DHCP gave them.
fn pseudonyms(files: &[PathBuf], device: Option<Device>, seen: &Survey, how: &Share<'_>) -> Result<Pseudonyms> {
    let mut own = BTreeSet::new();
    if let Some(Device::Address(address)) = device {
        own.insert(address);
    }
    // Where both ends have public addresses, the one that mostly asks is the client's.
    let mut asked: BTreeMap<IpAddr, i64> = BTreeMap::new();
    for SeenFlow { client, server, .. } in &seen.flows {
        *asked.entry(client.address).or_default() += 1;
        *asked.entry(server.address).or_default() -= 1;
    }
    own.extend(asked.into_iter().filter(|(_, asked)| *asked > 0).map(|(address, _)| address));
    let mut names = HostNames::default();
    play(files, &mut |scene| {
        match scene {
            Scene::Frame { frame, .. } => names.look(&frame),
            Scene::Told(_, Told::Local(address)) => drop(own.insert(canonical(address))),
            Scene::Interface(_, described) => own.extend(described.addresses.into_iter().map(canonical)),
            Scene::Header(header) => {
                if let Some(Ok(Device::Address(address))) = header.device.as_deref().map(str::parse) {
                    own.insert(address);
                }
            }
            _ => {}
        }
        Ok(())
    })?;
    let at_home = |address: IpAddr| {
        own.contains(&address)
            || matches!(AddressKind::of(address), AddressKind::Private | AddressKind::Shared | AddressKind::LinkLocal)
    };
    let outside: Vec<_> = seen.mapped.iter().filter(|(_, told)| at_home(*told)).map(|(address, _)| *address).collect();
    own.extend(outside);

    let key = how.key.map_or_else(PseudonymKey::generate, PseudonymKey::in_file)?;
    let by_address = Pseudonyms::new(key.clone(), &own, BTreeSet::new());
    let mut names = names.into_names();
    let mut others = BTreeSet::new();
    for (address, of) in &seen.names {
        let of = of.iter().map(|name| Box::<str>::from(name.exact().to_ascii_lowercase()));
        if by_address.is_own(*address) { names.extend(of) } else { others.extend(of) }
    }
    for (asked, answer) in &seen.reverse {
        if by_address.is_own_name(asked.exact()) {
            names.insert(answer.exact().to_ascii_lowercase().into());
        }
    }
    // A name that leads to others too is no name of a host here.
    names.retain(|name| !name.is_empty() && !others.contains(name));
    Ok(Pseudonyms::new(key, &own, names))
}

/// Writes the capture of the copy.
fn record(
    files: &[PathBuf],
    folder: &Path,
    first: &str,
    lang: Lang,
    seen: &Survey,
    redactor: &mut Redactor,
) -> Result<Redacted> {
    let mut head = Header { source: "shareable copy".into(), copy_of: Some(first.into()), ..Header::new() };
    let mut store: Option<Store> = None;
    let mut last = Timestamp::ZERO;
    play(files, &mut |scene| {
        if let Scene::Header(header) = scene {
            head.watched_only = header.watched_only;
            let device = header.device.and_then(|device| device.parse().ok());
            head.device = device.map(|device| other_device(device, redactor.pseudonyms()).to_string());
            return Ok(());
        }
        let store = match &mut store {
            Some(store) => store,
            None => store.insert(begin(folder, &head, seen, redactor.pseudonyms())?),
        };
        match scene {
            Scene::Header(_) => {}
            Scene::Interface(id, described) => store.interface(id, anonymous(&described)),
            Scene::Counted(id, counted) => store.counted(id, counted),
            Scene::Frame { frame, interface, direction } => {
                last = frame.time;
                put(store, &frame, redactor.redact(&frame), interface, direction);
            }
            Scene::Told(after, told) => {
                if let Some(told) = other_told(told, redactor.pseudonyms(), lang) {
                    store.told(after, &told);
                }
            }
        }
        Ok(())
    })?;
    if let Some(store) = store {
        store.close(last).1?;
    }
    Ok(redactor.done())
}

/// The new recording, with whose flows are whose in front: a frame of each flow is named, so the order does not matter.
fn begin(folder: &Path, head: &Header, seen: &Survey, pseudonyms: &mut Pseudonyms) -> Result<Store> {
    // All that is to stay is in the frames already.
    let mut store = Store::create(folder, StoreOptions::new(head.clone()))?;
    for flow in &seen.flows {
        let Some(owner) = &flow.owner else { continue };
        let mut end = |end: End| End { address: pseudonyms.address(end.address), port: end.port };
        store.told(
            FrameNo(0),
            &Told::Owner {
                frame: flow.first_frame,
                transport: flow.transport,
                from: end(flow.client),
                to: end(flow.server),
                // Which program it is, and nothing of where it lies and who started it.
                owner: Owner {
                    path: Text::default(),
                    started: None,
                    container: Text::default(),
                    parents: Vec::new(),
                    ..owner.clone()
                },
                watched: flow.scope == "in",
            },
        );
    }
    Ok(store)
}

fn put(store: &mut Store, frame: &Frame<'_>, bytes: &[u8], interface: u32, direction: Direction) {
    let frame = Frame { bytes, ..*frame };
    store.frame(&Pick { frame, interface, direction });
}

/// An interface without what would tell it from others: name, addresses, filter.
fn anonymous(described: &Described) -> Described {
    Described { snap_len: described.snap_len, ..Described::new(described.link) }
}

fn other_device(device: Device, pseudonyms: &mut Pseudonyms) -> Device {
    match device {
        Device::Address(address) => Device::Address(pseudonyms.address(address)),
        Device::Mac(mac) => Device::Mac(pseudonyms.mac(mac)),
    }
}

/// What is told in the copy. Of a marker stays the phase that it names; what else somebody wrote does not.
fn other_told(told: Told, pseudonyms: &mut Pseudonyms, lang: Lang) -> Option<Told> {
    Some(match told {
        Told::Local(address) => Told::Local(pseudonyms.address(address)),
        Told::Mark(Marker { time, text }) => {
            Told::Mark(Marker { time, text: phases(text.exact(), lang).as_str().into() })
        }
        told @ (Told::Loss { .. }
        | Told::OutsideScope(_)
        | Told::Truncated
        | Told::Tick(_)
        | Told::Scope { .. }
        | Told::Incident(..)) => told,
        // Whose flows are whose, and which programs are watched, is told with what the analysis knows in the end.
        // Names and digests of files would lead to them.
        Told::Owner { .. } | Told::Program { .. } | Told::Notice { .. } | Told::Given(_) => return None,
    })
}

fn phases(text: &str, lang: Lang) -> String {
    let phases: Vec<_> = Phase::all_in(text).into_iter().map(|phase| phase.words(lang)).collect();
    if phases.is_empty() { lang.pick("marker", "Marke").to_owned() } else { phases.join(", ") }
}

/// Paths in the payload, and contents.
type Inputs = Vec<(String, Vec<u8>)>;

/// What the judgement rests on, without who audits whom.
fn inputs(root: &Path, recipe: &Recipe, pseudonyms: &mut Pseudonyms, lang: Lang) -> Result<(Recipe, Inputs)> {
    let data = root.join(PAYLOAD);
    let mut inputs = Vec::new();
    let mut recipe = Recipe { captures: Vec::new(), bytes: Vec::new(), ..recipe.clone() };
    for (name, text) in policy_files(Some(&data.join(bundle::POLICY)))? {
        inputs.push((format!("{}/{name}", bundle::POLICY), text.into_bytes()));
    }
    for path in range_files(Some(&data.join(bundle::RANGES)))? {
        inputs.push((format!("{}/{}", bundle::RANGES, file_name(&path)), bundle::read(&path)?));
    }
    for host in &mut recipe.hosts {
        let (kind, name) = host.split_once('=').map_or((None, &**host), |(kind, name)| (Some(kind), name));
        let other = other_name(name, pseudonyms);
        *host = kind.map_or(other.clone(), |kind| format!("{kind}={other}"));
    }
    if let Some(device) = recipe.subject.as_deref().and_then(|device| device.parse().ok()) {
        recipe.subject = Some(other_device(device, pseudonyms).to_string());
    }
    if let Some(list) = &mut recipe.list {
        let table = table(&data.join(&*list))?;
        *list = format!("{INPUTS}/list/list.toml");
        inputs.push((list.clone(), table.to_string().into_bytes()));
    }
    if let Some(audit) = &mut recipe.audit {
        let path = data.join(&*audit);
        if let Some(list) = super::knowledge::attached_list(&path)? {
            inputs.push((format!("{INPUTS}/audit/list.csv"), bundle::read(&list)?));
        }
        *audit = format!("{INPUTS}/audit/audit.toml");
        let table = other_audit(table(&path)?, pseudonyms, lang);
        inputs.push((audit.clone(), table.to_string().into_bytes()));
    }
    inputs.push((ANALYSIS.into(), bundle::pretty(&recipe)?.into_bytes()));
    Ok((recipe, inputs))
}

fn table(path: &Path) -> Result<Table> {
    let cannot = || format!("cannot read {}", path.display());
    fs::read_to_string(path).with_context(cannot)?.parse().with_context(cannot)
}

fn other_name(name: &str, pseudonyms: &mut Pseudonyms) -> String {
    match name.parse::<IpAddr>() {
        Ok(address) => pseudonyms.address(address).to_string(),
        Err(_) if pseudonyms.is_own_name(name) => pseudonyms.name(name),
        Err(_) => name.to_owned(),
    }
}

/// An audit file of which stays what is judged by: who audits whom, and every free text, goes.
fn other_audit(mut audit: Table, pseudonyms: &mut Pseudonyms, lang: Lang) -> Table {
    let gone = lang.pick("not in this copy", "nicht in dieser Kopie");
    let keep = |table: &mut Table, keys: &[&str]| table.retain(|key, _| keys.contains(&key));
    let texts = |table: &mut Table, keys: &[&str]| {
        for key in keys {
            if let Some(value) = table.get_mut(*key) {
                *value = gone.into();
            }
        }
    };
    keep(
        &mut audit,
        &["case", "vantage", "jurisdiction", "service", "contract", "declared", "dpf", "markers", "suppress"],
    );
    for (key, value) in &mut audit {
        match (key.as_str(), value) {
            ("case", Value::Table(case)) => {
                keep(case, &["reference", "date"]);
                texts(case, &["reference"]);
            }
            ("service", Value::Table(service)) => {
                let parameters = service.get_mut("parameters").and_then(Value::as_table_mut);
                let hosts = parameters.into_iter().flat_map(|p| p.iter_mut()).filter_map(|(_, v)| v.as_array_mut());
                for host in hosts.flatten() {
                    if let Value::String(name) = host {
                        *name = other_name(name, pseudonyms);
                    }
                }
            }
            ("contract", Value::Table(contract)) => {
                texts(contract, &["title"]);
                if let Some(list) = contract.get_mut("list") {
                    *list = "list.csv".into();
                }
            }
            ("markers", Value::Array(markers)) => {
                for marker in markers.iter_mut().filter_map(Value::as_table_mut) {
                    keep(marker, &["time", "act", "text"]);
                    if let Some(Value::String(text)) = marker.get_mut("text") {
                        *text = phases(text, lang);
                    }
                }
            }
            ("suppress", Value::Array(rows)) => {
                for row in rows.iter_mut().filter_map(Value::as_table_mut) {
                    texts(row, &["reason", "by"]);
                }
            }
            _ => {}
        }
    }
    audit
}

/// What a copy shows otherwise, of what should be the same but for the pseudonyms.
fn differences(first: &Summary, copy: &Summary, pseudonyms: &mut Pseudonyms) -> Vec<String> {
    let codes = |summary: &Summary| {
        let mut counts: BTreeMap<&'static str, usize> = BTreeMap::new();
        for code in summary.findings.iter().map(|finding| finding.code).filter(|code| !ABOUT_THE_COPY.contains(code)) {
            *counts.entry(code).or_default() += 1;
        }
        counts
    };
    let (before, after) = (codes(first), codes(copy));
    let mut told = Vec::new();
    for code in before.keys().chain(after.keys()).collect::<BTreeSet<_>>() {
        let [before, after] = [&before, &after].map(|counts| counts.get(code).copied().unwrap_or(0));
        if before != after {
            told.push(format!("findings {code}: {after} instead of {before}"));
        }
    }
    let recipients = |summary: &Summary, other: &mut dyn FnMut(IpAddr, &str) -> (IpAddr, String)| {
        let mut told = BTreeSet::new();
        for subject in &summary.recipients {
            let name = subject.names.first().map_or("", |(name, _)| name.exact());
            for address in &subject.addresses {
                let (address, name) = other(*address, name);
                told.insert(if name.is_empty() { address.to_string() } else { format!("{address} ({name})") });
            }
        }
        told
    };
    let of_first = recipients(first, &mut |address, name| (pseudonyms.address(address), other_name(name, pseudonyms)));
    let of_copy = recipients(copy, &mut |address, name| (address, name.to_owned()));
    let countries = |summary: &Summary| -> BTreeSet<String> {
        let placed = summary.recipients.iter().filter_map(|subject| subject.located_in.as_ref());
        placed.map(|claim| claim.value.to_string()).collect()
    };
    for (what, first, copy) in [("recipient", of_first, of_copy), ("country", countries(first), countries(copy))] {
        told.extend(first.difference(&copy).map(|gone| format!("{what} {gone} is not in it")));
        told.extend(copy.difference(&first).map(|new| format!("{what} {new} is new")));
    }
    told
}
