//! Words typed by people: what they mean, what is printed, and with which status the program ends.

mod args;
mod bundle;
#[cfg(feature = "live")]
mod doctor;
mod geo;
#[cfg(feature = "live")]
mod isolated;
mod report;
mod services;
mod watch;

use crate::engine::Knowledge;
use crate::engine::view::Summary;
use crate::evidence::StoreOptions;
use crate::policy::{Lang, Severity};
use crate::report::{Difference, Style};
use crate::run::{self, Job, Outcome};
use crate::wire::{Day, Timestamp};
use anyhow::{Context, Result};
use args::{Cli, Color, Command, Form, Judge, Look, Tell};
use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};
use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;

/// Parses the arguments, does the work, and says how it ended.
#[must_use]
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            if error.use_stderr() && error.kind() != ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
                complain(&mistyped(&error));
            } else {
                let _ = error.print();
            }
            return if error.use_stderr() { Exit::Failure.into() } else { Exit::Done.into() };
        }
    };
    match dispatch(cli.command) {
        Ok(exit) => exit.into(),
        Err(error) => {
            complain(&told(&error));
            Exit::Failure.into()
        }
    }
}

/// The error and what it came from, in one line. Some errors tell their cause themselves: it is not said twice.
fn told(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain().map(ToString::to_string).filter(|cause| !cause.is_empty()) {
        if !text.contains(&cause) {
            text.push_str(if text.is_empty() { "" } else { ": " });
            text.push_str(&cause);
        }
    }
    text
}

/// What is wrong with the arguments, as one line like every error: it echoes them, and a shell's `*` types file names.
fn mistyped(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let said = text.lines().take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more information"));
    let said: Vec<_> = said.map(|line| line.trim().trim_start_matches("error: ")).filter(|l| !l.is_empty()).collect();
    format!("{}; see `zollhund --help`", said.join("; ").replace(":; ", ": "))
}

/// The documented exit statuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Exit {
    Done,
    Finding,
    Failure,
    Incomplete,
    /// What the client that was run said at its end.
    #[cfg_attr(not(all(feature = "live", target_os = "linux")), expect(dead_code))]
    Client(u8),
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0,
            Exit::Finding => 1,
            Exit::Failure => 2,
            Exit::Incomplete => 3,
            Exit::Client(status) => status,
        })
    }
}

fn dispatch(command: Command) -> Result<Exit> {
    match command {
        Command::Demo {
            headless,
            seed,
            write,
            judge,
            tell,
            #[cfg(feature = "tui")]
            speed,
            #[cfg(feature = "tui")]
            picture,
        } => {
            let mut judge = judge;
            judge.service.get_or_insert_with(|| "zoom".into());
            #[cfg(feature = "tui")]
            if !headless && write.is_none() && judge.fail_on.is_none() && tell.shows_only() && on_a_terminal() {
                return watch::demo(seed, speed, picture, &judge, &tell);
            }
            #[cfg(not(feature = "tui"))]
            let _ = headless;
            let mut job = job(&judge, &tell, run::Input::Demo { seed })?;
            job.write_demo = write;
            finish(&job, &judge, &tell)
        }
        Command::Analyze { files, subject, save, full_payload, keep_raw, judge, tell } => {
            let device = subject.as_deref().map(device).transpose()?;
            if let Some(folder) = save {
                let payload = (!full_payload).then_some(StoreOptions::PAYLOAD);
                let keep = if keep_raw { run::Keep::AsGiven } else { run::Keep::InScope { payload } };
                return bundle::save(&folder, &files, keep, device, &judge, &tell);
            }
            let mut job = job(&judge, &tell, run::Input::Files(files))?;
            job.device = device;
            finish(&job, &judge, &tell)
        }
        Command::Watch(watching) => watch::run(*watching),
        Command::Report { path, findings, pcap: Some(out), look, .. } => {
            report::slice(&path, &findings, &out, look.lang).map(|()| Exit::Done)
        }
        Command::Report { path, shareable: Some(out), key_file, geoip, .. } => {
            let (key, geoip) = (key_file.as_deref(), geoip.as_deref());
            bundle::share(&path, &out, &run::Share { key, geoip, progress: io::stderr().is_terminal() })
        }
        Command::Report { path, fail_on, look, .. } => {
            let (out, summary) = report::run(&path, look.format, &style(&look))?;
            print_bytes(&out)?;
            let seen = &summary.circumstances;
            let incomplete = seen.lost > 0 || seen.has_gaps() || (seen.frames > 0 && seen.frames == seen.unreadable);
            Ok(exit(&summary, fail_on, incomplete))
        }
        Command::Diff { a, b, judge, look } => {
            let difference = Difference::between(&picture(&a, &judge, look.lang)?, &picture(&b, &judge, look.lang)?);
            print_bytes(&report::diff(&difference, look.format, &style(&look))?)?;
            Ok(match judge.fail_on {
                Some(floor) if difference.has_new(floor) => Exit::Finding,
                _ if difference.is_incomplete() => Exit::Incomplete,
                _ => Exit::Done,
            })
        }
        #[cfg(feature = "live")]
        Command::Run(running) => isolated::run(&running),
        Command::Verify { bundle, reanalyze, signers, authority, geoip, format, lang } => {
            let how = run::Verify {
                signers: signers.as_deref(),
                authority: authority.as_deref(),
                reanalyze,
                geoip: geoip.as_deref(),
                lang,
                progress: io::stderr().is_terminal(),
            };
            bundle::verify(&bundle, &how, format)
        }
        Command::Seal { bundle, key, request, reply, authority } => {
            let wanted =
                run::Witness { key: key.as_deref(), request, reply: reply.as_deref(), authority: authority.as_deref() };
            bundle::seal(&bundle, &wanted)
        }
        Command::Services { action, format, lang } => services::run(action, format, lang).map(|()| Exit::Done),
        Command::Geo { action, geoip, format } => geo::run(action, geoip.as_deref(), format).map(|()| Exit::Done),
        #[cfg(feature = "live")]
        Command::Doctor { geoip, format, lang } => doctor::doctor(geoip.as_deref(), format, lang).map(|()| Exit::Done),
        #[cfg(feature = "live")]
        Command::Interfaces { format, lang } => doctor::list(format, lang).map(|()| Exit::Done),
        Command::Schema { of } => print(match of {
            args::Document::Report => crate::report::SCHEMA,
            args::Document::Diff => crate::report::DIFF_SCHEMA,
        }),
        Command::Completions { shell } => {
            let mut out = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "zollhund", &mut out);
            print_bytes(&out)
        }
        Command::Man => {
            let mut out = Vec::new();
            clap_mangen::Man::new(Cli::command()).render(&mut out).context("cannot make the manual page")?;
            print_bytes(&out)
        }
    }
}

fn device(text: &str) -> Result<crate::engine::Device> {
    text.parse().with_context(|| format!("--subject {text}"))
}

fn knowledge(judge: &Judge, lang: Lang) -> Result<Knowledge> {
    let ranges = run::geo_folder();
    run::knowledge(&wanted(judge, ranges.as_deref(), lang))
}

/// What a kept report or a capture shows.
fn picture(path: &Path, judge: &Judge, lang: Lang) -> Result<Summary> {
    if run::is_kept(path)? {
        return run::kept(path)?.summary(lang);
    }
    let mut job = Job::new(run::Input::Files(vec![path.to_owned()]), knowledge(judge, lang)?);
    job.progress = io::stderr().is_terminal();
    let outcome = run::analyze(&job)?;
    outcome.complaints.iter().for_each(|complaint| complain(complaint));
    Ok(outcome.summary)
}

fn job(judge: &Judge, tell: &Tell, input: run::Input) -> Result<Job> {
    Ok(Job {
        output: tell.output.clone(),
        overwrite: tell.overwrite,
        hash: tell.hash,
        translate: tell.look.format == Form::Json,
        progress: io::stderr().is_terminal(),
        #[cfg(feature = "resolve")]
        resolve: tell.resolve.clone(),
        ..Job::new(input, knowledge(judge, tell.look.lang)?)
    })
}

fn wanted<'a>(judge: &'a Judge, ranges: Option<&'a Path>, lang: Lang) -> run::Wanted<'a> {
    run::Wanted {
        service: judge.service.as_deref(),
        hosts: &judge.hosts,
        list: judge.list.as_deref(),
        audit: judge.audit.as_deref(),
        policy: judge.policy.as_deref(),
        geoip: judge.geoip.as_deref(),
        ranges,
        vantage: judge.vantage.as_deref(),
        lang,
    }
}

/// Runs the job, prints what it found, and decides the exit status.
fn finish(job: &Job, judge: &Judge, tell: &Tell) -> Result<Exit> {
    conclude(run::analyze(job)?, &job.knowledge, judge, tell)
}

/// Prints what was found, and decides the exit status.
fn conclude(outcome: Outcome, knowledge: &Knowledge, judge: &Judge, tell: &Tell) -> Result<Exit> {
    let Outcome { summary, annex, complaints, incomplete, .. } = outcome;
    let out = report::form(&summary, &annex, tell.look.format, &style(&tell.look))?;
    print_bytes(&out)?;
    for complaint in &complaints {
        complain(complaint);
    }
    if let Some(age) = knowledge.book.stale(today()) {
        let edition = knowledge.book.regimes.edition();
        complain(&format!(
            "the table of law is of {edition}, {age} days old; use a newer edition (jurisdictions.toml in --policy DIR)"
        ));
    }
    let exit = exit(&summary, judge.fail_on, incomplete);
    // As with the engine: the program ends soon.
    std::mem::forget(summary);
    Ok(exit)
}

/// A finding that was asked for outweighs an incomplete capture.
fn exit(summary: &Summary, fail_on: Option<Severity>, incomplete: bool) -> Exit {
    if fail_on.is_some_and(|floor| summary.findings.iter().any(|f| f.severity >= floor && f.aside.is_none())) {
        return Exit::Finding;
    }
    if incomplete { Exit::Incomplete } else { Exit::Done }
}

/// The day by the clock, or by `SOURCE_DATE_EPOCH` (<https://reproducible-builds.org/specs/source-date-epoch/>).
fn today() -> Day {
    let told = std::env::var("SOURCE_DATE_EPOCH").ok().and_then(|secs| secs.parse().ok());
    let clock = || std::time::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_secs());
    Timestamp::from_secs(told.unwrap_or_else(clock)).day()
}

/// Whether there is somebody to show a dashboard to, and a keyboard to drive it.
#[cfg(feature = "tui")]
fn on_a_terminal() -> bool {
    io::stdout().is_terminal()
        && io::stdin().is_terminal()
        && std::env::var_os("TERM").is_some_and(|term| term != "dumb")
}

#[cfg(feature = "tui")]
fn picture_look(look: &Look, picture: &args::Picture) -> crate::ui::Look {
    use crate::ui::Palette;
    use args::Theme;
    let palette = match picture.theme {
        _ if !colored(look) => Palette::Mono,
        Theme::Dark => Palette::Dark,
        Theme::Light => Palette::Light,
        Theme::Auto => Palette::guess(std::env::var("COLORFGBG").ok().as_deref()),
    };
    crate::ui::Look { palette, ascii: look.ascii, lang: look.lang }
}

fn colored(look: &Look) -> bool {
    match look.color {
        Color::Always => true,
        Color::Never => false,
        // https://no-color.org: any value that is not empty.
        Color::Auto => io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty()),
    }
}

fn style(look: &Look) -> Style {
    Style { color: colored(look), ascii: look.ascii, lang: look.lang, verbose: look.verbose, ..Style::default() }
}

fn print(text: &str) -> Result<Exit> {
    print_bytes(text.as_bytes())
}

fn print_bytes(bytes: &[u8]) -> Result<Exit> {
    let mut out = io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        // Whoever reads has read enough. The status still says what was found.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Exit::Done),
        result => result.map(|()| Exit::Done).context("cannot write to standard output"),
    }
}

/// One line on standard error; names from files and the network are neutralised.
fn complain(text: &str) {
    let line: crate::wire::Text = text.into();
    let _ = writeln!(io::stderr(), "zollhund: {line}");
}
