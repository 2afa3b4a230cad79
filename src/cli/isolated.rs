//! `run`: the client in a network of its own, watched from its first packet to its last.

use super::Exit;
use super::args::Run;
use anyhow::Result;

#[cfg(target_os = "linux")]
pub(super) fn run(typed: &Run) -> Result<Exit> {
    linux::run(typed)
}

#[cfg(not(target_os = "linux"))]
pub(super) fn run(_: &Run) -> Result<Exit> {
    anyhow::bail!(
        "`run` needs Linux: this system gives no program a network of its own; start the client yourself and use `watch`"
    )
}

#[cfg(target_os = "linux")]
mod linux {
    use super::super::args::Network;
    use super::super::watch::{Origin, plan, shows};
    use super::super::{complain, knowledge};
    use super::{Exit, Run};
    use crate::capture::{Live, LiveOptions};
    use crate::engine::health::{ScopeOf, SourceKind};
    use crate::host::{Client, Ended, INTERFACE, Kind, Resolver, Role, Watch, confine, enter, leave, unreachable};
    use crate::run::{self, Desk, Signals};
    use anyhow::{Context, Result, bail};
    use std::io::{self, IsTerminal};
    use std::process::Stdio;
    use std::sync::Arc;
    use std::thread;
    use std::time::Duration;

    /// How soon the end of the client is noticed.
    const BEAT: Duration = Duration::from_millis(50);
    /// How long the client may take to end when it is asked to.
    const PATIENCE: Duration = Duration::from_secs(3);
    /// What was under way when the client ended arrives after it.
    const AFTERMATH: Duration = Duration::from_millis(300);

    pub(super) fn run(typed: &Run) -> Result<Exit> {
        let judged = Arc::new(knowledge(&typed.judge, typed.tell.look.lang)?);
        let [program, arguments @ ..] = typed.command.as_slice() else { bail!("name the client after `--`") };
        let unreached = unreachable();
        let isolated = enter(typed.network.map(|how| match how {
            Network::Pasta => Kind::Pasta,
            Network::Slirp4netns => Kind::Slirp,
            Network::Nat => Kind::Nat,
        }))?;
        let options = LiveOptions { interfaces: vec![INTERFACE.to_owned()], ..LiveOptions::default() };
        let feed = Box::new(Live::open(options)?);
        let mut remarks = vec![format!("the client has a network of its own, connected by {}", isolated.helper())];
        match isolated.resolver() {
            Resolver::Same => {}
            Resolver::Forwarded(address) => remarks.push(format!(
                "this machine's resolver listens on the loopback only: {address} stands for it in the client's network"
            )),
            Resolver::Upstream(path) => remarks.push(format!(
                "this machine's resolver listens on the loopback only: the client asks those of {path} itself"
            )),
        }
        for name in unreached {
            let remark = format!(
                "{name} leads to an abstract socket or the loopback, which the client's own network does not have: \
                 `zollhund doctor` tells the cure"
            );
            complain(&remark);
            remarks.push(remark);
        }
        let changes = isolated.remarks();
        if let Some(change) = changes.first() {
            complain(change);
        }
        remarks.extend(changes);
        // Standard output is the report's, and a terminal with a dashboard on it is nobody else's.
        let shown = shows(&typed.keep, &typed.tell);
        let streams = if !shown {
            [Stdio::inherit(), io::stderr().into(), io::stderr().into()]
        } else if io::stderr().is_terminal() {
            remarks.push("what the client prints is not kept; redirect standard error (2>FILE) to keep it".to_owned());
            [Stdio::null(), Stdio::null(), Stdio::null()]
        } else {
            [Stdio::null(), io::stderr().into(), io::stderr().into()]
        };
        let client = isolated.start(program, arguments, streams)?;

        let machine = run::machine(Watch { only: Some(client.pid()), ..Watch::default() }, Vec::new(), true)?;
        let origin = Origin { feed, kind: SourceKind::Live, closer: None };
        let Run { judge, keep: kept, tell, .. } = typed;
        let (mut plan, mut telling, keeping) = plan(origin, None, judge, kept, tell, Arc::clone(&judged))?;
        plan.scope = ScopeOf::Namespace(client.name().clone());
        plan.machine = Some(Box::new(move |desk: Desk| {
            for remark in &remarks {
                desk.notice(false, remark);
            }
            machine(desk);
        }));
        let (asked_to_end, over) = (Signals::listen(), Signals::default());
        // The client ends with the capture, though the last screen may still be read.
        telling.leave = asked_to_end.clone();
        let stopped = telling.stopped.clone();
        let keeper = {
            let (stopped, over) = (stopped.clone(), over.clone());
            let keep = move || keep(client, &asked_to_end, &stopped, &over, shown);
            thread::Builder::new().name("zh-client".into()).spawn(keep).context("cannot start the thread zh-client")?
        };
        let outcome = run::watch(plan, telling, &over);
        // The client is ended whatever went wrong. Its network is there until here: a capture outlives no interface.
        stopped.end();
        let client = keeper.join().ok();
        let ended = client.as_ref().and_then(Client::ended);
        match client.and_then(Client::close) {
            None => {}
            Some(Ok(())) => complain("what was changed on this machine for the client's network is undone"),
            Some(Err(by_hand)) => complain(&format!(
                "what was changed on this machine for the client's network is not undone; do it with `{by_hand}`"
            )),
        }
        let exit = keeping.conclude(outcome?, &judged, judge, tell)?;
        Ok(match ended.map(Ended::code) {
            None | Some(0) => exit,
            Some(status) => Exit::Client(status),
        })
    }

    /// Stays with the client until nothing of it runs any more, which ends the capture too; and ends it when asked to, or when
    /// nothing is captured any more. `shown`: nobody but the dashboard writes on the terminal.
    fn keep(mut client: Client, asked: &Signals, stopped: &Signals, over: &Signals, shown: bool) -> Client {
        leave();
        confine(Role::Rest, &[], false);
        let mut told = false;
        while client.poll().is_none() {
            if asked.came() || stopped.came() {
                client.end(PATIENCE);
                break;
            }
            if let (Some(ended), false) = (client.ended(), told) {
                told = true;
                let name = client.name();
                if !shown {
                    complain(&format!(
                        "{name} ended ({ended}), but processes that it started still run and are watched"
                    ));
                }
            }
            thread::sleep(BEAT);
        }
        thread::sleep(AFTERMATH);
        if !stopped.came() {
            over.end();
        }
        client
    }
}
