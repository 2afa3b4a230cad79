//! Reads what the judgement rests on: embedded data, and files of the user beside it.

use crate::attribution::{Atlas, Organisations};
use crate::engine::Knowledge;
use crate::policy::{Book, Lang, Parameters};
use anyhow::{Context, Result, bail};
use std::fs;
use std::path::Path;

/// What the user asked for.
#[derive(Debug, Default)]
pub struct Wanted<'a> {
    /// Profile of the audited service.
    pub service: Option<&'a str>,
    /// The contract's own list of subprocessors.
    pub list: Option<&'a Path>,
    /// Folder with policy files.
    pub policy: Option<&'a Path>,
    /// Folder with databases.
    pub geoip: Option<&'a Path>,
    pub lang: Lang,
}

/// Loads and validates everything; every error names the file and the cure.
pub fn knowledge(wanted: &Wanted<'_>) -> Result<Knowledge> {
    let atlas = match wanted.geoip {
        Some(folder) => Atlas::with_user_files(files(folder, "mmdb", |p| fs::read(p))?)?,
        None => Atlas::embedded()?,
    };
    let mut book = match wanted.policy {
        Some(folder) => Book::with_dir(files(folder, "toml", |p| fs::read_to_string(p))?)?,
        None => Book::embedded()?,
    };
    if let Some(list) = wanted.list {
        let text = fs::read_to_string(list).with_context(|| format!("cannot read the list {}", list.display()))?;
        book = book.with_list(&file_name(list), &text)?;
    }
    let profile = match wanted.service {
        Some(id) => Some(book.profile(id, &Parameters::new())?),
        None => book.list_profile(),
    };
    Ok(Knowledge { atlas, organisations: Organisations::embedded()?, book, profile, lang: wanted.lang })
}

/// The files of a folder with an extension, sorted by name, so that the result does not depend on the file system.
fn files<T>(folder: &Path, extension: &str, read: impl Fn(&Path) -> std::io::Result<T>) -> Result<Vec<(String, T)>> {
    let cannot = |path: &Path| format!("cannot read {}; check the path and its rights", path.display());
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| cannot(folder))? {
        let path = entry.with_context(|| cannot(folder))?.path();
        if path.extension().is_some_and(|e| e == extension) {
            found.push((file_name(&path), read(&path).with_context(|| cannot(&path))?));
        }
    }
    if found.is_empty() {
        bail!("there is no .{extension} file in {}; name the folder that holds them", folder.display());
    }
    found.sort_by(|(a, _), (b, _)| a.cmp(b));
    Ok(found)
}

/// A path's last part, for people and for sources.
pub(super) fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}
