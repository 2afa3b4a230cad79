//! The bundle of a case: capture, tables, report, what the judgement rested on, and who did what when, sealed in a bag that
//! another person can check and analyze again.
//!
//! ```text
//! CASE/data/capture/   the frames: a recording, or the files as they were given
//! CASE/data/inputs/    analysis.json says what was asked for; beside it every file that the judgement read
//! CASE/data/           report.json, tables, custody.jsonl, environment.json, report.schema.json
//! CASE/                the manifests (BagIt, RFC 8493); signature and time stamp lie beside the folder
//! ```

use super::knowledge::{self, Wanted, knowledge};
use super::narrow;
use super::offline::{Input, Job, Outcome, analyze};
use super::tables::new_file;
use crate::engine::Device;
use crate::evidence::{
    CUSTODY, Custody, Digests, PAYLOAD, Sealed, Told, check, digests, is_sealed, make_folder, read_journal, seal_with,
    sha256, stamp_path,
};
use crate::policy::Lang;
use crate::wire::{Text, Timestamp};
use anyhow::{Context, Result, bail};
use data_encoding::HEXLOWER;
use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

pub(super) const CAPTURE: &str = "capture";
/// Where a capture that was watched lies in a bundle.
pub(super) const RECORDING: &str = "data/capture";
pub(super) const INPUTS: &str = "inputs";
pub(super) const ANALYSIS: &str = "inputs/analysis.json";
pub(super) const POLICY: &str = "inputs/policy";
pub(super) const RANGES: &str = "inputs/ranges";
const ENVIRONMENT: &str = "environment.json";
const SCHEMA: &str = "report.schema.json";
pub(super) const PROGRAM: &str = concat!("zollhund ", env!("CARGO_PKG_VERSION"));

/// What the wall clock says: when something was done with the evidence.
#[expect(clippy::disallowed_methods, reason = "the custody log tells when it is written")]
pub(super) fn now() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    Timestamp(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}

/// What was asked for, so that it can be asked for again. Paths are inside the bundle.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Recipe {
    pub(super) program: String,
    /// Names of the capture files that were given, in the order in which they make one capture.
    pub(super) captures: Vec<String>,
    /// Their sizes, so that a copy that was cut short is known for one.
    #[serde(default)]
    pub(super) bytes: Vec<u64>,
    pub(super) service: Option<String>,
    pub(super) hosts: Vec<String>,
    pub(super) list: Option<String>,
    pub(super) audit: Option<String>,
    /// The audited device.
    pub(super) subject: Option<String>,
    /// Frames out of scope were to be kept.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) keep_raw: bool,
    /// Where the capture was made, if that was said beside the audit file.
    pub(super) vantage: Option<String>,
    pub(super) lang: String,
    /// Databases of the user's own, which are not in the bundle: name and SHA-256.
    pub(super) databases: Vec<(String, String)>,
}

/// A bundle that is to be made: everything that the judgement rests on has been read, nothing written.
#[derive(Debug)]
pub struct Draft {
    root: PathBuf,
    /// Path inside the payload, and contents.
    inputs: Vec<(String, Vec<u8>)>,
    reference: String,
    lang: Lang,
}

/// A bundle that is being made.
#[derive(Debug)]
pub struct Bundle {
    root: PathBuf,
    /// Of files that need not be read again, by their paths in the bag.
    known: BTreeMap<String, Digests>,
    custody: Custody,
    reference: String,
    lang: Lang,
    /// It is a copy with pseudonyms, of the bundle whose tag manifest has this SHA-512.
    copy_of: Option<String>,
}

impl Draft {
    /// Reads what the judgement will rest on. `files` are the captures that will be taken, if there are any yet; `keep_raw`:
    /// frames out of scope will be kept.
    ///
    /// # Errors
    /// The folder exists and is not empty, or something cannot be read.
    pub fn new(
        root: &Path,
        wanted: &Wanted<'_>,
        device: Option<Device>,
        files: &[PathBuf],
        keep_raw: bool,
    ) -> Result<Self> {
        empty(root)?;
        let mut inputs = Vec::new();
        let mut recipe = Recipe {
            program: PROGRAM.into(),
            captures: files.iter().map(|path| knowledge::file_name(path)).collect(),
            // What has no size is refused when it is to be copied.
            bytes: files.iter().map(|path| fs::metadata(path).map_or(0, |about| about.len())).collect(),
            service: wanted.service.map(Into::into),
            hosts: wanted.hosts.to_vec(),
            subject: device.map(|d| d.to_string()),
            keep_raw,
            vantage: wanted.vantage.map(Into::into),
            lang: wanted.lang.token().into(),
            ..Recipe::default()
        };
        for (name, text) in knowledge::policy_files(wanted.policy)? {
            inputs.push((format!("{POLICY}/{name}"), text.into_bytes()));
        }
        for path in knowledge::range_files(wanted.ranges)? {
            inputs.push((format!("{RANGES}/{}", knowledge::file_name(&path)), read(&path)?));
        }
        let mut keep = |path: &Path, kind: &str| -> Result<String> {
            let inside = format!("{INPUTS}/{kind}/{}", knowledge::file_name(path));
            inputs.push((inside.clone(), read(path)?));
            Ok(inside)
        };
        recipe.list = wanted.list.map(|path| keep(path, "list")).transpose()?;
        let mut reference = String::new();
        if let Some(path) = wanted.audit {
            reference = knowledge::audit(path)?.case.reference.to_string();
            recipe.audit = Some(keep(path, "audit")?);
            if let Some(list) = knowledge::attached_list(path)? {
                keep(&list, "audit")?;
            }
        }
        if let Some(folder) = wanted.geoip {
            for path in knowledge::database_files(folder)? {
                recipe.databases.push((knowledge::file_name(&path), sha256(&path)?));
            }
        }
        inputs.push((ANALYSIS.into(), pretty(&recipe)?.into_bytes()));
        Ok(Self { root: root.to_owned(), inputs, reference, lang: wanted.lang })
    }

    /// Where a capture will be saved.
    #[must_use]
    pub fn capture(&self) -> PathBuf {
        self.root.join(PAYLOAD).join(CAPTURE)
    }

    /// Where tables and report will be written.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.root.join(PAYLOAD)
    }

    /// Makes the folder with what was read, and begins the custody log. `source` is where the frames come from.
    ///
    /// # Errors
    /// Something cannot be written.
    pub fn begin(self, source: &str) -> Result<Bundle> {
        let Self { root, inputs, reference, lang } = self;
        let data = root.join(PAYLOAD);
        new_folder(&data.join(CAPTURE))?;
        let mut custody = Custody::create(&data.join(CUSTODY), &actor())?;
        custody.note(now(), "created", &words(std::env::args_os().map(|a| a.to_string_lossy().into_owned())))?;
        custody.note(now(), "frames from", source)?;
        lay_down(&data, &inputs)?;
        Ok(Bundle { root, known: BTreeMap::new(), custody, reference, lang, copy_of: None })
    }
}

/// Writes inputs, each with its path inside the payload.
fn lay_down(data: &Path, inputs: &[(String, Vec<u8>)]) -> Result<()> {
    for (inside, bytes) in inputs {
        let path = data.join(inside);
        new_folder(path.parent().unwrap_or(data))?;
        write(&path, bytes)?;
    }
    Ok(())
}

impl Bundle {
    /// Begins a copy of a bundle with these inputs. Its log names nobody: who made it stands in the log beside the first.
    pub(super) fn copy(root: &Path, first: &str, lang: Lang, inputs: &[(String, Vec<u8>)]) -> Result<Self> {
        empty(root)?;
        let data = root.join(PAYLOAD);
        new_folder(&data)?;
        let custody = Custody::create(&data.join(CUSTODY), "as the log of the first bundle says")?;
        lay_down(&data, inputs)?;
        let (root, reference) = (root.to_owned(), String::new());
        Ok(Self { root, known: BTreeMap::new(), custody, reference, lang, copy_of: Some(first.to_owned()) })
    }

    /// Where a capture is saved, or copied.
    #[must_use]
    pub fn capture(&self) -> PathBuf {
        self.root.join(PAYLOAD).join(CAPTURE)
    }

    /// Where tables and report are written.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.root.join(PAYLOAD)
    }

    /// Notes in the custody log what was done.
    ///
    /// # Errors
    /// The log cannot be written.
    pub fn note(&mut self, action: &str, detail: &str) -> Result<()> {
        Ok(self.custody.note(now(), action, detail)?)
    }

    /// Takes note of digests, by paths in the bag.
    pub(super) fn know(&mut self, digests: impl IntoIterator<Item = (String, Digests)>) {
        self.known.extend(digests);
    }

    /// Copies captures that were given, and says so; returns their paths in the bundle.
    ///
    /// # Errors
    /// One cannot be read, or two have the same name.
    pub(super) fn take(&mut self, files: &[PathBuf]) -> Result<Vec<PathBuf>> {
        let mut taken = Vec::new();
        for path in files {
            if path.as_os_str() == "-" {
                bail!("--keep-raw needs a file that can be copied; leave it out, or save the stream as a file");
            }
            let name = knowledge::file_name(path);
            let to = self.capture().join(&name);
            copy(path, &to)?;
            let digests = digests(&to)?;
            self.note("copied", &format!("{name}, SHA-256 {}", digests.sha256))?;
            self.known.insert(format!("{RECORDING}/{name}"), digests);
            taken.push(to);
        }
        Ok(taken)
    }

    /// Writes the rest and seals the bag. Nothing is added to it afterwards.
    ///
    /// # Errors
    /// Something cannot be written.
    pub fn seal(mut self, outcome: &Outcome) -> Result<Sealed> {
        let data = self.data();
        write(&data.join(SCHEMA), crate::report::SCHEMA.as_bytes())?;
        let mut environment = serde_json::to_value(environment()).context("cannot write JSON")?;
        if let (Some(_), Some(told)) = (&self.copy_of, environment.as_object_mut()) {
            // Of the machine nothing that would tell it from others.
            told.retain(|key, _| {
                ["program", "commit", "program_sha256", "features", "system", "architecture"].contains(&&**key)
            });
        }
        write(&data.join(ENVIRONMENT), pretty(&environment)?.as_bytes())?;
        let seen = &outcome.summary.circumstances;
        let whole = if outcome.incomplete { ", incomplete" } else { "" };
        let findings = outcome.summary.findings.len();
        let mut outside = (0, 0);
        // Whose traffic is judged was chosen while it was captured.
        for entry in read_journal(&self.capture()).map(|(_, entries)| entries).unwrap_or_default() {
            match entry.told {
                Told::OutsideScope(left) => outside = (outside.0 + left.frames, outside.1 + left.bytes),
                Told::Scope { time, client } if client.is_empty() => {
                    self.note("scope", &format!("everything captured, since {time}"))?;
                }
                Told::Scope { time, client } => {
                    self.note("scope", &format!("only {client} and what it starts, since {time}"))?;
                }
                _ => {}
            }
        }
        if let (frames @ 1.., bytes) = outside {
            self.note("narrowed", &format!("{frames} frames with {bytes} bytes that are out of scope were left out"))?;
        }
        self.note("analyzed", &format!("{} frames, {findings} findings{whole}", seen.frames))?;
        self.note("sealed", "SHA-256 and SHA-512 of every file, BagIt 1.0 (RFC 8493)")?;
        let today = now().day().to_string();
        let (first, last) = (seen.first.to_string(), seen.last.to_string());
        let about = match self.lang {
            Lang::En => format!("Network traffic from {first} to {last}, recorded or analyzed with {PROGRAM}"),
            Lang::De => format!("Netzverkehr von {first} bis {last}, aufgezeichnet oder ausgewertet mit {PROGRAM}"),
        };
        let mut info = vec![("Bagging-Date", today.as_str()), ("External-Description", &about)];
        if !self.reference.is_empty() {
            info.push(("External-Identifier", &self.reference));
        }
        let copy = self.copy_of.as_ref().map(|first| format!("SHA-512 of its tag manifest: {first}"));
        if let Some(first) = &copy {
            info.push(("Pseudonymised-Copy-Of", first));
        }
        Ok(seal_with(&self.root, &info, &self.known)?)
    }
}

/// Seals what an interrupted run left behind: it is analyzed as far as it goes, and the bag is closed. What can be made again
/// is made again; inputs and log stay as they are, and of a recording what is in scope, unless all was to be kept.
///
/// # Errors
/// It is sealed already, is no bundle, or cannot be read or written.
pub fn finish(root: &Path, progress: bool) -> Result<(Outcome, Sealed)> {
    if is_sealed(root) {
        bail!("{} is sealed already; nothing is changed in it", root.display());
    }
    let data = root.join(PAYLOAD);
    let recipe = recipe(root)?;
    let capture = data.join(CAPTURE);
    narrow::recover(&capture)?;
    let custody = Custody::go_on(&data.join(CUSTODY), None, &actor());
    let custody = custody.with_context(|| format!("{}: the custody log", root.display()))?;
    let reference = match &recipe.audit {
        Some(path) => knowledge::audit(&data.join(path))?.case.reference.to_string(),
        None => String::new(),
    };
    let mut bundle = Bundle {
        root: root.to_owned(),
        known: BTreeMap::new(),
        custody,
        reference,
        lang: lang(&recipe),
        copy_of: None,
    };
    bundle.note("resumed", "the run that made this bundle was interrupted; what it saved is analyzed and sealed")?;
    for short in recipe.cut_short(root) {
        bundle.note("cut short", &short.words(Lang::En))?;
    }
    for begun in [SCHEMA, ENVIRONMENT] {
        let _ = fs::remove_file(data.join(begun));
    }
    let job = Job { overwrite: true, ..job(root, &recipe, Some(data), None, progress)? };
    let mut complaints = Vec::new();
    if let Some(folder) = super::offline::recording(&capture).filter(|_| !recipe.keep_raw)
        && let Err(error) = narrow::narrow(&folder, &job)
    {
        complaints.push(narrow::kept_all(&error));
    }
    let mut outcome = analyze(&job)?;
    outcome.complaints.append(&mut complaints);
    let sealed = bundle.seal(&outcome)?;
    Ok((outcome, sealed))
}

impl Recipe {
    /// A database of the user's own that was used, and is not in that folder.
    pub(super) fn missing(&self, geoip: Option<&Path>) -> Option<&(String, String)> {
        let missing = |(name, was): &&(String, String)| {
            geoip.is_none_or(|folder| sha256(&folder.join(name)).is_ok_and(|now| now != *was))
        };
        self.databases.iter().find(missing)
    }

    /// Captures that did not get into the bundle to their end.
    pub(super) fn cut_short(&self, root: &Path) -> Vec<Short> {
        let folder = root.join(PAYLOAD).join(CAPTURE);
        if let Some(recording) = super::offline::recording(&folder) {
            let entries = read_journal(&recording).map(|(_, entries)| entries).unwrap_or_default();
            let read = entries.iter().filter(|entry| matches!(entry.told, Told::Given(_))).count();
            return self.captures.iter().skip(read).map(|name| Short { name: name.clone(), copied: None }).collect();
        }
        let had = |name: &String| fs::metadata(folder.join(name)).map_or(0, |about| about.len());
        let all = self.captures.iter().zip(&self.bytes).map(|(name, of)| (name.clone(), had(name), *of));
        let short = all.filter(|(_, had, of)| had < of);
        short.map(|(name, had, of)| Short { name, copied: Some((had, of)) }).collect()
    }
}

/// A capture that did not get into a bundle to its end.
#[derive(Debug)]
pub(super) struct Short {
    name: String,
    /// Bytes of so many; nothing where it was written down while it was read.
    copied: Option<(u64, u64)>,
}

impl Short {
    pub(super) fn words(&self, lang: Lang) -> String {
        let Self { name, copied } = self;
        match (copied, lang) {
            (Some((had, of)), Lang::En) => format!("{name}: {had} of {of} bytes were copied"),
            (Some((had, of)), Lang::De) => format!("{name}: {had} von {of} Bytes wurden kopiert"),
            (None, Lang::En) => format!("{name}: it was not read to its end"),
            (None, Lang::De) => format!("{name}: wurde nicht bis zum Ende gelesen"),
        }
    }
}

/// A bundle is made where nothing is.
fn empty(root: &Path) -> Result<()> {
    if fs::read_dir(root).is_ok_and(|mut entries| entries.next().is_some()) {
        bail!("{} exists already and is not empty; name another folder", root.display());
    }
    Ok(())
}

pub(super) fn lang(recipe: &Recipe) -> Lang {
    Lang::ALL.into_iter().find(|l| l.token() == recipe.lang).unwrap_or_default()
}

pub(super) fn recipe(root: &Path) -> Result<Recipe> {
    let path = root.join(PAYLOAD).join(ANALYSIS);
    let cannot = || format!("{} is no bundle of this program: cannot read {}", root.display(), path.display());
    let text = fs::read_to_string(&path).with_context(cannot)?;
    serde_json::from_str(&text).with_context(cannot)
}

/// The analysis that the bundle says was made, with the inputs in it.
pub(super) fn job(
    root: &Path,
    recipe: &Recipe,
    output: Option<PathBuf>,
    geoip: Option<&Path>,
    progress: bool,
) -> Result<Job> {
    let data = root.join(PAYLOAD);
    let inside = |path: &Option<String>| path.as_ref().map(|path| data.join(path));
    let (list, audit) = (inside(&recipe.list), inside(&recipe.audit));
    let wanted = Wanted {
        service: recipe.service.as_deref(),
        hosts: &recipe.hosts,
        list: list.as_deref(),
        audit: audit.as_deref(),
        policy: Some(&data.join(POLICY)),
        geoip,
        ranges: Some(&data.join(RANGES)),
        vantage: recipe.vantage.as_deref(),
        lang: lang(recipe),
    };
    let device = recipe.subject.as_deref().map(str::parse).transpose();
    Ok(Job {
        cut_short: !recipe.cut_short(root).is_empty(),
        output,
        device: device.with_context(|| format!("{}: {ANALYSIS}: subject", root.display()))?,
        hash: true,
        progress,
        ..Job::new(Input::Files(captures(root, recipe)?), knowledge(&wanted)?)
    })
}

/// The captures in a bundle if the path is one, else the path itself.
pub(super) fn unwrapped(path: &Path) -> Result<Vec<PathBuf>> {
    if path.join(PAYLOAD).join(ANALYSIS).is_file() { captures(path, &recipe(path)?) } else { Ok(vec![path.to_owned()]) }
}

/// The capture in a bundle: a recording of this program as its folder, else the files in the order in which they were given.
pub(super) fn captures(root: &Path, recipe: &Recipe) -> Result<Vec<PathBuf>> {
    let folder = root.join(PAYLOAD).join(CAPTURE);
    if let Some(recording) = super::offline::recording(&folder) {
        return Ok(vec![recording]);
    }
    // Names only: no bundle leads out of itself.
    let names = recipe.captures.iter().filter_map(|name| Path::new(name).file_name());
    // One that an interrupted run did not come to is told by its size; one that is missing in a sealed bag, by the manifests.
    let files: Vec<_> = names.map(|name| folder.join(name)).filter(|path| path.exists()).collect();
    if files.is_empty() {
        bail!("there is no capture in {}", folder.display());
    }
    Ok(files)
}

/// The log of what was done after sealing.
pub(super) fn custody_beside(root: &Path) -> PathBuf {
    stamp_path(root, CUSTODY)
}

/// What is wanted of outside witnesses.
#[derive(Debug, Default)]
pub struct Witness<'a> {
    /// A key for ssh-keygen.
    pub key: Option<&'a Path>,
    /// Write the request for a time stamp.
    pub request: bool,
    /// The reply of an authority.
    pub reply: Option<&'a Path>,
    pub authority: Option<&'a Path>,
}

/// Has a sealed bundle vouched for; what was done, in words. It is noted in the log beside the bundle.
///
/// # Errors
/// The bag does not hold, or what vouches does not fit.
pub fn witness(root: &Path, wanted: &Witness<'_>) -> Result<Vec<String>> {
    let checked = check(root)?;
    if let Some((file, _)) = checked.wrong.first() {
        bail!("{} is not as it was sealed ({file}); nothing vouches for it", root.display());
    }
    let mut done = Vec::new();
    let inside = root.join(PAYLOAD).join(CUSTODY);
    let mut custody = Custody::go_on(&custody_beside(root), Some(&inside), &actor())?;
    let mut log = |action: &str, text: String| -> Result<()> {
        custody.note(now(), action, &text)?;
        done.push(text);
        Ok(())
    };
    if let Some(key) = wanted.key {
        let path = crate::evidence::sign(root, key)?;
        log("signed", format!("signature in {}", path.display()))?;
    }
    if wanted.request {
        let path = crate::evidence::request(root)?;
        log(
            "time stamp requested",
            format!("request in {}; send it to an authority and bring the reply", path.display()),
        )?;
    }
    if let Some(reply) = wanted.reply {
        let stamp = crate::evidence::attach(root, reply, wanted.authority)?;
        log("time-stamped", format!("time stamp of {} in {}", stamp.time, stamp_path(root, "tsr").display()))?;
    }
    Ok(done)
}

/// The machine and the program, as far as they may matter to whoever doubts.
#[derive(Debug, Serialize)]
struct Environment {
    program: &'static str,
    /// The commit that it was built from; `+changes` if there were some beside it. Not known of what was built from an archive.
    commit: Option<&'static str>,
    /// SHA-256 of the program file, and of the list of libraries that it was built from (`Cargo.lock`).
    program_sha256: Option<String>,
    libraries_sha256: String,
    features: Vec<&'static str>,
    /// The version of the library that captures.
    libpcap: Option<String>,
    system: &'static str,
    architecture: &'static str,
    kernel: Option<String>,
    distribution: Option<String>,
    processor: Option<String>,
    time_zone: Option<String>,
    /// Who keeps the wall clock right, as far as is known.
    clock: Option<String>,
    /// Who resolves names, and which variables send traffic through a proxy (their names: values can hold passwords).
    resolvers: Vec<String>,
    proxies: Vec<&'static str>,
    sealed: String,
}

/// SHA-256 of the program file. With what debuggers read it is a large one.
pub(super) static PROGRAM_SHA256: LazyLock<Option<String>> =
    LazyLock::new(|| std::env::current_exe().ok().and_then(|path| sha256(&path).ok()));
/// Versions and digests of every library in the program.
const LIBRARIES: &[u8] = include_bytes!("../../Cargo.lock");
const PROXIES: [&str; 6] = ["http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"];

#[cfg(feature = "live")]
fn clock() -> Option<String> {
    use crate::host::{Sync, sync};
    match sync() {
        Sync::Synchronised { by, since: Some(since) } => Some(format!("kept right by {by}, last at {since}")),
        Sync::Synchronised { by, since: None } => Some(format!("kept right by {by}")),
        Sync::Kept { by } => Some(format!("{by} runs; whether it has reached a time server is not known")),
        Sync::NotKnown => None,
    }
}

#[cfg(not(feature = "live"))]
const fn clock() -> Option<String> {
    None
}

fn environment() -> Environment {
    let first = |path: &str, key: &str| {
        let text = fs::read_to_string(path).ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix(key))?;
        Some(Text::from(line.trim_matches([' ', '\t', ':', '=', '"'])).to_string())
    };
    let zone = fs::read_link("/etc/localtime").ok();
    let resolvers = fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
    let resolvers = resolvers.lines().filter_map(|line| line.strip_prefix("nameserver"));
    Environment {
        program: PROGRAM,
        commit: option_env!("ZOLLHUND_COMMIT"),
        #[cfg(feature = "live")]
        libpcap: crate::capture::libpcap_version(),
        #[cfg(not(feature = "live"))]
        libpcap: None,
        libraries_sha256: HEXLOWER.encode(digest(&SHA256, LIBRARIES).as_ref()),
        program_sha256: PROGRAM_SHA256.clone(),
        features: [
            ("live", cfg!(feature = "live")),
            ("tui", cfg!(feature = "tui")),
            ("resolve", cfg!(feature = "resolve")),
        ]
        .into_iter()
        .filter_map(|(name, on)| on.then_some(name))
        .collect(),
        system: std::env::consts::OS,
        architecture: std::env::consts::ARCH,
        kernel: first("/proc/sys/kernel/osrelease", ""),
        distribution: first("/etc/os-release", "PRETTY_NAME"),
        processor: first("/proc/cpuinfo", "model name"),
        time_zone: zone.and_then(|path| Some(path.to_str()?.rsplit_once("zoneinfo/")?.1.to_owned())),
        clock: clock(),
        resolvers: resolvers.map(|address| Text::from(address.trim()).to_string()).take(8).collect(),
        proxies: PROXIES.into_iter().filter(|name| std::env::var_os(name).is_some()).collect(),
        sealed: now().to_string(),
    }
}

/// The account that does it; the audit file names people.
pub(super) fn actor() -> String {
    let of = |variable: &str| std::env::var(variable).ok().filter(|name| !name.is_empty());
    let name = of("SUDO_USER").or_else(|| of("USER")).or_else(|| of("LOGNAME"));
    name.map_or_else(|| "account not known".into(), |name| format!("account {}", Text::from(name.as_str())))
}

/// A command line in words; arguments with spaces in quotation marks.
fn words(arguments: impl Iterator<Item = String>) -> String {
    let quoted = |word: String| if word.contains(' ') || word.is_empty() { format!("\"{word}\"") } else { word };
    arguments.map(quoted).collect::<Vec<_>>().join(" ")
}

pub(super) fn pretty(value: &impl Serialize) -> Result<String> {
    Ok(serde_json::to_string_pretty(value).context("cannot write JSON")? + "\n")
}

pub(super) fn new_folder(path: &Path) -> Result<()> {
    make_folder(path).with_context(|| format!("cannot make the folder {}; check its rights", path.display()))
}

pub(super) fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("cannot read {}; check the path and its rights", path.display()))
}

pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    new_file(path, false)
        .and_then(|mut file| file.write_all(bytes))
        .with_context(|| format!("cannot write {}; is the disk full?", path.display()))
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    let mut source = fs::File::open(from)
        .with_context(|| format!("cannot read {}; check the path and its rights", from.display()))?;
    new_file(to, false)
        .and_then(|mut file| io::copy(&mut source, &mut file).and_then(|_| file.sync_all()))
        .with_context(|| format!("cannot copy {} to {}; is the disk full?", from.display(), to.display()))
}
