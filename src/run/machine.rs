//! The thread that asks the machine whose traffic it is and what happens to it.

use super::live::{Desk, Machine};
use super::stage::{Asked, now};
use crate::host::{Change, Clock, Jump, Locals, Lookup, Owners, Role, Watch, confine};
use anyhow::{Context, Result};
use std::sync::atomic::Ordering;
use std::sync::mpsc::RecvTimeoutError;
use std::time::Duration;

/// Longest wait for a question: so soon the thread notices that it is to end.
const IDLE: Duration = Duration::from_millis(250);
/// Addresses, links and clocks are looked at so often.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Opens what is needed to know whose flows are whose; call it before rights are dropped, and in the network namespace that
/// is captured.
///
/// # Errors
/// The kernel does not tell addresses and links.
pub fn machine(watch: Watch, confined: bool) -> Result<Machine> {
    let mut locals = Locals::open().context("cannot ask the kernel for this machine's addresses")?;
    let mut owners = Owners::<Asked>::new(locals.addresses(), watch);
    let mut clock = Clock::read();
    Ok(Box::new(move |desk: Desk| {
        if confined {
            confine(Role::Host, &[], false);
        }
        let answer = |(asked, lookup): (Asked, Lookup)| match lookup {
            Lookup::Known { owner, watched } => desk.answer(asked, owner, watched),
            Lookup::Unknown(_) => {
                desk.unknown.fetch_add(1, Ordering::Relaxed);
            }
        };
        let mut next_look = now();
        loop {
            match desk.asked.recv_timeout(owners.wait().min(IDLE)) {
                Ok(asked) => {
                    if let Some(told) = owners.ask(asked, asked.transport, asked.from, asked.to) {
                        answer(told);
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            if owners.wait().is_zero() {
                owners.settle().into_iter().for_each(answer);
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
                    let text = match jump {
                        Jump::Stepped { nanos } => {
                            desk.stepped(nanos);
                            format!(
                                "the clock was set by {:+.3} s: times before and after it differ",
                                nanos as f64 / 1e9
                            )
                        }
                        Jump::Suspended(slept) => {
                            format!(
                                "this machine slept for {:.0} s: nothing was captured meanwhile",
                                slept.as_secs_f64()
                            )
                        }
                    };
                    desk.notice(false, &text);
                }
            }
        }
    }))
}
