//! `zollhund doctor` and `zollhund interfaces`: what this machine lets the program do, what is missing, what that costs, and
//! the cure.

use super::args::Format;
use super::geo::pretty;
use crate::attribution::Atlas;
use crate::capture::{Interface, default_interfaces, interfaces, libpcap_version};
use crate::host::{Clock, Locals, Rights, Sync, running, sync};
use crate::policy::Lang;
use crate::run::{Wanted, knowledge, programs};
use crate::wire::{Day, Text};
use anyhow::Result;
use serde_json::json;
use std::fmt::Write;
use std::path::Path;

/// Days after which a database of places is told to be old: providers publish monthly.
const OLD: u32 = 120;
/// Columns of the explanation under a check.
const INDENT: &str = "                    ";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Good,
    /// It works, but less of it.
    Limited,
    Missing,
}

impl State {
    const fn token(self) -> &'static str {
        match self {
            Self::Good => "ok",
            Self::Limited => "limited",
            Self::Missing => "missing",
        }
    }

    const fn word(self, lang: Lang) -> &'static str {
        match (self, lang) {
            (Self::Good, _) => "ok",
            (Self::Limited, Lang::En) => "limited",
            (Self::Missing, Lang::En) => "missing",
            (Self::Limited, Lang::De) => "begrenzt",
            (Self::Missing, Lang::De) => "fehlt",
        }
    }
}

/// One thing looked at.
struct Check {
    id: &'static str,
    title: &'static str,
    state: State,
    found: String,
    costs: String,
    cure: String,
}

/// Says everything in one language.
struct Doctor {
    lang: Lang,
    checks: Vec<Check>,
}

impl Doctor {
    fn say(&self, en: impl Into<String>, de: impl Into<String>) -> String {
        match self.lang {
            Lang::En => en.into(),
            Lang::De => de.into(),
        }
    }

    fn note(
        &mut self,
        id: &'static str,
        title: [&'static str; 2],
        state: State,
        found: String,
        rest: Option<[String; 2]>,
    ) {
        let [en, de] = title;
        let title = if self.lang == Lang::De { de } else { en };
        let [costs, cure] = rest.unwrap_or_default();
        self.checks.push(Check { id, title, state, found, costs, cure });
    }

    fn capture(&mut self, rights: &Rights, setcap: &str) {
        let names = default_interfaces().join(", ");
        let title = ["capture", "Aufzeichnung"];
        if rights.capture {
            let found = self.say(
                format!("interfaces may be opened; by default {names}"),
                format!("Schnittstellen dürfen geöffnet werden; ohne Angabe {names}"),
            );
            return self.note("capture", title, State::Good, found, None);
        }
        let found =
            self.say("no right to open interfaces (CAP_NET_RAW)", "kein Recht, Schnittstellen zu öffnen (CAP_NET_RAW)");
        let costs = self.say(
            "`watch` cannot capture; files, streams from elsewhere and `run` need no right",
            "`watch` kann nicht aufzeichnen; Dateien, Ströme von anderswo und `run` brauchen kein Recht",
        );
        self.note("capture", title, State::Missing, found, Some([costs, setcap.to_owned()]));
    }

    fn libpcap(&mut self) {
        let found =
            libpcap_version().unwrap_or_else(|| self.say("its version is not known", "ihre Version ist nicht bekannt"));
        self.note("libpcap", ["libpcap", "libpcap"], State::Good, found, None);
    }

    fn owners(&mut self, rights: &Rights, setcap: &str) {
        let title = ["whose traffic", "wessen Verkehr"];
        if !cfg!(target_os = "linux") {
            let found = self.say("not available on this system", "auf diesem System nicht verfügbar");
            let costs = self.say(
                "flows have no program, `--client` and `--pid` find nothing",
                "Flüsse haben kein Programm, `--client` und `--pid` finden nichts",
            );
            return self.note("owners", title, State::Missing, found, Some([costs, String::new()]));
        }
        if rights.see_others {
            let found = self.say("flows of all users' programs", "Flüsse der Programme aller Benutzer");
            return self.note("owners", title, State::Good, found, None);
        }
        let found = self.say(
            format!("flows of your own programs (uid {})", rights.uid),
            format!("Flüsse der eigenen Programme (uid {})", rights.uid),
        );
        let costs = self.say(
            "flows of other users' programs are told as unknown; a client that you started yourself is seen",
            "Flüsse der Programme anderer Benutzer stehen als unbekannt da; ein selbst gestarteter Client wird gesehen",
        );
        let cure = setcap.replace("cap_net_raw", "cap_net_raw,cap_sys_ptrace,cap_dac_read_search");
        self.note("owners", title, State::Limited, found, Some([costs, cure]));
    }

    #[cfg(target_os = "linux")]
    fn isolation(&mut self) {
        use crate::host::{helper, missing_for_nat, obstacle};
        let title = ["run", "run"];
        let costs = self.say(
            "`zollhund run` cannot give a client a network of its own; `watch --pid` can watch it among the others",
            "`zollhund run` kann einem Client kein eigenes Netz geben; `watch --pid` beobachtet ihn zwischen den anderen",
        );
        let helper = helper();
        let root = Rights::read().uid == 0;
        let works = matches!(helper, Some((_, Ok(())))) && (root || obstacle().is_none());
        if root && !works && missing_for_nat().is_empty() {
            let found = self.say(
                "by a veth pair and NAT, as the superuser; that changes this machine while it lasts",
                "mit einem veth-Paar und NAT, als Superuser; das verändert diesen Rechner, solange es dauert",
            );
            return self.note("isolation", title, State::Good, found, None);
        }
        if let Some(obstacle) = obstacle() {
            let found = self.say(
                format!("user namespaces are forbidden: {}", obstacle.why),
                format!("User-Namensräume sind verboten: {}", obstacle.why),
            );
            let nat = if missing_for_nat().is_empty() { " (or `sudo zollhund run`)" } else { "" };
            let cure = format!("{}{nat}", obstacle.cure);
            return self.note("isolation", title, State::Missing, found, Some([costs, cure]));
        }
        match helper {
            None => {
                let found =
                    self.say("neither pasta nor slirp4netns is there", "weder pasta noch slirp4netns ist vorhanden");
                let missing = missing_for_nat();
                let nat = if missing.is_empty() {
                    self.say("; or `sudo zollhund run` (NAT)", "; oder `sudo zollhund run` (NAT)")
                } else {
                    let missing = missing.join(", ");
                    self.say(format!("; or, for root's NAT, {missing}"), format!("; oder, für NAT als root, {missing}"))
                };
                let cure = self.say("install the package passt", "das Paket passt installieren") + &nat;
                self.note("isolation", title, State::Missing, found, Some([costs, cure]));
            }
            Some((path, Err(error))) => {
                let found = format!("{}, /dev/net/tun: {error}", path.display());
                self.note(
                    "isolation",
                    title,
                    State::Missing,
                    found,
                    Some([costs, "sudo chmod 666 /dev/net/tun".into()]),
                );
            }
            Some((path, Ok(()))) => {
                let found = self.say(
                    format!("by {}; no setting forbids user namespaces", path.display()),
                    format!("mit {}; keine Einstellung verbietet User-Namensräume", path.display()),
                );
                self.note("isolation", title, State::Good, found, None);
            }
        }
    }

    /// Only where something is amiss.
    #[cfg(target_os = "linux")]
    fn desktop(&mut self) {
        let names = crate::host::unreachable();
        if names.is_empty() {
            return;
        }
        let names = names.join(", ");
        let found = self.say(
            format!("{names}: an abstract socket or the loopback, which a network of the client's own does not have"),
            format!("{names}: abstrakter Socket oder Loopback, die es in einem eigenen Netz des Clients nicht gibt"),
        );
        let costs = self.say(
            "a client under `run` opens no window, or does without portals",
            "ein Client unter `run` öffnet kein Fenster oder kommt ohne Portale aus",
        );
        let cure = self.say(
            "use a session whose sockets are files (Wayland; X with /tmp/.X11-unix; D-Bus with unix:path=), or `watch --pid`",
            "eine Sitzung mit Sockets im Dateisystem nehmen (Wayland; X mit /tmp/.X11-unix; D-Bus mit unix:path=) oder `watch --pid`",
        );
        self.note("desktop", ["desktop of run", "Desktop von run"], State::Limited, found, Some([costs, cure]));
    }

    #[cfg(not(target_os = "linux"))]
    #[expect(clippy::unused_self, reason = "nothing is known there")]
    fn desktop(&mut self) {}

    #[cfg(not(target_os = "linux"))]
    fn isolation(&mut self) {
        let found = self.say("not available on this system", "auf diesem System nicht verfügbar");
        self.note("isolation", ["run", "run"], State::Missing, found, None);
    }

    fn confinement(&mut self, rights: &Rights) {
        let title = ["confinement", "Einschränkung"];
        let seccomp = if rights.seccomp { "seccomp" } else { "" };
        let landlock = rights.landlock.map(|version| format!("Landlock {version}")).unwrap_or_default();
        let have: Vec<_> = [landlock.as_str(), seccomp].into_iter().filter(|s| !s.is_empty()).collect();
        if rights.landlock.is_some() && rights.seccomp {
            return self.note("confinement", title, State::Good, have.join(", "), None);
        }
        let found = if have.is_empty() {
            self.say("neither Landlock nor seccomp", "weder Landlock noch seccomp")
        } else {
            have.join(", ")
        };
        let costs = self.say(
            "a session gives up its capabilities, but less keeps a fault in it from writing or sending",
            "eine Sitzung gibt ihre Rechte ab, aber weniger hindert einen Fehler in ihr am Schreiben oder Senden",
        );
        let cure = self.say("Linux 5.13 or newer with Landlock", "Linux 5.13 oder neuer mit Landlock");
        self.note("confinement", title, State::Limited, found, Some([costs, cure]));
    }

    fn clock(&mut self) {
        let title = ["clock", "Uhr"];
        let costs = self.say(
            "times in the report are only as right as this machine's clock",
            "Zeiten im Bericht sind nur so richtig wie die Uhr dieses Rechners",
        );
        match sync() {
            Sync::Synchronised { by, .. } => {
                let found = self.say(format!("kept right by {by}"), format!("von {by} gestellt"));
                self.note("clock", title, State::Good, found, None);
            }
            Sync::Kept { by } => {
                let found = self.say(
                    format!("{by} runs; whether it has reached a time server is not known"),
                    format!("{by} läuft; ob ein Zeitserver erreicht wurde, ist nicht bekannt"),
                );
                let cure = self.say("look at it before the call", "vor dem Gespräch nachsehen");
                self.note("clock", title, State::Good, found, Some([String::new(), cure]));
            }
            Sync::NotKnown => {
                let found = self.say("nobody is known to keep it right", "niemand ist bekannt, der sie stellt");
                let cure = self.say(
                    "sudo timedatectl set-ntp true, or compare it",
                    "sudo timedatectl set-ntp true, oder vergleichen",
                );
                self.note("clock", title, State::Limited, found, Some([costs, cure]));
            }
        }
    }

    fn databases(&mut self, atlas: &Atlas) {
        let today = Clock::now().day();
        for database in atlas.databases() {
            let source = &database.source;
            let age = Day::parse(&source.date).map(|day| today.0.saturating_sub(day.0));
            let old = age.is_none_or(|days| days > OLD);
            let days = age.map_or_else(|| "?".to_owned(), |days| days.to_string());
            let found = self.say(format!("{source}, {days} days old"), format!("{source}, {days} Tage alt"));
            let state = if old { State::Limited } else { State::Good };
            let rest = old.then(|| {
                [
                    self.say("newer moves of addresses are not known", "neuere Umzüge von Adressen sind nicht bekannt"),
                    self.say("a newer database with --geoip DIR", "eine neuere Datenbank mit --geoip DIR"),
                ]
            });
            self.note("database", ["database", "Datenbank"], state, found, rest);
        }
    }

    fn clients(&mut self, programs: &[(Box<str>, Vec<Box<str>>)]) {
        let all: Vec<_> = running(programs)
            .iter()
            .map(|r| format!("{} ({}, pid {})", r.process.name, r.services.join(", "), r.process.pid))
            .collect();
        let found = if all.is_empty() {
            self.say("none runs that the profiles know", "keiner läuft, den die Profile kennen")
        } else {
            all.join("; ")
        };
        self.note("clients", ["clients", "Clients"], State::Good, found, None);
    }
}

/// The line that gives this very program the right to capture.
fn setcap() -> String {
    let path = std::env::current_exe().map_or_else(|_| "zollhund".to_owned(), |p| p.display().to_string());
    let plain = path.bytes().all(|b| b.is_ascii_alphanumeric() || b"/._-+".contains(&b));
    let quoted = if plain { path } else { format!("'{}'", path.replace('\'', r"'\''")) };
    format!("sudo setcap cap_net_raw+ep {quoted}")
}

pub(super) fn doctor(geoip: Option<&Path>, format: Format, lang: Lang) -> Result<()> {
    let knowledge = knowledge(&Wanted { geoip, lang, ..Wanted::default() })?;
    let (rights, setcap) = (Rights::read(), setcap());
    let mut doctor = Doctor { lang, checks: Vec::new() };
    doctor.capture(&rights, &setcap);
    doctor.libpcap();
    doctor.owners(&rights, &setcap);
    doctor.isolation();
    doctor.desktop();
    doctor.confinement(&rights);
    doctor.clock();
    doctor.databases(&knowledge.atlas);
    doctor.clients(&programs(&knowledge.book));
    let text = match format {
        Format::Json => {
            let checks: Vec<_> = doctor
                .checks
                .iter()
                .map(|c| json!({ "id": c.id, "state": c.state.token(), "found": c.found, "costs": c.costs, "cure": c.cure }))
                .collect();
            pretty(&json!({
                "version": env!("CARGO_PKG_VERSION"), "system": std::env::consts::OS, "uid": rights.uid,
                "landlock": rights.landlock, "seccomp": rights.seccomp, "checks": checks,
            }))
        }
        Format::Text => doctor.text(),
    };
    super::print(&text).map(|_| ())
}

impl Doctor {
    fn text(&self) -> String {
        let mut out = String::new();
        for check in &self.checks {
            let found = Text::from(check.found.as_str());
            let _ = writeln!(out, "{:<10}{:<16}  {found}", check.state.word(self.lang), check.title);
            if !check.costs.is_empty() {
                let _ = writeln!(out, "{INDENT}{}", check.costs);
            }
            if !check.cure.is_empty() {
                let cure = Text::from(check.cure.as_str());
                let _ = writeln!(out, "{INDENT}→ {cure}");
            }
        }
        out
    }
}

/// What can be captured on.
pub(super) fn list(format: Format, lang: Lang) -> Result<()> {
    let all = interfaces()?;
    let default = default_interfaces();
    let is_default = |interface: &Interface| default.iter().any(|name| name == interface.name.exact());
    let own = Locals::open().map(|l| l.addresses().len()).unwrap_or_default();
    if format == Format::Json {
        let rows: Vec<_> = all
            .iter()
            .map(|i| {
                json!({
                    "name": i.name, "description": i.description, "addresses": i.addresses, "up": i.up, "running": i.running,
                    "wireless": i.wireless, "loopback": i.loopback, "default": is_default(i),
                })
            })
            .collect();
        return super::print(&pretty(&json!({ "interfaces": rows, "addresses": own }))).map(|_| ());
    }
    let mut out = String::new();
    for interface in &all {
        let words = [
            (is_default(interface), ["default", "ohne Angabe"]),
            (interface.up && interface.running, ["up", "aktiv"]),
            (!(interface.up && interface.running), ["down", "nicht aktiv"]),
            (interface.wireless, ["wireless", "drahtlos"]),
            (interface.loopback, ["this machine only", "nur dieser Rechner"]),
        ];
        let words: Vec<_> = words
            .iter()
            .filter(|(holds, _)| *holds)
            .map(|(_, [en, de])| if lang == Lang::De { *de } else { *en })
            .collect();
        let addresses: Vec<_> = interface.addresses.iter().map(ToString::to_string).collect();
        let _ = write!(out, "{:<16}{:<24}  {}", interface.name.to_string(), words.join(", "), addresses.join(" "));
        let described = interface.description.to_string();
        let _ = if described.is_empty() { writeln!(out) } else { writeln!(out, "  {described}") };
    }
    super::print(&out).map(|_| ())
}
