//! The dashboard in a real terminal: tmux types, and reads the screen.

#![allow(clippy::print_stderr, clippy::disallowed_methods, reason = "a skipped test says so; screens are waited for")]

use crate::program::{self, CALL, Folder};
use serde_json::Value;
use std::cell::RefCell;
use std::fs;
use std::io::Write;
use std::net::UdpSocket;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use zollhund::evidence::{Told, read_journal};

/// How long anything may take on a machine that has much else to do.
const PATIENCE: Duration = Duration::from_secs(60);

/// A tmux server of its own, with one terminal; gone when it is dropped.
struct Tmux(String);

impl Tmux {
    /// `None`, said loudly, where there is no tmux.
    fn start(name: &str, command: &str) -> Option<Self> {
        let there = Command::new("tmux").arg("-V").stdout(Stdio::null()).stderr(Stdio::null()).status();
        if !there.is_ok_and(|status| status.success()) {
            assert!(std::env::var("ZOLLHUND_LAB").is_err(), "tmux is not installed");
            eprintln!("SKIPPED: tmux is not installed, the dashboard was not driven in a terminal");
            return None;
        }
        let tmux = Self(format!("zollhund-{name}-{}", std::process::id()));
        let command = format!("unset NO_COLOR COLORFGBG; {command}");
        tmux.run(&["-f", "/dev/null", "new-session", "-d", "-x", "80", "-y", "24", &command]);
        Some(tmux)
    }

    fn run(&self, arguments: &[&str]) -> String {
        let ran = Command::new("tmux").args(["-u", "-L", &self.0]).args(arguments).output().unwrap();
        String::from_utf8_lossy(&ran.stdout).into_owned()
    }

    fn keys(&self, keys: &[&str]) {
        self.run(&[&["send-keys"], keys].concat());
    }

    /// Looks at the screen until the words are there.
    fn sees(&self, words: &str) -> String {
        self.until(words, || ())
    }

    /// The same, and does something before each look.
    fn until(&self, words: &str, act: impl Fn()) -> String {
        self.look(&[words], act)
    }

    /// Looks until one of several is there.
    fn sees_one_of(&self, words: &[&str]) -> String {
        self.look(words, || ())
    }

    fn look(&self, words: &[&str], act: impl Fn()) -> String {
        let begun = Instant::now();
        loop {
            act();
            let screen = self.run(&["capture-pane", "-p"]);
            if words.iter().any(|words| screen.contains(words)) {
                return screen;
            }
            assert!(begun.elapsed() < PATIENCE, "no {words:?} on the screen:\n{screen}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Tmux {
    fn drop(&mut self) {
        self.run(&["kill-server"]);
    }
}

const PROGRAM: &str = env!("CARGO_BIN_EXE_zollhund");

#[test]
fn the_demo_is_driven_from_start_to_end() {
    let command = format!("'{PROGRAM}' demo --speed 8; echo \"STATUS $?\"; exec cat");
    let Some(tmux) = Tmux::start("drive", &command) else { return };
    tmux.sees("Who the client talks to");
    tmux.keys(&["m"]);
    tmux.sees("Set a marker now");
    tmux.keys(&["y"]);
    tmux.sees("marker set: lobby");
    // The whole call was played.
    tmux.sees("ended");
    tmux.keys(&["2"]);
    tmux.sees("listed");
    tmux.keys(&["/"]);
    tmux.keys(&["-l", "sentry"]);
    tmux.keys(&["Enter"]);
    assert!(tmux.sees("/sentry  1/1").contains("o1.ingest.sentry.io"));
    tmux.keys(&["Enter"]);
    assert!(tmux.sees("in network of").contains("Functional Software"));
    tmux.keys(&["m", "y"]);
    tmux.sees("the capture is over: no marker was set");
    tmux.keys(&["5"]);
    assert!(tmux.sees("client started").contains("lobby"));
    tmux.keys(&["w"]);
    tmux.sees("nothing is being saved");
    tmux.run(&["resize-window", "-x", "60", "-y", "16"]);
    tmux.sees(" 1 Over ");
    tmux.keys(&["1"]);
    tmux.sees("Who the client talks to");
    tmux.keys(&["q"]);
    tmux.sees("Quit?");
    tmux.keys(&["y"]);
    // The terminal is as it was: lines of the shell, no remains of the picture.
    let after = tmux.sees("STATUS 0");
    assert!(!after.contains("Who the client talks to"), "{after}");
}

/// The window is closed, and nobody is told: the program sees it by itself, and does not spin on.
#[cfg(target_os = "linux")]
#[test]
fn it_ends_with_its_terminal() {
    let command = format!("trap '' HUP; exec '{PROGRAM}' demo");
    let Some(tmux) = Tmux::start("hangup", &command) else { return };
    tmux.sees("Who the client talks to");
    let pane = tmux.run(&["list-panes", "-F", "#{pane_pid}"]);
    let process = format!("/proc/{}", pane.trim());
    let name = fs::read_to_string(format!("{process}/comm")).unwrap();
    assert_eq!(name.trim(), "zollhund");
    drop(tmux);
    let begun = Instant::now();
    while Path::new(&process).exists() {
        assert!(begun.elapsed() < PATIENCE, "it runs on without a terminal");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Whether this process may capture; says so if not.
fn may_capture() -> bool {
    let asked = program::zollhund(&["watch", "-i", "lo", "--headless", "--duration", "1s", "--filter", "udp port 1"]);
    if asked.status == 2 {
        eprintln!("SKIPPED: no live capture here: {}", asked.err.trim());
    }
    asked.status != 2
}

/// Two sockets that talk over loopback.
struct Pair(UdpSocket, UdpSocket);

impl Pair {
    fn new() -> Self {
        let (one, two) = (UdpSocket::bind("127.0.0.1:0").unwrap(), UdpSocket::bind("127.0.0.1:0").unwrap());
        one.connect(two.local_addr().unwrap()).unwrap();
        two.connect(one.local_addr().unwrap()).unwrap();
        Self(one, two)
    }

    /// Whoever is spoken to first is the server.
    fn port(&self) -> u16 {
        self.1.local_addr().unwrap().port()
    }

    fn talk(&self) {
        self.0.send(&[1; 100]).unwrap();
        self.1.send(&[2; 900]).unwrap();
    }
}

/// The markers in the journal of a bundle.
fn markers(bundle: &str) -> Vec<String> {
    let (_, entries) = read_journal(&Path::new(bundle).join("data/capture")).unwrap();
    let marks = entries.into_iter().filter_map(|entry| match entry.told {
        Told::Mark(marker) => Some(marker.text.to_string()),
        _ => None,
    });
    marks.collect()
}

#[test]
fn a_capture_is_watched_marked_and_kept() {
    if !may_capture() {
        return;
    }
    let (folder, pair) = (Folder::new(), Pair::new());
    let (bundle, port) = (folder.path("bundle"), pair.port());
    let command =
        format!("'{PROGRAM}' watch -i lo --filter 'udp port {port}' --save '{bundle}'; echo \"STATUS $?\"; exec cat");
    let Some(tmux) = Tmux::start("watch", &command) else { return };
    tmux.sees("Who the client talks to");
    tmux.keys(&["3"]);
    tmux.until(&port.to_string(), || pair.talk());
    tmux.keys(&["m"]);
    tmux.sees("Set a marker now");
    tmux.keys(&["n"]);
    tmux.sees("marker set: joined");
    tmux.keys(&["5"]);
    tmux.sees("then");
    tmux.keys(&["w"]);
    tmux.sees("putting everything on the disk");
    tmux.run(&["resize-window", "-x", "100", "-y", "60"]);
    tmux.keys(&["6"]);
    tmux.sees("on disk until");
    tmux.keys(&["q"]);
    tmux.sees("Quit?");
    tmux.keys(&["y"]);
    // The last screen: everything is sealed, and the digest stays to be noted down.
    let last = tmux.sees("The bundle is sealed");
    assert!(last.contains(&bundle), "{last}");
    let verified = program::zollhund(&["verify", &bundle]);
    assert_eq!(verified.status, 0, "{}{}", verified.out, verified.err);
    let digest = verified.out.lines().find_map(|line| line.strip_prefix("SHA-512 of the tag manifest: ")).unwrap();
    let (first, second) = digest.split_at(64);
    assert!(last.contains(first) && last.contains(second), "{last}\n{digest}");
    tmux.keys(&["x"]);
    let after = tmux.sees("STATUS 0");
    let lines = after.replace('\n', "");
    assert!(lines.contains("SHA-512 of its tag manifest") && lines.contains(digest), "{after}");
    assert!(!after.contains("on disk until"), "the terminal is as it was: {after}");
    assert_eq!(markers(&bundle), ["joined"]);
    let report: Value =
        serde_json::from_str(&fs::read_to_string(format!("{bundle}/data/report.json")).unwrap()).unwrap();
    assert_eq!(report["markers"][0]["text"], "joined");
    assert!(report["flows"].as_u64() > Some(0) || !report["recipients"].as_array().unwrap().is_empty());
}

/// A program of that name that sends a datagram to a port whenever it is told to.
struct Caller {
    child: Child,
    pid: u32,
}

impl Caller {
    /// `None`, said loudly, where there is no bash to play it.
    fn start(folder: &Folder, name: &str, port: u16) -> Option<Self> {
        let program = folder.path(name);
        if !Path::new("/bin/bash").exists() || std::os::unix::fs::symlink("/bin/bash", &program).is_err() {
            eprintln!("SKIPPED: there is no bash, so no client was chosen");
            return None;
        }
        let script = format!("exec 3<>/dev/udp/127.0.0.1/{port}; while read -r line; do echo \"$line\" >&3; done");
        let child = Command::new(program).args(["-c", &script]).stdin(Stdio::piped()).spawn().unwrap();
        let pid = child.id();
        Some(Self { child, pid })
    }

    fn call(&mut self) {
        self.child.stdin.as_mut().unwrap().write_all(b"call\n").unwrap();
    }
}

impl Drop for Caller {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// A client is chosen from the list while the capture runs: from then on it alone is judged, also in the report that is made
/// from what was saved.
#[cfg(target_os = "linux")]
#[test]
fn a_client_is_chosen_while_it_is_watched() {
    if !may_capture() {
        return;
    }
    let (folder, pair, server) = (Folder::new(), Pair::new(), UdpSocket::bind("127.0.0.1:0").unwrap());
    let (bundle, ports) = (folder.path("bundle"), [pair.port(), server.local_addr().unwrap().port()]);
    let Some(caller) = Caller::start(&folder, "zoom", ports[1]) else { return };
    let (pid, caller) = (caller.pid, RefCell::new(caller));
    let filter = format!("udp port {} or udp port {}", ports[0], ports[1]);
    let command =
        format!("'{PROGRAM}' watch -i lo --filter '{filter}' --save '{bundle}'; echo \"STATUS $?\"; exec cat");
    let Some(tmux) = Tmux::start("choose", &command) else { return };
    tmux.run(&["resize-window", "-x", "130", "-y", "40"]);
    tmux.sees("Who the client talks to");
    tmux.keys(&["3"]);
    let talk = || {
        pair.talk();
        caller.borrow_mut().call();
    };
    tmux.until(&ports[0].to_string(), talk);
    tmux.until(&ports[1].to_string(), talk);
    tmux.keys(&["c"]);
    let client = format!("zoom [{pid}]");
    // With the service beside it: now the machine has told which clients run, and the list stays as it is.
    assert!(tmux.sees(&format!("{client:<29}zoom")).contains("Whose traffic is judged?"));
    // The clients come right behind `everything`; this machine may run others.
    let mut shown = tmux.sees(&client);
    while !shown.lines().any(|line| line.contains(&format!("│ ▶ {client}"))) {
        let before = shown.lines().position(|line| line.contains("│ ▶"));
        tmux.keys(&["j"]);
        let begun = Instant::now();
        while shown.lines().position(|line| line.contains("│ ▶")) == before {
            assert!(begun.elapsed() < PATIENCE, "{shown}");
            shown = tmux.sees(&client);
        }
    }
    tmux.keys(&["Enter"]);
    tmux.sees("chosen; the scope follows at once");
    tmux.keys(&["1"]);
    tmux.sees(&format!("only {client}"));
    tmux.keys(&["6"]);
    assert!(tmux.sees("chosen at").contains("what it starts is judged"));
    tmux.until("running", talk);
    tmux.keys(&["q"]);
    tmux.sees("Quit?");
    tmux.keys(&["y"]);
    tmux.sees("The bundle is sealed");
    tmux.keys(&["x"]);
    tmux.sees("STATUS 0");

    let (_, entries) = read_journal(&Path::new(&bundle).join("data/capture")).unwrap();
    let chosen = entries
        .iter()
        .any(|entry| matches!(&entry.told, Told::Scope { client: c, .. } if *c == client.as_str().into()));
    assert!(chosen, "{entries:?}");
    let custody = fs::read_to_string(format!("{bundle}/data/custody.jsonl")).unwrap();
    assert!(custody.contains(&format!("only {client} and what it starts, since ")), "{custody}");
    let flows = fs::read_to_string(format!("{bundle}/data/flows.jsonl")).unwrap();
    let rows: Vec<Value> = flows.lines().map(|row| serde_json::from_str(row).unwrap()).collect();
    let of = |port: u16| rows.iter().filter(move |row| row["server_port"] == port || row["client_port"] == port);
    assert!(of(ports[1]).count() > 0 && of(ports[1]).all(|row| row["scope"] == "in"), "{flows}");
    assert_eq!(of(ports[0]).count(), 0, "what is not the client's is not in the bundle: {flows}");
    let verified = program::zollhund(&["verify", &bundle, "--reanalyze"]);
    assert_eq!(verified.status, 0, "{}{}", verified.out, verified.err);
}

/// No rights are needed for this one. What has ended takes no marker, though its bundle is not sealed yet.
#[test]
fn a_file_is_played_to_its_end_and_sealed() {
    let folder = Folder::new();
    let (file, bundle) =
        (folder.file("call.pcap", program::pcap(CALL.link, &program::frames(3_000))), folder.path("bundle"));
    let command = format!(
        "'{PROGRAM}' watch --replay '{file}' --speed max --service zoom --save '{bundle}'; echo \"STATUS $?\"; exec cat"
    );
    let Some(tmux) = Tmux::start("replay", &command) else { return };
    tmux.sees("ended");
    tmux.until("the capture is over: no marker was set", || tmux.keys(&["m", "m"]));
    tmux.keys(&["q"]);
    assert!(tmux.sees("The bundle is sealed").contains(" 3,000 frames"));
    tmux.keys(&["x"]);
    tmux.sees("STATUS 0");
    let verified = program::zollhund(&["verify", &bundle]);
    assert_eq!(verified.status, 0, "{}{}", verified.out, verified.err);
}

/// A client that has a network of its own ends when the user quits, not when the last screen is left.
#[cfg(target_os = "linux")]
#[test]
fn the_last_screen_outlives_the_client_that_was_run() {
    let folder = Folder::new();
    let (bundle, script) = (folder.path("bundle"), folder.file("client", "while :; do sleep 1; done"));
    let command = format!("'{PROGRAM}' run --save '{bundle}' -- sh '{script}'; echo \"STATUS $?\"; exec cat");
    let Some(tmux) = Tmux::start("run", &command) else { return };
    let shown = tmux.sees_one_of(&["Who the client talks to", "STATUS"]);
    if shown.contains("STATUS") {
        eprintln!("SKIPPED: no client can be given a network of its own here: {}", shown.trim());
        return;
    }
    let client = format!("sh\0{script}\0");
    let runs = || {
        let processes = fs::read_dir("/proc").unwrap().flatten();
        let mut commands = processes.filter_map(|process| fs::read(process.path().join("cmdline")).ok());
        commands.any(|command| command == client.as_bytes())
    };
    assert!(runs());
    tmux.keys(&["q"]);
    // It is asked only where something was captured.
    if tmux.sees_one_of(&["Quit?", "The bundle is sealed"]).contains("Quit?") {
        tmux.keys(&["y"]);
    }
    tmux.sees("The bundle is sealed");
    let begun = Instant::now();
    while runs() {
        assert!(begun.elapsed() < PATIENCE, "the client runs on though nobody watches");
        std::thread::sleep(Duration::from_millis(50));
    }
    let verified = program::zollhund(&["verify", &bundle]);
    assert_eq!(verified.status, 0, "{}{}", verified.out, verified.err);
    assert!(tmux.run(&["capture-pane", "-p"]).contains("The bundle is sealed"), "until a key is pressed");
    tmux.keys(&["x"]);
    tmux.sees("STATUS");
}

/// The window is closed in the middle: what was captured is closed and sealed.
#[cfg(target_os = "linux")]
#[test]
fn a_capture_ends_sealed_with_its_terminal() {
    if !may_capture() {
        return;
    }
    for trap in ["", "trap '' HUP; "] {
        let (folder, pair) = (Folder::new(), Pair::new());
        let (bundle, port) = (folder.path("bundle"), pair.port());
        let command = format!("{trap}exec '{PROGRAM}' watch -i lo --filter 'udp port {port}' --save '{bundle}'");
        let Some(tmux) = Tmux::start("watch-hangup", &command) else { return };
        tmux.sees("Who the client talks to");
        tmux.keys(&["3"]);
        tmux.until(&port.to_string(), || pair.talk());
        tmux.keys(&["m", "m"]);
        tmux.sees("marker set");
        let pane = tmux.run(&["list-panes", "-F", "#{pane_pid}"]);
        let stat = format!("/proc/{}/stat", pane.trim());
        assert!(fs::read_to_string(&stat).unwrap().contains("(zollhund)"));
        drop(tmux);
        let begun = Instant::now();
        while fs::read_to_string(&stat).is_ok_and(|stat| !stat.contains(") Z ")) {
            assert!(begun.elapsed() < PATIENCE, "it runs on without a terminal");
            std::thread::sleep(Duration::from_millis(50));
        }
        let verified = program::zollhund(&["verify", &bundle]);
        assert_eq!(verified.status, 0, "{}{}", verified.out, verified.err);
        assert_eq!(markers(&bundle), ["microphone off"]);
    }
}
