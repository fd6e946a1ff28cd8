//! When a connection ends because its client is slow, and which connection gives way when there is no place for a new one:
//! two pure functions over what a connection is doing. Neither ends a connection that is worked for.

use std::time::Duration;

use super::activity::{Moment, Snapshot};

/// How long clients may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// For a request's head, from its first byte; for the first one from the moment they are connected.
    pub(crate) head: Duration,
    /// Between two requests.
    pub(crate) idle: Duration,
    /// For taking the next part of an answer.
    pub(crate) write: Duration,
}

/// Why a connection was ended by us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Reason {
    /// A head did not arrive in time.
    HeaderTimeout,
    /// Nothing was asked for long.
    Idle,
    /// The client takes no answers.
    WriteStalled,
    /// Another client needed the place.
    Evicted,
    /// As many connections as one address may have.
    AddressFull,
}

/// What is to become of a connection.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It goes on; look again then.
    Until(Moment),
    /// It takes no more requests, and those that it has go on; look again then.
    Goodbye(Moment),
    /// It ends.
    End(Reason),
}

/// How long a client may take for a body or an answer, in microseconds, before its connection may be given to somebody else.
/// Whoever is slow, steadily or not, is so for longer.
const GRACE: Moment = 1_000_000;

impl Snapshot {
    /// Whether its time is up.
    pub(super) fn verdict(&self, patience: &Patience) -> Verdict {
        let [head, idle, write] = [patience.head, patience.idle, patience.write]
            .map(|time| u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
        let stalled = self.delivery.map(|since| since.saturating_add(write));
        // One stream of HTTP/2 is not read. The others have as long again: a client that reads could have asked on without end.
        let goodbye = stalled.is_some_and(|end| end <= self.now) && self.awaiting < self.open;
        let stalled = stalled.map(|end| if goodbye { end.saturating_add(write) } else { end });
        let blocked = self.blocked.map(|since| since.saturating_add(write));
        let (end, reason) = if let Some(end) = blocked.into_iter().chain(stalled).min() {
            (end, Reason::WriteStalled)
        } else if self.open > 0 {
            // Worked for, or a body is arriving, which has a timeout of its own.
            (Moment::MAX, Reason::Idle)
        } else if !self.served {
            (self.opened.saturating_add(head), Reason::HeaderTimeout)
        } else {
            let idle_end = self.turned.saturating_add(idle);
            match self.head.map(|since| since.saturating_add(head)) {
                // On HTTP/2 these may be bytes of anything: answers to pings, windows.
                Some(head_end) if !self.http2 && head_end < idle_end => (head_end, Reason::HeaderTimeout),
                _ => (idle_end, Reason::Idle),
            }
        };
        if end <= self.now {
            return Verdict::End(reason);
        }
        // What it does may change without a word, and the new time be up sooner.
        let soonest = head.min(idle).min(write);
        let next = end.min(self.now.saturating_add((soonest / 2).max(1)));
        if goodbye { Verdict::Goodbye(next) } else { Verdict::Until(next) }
    }

    /// Where it stands among those that may give way: the least one does. `None`: not this one.
    pub(super) fn gives_way(&self) -> Option<GivesWay> {
        if self.open == 0 && self.blocked.is_none() {
            return Some(GivesWay { in_a_request: false, since: self.turned });
        }
        // With something new now and then a client does not become one that reads its answers.
        let since = self.blocked.into_iter().chain(self.delivery).fold(self.turned, Moment::min);
        let owing = GivesWay { in_a_request: true, since };
        (self.awaiting >= self.open && owing.is_quiet(self)).then_some(owing)
    }
}

/// Who gives way first: who has no request open, then whose body or answer is on its way; and of each kind whoever has been
/// so for the longest time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct GivesWay {
    pub(super) in_a_request: bool,
    pub(super) since: Moment,
}

impl GivesWay {
    /// Whether its client has let it wait for a while.
    pub(super) fn is_quiet(&self, snapshot: &Snapshot) -> bool {
        snapshot.now.saturating_sub(self.since) >= GRACE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Patience =
        Patience { head: Duration::from_millis(10), idle: Duration::from_millis(75), write: Duration::from_millis(30) };

    /// Opened at 0, never asked for anything.
    fn at(now: Moment) -> Snapshot {
        Snapshot {
            now,
            opened: 0,
            served: false,
            http2: false,
            open: 0,
            awaiting: 0,
            turned: 0,
            head: None,
            blocked: None,
            delivery: None,
        }
    }

    #[test]
    fn each_kind_of_slowness_has_its_time() {
        let served = |now| Snapshot { served: true, turned: 1_000, ..at(now) };
        let busy = |now| Snapshot { open: 1, ..served(now) };
        let unread = |now| Snapshot { awaiting: 1, delivery: Some(5_000), ..busy(now) };
        let cases = [
            (at(9_999), None, "a first head may still come"),
            (at(10_000), Some(Reason::HeaderTimeout), "it did not"),
            (Snapshot { head: Some(9_000), ..at(10_000) }, Some(Reason::HeaderTimeout), "nor did the rest of it"),
            (served(75_999), None, "idle"),
            (served(76_000), Some(Reason::Idle), "idle for too long"),
            (Snapshot { head: Some(50_000), ..served(59_999) }, None, "half a head"),
            (Snapshot { head: Some(50_000), ..served(60_000) }, Some(Reason::HeaderTimeout), "for too long"),
            (Snapshot { head: Some(70_000), ..served(76_000) }, Some(Reason::Idle), "a head makes nobody younger"),
            (Snapshot { head: Some(50_000), http2: true, ..served(60_000) }, None, "answers to pings are no head"),
            (busy(Moment::MAX / 2), None, "worked for"),
            (Snapshot { awaiting: 1, ..busy(Moment::MAX / 2) }, None, "bodies have a timeout of their own"),
            (unread(34_999), None, "an answer may be taken slowly"),
            (unread(35_000), Some(Reason::WriteStalled), "but not so slowly"),
            (Snapshot { blocked: Some(5_000), ..served(35_000) }, Some(Reason::WriteStalled), "nor its last part"),
            (Snapshot { blocked: Some(5_000), open: 2, ..served(35_000) }, Some(Reason::WriteStalled), "whatever else"),
        ];
        for (snapshot, wanted, why) in cases {
            let verdict = snapshot.verdict(&PATIENCE);
            match wanted {
                Some(reason) => assert_eq!(verdict, Verdict::End(reason), "{why}"),
                None => assert!(
                    matches!(verdict, Verdict::Until(moment) if moment > snapshot.now && moment <= snapshot.now + 5_000),
                    "{why}: {verdict:?}"
                ),
            }
        }
    }

    #[test]
    fn one_answer_that_is_not_read_does_not_end_what_is_worked_on_beside_it() {
        let of = |awaiting, now| Snapshot { open: 2, awaiting, delivery: Some(5_000), served: true, ..at(now) };
        let verdict = |awaiting, now| of(awaiting, now).verdict(&PATIENCE);
        assert_eq!(verdict(1, 34_999), Verdict::Until(35_000));
        assert_eq!(verdict(1, 35_000), Verdict::Goodbye(40_000));
        assert_eq!(verdict(2, 35_000), Verdict::End(Reason::WriteStalled), "nothing is worked on any more");
        assert_eq!(verdict(1, 65_000), Verdict::End(Reason::WriteStalled), "nor for ever");
    }

    #[test]
    fn who_is_worked_for_never_gives_way_and_the_rest_do_in_their_order() {
        let idle = |since| Snapshot { turned: since, ..at(2 * GRACE) };
        let owing = |since| Snapshot { open: 2, awaiting: 2, ..idle(since) };
        for busy in [
            Snapshot { open: 1, ..idle(0) },
            Snapshot { open: 2, awaiting: 1, ..idle(0) },
            Snapshot { open: 1, awaiting: 1, ..idle(GRACE + 1) },
        ] {
            assert_eq!(busy.gives_way(), None, "{busy:?}");
        }
        let order = [idle(5), idle(2 * GRACE), owing(1), owing(2)].map(|snapshot| snapshot.gives_way().unwrap());
        assert!(order.is_sorted(), "{order:?}");
        let unread = Snapshot { blocked: Some(7), ..idle(3) };
        assert_eq!(unread.gives_way(), Some(GivesWay { in_a_request: true, since: 3 }), "an answer is not read");
        let busy_too = Snapshot { delivery: Some(5), ..owing(2 * GRACE) };
        assert_eq!(
            busy_too.gives_way(),
            Some(GivesWay { in_a_request: true, since: 5 }),
            "whatever else was asked since"
        );
    }
}
