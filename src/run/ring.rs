//! A queue between two stages that is bounded in bytes. Whoever puts things in never waits unless it wants to; whoever takes
//! them out waits as long as it likes. A stage that has ended lets go of its end, and the others notice.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What a ring gave.
#[derive(Debug)]
pub(super) enum Taken<T> {
    Item(T),
    /// Nothing came in time.
    Nothing,
    /// It is empty, and nothing will come.
    Closed,
}

#[derive(Debug)]
pub(super) struct Ring<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
    bound: usize,
}

#[derive(Debug)]
struct State<T> {
    queue: VecDeque<(usize, T)>,
    bytes: usize,
    /// Stages that still put things in.
    producers: u32,
    /// Nobody takes things out any more.
    abandoned: bool,
}

impl<T> Ring<T> {
    pub(super) fn new(bound: usize, producers: u32) -> Self {
        let state = State { queue: VecDeque::new(), bytes: 0, producers, abandoned: false };
        Self { state: Mutex::new(state), changed: Condvar::new(), bound }
    }

    /// A stage that broke down leaves a queue that can still be used.
    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts an item of so many bytes in, or gives it back: there is no room, or nobody to take it. An empty ring takes any.
    pub(super) fn offer(&self, bytes: usize, item: T) -> Result<(), T> {
        let mut state = self.state();
        if state.abandoned || state.bytes > 0 && state.bytes + bytes > self.bound {
            return Err(item);
        }
        state.bytes += bytes;
        state.queue.push_back((bytes, item));
        self.changed.notify_all();
        Ok(())
    }

    /// Puts a small item in that must not be lost: for these there is as much room again.
    pub(super) fn insist(&self, bytes: usize, item: T) -> Result<(), T> {
        let mut state = self.state();
        if state.abandoned || state.bytes + bytes > self.bound.saturating_mul(2) {
            return Err(item);
        }
        state.bytes += bytes;
        state.queue.push_back((bytes, item));
        self.changed.notify_all();
        Ok(())
    }

    /// Waits for room, at most so long; whether there is some, or nobody to wait for.
    pub(super) fn has_room(&self, bytes: usize, wait: Duration) -> bool {
        let fits = |s: &State<T>| s.abandoned || s.bytes == 0 || s.bytes + bytes <= self.bound;
        let state = self.state();
        if fits(&state) {
            return true;
        }
        let waited = self.changed.wait_timeout_while(state, wait, |state| !fits(state));
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        fits(&state)
    }

    /// The next item; waits at most so long.
    pub(super) fn take(&self, wait: Duration) -> Taken<T> {
        let state = self.state();
        let nothing = |s: &mut State<T>| s.queue.is_empty() && s.producers > 0;
        let waited = self.changed.wait_timeout_while(state, wait, nothing);
        let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        match state.queue.pop_front() {
            Some((bytes, item)) => {
                state.bytes -= bytes;
                self.changed.notify_all();
                Taken::Item(item)
            }
            None if state.producers == 0 => Taken::Closed,
            None => Taken::Nothing,
        }
    }

    /// Nobody takes things out any more.
    pub(super) fn is_abandoned(&self) -> bool {
        self.state().abandoned
    }

    /// One stage puts nothing more in.
    fn close(&self) {
        let mut state = self.state();
        state.producers = state.producers.saturating_sub(1);
        self.changed.notify_all();
    }

    fn abandon(&self) {
        let mut state = self.state();
        state.abandoned = true;
        state.queue.clear();
        state.bytes = 0;
        self.changed.notify_all();
    }
}

/// The end of a ring that a stage puts things in; letting go of it closes it, also when the stage breaks down.
#[derive(Debug)]
pub(super) struct Into<T>(pub(super) std::sync::Arc<Ring<T>>);

impl<T> Drop for Into<T> {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// The end of a ring that a stage takes things from; letting go of it tells those before that nobody takes them any more.
#[derive(Debug)]
pub(super) struct OutOf<T>(pub(super) std::sync::Arc<Ring<T>>);

impl<T> Drop for OutOf<T> {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    const NOW: Duration = Duration::ZERO;

    #[test]
    fn it_is_bounded_in_bytes_and_keeps_the_order() {
        let ring = Ring::new(100, 1);
        assert!(ring.offer(500, "large").is_ok(), "an empty ring takes anything");
        assert_eq!(ring.offer(1, "small"), Err("small"));
        assert!(matches!(ring.take(NOW), Taken::Item("large")));
        assert!(ring.offer(60, "a").is_ok() && ring.offer(40, "b").is_ok());
        assert_eq!(ring.offer(1, "c"), Err("c"));
        assert!(!ring.has_room(1, NOW));
        assert!(ring.insist(100, "ticket").is_ok());
        assert_eq!(ring.insist(1, "d"), Err("d"), "even these are bounded");
        assert!(matches!(ring.take(NOW), Taken::Item("a")));
        assert!(matches!(ring.take(NOW), Taken::Item("b")));
        assert!(matches!(ring.take(NOW), Taken::Item("ticket")));
        assert!(matches!(ring.take(NOW), Taken::Nothing));
    }

    #[test]
    fn it_closes_when_the_last_stage_lets_go_and_gives_what_is_left() {
        let ring = Arc::new(Ring::new(10, 2));
        let (one, two) = (Into(Arc::clone(&ring)), Into(Arc::clone(&ring)));
        assert!(ring.offer(1, 1).is_ok());
        drop(one);
        assert!(matches!(ring.take(NOW), Taken::Item(1)));
        assert!(matches!(ring.take(NOW), Taken::Nothing));
        assert!(ring.offer(1, 2).is_ok());
        drop(two);
        assert!(matches!(ring.take(NOW), Taken::Item(2)));
        assert!(matches!(ring.take(NOW), Taken::Closed));
    }

    #[test]
    fn whoever_waits_is_woken_when_the_other_end_breaks_down() {
        let ring = Arc::new(Ring::new(10, 1));
        assert!(ring.offer(10, 1).is_ok());
        let out = OutOf(Arc::clone(&ring));
        let broken = std::thread::spawn(move || {
            let _out = out;
            panic!("as if the stage broke down");
        });
        assert!(ring.has_room(10, Duration::from_secs(600)), "woken long before");
        assert!(broken.join().is_err());
        assert_eq!(ring.offer(1, 2), Err(2));
    }
}
