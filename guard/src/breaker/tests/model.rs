//! The breaker as one would write it who has all the time in the world: it keeps every call, and looks through them all when it
//! has to decide. Written from the words on [`Thresholds`] and [`Permit`], not from the machine.

use std::time::Duration;

use super::super::{Phase, Probes, Refusal, Thresholds};

/// How a call ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Answered,
    Failed,
    Ignored,
    Dropped,
}

/// What a call that ended was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Good,
    Bad,
    Slow,
    Nothing,
}

/// A call that was let through, the ended ones too.
#[derive(Debug, Clone, Copy)]
pub(super) struct Call {
    began: Duration,
    pub(super) probe: bool,
    /// Nothing has changed the phase since it began.
    current: bool,
    ended: Option<(Duration, Kind)>,
}

/// Everything a breaker has seen.
#[derive(Debug)]
pub(super) struct Model {
    probes: Probes,
    pub(super) now: Duration,
    thresholds: Thresholds,
    pub(super) phase: Phase,
    /// When it opened last, or was told to begin its pause anew, and for how long.
    pause: (Duration, Duration),
    calls: Vec<Call>,
    /// The calls that count since the phase changed, in the order in which they ended.
    counted: Vec<(Duration, Kind)>,
    pub(super) refused: u64,
    /// Every phase that it turned to.
    pub(super) turns: Vec<Phase>,
}

impl Model {
    pub(super) fn new(probes: Probes, thresholds: Thresholds) -> Self {
        Self {
            probes,
            now: Duration::ZERO,
            thresholds,
            phase: Phase::Closed,
            pause: (Duration::ZERO, Duration::ZERO),
            calls: Vec::new(),
            counted: Vec::new(),
            refused: 0,
            turns: Vec::new(),
        }
    }

    /// A call asks. Its number, if it passes.
    pub(super) fn enter(&mut self, thresholds: Option<Thresholds>) -> Result<usize, Refusal> {
        if let Some(thresholds) = thresholds {
            self.thresholds = thresholds;
        }
        if self.phase != Phase::Closed {
            if self.probes == Probes::Calls
                && let Some(probe) = self.probe()
            {
                return Ok(probe);
            }
            if thresholds.is_some() {
                self.refused += 1;
                let left = (self.pause.0 + self.pause.1).checked_sub(self.now).unwrap_or_default();
                let retry_after = if self.phase == Phase::Isolated { None } else { Some(left) };
                return Err(Refusal { phase: self.phase, retry_after });
            }
        }
        Ok(self.begin(false))
    }

    /// Somebody asks whether it may try. Its number, if so.
    pub(super) fn probe(&mut self) -> Option<usize> {
        if self.phase == Phase::Open && self.now >= self.pause.0 + self.pause.1 {
            self.turn(Phase::HalfOpen);
        }
        let somebody_tries = self.calls.iter().any(|call| call.probe && call.current && call.ended.is_none());
        (self.phase == Phase::HalfOpen && !somebody_tries).then(|| self.begin(true))
    }

    /// The call of this number ends.
    pub(super) fn end(&mut self, number: usize, end: End) {
        let Call { began, probe, current, .. } = self.calls[number];
        let was_slow = self.now >= began + self.thresholds.slow;
        let kind = match end {
            End::Failed => Kind::Bad,
            End::Answered | End::Dropped if was_slow => Kind::Slow,
            End::Answered => Kind::Good,
            End::Ignored | End::Dropped => Kind::Nothing,
        };
        self.calls[number].ended = Some((self.now, kind));
        if !current || kind == Kind::Nothing {
            return;
        }
        if self.phase == Phase::Closed {
            self.counted.push((self.now, kind));
            // Good news never opens it, even when they make the share of those before look different.
            if kind != Kind::Good && self.is_too_much() {
                self.open();
            }
        } else if probe && kind == Kind::Good {
            self.turn(Phase::Closed);
        } else if probe {
            self.open();
        }
    }

    fn is_too_much(&self) -> bool {
        let Thresholds { failures, failure_percent, consecutive, slow_percent, .. } = self.thresholds;
        let in_a_row = self.counted.iter().rev().take_while(|(_, kind)| *kind == Kind::Bad).count();
        let (calls, bad, slow) = self.counts();
        let enough = |part: u32, percent: u32| {
            part >= failures && f64::from(part) / f64::from(calls) >= f64::from(percent) / 100.0
        };
        in_a_row >= consecutive as usize || enough(bad, failure_percent) || enough(slow, slow_percent)
    }

    /// Calls, failures, slow ones: those that ended in the running second, or in so many before it.
    pub(super) fn counts(&self) -> (u32, u32, u32) {
        let window = self.thresholds.window.as_secs().min(120);
        let mut counts = (0, 0, 0);
        for (at, kind) in &self.counted {
            if self.now.as_secs() - at.as_secs() < window {
                counts.0 += 1;
                counts.1 += u32::from(*kind == Kind::Bad);
                counts.2 += u32::from(*kind == Kind::Slow);
            }
        }
        counts
    }

    /// Calls that ended as good, bad, slow, and nothing of it, ever.
    pub(super) fn tallies(&self) -> [u64; 4] {
        [Kind::Good, Kind::Bad, Kind::Slow, Kind::Nothing].map(|wanted| {
            let of_kind = |call: &&Call| call.ended.is_some_and(|(_, kind)| kind == wanted);
            self.calls.iter().filter(of_kind).count() as u64
        })
    }

    /// How often it turned to `phase`.
    pub(super) fn turns_to(&self, phase: Phase) -> u64 {
        self.turns.iter().filter(|turn| **turn == phase).count() as u64
    }

    pub(super) fn is_probe(&self, number: usize) -> bool {
        self.calls[number].probe
    }

    pub(super) fn trip(&mut self) {
        match self.phase {
            Phase::Isolated => {}
            Phase::Open => self.pause = (self.now, self.thresholds.pause),
            Phase::Closed | Phase::HalfOpen => self.open(),
        }
    }

    pub(super) fn isolate(&mut self) {
        if self.phase != Phase::Isolated {
            self.turn(Phase::Isolated);
        }
    }

    pub(super) fn reset(&mut self) {
        self.turn(Phase::Closed);
    }

    fn begin(&mut self, probe: bool) -> usize {
        self.calls.push(Call { began: self.now, probe, current: true, ended: None });
        self.calls.len() - 1
    }

    fn open(&mut self) {
        self.turn(Phase::Open);
        self.pause = (self.now, self.thresholds.pause);
    }

    /// What was before says nothing any more.
    fn turn(&mut self, phase: Phase) {
        if phase != self.phase {
            self.turns.push(phase);
        }
        self.phase = phase;
        self.counted.clear();
        for call in &mut self.calls {
            call.current = false;
        }
    }
}
