//! A kept report: `report.json`, or the folder it lies in with the tables beside it.

use crate::engine::view::Summary;
use crate::policy::Lang;
use crate::report::{
    Annex, EndpointRow, Exporter, Fields, FlowRow, HelloRow, Saved, hosts_line, read_report, read_rows,
};
use anyhow::{Context, Result, bail};
use serde::de::DeserializeOwned;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};

/// A report of a capture as large as may be has its large tables in files of their own; what is larger is no report.
const MOST_BYTES: u64 = 512 << 20;
/// The longest line of a table; a row has some hundred names of 255 bytes at most.
const LONGEST_LINE: u64 = 1 << 20;

/// A report as it was kept.
#[derive(Debug)]
pub struct Kept {
    pub saved: Saved,
    pub annex: Annex,
    json: Vec<u8>,
    /// Where its tables lie.
    folder: PathBuf,
}

/// Where the report of a folder lies: in it, or in its `data`, as in a bag.
fn report_in(folder: &Path) -> Option<PathBuf> {
    [folder.join("report.json"), folder.join("data/report.json")].into_iter().find(|place| place.is_file())
}

/// Whether it is a kept report and no capture: a folder with a report, or a JSON object.
pub fn is_kept(path: &Path) -> Result<bool> {
    if path.is_dir() {
        return Ok(report_in(path).is_some());
    }
    if !path.is_file() {
        // Standard input and pipes are captures: what is taken from them to look at it is gone.
        return Ok(false);
    }
    let cannot = || format!("cannot read {}; check the path and its rights", path.display());
    let mut first = [0];
    let mut file = File::open(path).with_context(cannot)?;
    Ok(file.read(&mut first).with_context(cannot)? == 1 && first == *b"{")
}

/// Reads `report.json` from a folder (or from its `data`, as in a bag), or the file itself.
pub fn kept(path: &Path) -> Result<Kept> {
    let file = if path.is_dir() {
        match report_in(path) {
            Some(file) => file,
            None => bail!("there is no report.json in {}; name a folder that `analyze --output` wrote", path.display()),
        }
    } else {
        path.to_owned()
    };
    let cannot = || format!("cannot read {}; check the path and its rights", file.display());
    let mut json = Vec::new();
    File::open(&file).with_context(cannot)?.take(MOST_BYTES + 1).read_to_end(&mut json).with_context(cannot)?;
    if json.len() as u64 > MOST_BYTES {
        bail!("{} is larger than any report ({} MiB); name a report.json", file.display(), MOST_BYTES >> 20);
    }
    let saved = read_report(&json).with_context(|| file.display().to_string())?;
    let folder = file.parent().unwrap_or(Path::new("")).to_owned();
    let mut kept = Kept { saved, annex: Annex::default(), json, folder };
    let mut annex = Annex::default();
    kept.each("handshakes", |row: HelloRow| {
        annex.handshake_row(&row);
        Ok(())
    })?;
    kept.each("endpoints", |row: EndpointRow| {
        annex.endpoint_row(row);
        Ok(())
    })?;
    annex.tables = kept.saved.tables.iter().map(|(name, rows, _)| (name.clone(), *rows)).collect();
    kept.annex = annex;
    Ok(kept)
}

impl Kept {
    /// Every row of a table, from the document or, if it was too large for that, from its own file.
    pub fn each<T: DeserializeOwned>(&self, table: &str, mut take: impl FnMut(T) -> Result<()>) -> Result<()> {
        let Some((.., here)) = self.saved.tables.iter().find(|(name, ..)| name == table) else { return Ok(()) };
        if *here {
            return read_rows(&self.json, table)?.into_iter().try_for_each(take);
        }
        let path = self.folder.join(format!("{table}.jsonl"));
        let cannot = || format!("cannot read {}, where the report left this table", path.display());
        let mut lines = BufReader::new(File::open(&path).with_context(cannot)?);
        let mut line = Vec::new();
        for number in 1_u64.. {
            line.clear();
            if lines.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line).with_context(cannot)? == 0 {
                break;
            }
            let row = serde_json::from_slice(&line);
            take(row.with_context(|| format!("{}, line {number}: not a row of this table", path.display()))?)?;
        }
        Ok(())
    }

    /// The picture in a language.
    pub fn summary(&self, lang: Lang) -> Result<Summary> {
        Ok(self.saved.in_language(lang)?)
    }

    /// Flows and findings as events for a SIEM.
    pub fn events(&self, summary: &Summary, fields: Fields, out: &mut impl Write) -> Result<()> {
        let mut exporter = Exporter::new(summary, fields);
        self.each("flows", |row: FlowRow| Ok(exporter.flow(row, out)?))?;
        Ok(exporter.findings(out)?)
    }

    /// Addresses with their names, for Wireshark's own look-up.
    pub fn hosts(&self, out: &mut impl Write) -> Result<()> {
        self.each("endpoints", |row: EndpointRow| {
            Ok(hosts_line(&row).map_or(Ok(()), |line| out.write_all(line.as_bytes()))?)
        })
    }
}
