//! The page as PDF, by a converter that this machine has. It gets the page as a file in a folder of its own. The page asks
//! for nothing and runs nothing, as its own policy says; nor shall the converter ask anybody: names lead nowhere.

use anyhow::{Context, Result, bail};
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Programs that print a page, the best first.
const BROWSERS: [&str; 5] = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome", "chrome"];
const WEASYPRINT: &str = "weasyprint";
/// A page of some hundred sheets takes seconds.
const PATIENCE_SECS: u64 = 120;
const LOOKS_PER_SEC: u64 = 50;

/// Prints the page. Without a converter the error says which ones would do.
pub fn pdf(html: &str) -> Result<Vec<u8>> {
    let Some(converter) = BROWSERS.into_iter().chain([WEASYPRINT]).find_map(on_path) else {
        bail!(
            "no converter to PDF on this machine: install chromium or weasyprint, or use --format html and print from a browser"
        );
    };
    let folder =
        Folder::new().context("cannot make a folder for the conversion; check the rights of the temporary folder")?;
    let (page, printed) = (folder.0.join("report.html"), folder.0.join("report.pdf"));
    fs::write(&page, html).with_context(|| format!("cannot write {}; is the disk full?", page.display()))?;
    let name = converter.display().to_string();
    let mut command = if converter.ends_with(WEASYPRINT) {
        let mut command = Command::new(&converter);
        command.arg(&page).arg(&printed);
        command
    } else {
        browser(&converter, &folder.0, &page, &printed)
    };
    command.current_dir(&folder.0).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let child = command.spawn().with_context(|| format!("cannot start {name}; use --format html instead"))?;
    wait(child).with_context(|| format!("{name} did not print the page; use --format html instead"))?;
    let pdf = fs::read(&printed).with_context(|| format!("{name} printed nothing; use --format html instead"))?;
    if !pdf.starts_with(b"%PDF-") {
        bail!("{name} printed something that is no PDF; use --format html instead");
    }
    Ok(pdf)
}

fn browser(program: &Path, folder: &Path, page: &Path, printed: &Path) -> Command {
    let with = |option: &str, path: &Path| {
        let mut argument = OsString::from(option);
        argument.push(path);
        argument
    };
    let mut command = Command::new(program);
    command.args([
        "--headless=new",
        "--disable-gpu",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--disable-extensions",
        "--host-resolver-rules=MAP * ~NOTFOUND",
        "--no-pdf-header-footer",
    ]);
    // Its own sandbox does not work for root, who has no less right without it.
    if is_root() {
        command.arg("--no-sandbox");
    }
    command.arg(with("--user-data-dir=", &folder.join("profile"))).arg(with("--print-to-pdf=", printed));
    command.arg(with("file://", page));
    command
}

#[cfg(unix)]
fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    // The owner of what this process makes is its user.
    fs::metadata("/proc/self").is_ok_and(|m| m.uid() == 0)
}

#[cfg(not(unix))]
fn is_root() -> bool {
    false
}

fn on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}

fn wait(mut child: Child) -> Result<()> {
    for _ in 0..PATIENCE_SECS * LOOKS_PER_SEC {
        if let Some(status) = child.try_wait()? {
            return if status.success() { Ok(()) } else { bail!("it ended with {status}") };
        }
        std::thread::sleep(Duration::from_millis(1_000 / LOOKS_PER_SEC));
    }
    let _ = child.kill();
    let _ = child.wait();
    bail!("it took longer than {PATIENCE_SECS} seconds")
}

/// A folder that only this user can enter, gone at the end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> io::Result<Self> {
        let parent = std::env::temp_dir();
        for attempt in 0..100_u32 {
            let path = parent.join(format!("zollhund-{}-{attempt}", std::process::id()));
            let mut builder = fs::DirBuilder::new();
            #[cfg(unix)]
            std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
            match builder.create(&path) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                result => return result.map(|()| Self(path)),
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
