//! Reads what the judgement rests on: embedded data, and files of the user beside it.

use crate::attribution::{Atlas, Horizon, Organisations, RANGES_EXTENSION, Vantage};
use crate::engine::Knowledge;
use crate::policy::{Audit, Book, Lang, Parameters, Profile};
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::{Path, PathBuf};

/// What the user asked for.
#[derive(Debug, Default)]
pub struct Wanted<'a> {
    /// Profile of the audited service.
    pub service: Option<&'a str>,
    /// Hosts of the operator of a self-hosted service: `NAME`, or `PARAMETER=NAME` for another parameter than `host`.
    pub hosts: &'a [String],
    /// The contract's own list of subprocessors.
    pub list: Option<&'a Path>,
    /// What the auditor declares; its service, hosts and list count where the fields above say nothing.
    pub audit: Option<&'a Path>,
    /// Folder with policy files.
    pub policy: Option<&'a Path>,
    /// Folder with databases.
    pub geoip: Option<&'a Path>,
    /// Folder with imported range lists; it need not exist.
    pub ranges: Option<&'a Path>,
    /// Where the capture was made: a city, or coordinates. Counts before what the audit file declares.
    pub vantage: Option<&'a str>,
    pub lang: Lang,
}

/// Loads and validates everything; every error names the file and the cure.
pub fn knowledge(wanted: &Wanted<'_>) -> Result<Knowledge> {
    let mut geo = match wanted.ranges.filter(|folder| folder.is_dir()) {
        Some(folder) => some_files(folder, RANGES_EXTENSION, |p| fs::read(p))?,
        None => Vec::new(),
    };
    if let Some(folder) = wanted.geoip {
        geo.extend(files(folder, "mmdb", |p| fs::read(p))?);
    }
    let atlas = Atlas::with_user_files(geo)?;
    let mut book = match wanted.policy {
        Some(folder) => Book::with_dir(files(folder, "toml", |p| fs::read_to_string(p))?)?,
        None => Book::embedded()?,
    };
    let audit = wanted.audit.map(audit).transpose()?;
    if let Some(list) = wanted.list {
        if let Some(file) = audit.as_ref().filter(|a| a.list.is_some()) {
            bail!("--list {}: {} has a list of recipients too; use one of them", list.display(), file.source.name);
        }
        book = book.with_list(&file_name(list), &text(list)?)?;
    } else if let Some(list) = audit.as_ref().and_then(|a| a.list.clone()) {
        book = book.holding(list);
    }
    let service = wanted.service.or_else(|| audit.as_ref().and_then(|a| a.service.as_deref()));
    let profile = match service {
        Some(id) => {
            let declared = audit.as_ref().map(|a| a.parameters.clone()).unwrap_or_default();
            Some(profile(&book, id, &parameters(wanted.hosts, declared)?)?)
        }
        None if !wanted.hosts.is_empty() => {
            bail!("--host needs to know whose host it is: add --service, for instance --service jitsi-self-hosted")
        }
        None => book.list_profile(),
    };
    let vantage = match wanted.vantage {
        Some(text) => Some(Vantage::parse(text)?),
        None => audit.as_ref().and_then(|a| a.vantage.clone()),
    };
    let horizon = vantage.map(Horizon::new).transpose()?;
    Ok(Knowledge { atlas, organisations: Organisations::embedded()?, book, profile, audit, horizon, lang: wanted.lang })
}

/// Reads and checks an audit file, with the list of recipients that it names.
pub fn audit(path: &Path) -> Result<Audit> {
    let (name, declared) = (file_name(path), text(path)?);
    let list = Audit::names_list(&name, &declared)?;
    let attached = list.map(|list| text(&path.parent().unwrap_or(Path::new("")).join(&*list))).transpose()?;
    Ok(Audit::parse(&name, &declared, attached.as_deref())?)
}

/// The file with the list of recipients that an audit file names.
pub(super) fn attached_list(audit: &Path) -> Result<Option<PathBuf>> {
    let list = Audit::names_list(&file_name(audit), &text(audit)?)?;
    Ok(list.map(|list| audit.parent().unwrap_or(Path::new("")).join(&*list)))
}

/// Every policy file in use, as it is in use: the bundled ones, and those of the user instead or beside.
pub(super) fn policy_files(folder: Option<&Path>) -> Result<Vec<(String, String)>> {
    let own = folder.map(|folder| files(folder, "toml", |p| fs::read_to_string(p))).transpose()?;
    Ok(Book::files(own.unwrap_or_default())?)
}

/// Imported range lists; the folder need not exist.
pub(super) fn range_files(folder: Option<&Path>) -> Result<Vec<PathBuf>> {
    let Some(folder) = folder.filter(|folder| folder.is_dir()) else { return Ok(Vec::new()) };
    Ok(some_files(folder, RANGES_EXTENSION, |p| Ok(p.to_owned()))?.into_iter().map(|(_, path)| path).collect())
}

/// The databases in a folder of the user's own.
pub(super) fn database_files(folder: &Path) -> Result<Vec<PathBuf>> {
    Ok(files(folder, "mmdb", |p| Ok(p.to_owned()))?.into_iter().map(|(_, path)| path).collect())
}

fn text(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {}; check the path and its rights", path.display()))
}

/// What `--host` says, in place of what the audit file declared of the same parameter.
fn parameters(hosts: &[String], mut declared: Parameters) -> Result<Parameters> {
    let mut given = Parameters::new();
    for host in hosts {
        let (key, value) = host.split_once('=').unwrap_or(("host", host));
        if key.is_empty() || value.is_empty() {
            bail!("--host {host}: write a name or address, as in meet.example.org, or turn=turn.example.org");
        }
        given.entry(key.to_owned()).or_default().push(value.to_owned());
    }
    declared.extend(given);
    Ok(declared)
}

/// A template without the operator's hosts would find everything foreign.
fn profile(book: &Book, id: &str, parameters: &Parameters) -> Result<Profile> {
    let profile = book.profile(id, parameters)?;
    if let Some((key, meaning)) = profile.missing(parameters).find(|(key, _)| *key == "host") {
        bail!("--service {id} is a template: say --{key} NAME for the {meaning}, as often as needed");
    }
    Ok(profile)
}

/// As [`some_files`], at least one.
fn files<T>(folder: &Path, extension: &str, read: impl Fn(&Path) -> std::io::Result<T>) -> Result<Vec<(String, T)>> {
    let found = some_files(folder, extension, read)?;
    if found.is_empty() {
        bail!("there is no .{extension} file in {}; name the folder that holds them", folder.display());
    }
    Ok(found)
}

/// The files of a folder with an extension, sorted by name, so that the result does not depend on the file system.
fn some_files<T>(
    folder: &Path,
    extension: &str,
    read: impl Fn(&Path) -> std::io::Result<T>,
) -> Result<Vec<(String, T)>> {
    let cannot = |path: &Path| format!("cannot read {}; check the path and its rights", path.display());
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| cannot(folder))? {
        let path = entry.with_context(|| cannot(folder))?.path();
        if path.extension().is_some_and(|e| e == extension) {
            found.push((file_name(&path), read(&path).with_context(|| cannot(&path))?));
        }
    }
    found.sort_by(|(a, _), (b, _)| a.cmp(b));
    Ok(found)
}

/// A path's last part, for people and for sources.
pub(super) fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}
