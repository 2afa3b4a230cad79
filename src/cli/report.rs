//! `zollhund report`: what was kept, told again; and the forms that every report can have.

use super::args::Form;
use super::complain;
use crate::engine::view::Summary;
use crate::policy::Lang;
use crate::report::tables::{Findings, TableWriter};
use crate::report::{Annex, Difference, Fields, Style, diff_html, diff_text, summary_html, summary_json, summary_text};
use crate::run;
use anyhow::{Result, bail};
use std::io::{self, IsTerminal};
use std::path::Path;

/// The bytes of a report. Events and hosts need the rows of the flows, which only a kept report has.
pub(super) fn form(summary: &Summary, annex: &Annex, form: Form, style: &Style) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    match form {
        Form::Text => summary_text(summary, style, &mut out)?,
        Form::Json => {
            summary_json(summary, &mut out)?;
            out.push(b'\n');
        }
        Form::Html => out = summary_html(summary, annex).into_bytes(),
        Form::Csv => {
            let mut table = TableWriter::<Findings, _>::new(out, Vec::new());
            for row in (1..).zip(&summary.findings) {
                table.row(&row)?;
            }
            out = table.finish()?.0;
        }
        Form::Pdf => out = printed(&summary_html(summary, annex))?,
        Form::Ecs | Form::Eve | Form::Hosts => bail!(
            "--format {form} needs the flows: `zollhund analyze … --output DIR`, then `zollhund report DIR --format {form}`"
        ),
    }
    Ok(out)
}

/// The report of a folder or of a `report.json`, and the picture it tells.
pub(super) fn run(path: &Path, wanted: Form, style: &Style) -> Result<(Vec<u8>, Summary)> {
    let kept = run::kept(path)?;
    let mut out = Vec::new();
    match wanted {
        Form::Ecs | Form::Eve => {
            let summary = kept.summary(style.lang)?;
            kept.events(&summary, if wanted == Form::Ecs { Fields::Ecs } else { Fields::Eve }, &mut out)?;
            return Ok((out, summary));
        }
        Form::Hosts => kept.hosts(&mut out)?,
        _ => out = form(&kept.summary(style.lang)?, &kept.annex, wanted, style)?,
    }
    Ok((out, kept.summary(style.lang)?))
}

/// Cuts the frames of findings into a file, and says what it is.
pub(super) fn slice(bundle: &Path, findings: &[String], out: &Path, lang: Lang) -> Result<()> {
    let summary = run::kept(bundle)?.summary(lang)?;
    let run::Sliced { frames, codes, sha256 } = run::slice(bundle, &summary, findings, out)?;
    complain(&format!("{}: {frames} frames of {}; SHA-256 {sha256}", out.display(), codes.join(", ")));
    Ok(())
}

/// A comparison in one of the forms that it can have.
pub(super) fn diff(difference: &Difference, form: Form, style: &Style) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    match form {
        Form::Text => diff_text(difference, style, &mut out)?,
        Form::Json => difference.write_json(&mut out)?,
        Form::Html => out = diff_html(difference).into_bytes(),
        Form::Pdf => out = printed(&diff_html(difference))?,
        other => bail!("a comparison cannot be told as {other}; use --format text, json, html or pdf"),
    }
    Ok(out)
}

fn printed(html: &str) -> Result<Vec<u8>> {
    if io::stdout().is_terminal() {
        bail!("a PDF is nothing for a terminal; write it to a file: … --format pdf > report.pdf");
    }
    run::pdf(html)
}
