//! The thread that asks the machine whose traffic it is and what happens to it.

use super::live::{Desk, Machine};
use super::stage::{Asked, Question, now};
use crate::attribution::OwnerMatch;
use crate::engine::health::{Client, Kept};
use crate::host::{Change, Clock, Locals, Lookup, Owners, Role, Running, Sync, Watch, confine, running, sync};
use crate::wire::Text;
use anyhow::{Context, Result};
use std::sync::atomic::Ordering;
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

/// Longest wait for a question: so soon the thread notices that it is to end.
const IDLE: Duration = Duration::from_millis(250);
/// Addresses, links and clocks are looked at so often.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Who keeps the clock is looked up so often.
const SYNC_EVERY: Duration = Duration::from_secs(60);
/// Running clients are listed so often while somebody looks at the list.
const LIST_EVERY: Duration = Duration::from_secs(1);

/// Services with the names of their clients' programs.
pub type Programs = Vec<(Box<str>, Vec<Box<str>>)>;

/// The conference clients that run on this machine.
fn clients(programs: &Programs) -> Vec<Client> {
    let told = |Running { process, services }: Running| {
        let owner = process.owner(OwnerMatch::Told);
        Client { pid: owner.pid, name: owner.name, started: owner.started, services }
    };
    running(programs).into_iter().map(told).collect()
}

/// Opens what is needed to know whose flows are whose, and which of the `programs` run; call it before rights are dropped, and in the network namespace that
/// is captured.
///
/// # Errors
/// The kernel does not tell addresses and links.
pub fn machine(watch: Watch, programs: Programs, confined: bool) -> Result<Machine> {
    let mut locals = Locals::open().context("cannot ask the kernel for this machine's addresses")?;
    let mut owners = Owners::<Asked>::new(locals.addresses(), watch);
    let mut clock = Clock::read();
    Ok(Box::new(move |desk: Desk| {
        if confined {
            confine(Role::Host, &[], false);
        }
        let answer = |(asked, lookup): (Asked, Lookup)| match lookup {
            Lookup::Known { owner, watched } => {
                if asked.again {
                    desk.unknown.fetch_sub(1, Ordering::Relaxed);
                }
                desk.answer(asked, owner, watched);
            }
            Lookup::Unknown(_) => {
                desk.unknown.fetch_add(u64::from(!asked.again), Ordering::Relaxed);
            }
        };
        let (mut next_look, mut next_list, mut next_sync) = (now(), None, now());
        loop {
            match desk.asked.recv_timeout(owners.wait().min(IDLE)) {
                Ok(Question::Flow(asked)) => {
                    if let Some(told) = owners.ask(asked, asked.transport, asked.from, asked.to) {
                        answer(told);
                    }
                }
                Ok(Question::Choose(client)) => {
                    next_list = None;
                    let client = client.as_ref();
                    let name = client.map(|(pid, name)| Text::from(format!("{name} [{pid}]").as_str()));
                    match (owners.choose(client.map(|(pid, name)| (*pid, name))), name) {
                        (Some(changed), Some(name)) => {
                            desk.notice(
                                false,
                                &format!(
                                    "chosen: only {name} and what it starts is judged, earlier flows too if the program is known"
                                ),
                            );
                            desk.scope(Some(name), changed);
                        }
                        (Some(changed), None) => {
                            desk.notice(false, "chosen: everything captured is judged from now on");
                            desk.scope(None, changed);
                        }
                        (None, name) => {
                            let name = name.unwrap_or_default();
                            desk.notice(false, &format!("{name} does not run any more: nothing was chosen"));
                        }
                    }
                }
                Ok(Question::Clients(wanted)) => next_list = wanted.then(now),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            if owners.wait().is_zero() {
                owners.settle().into_iter().for_each(answer);
            }
            if now() >= next_sync {
                next_sync = now() + SYNC_EVERY;
                desk.clock_kept(match sync() {
                    Sync::Synchronised { by, since } => Kept::Synchronised(by, since),
                    Sync::Kept { by } => Kept::By(by),
                    Sync::NotKnown => Kept::NotKnown,
                });
            }
            if next_list.is_some_and(|at| now() >= at) {
                desk.clients(clients(&programs));
                next_list = Some(now() + LIST_EVERY);
            }
            if now() >= next_look {
                next_look = now() + LOOK_EVERY;
                for change in locals.changes().unwrap_or_default() {
                    match change {
                        Change::Came(address) => {
                            owners.local(address, true);
                            desk.address(address);
                            desk.notice(false, &format!("this machine has a new address: {address}"));
                        }
                        Change::Gone(address) => {
                            owners.local(address, false);
                            desk.notice(false, &format!("this machine lost the address {address}"));
                        }
                        Change::Link { name, up: true } => desk.notice(false, &format!("interface {name} is up")),
                        Change::Link { name, up: false } => {
                            desk.notice(
                                false,
                                &format!("interface {name} is down: nothing comes from it until it is up"),
                            );
                        }
                    }
                }
                for jump in clock.jumps() {
                    desk.jumped(&jump);
                }
            }
        }
    }))
}
