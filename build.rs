//! Tells a release build the commit that it is made from: for whoever checks evidence, and wants this very program. Other builds
//! are not told, so that a commit makes nobody compile anew.

use std::env;
use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if env::var("PROFILE").as_deref() != Ok("release") {
        return;
    }
    // Not that of a repository which this folder was copied into.
    let root = env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
    if git(&["rev-parse", "--show-toplevel"]).as_deref() != Some(&root) {
        return;
    }
    let Some(commit) = git(&["rev-parse", "--verify", "HEAD"]) else { return };
    let clean = git(&["status", "--porcelain", "--untracked-files=no"]).is_some_and(|changes| changes.is_empty());
    // One that is not there would make every build begin anew.
    let log = git(&["rev-parse", "--git-path", "logs/HEAD"]).filter(|path| Path::new(path).exists());
    for path in ["src", "geoip", "Cargo.toml", "Cargo.lock"].into_iter().chain(log.as_deref()) {
        println!("cargo::rerun-if-changed={path}");
    }
    println!("cargo::rustc-env=ZOLLHUND_COMMIT={commit}{}", if clean { "" } else { "+changes" });
}

/// What git says; nothing where there is no git, or nothing that it would speak about.
fn git(words: &[&str]) -> Option<String> {
    let done = Command::new("git").args(words).output().ok().filter(|done| done.status.success())?;
    Some(String::from_utf8(done.stdout).ok()?.trim().to_owned())
}
