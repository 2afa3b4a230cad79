//! The folder of tables: files are made new, rows are written as they come, `report.json` is put together at the end.

use crate::engine::view::{EndpointView, FlowView, HandshakeView, Summary};
use crate::engine::{Event, Rows};
use crate::report::tables::{
    Definition, Dns, Endpoints, Facts, Findings, Flows, Handshakes, Losses, TABLES, Table, TableWriter,
};
use crate::report::{self, Annex, report_json, summary_html};
use anyhow::{Context, Result, bail};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, Write};
use std::path::{Path, PathBuf};

const REPORT: &str = "report.json";
const PAGE: &str = "report.html";

/// All tables of one analysis, being written.
#[derive(Debug)]
pub(super) struct Tables {
    folder: PathBuf,
    overwrite: bool,
    flows: TableWriter<Flows, File>,
    handshakes: TableWriter<Handshakes, File>,
    dns: TableWriter<Dns, File>,
    facts: TableWriter<Facts, File>,
    endpoints: TableWriter<Endpoints, File>,
    /// The first failure; a full disk must not be told for every row.
    failure: Option<io::Error>,
}

/// A file that did not exist, readable by its owner only: captures are personal data.
pub(super) fn new_file(path: &Path, overwrite: bool) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    if overwrite {
        options.create(true).truncate(true)
    } else {
        options.create_new(true)
    };
    options.open(path)
}

fn create<T: Table>(folder: &Path, overwrite: bool) -> Result<TableWriter<T, File>> {
    let open = |ending: &str| {
        let path = folder.join(format!("{}.{ending}", T::DEFINITION.name));
        new_file(&path, overwrite).with_context(|| format!("cannot create {}", path.display()))
    };
    Ok(TableWriter::new(open("csv")?, open("jsonl")?))
}

impl Tables {
    /// Makes the folder and the files. Files that are there already are an error, unless `overwrite`.
    pub(super) fn create(folder: &Path, overwrite: bool) -> Result<Self> {
        fs::create_dir_all(folder).with_context(|| format!("cannot create the folder {}", folder.display()))?;
        if !overwrite {
            let names = TABLES.iter().flat_map(|t| [format!("{}.csv", t.name), format!("{}.jsonl", t.name)]);
            if let Some(there) =
                names.chain([REPORT.to_owned(), PAGE.to_owned()]).map(|n| folder.join(n)).find(|p| p.exists())
            {
                bail!("{} exists already; name another folder, or say --overwrite", there.display());
            }
        }
        Ok(Self {
            folder: folder.to_owned(),
            overwrite,
            flows: create(folder, overwrite)?,
            handshakes: create(folder, overwrite)?,
            dns: create(folder, overwrite)?,
            facts: create(folder, overwrite)?,
            endpoints: create(folder, overwrite)?,
            failure: None,
        })
    }

    /// Writes down what is final.
    pub(super) fn event(&mut self, event: &Event<'_>) {
        let result = match event {
            Event::FlowOpened { .. } => Ok(()),
            Event::Answer(row) => self.dns.row(row),
            Event::Fact(row) => self.facts.row(row),
            Event::FlowRetired(row) => self.flows.row(row),
            Event::HandshakeRetired(row) => self.handshakes.row(row),
        };
        self.note(result);
    }

    fn note(&mut self, result: io::Result<()>) {
        if let Err(error) = result {
            self.failure.get_or_insert(error);
        }
    }

    /// Writes findings, losses, `report.json` and `report.html`, and closes everything.
    pub(super) fn finish(self, summary: &Summary, annex: &mut Annex) -> Result<()> {
        let Self { folder, overwrite, flows, handshakes, dns, facts, endpoints, failure } = self;
        let finish = || -> io::Result<()> {
            failure.map_or(Ok(()), Err)?;
            let rows = vec![close(flows)?, close(handshakes)?, close(dns)?, close(facts)?, close(endpoints)?];
            let file = |name: String| new_file(&folder.join(name), overwrite);
            let pair = |table: &Definition| -> io::Result<(File, File)> {
                Ok((file(format!("{}.csv", table.name))?, file(format!("{}.jsonl", table.name))?))
            };
            let (csv, jsonl) = pair(Findings::DEFINITION)?;
            let mut findings = TableWriter::<Findings, File>::new(csv, jsonl);
            for row in (1..).zip(&summary.findings) {
                findings.row(&row)?;
            }
            findings.finish()?;
            let (csv, jsonl) = pair(Losses::DEFINITION)?;
            let mut losses = TableWriter::<Losses, File>::new(csv, jsonl);
            for row in &summary.losses {
                losses.row(&row)?;
            }
            losses.finish()?;
            annex.tables = rows.iter().map(|t| (t.table.name.to_owned(), t.count)).collect();
            report_json(summary, rows, &mut file(REPORT.to_owned())?)?;
            file(PAGE.to_owned())?.write_all(summary_html(summary, annex).as_bytes())
        };
        finish().with_context(|| format!("cannot write the tables in {}; is the disk full?", folder.display()))
    }
}

/// Ends a table and gives its JSON lines back, to be read from the start.
fn close<T: Table>(table: TableWriter<T, File>) -> io::Result<report::Rows<File>> {
    let count = table.count();
    let (_, mut lines) = table.finish()?;
    lines.rewind()?;
    Ok(report::Rows { table: T::DEFINITION, count, lines })
}

impl Rows for Tables {
    fn flow(&mut self, row: &FlowView<'_>) {
        let result = self.flows.row(row);
        self.note(result);
    }

    fn handshake(&mut self, row: &HandshakeView<'_>) {
        let result = self.handshakes.row(row);
        self.note(result);
    }

    fn endpoint(&mut self, row: &EndpointView<'_>) {
        let result = self.endpoints.row(row);
        self.note(result);
    }
}
