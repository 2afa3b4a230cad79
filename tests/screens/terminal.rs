//! The dashboard in a real terminal: tmux types, and reads the screen.

#![allow(clippy::print_stderr, clippy::disallowed_methods, reason = "a skipped test says so; screens are waited for")]

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How long anything may take on a machine that has much else to do.
const PATIENCE: Duration = Duration::from_secs(120);

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
        let begun = Instant::now();
        loop {
            let screen = self.run(&["capture-pane", "-p"]);
            if screen.contains(words) {
                return screen;
            }
            assert!(begun.elapsed() < PATIENCE, "no `{words}` on the screen:\n{screen}");
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
    let command = format!("'{PROGRAM}' demo --speed 100; echo \"STATUS $?\"; exec cat");
    let Some(tmux) = Tmux::start("drive", &command) else { return };
    tmux.sees("Who the client talks to");
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
    tmux.keys(&["m"]);
    tmux.sees("Set a marker now");
    tmux.keys(&["y"]);
    tmux.sees("marker set: lobby");
    tmux.keys(&["5"]);
    assert!(tmux.sees("lobby").contains("client started"));
    tmux.keys(&["w"]);
    tmux.sees("nothing is being saved");
    tmux.run(&["resize-window", "-x", "60", "-y", "16"]);
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
