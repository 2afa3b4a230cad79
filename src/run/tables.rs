//! The folder of tables: files are made new, rows are written as they come, `report.json` is put together at the end. Or
//! their digests alone, to compare by.

use crate::engine::view::{EndpointView, FlowView, HandshakeView, Summary};
use crate::engine::{Event, Rows};
use crate::report::tables::{Dns, Endpoints, Facts, Findings, Flows, Handshakes, Losses, TABLES, Table, TableWriter};
use crate::report::{self, Annex, report_json, summary_html};
use anyhow::{Context as _, Result, bail};
use data_encoding::HEXLOWER;
use ring::digest::{Context, SHA256};
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, Write};
use std::mem;
use std::path::{Path, PathBuf};

const REPORT: &str = "report.json";
const PAGE: &str = "report.html";

/// SHA-256 of the tables' JSON lines, by file name, in the order in which tables are listed.
pub(super) type Fingerprint = Vec<(String, String)>;

/// All tables of one analysis, being written.
#[derive(Debug)]
pub(super) struct Tables {
    /// Where they lie, and whether to overwrite some; nowhere if only digests are wanted.
    folder: Option<(PathBuf, bool)>,
    flows: TableWriter<Flows, Sink>,
    handshakes: TableWriter<Handshakes, Sink>,
    dns: TableWriter<Dns, Sink>,
    facts: TableWriter<Facts, Sink>,
    endpoints: TableWriter<Endpoints, Sink>,
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

/// Where the rows of a table go.
enum Sink {
    File(File),
    Digest(Box<Context>),
    Nowhere,
}

impl fmt::Debug for Sink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sink")
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::File(file) => return file.write(bytes),
            Self::Digest(digest) => digest.update(bytes),
            Self::Nowhere => {}
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn create<T: Table>(place: Option<(&Path, bool)>) -> io::Result<TableWriter<T, Sink>> {
    let Some((folder, overwrite)) = place else {
        return Ok(TableWriter::new(Sink::Nowhere, Sink::Digest(Box::new(Context::new(&SHA256)))));
    };
    let open =
        |ending: &str| new_file(&folder.join(format!("{}.{ending}", T::DEFINITION.name)), overwrite).map(Sink::File);
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
        Self::begin(Some((folder, overwrite)))
            .with_context(|| format!("cannot create the tables in {}; check its rights", folder.display()))
    }

    /// Writes nothing: what counts is whether the rows are those of another analysis.
    pub(super) fn compared() -> io::Result<Self> {
        Self::begin(None)
    }

    fn begin(place: Option<(&Path, bool)>) -> io::Result<Self> {
        Ok(Self {
            folder: place.map(|(folder, overwrite)| (folder.to_owned(), overwrite)),
            flows: create(place)?,
            handshakes: create(place)?,
            dns: create(place)?,
            facts: create(place)?,
            endpoints: create(place)?,
            failure: None,
        })
    }

    /// Whether there will be a report beside them.
    pub(super) const fn are_told(&self) -> bool {
        self.folder.is_some()
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

    /// Writes findings, losses, `report.json` and `report.html`, and closes everything; or gives the digests.
    pub(super) fn finish(self, summary: &Summary, annex: &mut Annex) -> Result<Fingerprint> {
        let place = self.folder.clone();
        let place = place.as_ref().map(|(folder, overwrite)| (folder.as_path(), *overwrite));
        let finish = || -> io::Result<Fingerprint> {
            let Self { flows, handshakes, dns, facts, endpoints, failure, .. } = self;
            failure.map_or(Ok(()), Err)?;
            let mut findings = create::<Findings>(place)?;
            for row in (1..).zip(&summary.findings) {
                findings.row(&row)?;
            }
            let mut losses = create::<Losses>(place)?;
            for row in &summary.losses {
                losses.row(&row)?;
            }
            let mut told = Told::default();
            told.close(flows)?;
            told.close(handshakes)?;
            told.close(dns)?;
            told.close(facts)?;
            told.close(endpoints)?;
            let rows = mem::take(&mut told.rows);
            told.close(findings)?;
            told.close(losses)?;
            if let Some((folder, overwrite)) = place {
                annex.tables = rows.iter().map(|t| (t.table.name.to_owned(), t.count)).collect();
                let file = |name: &str| new_file(&folder.join(name), overwrite);
                report_json(summary, rows, &mut file(REPORT)?)?;
                file(PAGE)?.write_all(summary_html(summary, annex).as_bytes())?;
            }
            Ok(told.fingerprint)
        };
        finish().with_context(|| match place {
            Some((folder, _)) => format!("cannot write the tables in {}; is the disk full?", folder.display()),
            None => "cannot compare the tables".to_owned(),
        })
    }
}

/// Tables that have ended.
#[derive(Default)]
struct Told {
    /// Their JSON lines, to be read from the start.
    rows: Vec<report::Rows<File>>,
    fingerprint: Fingerprint,
}

impl Told {
    fn close<T: Table>(&mut self, table: TableWriter<T, Sink>) -> io::Result<()> {
        let count = table.count();
        match table.finish()?.1 {
            Sink::File(mut lines) => {
                lines.rewind()?;
                self.rows.push(report::Rows { table: T::DEFINITION, count, lines });
            }
            Sink::Digest(digest) => {
                let digest = HEXLOWER.encode(digest.finish().as_ref());
                self.fingerprint.push((format!("{}.jsonl", T::DEFINITION.name), digest));
            }
            Sink::Nowhere => {}
        }
        Ok(())
    }
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
