//! The choice of the client while the capture runs: the conference clients of this machine, then the other programs that
//! had flows.

use super::super::paint::Paint;
use super::super::theme::Role;
use super::super::view::View;
use super::hints;
use crate::attribution::Owner;
use crate::engine::Snapshot;
use crate::engine::health::{Choice, Health, ScopeOf};
use crate::policy::Lang;
use crate::report::format::number;
use crate::ui::keys::Context;
use crate::wire::Text;
use ratatui::layout::Rect;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Programs without a profile that are listed; those with most flows.
const MAX_OTHERS: usize = 64;

/// A process by number and name; none stands for everything that is captured.
pub(in crate::ui) type Client = Option<(u32, Text)>;

/// What can be chosen.
pub(in crate::ui) struct Row {
    pub(in crate::ui) client: Client,
    services: String,
    /// Flows in the picture of it and of what it started.
    flows: u64,
}

/// The oldest of its ancestors in a row that bear its name: a browser has its sockets in a child.
fn head(owner: &Owner) -> (u32, &Text) {
    let same = owner.parents.iter().take_while(|(_, name)| *name == owner.name);
    same.last().map_or((owner.pid, &owner.name), |(pid, name)| (*pid, name))
}

/// Everything, then the clients, then other programs by their flows.
pub(in crate::ui) fn rows(picture: &Snapshot, health: &Health) -> Vec<Row> {
    let flows = &picture.flows;
    let mut owners: BTreeMap<*const Owner, (u64, &Owner)> = BTreeMap::new();
    for owner in flows.iter().filter_map(|flow| flow.owner.as_ref()).filter(|owner| owner.pid != 0) {
        owners.entry(Arc::as_ptr(owner)).or_insert((0, owner)).0 += 1;
    }
    let mut rows = vec![Row { client: None, services: String::new(), flows: flows.len() as u64 }];
    let mut listed = BTreeSet::new();
    if let Choice::Yes { clients: Some(clients) } = &health.choice {
        for client in &**clients {
            let is = |owner: &Owner| {
                owner.pid == client.pid || owner.parents.iter().any(|(parent, _)| *parent == client.pid)
            };
            let its = owners.values().filter(|(_, owner)| is(owner));
            rows.push(Row {
                client: Some((client.pid, client.name.clone())),
                services: client.services.join(", "),
                flows: its.clone().map(|(count, _)| count).sum(),
            });
            listed.insert(client.pid);
            listed.extend(its.map(|(_, owner)| head(owner).0));
        }
    }
    let mut others: BTreeMap<(u32, &Text), u64> = BTreeMap::new();
    for (count, owner) in owners.values() {
        *others.entry(head(owner)).or_default() += count;
    }
    let mut others: Vec<_> = others.into_iter().filter(|((pid, _), _)| !listed.contains(pid)).collect();
    others.sort_by_key(|((pid, _), count)| (Reverse(*count), *pid));
    rows.extend(others.into_iter().take(MAX_OTHERS).map(|((pid, name), flows)| Row {
        client: Some((pid, name.clone())),
        services: String::new(),
        flows,
    }));
    rows
}

/// Where the chosen row stands; what has gone leaves the choice at the top.
pub(in crate::ui) fn place(rows: &[Row], chosen: &Client) -> usize {
    rows.iter().position(|row| row.client == *chosen).unwrap_or(0)
}

/// `zoom [4711]`, as the scope is told.
fn called(client: &Client, lang: Lang) -> String {
    match client {
        Some((pid, name)) => format!("{name} [{pid}]"),
        None => lang.pick("everything captured", "alles Erfasste").into(),
    }
}

pub(super) fn draw(paint: &mut Paint<'_>, area: Rect, view: &View, health: &Health, chosen: &Client) {
    let (lang, signs) = (view.look.lang, view.look.signs());
    let rows = rows(&view.picture, health);
    let title = lang.pick("Whose traffic is judged?", "Wessen Verkehr wird beurteilt?");
    let inside = paint.window(area, 70, (rows.len() as u16).saturating_add(6).max(10), title);
    let flows = lang.pick("flows", "Verb.");
    paint.text(inside.x + 2, inside.y, 28, Role::Faint, lang.pick("program", "Programm"));
    paint.text(inside.x + 31, inside.y, 24, Role::Faint, lang.pick("client of", "Client von"));
    paint.right(inside.right().saturating_sub(10), inside.y, 10, Role::Faint, flows);
    let room = usize::from(inside.height.saturating_sub(4)).max(1);
    let at = place(&rows, chosen);
    let top = (at + 1).saturating_sub(room);
    for ((n, row), y) in rows.iter().enumerate().skip(top).take(room).zip(inside.y + 1..) {
        let name = called(&row.client, lang);
        let applies = match &health.scope.of {
            ScopeOf::Everything => row.client.is_none(),
            ScopeOf::Client(text) => text.exact() == name,
            _ => false,
        };
        let sign = if n == at { signs.chosen } else { " " };
        paint.text(inside.x, y, 2, Role::Strong, sign);
        paint.text(inside.x + 2, y, 28, if applies { Role::Strong } else { Role::Plain }, &name);
        paint.text(inside.x + 31, y, 24, Role::Plain, &row.services);
        let count = number(row.flows, lang);
        paint.right(inside.right().saturating_sub(10), y, 10, Role::Plain, &count);
        if n == at {
            paint.choose(Rect { y, height: 1, ..inside });
        }
    }
    let note = match &health.choice {
        Choice::Yes { clients: None } => {
            lang.pick("looking for running clients …", "laufende Clients werden gesucht …")
        }
        Choice::Yes { clients: Some(clients) } if clients.is_empty() => lang.pick(
            "no conference client runs; programs with flows can be chosen",
            "kein Konferenz-Client läuft; wählbar: Programme mit Verbindungen",
        ),
        _ => lang.pick(
            "With what it starts; earlier flows too, if the program is known.",
            "Mit dem, was es startet; Früheres, wo das Programm bekannt ist.",
        ),
    };
    paint.text(inside.x, inside.bottom().saturating_sub(2), inside.width, Role::Faint, note);
    let keys = hints(Context::Clients, lang, &[]);
    paint.text(inside.x, inside.bottom().saturating_sub(1), inside.width, Role::Key, &keys);
}
