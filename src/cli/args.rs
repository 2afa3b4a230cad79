//! What can be typed.

use crate::attribution::RangesKind;
use crate::policy::{Lang, Severity};
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Shows where a video call's data goes
#[derive(Debug, Parser)]
#[command(name = "zollhund", version, disable_help_subcommand = true, arg_required_else_help = true)]
#[command(after_help = "Exit status: 0 done, 1 a finding at or above --fail-on, 2 usage or failure, \
                        3 done but the capture was incomplete.")]
pub(super) struct Cli {
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// A generated call in the dashboard, in real time: no rights, no network, no files needed
    ///
    /// Without a terminal, and where files or a status are asked for (--output, --write, --fail-on, --format json), the
    /// summary is printed instead.
    Demo {
        /// Print the summary, without the dashboard
        #[arg(long)]
        headless: bool,
        /// Play the call so many times faster
        #[cfg(feature = "tui")]
        #[arg(long, value_parser = speed, default_value = "1", value_name = "N")]
        speed: f64,
        #[cfg(feature = "tui")]
        #[command(flatten)]
        picture: Picture,
        /// Another call of the same kind
        #[arg(long, default_value_t = 1, value_name = "N")]
        seed: u64,
        /// Also write the generated call as a pcap file
        #[arg(long, value_name = "FILE")]
        write: Option<PathBuf>,
        #[command(flatten)]
        judge: Judge,
        #[command(flatten)]
        tell: Tell,
    },
    /// Read captures (pcap, pcapng, gzip; `-` is standard input) and tell who received what
    Analyze {
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// The audited device: its IP address or hardware address
        #[arg(long, value_name = "ADDR|MAC")]
        subject: Option<String>,
        /// Keep a sealed bundle in this new folder: capture, inputs, tables, report. Of the capture it keeps the headers and
        /// the first 16 KiB of each direction of a flow, of the device named with `--subject`, if that tells the same
        #[arg(long, value_name = "DIR", conflicts_with = "output")]
        save: Option<PathBuf>,
        /// Keep all bytes of every frame that is kept
        #[arg(long, requires = "save")]
        full_payload: bool,
        /// Keep the captures as they are given
        #[arg(long, requires = "save", conflicts_with = "full_payload")]
        keep_raw: bool,
        #[command(flatten)]
        judge: Judge,
        #[command(flatten)]
        tell: Tell,
    },
    /// Watch a call while it runs: this machine's interfaces, a stream from elsewhere, or a file played again
    Watch(Box<Watch>),
    /// Tell a kept report again: a bundle, the folder that `analyze --output` wrote, or its report.json
    Report {
        #[arg(value_name = "BUNDLE|DIR|report.json")]
        path: PathBuf,
        /// Cut the frames that a finding rests on from the capture of the bundle: its code (TRF-02: all findings of it) or its
        /// number in the report; several: say it again
        #[arg(long = "finding", value_name = "ID", requires = "pcap")]
        findings: Vec<String>,
        /// The new pcapng file that they are cut into
        #[arg(long, value_name = "FILE", requires = "findings", conflicts_with_all = ["fail_on", "format"])]
        pcap: Option<PathBuf>,
        /// Make a copy of the bundle that may be passed on, in this new folder: pseudonyms for the addresses and names of the
        /// audited side, no content; recipients and findings as they are
        #[arg(long, value_name = "DIR", conflicts_with_all = ["pcap", "fail_on", "format"])]
        shareable: Option<PathBuf>,
        /// The key of the pseudonyms (32 bytes; made if it is not there), so that several copies use the same. Without it
        /// a key is made that is not kept
        #[arg(long, value_name = "FILE", requires = "shareable")]
        key_file: Option<PathBuf>,
        /// The databases of your own that were used (.mmdb), for --shareable
        #[arg(long, value_name = "DIR", requires = "shareable")]
        geoip: Option<PathBuf>,
        /// Exit with status 1 if there is a finding of this severity or above
        #[arg(long, value_parser = severity, value_name = "info|notice|attention|high")]
        fail_on: Option<Severity>,
        #[command(flatten)]
        look: Look,
    },
    /// Compare two captures or kept reports: recipients, companies, countries, findings and volumes that are new, gone or
    /// changed
    Diff {
        /// A capture, a bundle, a folder that `analyze --output` wrote, or a report.json
        a: PathBuf,
        b: PathBuf,
        /// For captures; with --fail-on, new findings count
        #[command(flatten)]
        judge: Judge,
        #[command(flatten)]
        look: Look,
    },
    /// Start a conference client in a network of its own and watch that: every packet is the client's, and no right is needed
    #[cfg(feature = "live")]
    Run(Box<Run>),
    /// Check a bundle: every file, the custody log, signature and time stamp, and if wanted the findings
    Verify {
        bundle: PathBuf,
        /// Analyze the capture again with the inputs of the bundle, and compare what comes out byte for byte
        #[arg(long)]
        reanalyze: bool,
        /// Who may have signed: a file of allowed signers (see ssh-keygen(1))
        #[arg(long, value_name = "FILE")]
        signers: Option<PathBuf>,
        /// Certificates of the time-stamp authority (PEM)
        #[arg(long, value_name = "FILE")]
        authority: Option<PathBuf>,
        /// The databases of your own that were used (.mmdb), for --reanalyze
        #[arg(long, value_name = "DIR")]
        geoip: Option<PathBuf>,
        #[arg(long, value_enum, default_value_t)]
        format: Format,
        #[arg(long, value_parser = lang, default_value = "en", value_name = "en|de")]
        lang: Lang,
    },
    /// Seal what an interrupted run left behind; have a sealed bundle signed and time-stamped
    Seal {
        bundle: PathBuf,
        /// Sign with this key by ssh-keygen (a private key, or a public one whose agent runs)
        #[arg(long, value_name = "FILE")]
        key: Option<PathBuf>,
        /// Write the request for a time stamp (RFC 3161) beside the bundle; nothing is sent
        #[arg(long)]
        request: bool,
        /// Check the reply of a time-stamp authority and put it beside the bundle
        #[arg(long, value_name = "FILE")]
        reply: Option<PathBuf>,
        /// Certificates of that authority (PEM)
        #[arg(long, value_name = "FILE", requires = "reply")]
        authority: Option<PathBuf>,
    },
    /// Bundled service profiles
    Services {
        #[command(subcommand)]
        action: Option<Services>,
        #[arg(long, value_enum, default_value_t, global = true)]
        format: Format,
        #[arg(long, value_parser = lang, default_value = "en", value_name = "en|de", global = true)]
        lang: Lang,
    },
    /// Databases of places and networks
    Geo {
        #[command(subcommand)]
        action: Option<Geo>,
        /// Databases of your own (GeoLite2, DB-IP, IPinfo, IPLocate as .mmdb), asked beside the embedded ones
        #[arg(long, value_name = "DIR", global = true)]
        geoip: Option<PathBuf>,
        #[arg(long, value_enum, default_value_t, global = true)]
        format: Format,
    },
    /// What can be captured on
    #[cfg(feature = "live")]
    Interfaces {
        #[arg(long, value_enum, default_value_t)]
        format: Format,
        #[arg(long, value_parser = lang, default_value = "en", value_name = "en|de")]
        lang: Lang,
    },
    /// What this machine lets the program do, what is missing, and what that costs
    #[cfg(feature = "live")]
    Doctor {
        /// Databases of your own (.mmdb), asked beside the embedded ones
        #[arg(long, value_name = "DIR")]
        geoip: Option<PathBuf>,
        #[arg(long, value_enum, default_value_t)]
        format: Format,
        #[arg(long, value_parser = lang, default_value = "en", value_name = "en|de")]
        lang: Lang,
    },
    /// The JSON Schema of report.json, or of a comparison
    Schema {
        #[arg(value_enum, default_value_t)]
        of: Document,
    },
    /// Completions for a shell
    Completions { shell: clap_complete::Shell },
    /// The manual page
    Man,
}

/// What is watched, and how it is kept
#[derive(Debug, Args)]
pub(super) struct Watch {
    /// Interface (several: say it again; `any` is all of them), or a stream of a capture: `-` or the path of a FIFO. Without
    /// it, the interfaces that lead to the internet
    #[arg(short, long = "interface", value_name = "IFACE|-|FIFO")]
    pub(super) interfaces: Vec<String>,
    /// Play a capture file as if it happened now
    #[arg(long, value_name = "FILE", conflicts_with_all = ["interfaces", "filter", "client", "pids"])]
    pub(super) replay: Option<PathBuf>,
    /// Play it so many times faster; `max` is as fast as it can be read
    #[arg(long, value_parser = speed, default_value = "1", value_name = "N|max", requires = "replay")]
    pub(super) speed: f64,
    /// Judge only the flows of this program, as the service profiles name them, and of what it starts
    #[arg(long, value_name = "NAME")]
    pub(super) client: Option<String>,
    /// Judge only the flows of this process, and of what it starts
    #[arg(long = "pid", value_name = "PID")]
    pub(super) pids: Vec<u32>,
    /// Take in only what this filter lets through (in the language of tcpdump)
    #[arg(long, value_name = "BPF")]
    pub(super) filter: Option<String>,
    /// Take in at most so many bytes of each frame
    #[arg(long, value_name = "BYTES", default_value_t = 262_144, value_parser = clap::value_parser!(u32).range(64..=262_144))]
    pub(super) snap_length: u32,
    /// Also take in frames that are not for this machine
    #[arg(long)]
    pub(super) promiscuous: bool,
    /// The kernel's ring for frames that wait, per interface, in MiB
    #[arg(long, value_name = "MIB", default_value_t = 32, value_parser = clap::value_parser!(u32).range(1..=1_024))]
    pub(super) ring: u32,
    /// The audited device: its IP address or hardware address
    #[arg(long, value_name = "ADDR|MAC")]
    pub(super) subject: Option<String>,
    #[command(flatten)]
    pub(super) keep: Keep,
    #[command(flatten)]
    pub(super) judge: Judge,
    #[command(flatten)]
    pub(super) tell: Tell,
}

/// A client in a network of its own, and how it is kept
#[cfg(feature = "live")]
#[derive(Debug, Args)]
pub(super) struct Run {
    #[command(flatten)]
    pub(super) keep: Keep,
    #[command(flatten)]
    pub(super) judge: Judge,
    #[command(flatten)]
    pub(super) tell: Tell,
    /// How its network is joined to this machine's; without it the way that changes least
    #[arg(long, value_enum, value_name = "HOW")]
    pub(super) network: Option<Network>,
    /// The client and its arguments; what it prints goes to standard error
    #[arg(last = true, required = true, value_name = "CLIENT")]
    pub(super) command: Vec<std::ffi::OsString>,
}

/// How a client's network is joined to this machine's
#[cfg(feature = "live")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Network {
    /// User-mode networking, for ordinary users
    Pasta,
    /// User-mode networking
    Slirp4netns,
    /// A veth pair, address translation and forwarding, undone at the end; needs root
    Nat,
}

/// How a running capture is told and kept
#[derive(Debug, Args)]
pub(super) struct Keep {
    /// No dashboard: a line of progress, and the summary at the end; with `--format json` a line per event
    #[arg(long)]
    pub(super) headless: bool,
    #[cfg(feature = "tui")]
    #[command(flatten)]
    pub(super) picture: Picture,
    /// End by itself after this time (60s, 15m, 2h)
    #[arg(long, value_parser = duration, value_name = "TIME")]
    pub(super) duration: Option<std::time::Duration>,
    /// Keep everything as a sealed bundle in this new folder: capture, inputs, tables, report
    #[arg(long, value_name = "DIR", conflicts_with = "output")]
    pub(super) save: Option<PathBuf>,
    /// Keep all bytes of every frame, not only the headers and the first 16 KiB of each direction of a flow
    #[arg(long, requires = "save")]
    pub(super) full_payload: bool,
    /// Where one program or device is audited: also keep what was captured of others. Otherwise only the frames of flows in
    /// scope and the name resolution for them are sealed, and of flows whose program could not be told the headers
    #[arg(long = "keep-raw", requires = "save")]
    pub(super) raw: bool,
    /// Begin a new file after so many MiB
    #[arg(long, value_name = "MIB", default_value_t = 1_024, value_parser = clap::value_parser!(u64).range(1..), requires = "save")]
    pub(super) segment: u64,
    /// Keep at most so many MiB; 0 is no bound
    #[arg(long, value_name = "MIB", default_value_t = 0, requires = "save")]
    pub(super) quota: u64,
}

fn duration(text: &str) -> Result<std::time::Duration, &'static str> {
    let wrong = "write a number and s, m or h: 60s, 15m, 2h";
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let seconds = match unit {
        "s" | "" => 1,
        "m" => 60,
        "h" => 3_600,
        _ => return Err(wrong),
    };
    let count: u64 = number.parse().map_err(|_| wrong)?;
    count.checked_mul(seconds).filter(|s| (1..=31_536_000).contains(s)).map(std::time::Duration::from_secs).ok_or(wrong)
}

fn speed(text: &str) -> Result<f64, &'static str> {
    if text == "max" {
        return Ok(f64::INFINITY);
    }
    let speed = text.trim_start_matches('×').parse().ok().filter(|speed: &f64| (0.01..=10_000.0).contains(speed));
    speed.ok_or("write how many times faster, from 0.01 to 10000, or `max`")
}

#[derive(Debug, Subcommand)]
pub(super) enum Services {
    /// All profiles (the default)
    List,
    /// One profile with its sources
    Show { id: String },
    /// Check a profile, a list of recipients (TOML) or an audit file of your own
    Check { file: PathBuf },
    /// An audit file with comments, to fill in
    Template,
}

#[derive(Debug, Subcommand)]
pub(super) enum Geo {
    /// Databases in use, with age and hash (the default)
    Info,
    /// Keep a cloud's own range list, or a geofeed, for later runs: aws (ip-ranges.json), azure (ServiceTags_Public_*.json),
    /// gcp (cloud.json), oci (public_ip_ranges.json), geofeed (RFC 8805)
    Import {
        #[arg(value_parser = ranges_kind, value_name = "aws|azure|gcp|oci|geofeed")]
        kind: RangesKind,
        file: PathBuf,
    },
    /// What each source says of an address
    Lookup {
        address: std::net::IpAddr,
        /// Where it answered to: a city, or LATITUDE,LONGITUDE[,RADIUS in km]
        #[arg(long, value_name = "PLACE", allow_hyphen_values = true)]
        vantage: Option<String>,
        /// In how many milliseconds it answered, there and back
        #[arg(long, value_name = "MS", requires = "vantage", value_parser = milliseconds)]
        rtt: Option<u64>,
    },
}

/// What the recipients are held against
#[derive(Debug, Args)]
pub(super) struct Judge {
    /// Profile of the audited service (see `zollhund services`)
    #[arg(long, value_name = "ID")]
    pub(super) service: Option<String>,
    /// For software of one's own: a host of its operator (name or address), as often as needed; `turn=NAME` and the like
    /// for the profile's other parameters
    #[arg(long = "host", value_name = "[KIND=]HOST")]
    pub(super) hosts: Vec<String>,
    /// What you declare of this audit: case, vantage, contract, markers (see `zollhund services template`)
    #[arg(long, value_name = "FILE")]
    pub(super) audit: Option<PathBuf>,
    /// The contract's own list of subprocessors (TOML); replaces the provider's public one, and needs no profile
    #[arg(long, value_name = "FILE")]
    pub(super) list: Option<PathBuf>,
    /// Policy files of your own, beside the embedded ones
    #[arg(long, value_name = "DIR")]
    pub(super) policy: Option<PathBuf>,
    /// Databases of your own (.mmdb), asked beside the embedded ones
    #[arg(long, value_name = "DIR")]
    pub(super) geoip: Option<PathBuf>,
    /// Where the capture was made: a city, or LATITUDE,LONGITUDE, with the radius in km behind it where it is known better
    /// (`Berlin`, `52.52,13.41,1`). Round trips then exclude countries that are too far away
    #[arg(long, value_name = "PLACE", allow_hyphen_values = true)]
    pub(super) vantage: Option<String>,
    /// Exit with status 1 if there is a finding of this severity or above
    #[arg(long, value_parser = severity, value_name = "info|notice|attention|high")]
    pub(super) fail_on: Option<Severity>,
}

/// How it is told
#[derive(Debug, Args)]
pub(super) struct Tell {
    /// Write the tables (CSV and JSON lines), report.json and report.html here
    #[arg(short, long, value_name = "DIR")]
    pub(super) output: Option<PathBuf>,
    /// Overwrite tables that are there
    #[arg(long, requires = "output")]
    pub(super) overwrite: bool,
    /// Also compute the SHA-256 of the capture files (takes longer than reading them)
    #[arg(long)]
    pub(super) hash: bool,
    /// Ask the system's resolver, or the one named (IP, IP:PORT or tls://IP#NAME), for the names of addresses that have
    /// none in the capture. It learns these addresses; without this option nobody is asked anything
    #[cfg(feature = "resolve")]
    #[arg(long, value_name = "UPSTREAM", num_args = 0..=1, require_equals = true, default_missing_value = "system")]
    pub(super) resolve: Option<crate::resolve::Upstream>,
    #[command(flatten)]
    pub(super) look: Look,
}

/// Form and language
#[derive(Debug, Args)]
pub(super) struct Look {
    #[arg(long, value_enum, default_value_t)]
    pub(super) format: Form,
    #[arg(long, value_parser = lang, default_value = "en", value_name = "en|de")]
    pub(super) lang: Lang,
    #[arg(long, value_enum, default_value_t)]
    pub(super) color: Color,
    /// ASCII characters only
    #[arg(long)]
    pub(super) ascii: bool,
    /// Every finding and recipient
    #[arg(short, long)]
    pub(super) verbose: bool,
}

/// The forms of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(super) enum Form {
    /// For the terminal
    #[default]
    Text,
    /// report.json without the large tables
    Json,
    /// The whole report as one page
    Html,
    /// The findings as a table
    Csv,
    /// The page, printed by chromium or weasyprint if there is one
    Pdf,
    /// Flows and findings in the field names of the Elastic Common Schema (`report` only)
    Ecs,
    /// The same as events like Suricata's (`report` only)
    Eve,
    /// Names of addresses as a hosts file for Wireshark (`report` only)
    Hosts,
}

impl std::fmt::Display for Form {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.to_possible_value().as_ref().map_or("", |value| value.get_name()))
    }
}

#[cfg(feature = "tui")]
impl Tell {
    /// Nothing is asked for but to be shown: no files, no data for programs, no look-ups.
    pub(super) fn shows_only(&self) -> bool {
        #[cfg(feature = "resolve")]
        let asks = self.resolve.is_some();
        #[cfg(not(feature = "resolve"))]
        let asks = false;
        self.output.is_none() && self.look.format == Form::Text && !asks
    }
}

/// Documents with a published shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(super) enum Document {
    /// report.json
    #[default]
    Report,
    /// What `diff --format json` prints
    Diff,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(super) enum Format {
    #[default]
    Text,
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(super) enum Color {
    #[default]
    Auto,
    Always,
    Never,
}

/// How the dashboard looks
#[cfg(feature = "tui")]
#[derive(Debug, Args)]
pub(super) struct Picture {
    /// The background of the terminal that the dashboard's colours are for
    #[arg(long, value_enum, default_value_t)]
    pub(super) theme: Theme,
}

#[cfg(feature = "tui")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(super) enum Theme {
    /// As the terminal says (COLORFGBG), else dark
    #[default]
    Auto,
    Dark,
    Light,
}

fn lang(text: &str) -> Result<Lang, &'static str> {
    Lang::ALL.into_iter().find(|l| l.token() == text).ok_or("write `en` or `de`")
}

fn ranges_kind(text: &str) -> Result<RangesKind, &'static str> {
    let known = RangesKind::ALL.into_iter().find(|kind| kind.token() == text);
    known.ok_or("write `aws`, `azure`, `gcp`, `oci` or `geofeed`")
}

/// Nanoseconds.
fn milliseconds(text: &str) -> Result<u64, &'static str> {
    let wrong = "write milliseconds, as in 23.5";
    let ms = text.parse::<f64>().map_err(|_| wrong)?;
    let time = std::time::Duration::try_from_secs_f64(ms / 1e3).map_err(|_| wrong)?;
    u64::try_from(time.as_nanos()).map_err(|_| wrong)
}

fn severity(text: &str) -> Result<Severity, &'static str> {
    Severity::ALL.into_iter().find(|s| s.token() == text).ok_or("write `info`, `notice`, `attention` or `high`")
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_program_can_ask_others_only_if_that_was_built_in() {
        Cli::command().debug_assert();
        for command in ["analyze", "demo"] {
            let mut whole = Cli::command();
            let help = whole.find_subcommand_mut(command).unwrap().render_long_help().to_string();
            assert_eq!(help.contains("--resolve"), cfg!(feature = "resolve"), "{command}");
        }
    }
}
