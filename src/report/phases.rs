//! Volumes by phase: what each group of recipients was sent and sent back between the markers of a call.

use crate::engine::view::{Marker, Summary, Timeline};
use crate::policy::phase::Phase;
use crate::policy::{Lang, Listing};
use crate::wire::Timestamp;

/// Markers that are drawn and summed by; further ones are in `report.json`.
const MARKS: usize = 40;

/// A group of recipients, media apart from the rest.
pub(super) type Group = (Listing, bool);

/// The time from one marker to the next.
pub(super) struct Between<'s> {
    /// Of the marker that begins it; 0 for what came before the first.
    pub(super) number: usize,
    pub(super) marker: Option<&'s Marker>,
    pub(super) from: Timestamp,
    /// Bytes up and down.
    pub(super) volumes: Vec<(Group, (u64, u64))>,
}

impl Between<'_> {
    pub(super) fn name(&self, lang: Lang) -> String {
        match self.marker {
            Some(marker) => {
                let text = marker.text.to_string();
                Phase::of(&text).map_or(text, |phase| phase.words(lang).to_owned())
            }
            None => lang.pick("before the first marker", "vor der ersten Marke").to_owned(),
        }
    }
}

pub(super) fn group(summary: &Summary, recipient: Option<usize>, media: bool) -> Option<Group> {
    let listing = summary.recipients.get(recipient?)?.listing;
    Some((listing, media && listing != Listing::Local))
}

pub(super) fn groups(summary: &Summary) -> Vec<Group> {
    let series = summary.timeline.series.iter();
    let mut groups: Vec<Group> = series.filter_map(|s| group(summary, s.recipient, s.media)).collect();
    groups.sort_by_key(|(listing, media)| (*listing, !*media));
    groups.dedup();
    groups
}

pub(super) fn label((listing, media): Group, lang: Lang) -> String {
    let group = match listing {
        Listing::Service => lang.pick("service", "Dienst"),
        Listing::Subprocessor => lang.pick("on the list", "auf der Liste"),
        Listing::NotListed => lang.pick("not on the list", "nicht auf der Liste"),
        Listing::Background => lang.pick("background", "Hintergrund"),
        Listing::Local => lang.pick("local network", "lokales Netz"),
        Listing::Unjudged => lang.pick("recipients", "Empfänger"),
    };
    if media { format!("{group}, {}", lang.pick("media", "Medien")) } else { group.to_owned() }
}

/// In the order of time.
pub(super) fn markers(summary: &Summary) -> Vec<&Marker> {
    let mut markers: Vec<&Marker> = summary.markers.iter().collect();
    markers.sort_by_key(|marker| marker.time);
    markers.truncate(MARKS);
    markers
}

/// The phases with what was sent and received in each; nothing without markers.
pub(super) fn sums(summary: &Summary) -> Vec<Between<'_>> {
    let groups = groups(summary);
    let time = &summary.timeline;
    let markers = markers(summary);
    if markers.is_empty() || groups.is_empty() {
        return Vec::new();
    }
    let phase_of = |window: u32| markers.partition_point(|marker| marker.time <= middle(time, window));
    let mut sums = vec![vec![(0_u64, 0_u64); groups.len()]; markers.len() + 1];
    for series in &time.series {
        let Some(column) = group(summary, series.recipient, series.media) else { continue };
        let Some(column) = groups.iter().position(|g| *g == column) else { continue };
        for cell in &series.cells {
            let phase = sums.get_mut(phase_of(cell.window));
            if let Some((up, down)) = phase.and_then(|phase| phase.get_mut(column)) {
                *up = up.saturating_add(cell.up);
                *down = down.saturating_add(cell.down);
            }
        }
    }
    let phases = sums.into_iter().enumerate().map(|(number, sums)| {
        let marker = number.checked_sub(1).and_then(|at| markers.get(at)).copied();
        let from = marker.map_or(time.start, |marker| marker.time);
        Between { number, marker, from, volumes: groups.iter().copied().zip(sums).collect() }
    });
    // Nothing before the first marker is not worth a row.
    let nothing = |phase: &Between<'_>| phase.number == 0 && phase.volumes.iter().all(|(_, sums)| *sums == (0, 0));
    phases.filter(|phase| !nothing(phase)).collect()
}

/// Middle of a window: a marker within the first half of a window begins with that window.
fn middle(time: &Timeline, window: u32) -> Timestamp {
    let width = time.width.saturating_mul(1_000_000_000);
    time.start.plus_nanos(width.saturating_mul(u64::from(window)).saturating_add(width / 2))
}
