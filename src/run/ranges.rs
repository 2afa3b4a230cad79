//! Range lists in the user's data folder: what was imported is read on every later run.

use super::knowledge::file_name;
use crate::attribution::{MAX_RANGES_BYTES, RANGES_EXTENSION, Ranges, RangesFile, RangesKind};
use crate::wire::{Day, Timestamp};
use anyhow::{Context, Result, bail};
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// Where imported lists are kept: `$XDG_DATA_HOME/zollhund/geo`, else `~/.local/share/zollhund/geo`, under sudo of the user who
/// called. `None` if the environment names no home.
#[must_use]
pub fn geo_folder() -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let data = set("XDG_DATA_HOME").or_else(|| Some(of_invoker().or_else(|| set("HOME"))?.join(".local/share")))?;
    Some(data.join("zollhund").join("geo"))
}

#[cfg(all(feature = "live", target_os = "linux"))]
fn of_invoker() -> Option<PathBuf> {
    crate::host::home_of_invoker()
}

#[cfg(not(all(feature = "live", target_os = "linux")))]
const fn of_invoker() -> Option<PathBuf> {
    None
}

/// Reads a publisher's file and keeps it in the folder; an older list of the same cloud, or the same geofeed, is replaced.
/// Gives back what was read and where it is.
pub fn import_ranges(kind: RangesKind, path: &Path, folder: &Path, today: Day) -> Result<(Ranges, PathBuf)> {
    let cannot = || format!("cannot read {}; check the path and its rights", path.display());
    let file = File::open(path).with_context(cannot)?;
    let changed = file.metadata().and_then(|m| m.modified()).map_or(Day::default(), day);
    let mut bytes = Vec::new();
    // One byte more than allowed, so that a file that is too large is told from one that just fits.
    file.take(MAX_RANGES_BYTES as u64 + 1).read_to_end(&mut bytes).with_context(cannot)?;
    let name = file_name(path);
    let ranges = Ranges::import(kind, RangesFile { name: &name, changed, imported: today }, &bytes)?;
    let kept = match kind {
        RangesKind::Geofeed => {
            let clean: String = name.chars().filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')).collect();
            if clean.is_empty() {
                bail!("{}: give the file a name with letters; the geofeed is kept under it", path.display());
            }
            format!("geofeed-{}", clean.to_ascii_lowercase())
        }
        cloud => cloud.token().to_owned(),
    };
    let to = folder.join(format!("{kept}.{RANGES_EXTENSION}"));
    let cannot = || format!("cannot write {}; check its rights, or set XDG_DATA_HOME", to.display());
    // What is kept belongs to whoever called.
    #[cfg(all(feature = "live", target_os = "linux"))]
    let _ = crate::host::become_invoker();
    fs::create_dir_all(folder).with_context(cannot)?;
    // Whoever reads meanwhile gets the old list or the new one.
    let part = folder.join(format!("{kept}.part"));
    fs::write(&part, ranges.to_text()).and_then(|()| fs::rename(&part, &to)).with_context(cannot)?;
    Ok((ranges, to))
}

fn day(time: SystemTime) -> Day {
    Timestamp::from_secs(time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())).day()
}
