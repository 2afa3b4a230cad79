//! What could not be seen, gathered from the flows: hidden names, tunnels, halves and middles of conversations.

use super::notes::Notes;
use super::view::FlowView;
use super::{MAX_EVIDENCE, is_judged};
use crate::dissect::fact::Hidden;
use crate::dissect::resolvers;
use crate::flow::Flow;
use crate::policy::Circumstances;
use crate::policy::subject::Blind;
use crate::wire::{AddressKind, FrameNo, Text, TextRef};

/// Frames of one direction after which the silence of the other means that it was not captured.
const ONE_SIDED_FROM: u64 = 4;

#[derive(Debug, Clone, Default)]
pub(super) struct BlindSpots {
    pub(super) spots: Vec<Blind>,
}

impl BlindSpots {
    pub(super) fn note(&mut self, flow: &Flow, notes: &Notes, view: &FlowView<'_>, seen: &mut Circumstances) {
        if !is_judged(view.scope) {
            return;
        }
        let mut hidden = notes.hidden;
        let kind = AddressKind::of(view.server.address);
        if view.server.port == 443
            && kind.is_public()
            && resolvers::public_resolver(view.server.address).is_some()
            && !notes.spoken.is_empty()
        {
            hidden.add(Hidden::Doh);
        }
        for what in Hidden::ALL.into_iter().filter(|&h| hidden.has(h)) {
            let to = view.name.map_or_else(
                || Text::from(view.server.address.to_string().as_str()),
                |(name, _): (TextRef<'_>, _)| name.exact().into(),
            );
            self.add(what, flow.first_frame, to);
        }
        if flow.is_tunnelled() {
            seen.tunnelled_flows += 1;
            for kind in flow.tunnel.kinds() {
                if !seen.tunnels.contains(&kind) {
                    seen.tunnels.push(kind);
                }
            }
            keep(&mut seen.tunnel_frames, flow.first_frame);
        }
        let unicast = kind != AddressKind::Multicast && kind != AddressKind::Broadcast;
        let one_way = view.up.packets + view.down.packets >= ONE_SIDED_FROM && flow.is_one_sided();
        seen.one_sided_flows += u32::from(one_way && unicast);
        seen.midstream_flows += u32::from(flow.is_midstream());
    }

    fn add(&mut self, what: Hidden, frame: FrameNo, to: Text) {
        let at = self.spots.iter().position(|s| s.what == what).unwrap_or_else(|| {
            self.spots.push(Blind { what, flows: 0, frames: Vec::new(), to: Vec::new() });
            self.spots.len() - 1
        });
        let Some(spot) = self.spots.get_mut(at) else { return };
        spot.flows += 1;
        keep(&mut spot.frames, frame);
        if spot.to.len() < MAX_EVIDENCE && !spot.to.contains(&to) {
            spot.to.push(to);
        }
    }
}

fn keep(frames: &mut Vec<FrameNo>, frame: FrameNo) {
    if frames.len() < MAX_EVIDENCE {
        frames.push(frame);
    }
}
