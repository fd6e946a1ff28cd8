//! What the gateway takes on at a time: operations in work, memory for bodies, memory of the process. Above a bound a request
//! is refused at once, with a reason; nobody waits here. It ends nothing that is already going on.

mod bodies;
mod limit;
mod metrics;
mod watermark;

use tokio::sync::{Semaphore, SemaphorePermit};

use self::bodies::{Bodies, Claim};
pub(crate) use self::{
    metrics::{ShedMetrics, ShedReason},
    watermark::Memory,
};
use crate::{config::Config, http::refusal::Refusal};

/// What a request takes beside its body, in bytes: its head, its task, its place in the connection.
pub(crate) const PER_REQUEST: usize = 8 * 1024;
/// What values of JSON take at most once they are parsed, in bytes, for each of the characters that make them.
const PER_VALUE: usize = 256;

/// The bounds of a process, and how much of them is taken.
pub(crate) struct Shed {
    work: Semaphore,
    bodies: Bodies,
    pub(crate) memory: Memory,
    pub(crate) metrics: ShedMetrics,
}

impl Shed {
    pub(crate) fn new(config: &Config, metrics: ShedMetrics) -> Self {
        let max_memory = config.max_memory_bytes.or_else(limit::of_this_process);
        metrics.bounds(config, max_memory);
        Self {
            work: Semaphore::new(config.max_requests as usize),
            bodies: Bodies::new(config.max_body_memory_bytes, metrics.body_bytes.clone()),
            memory: Memory::new(max_memory, metrics.resident_bytes.clone(), metrics.shedding.clone()),
            metrics,
        }
    }

    /// Whether a new request may go on to its body. `by_memory`: the process's memory counts, too.
    pub(crate) fn look(&self, by_memory: bool) -> Result<(), Refusal> {
        if by_memory && self.memory.is_short() {
            return Err(self.refused(ShedReason::ProcessMemory));
        }
        if self.work.available_permits() == 0 {
            return Err(self.refused(ShedReason::InFlight));
        }
        Ok(())
    }

    /// A place among the requests in work. It is taken when the body is there: a client that sends slowly takes none.
    pub(crate) fn admit(&self) -> Result<InWork<'_>, Refusal> {
        let permit = self.work.try_acquire().map_err(|_| self.refused(ShedReason::InFlight))?;
        self.metrics.active_requests.inc();
        Ok(InWork { shed: self, _permit: permit })
    }

    /// Room for a body that begins to arrive. Without `bounded` it is counted only.
    pub(crate) fn room(&self, bounded: bool) -> Result<Room<'_>, Refusal> {
        let mut room = Room { shed: self, claim: self.bodies.claim(bounded) };
        room.grow(PER_REQUEST)?;
        Ok(room)
    }

    /// The refusal for `reason`, counted.
    fn refused(&self, reason: ShedReason) -> Refusal {
        self.metrics.refused(reason);
        Refusal::Overloaded(reason)
    }
}

/// A request in work, until it is dropped.
pub(crate) struct InWork<'a> {
    shed: &'a Shed,
    _permit: SemaphorePermit<'a>,
}

impl Drop for InWork<'_> {
    fn drop(&mut self) {
        self.shed.metrics.active_requests.dec();
    }
}

/// The room of one body, until it is dropped.
pub(crate) struct Room<'a> {
    shed: &'a Shed,
    claim: Claim<'a>,
}

impl Room<'_> {
    /// Room for so many bytes more.
    pub(crate) fn grow(&mut self, bytes: usize) -> Result<(), Refusal> {
        self.claim.grow(bytes).map_err(|_| self.shed.refused(ShedReason::BodyMemory))
    }

    /// All of the body is there, and it will be parsed: a megabyte of empty lists is a hundred of values.
    pub(crate) fn arrived(&mut self, body: &[u8]) -> Result<(), Refusal> {
        self.grow(values(body) * PER_VALUE)?;
        self.claim.arrived().map_err(|_| self.shed.refused(ShedReason::BodyMemory))
    }

    /// Waits until the room is somebody else's.
    pub(crate) async fn gave_way(&self) -> Refusal {
        self.claim.gave_way().await;
        self.shed.refused(ShedReason::BodyMemory)
    }
}

/// The characters outside of strings that make values: `,` `:` `[` `{`. Where it is no JSON, none behind the first mistake is
/// parsed.
fn values(body: &[u8]) -> usize {
    let (mut values, mut in_string, mut escaped) = (0, false, false);
    for byte in body {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = in_string,
            b'"' => in_string = !in_string,
            b',' | b':' | b'[' | b'{' if !in_string => values += 1,
            _ => {}
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_counted_and_text_is_not() {
        for (body, wanted) in [("", 0), ("[[],{}]", 4), (r#"{"a,[":1}"#, 2), (r#"["\"[,", 1]"#, 2), (r#"["\\",[]]"#, 3)]
        {
            assert_eq!(values(body.as_bytes()), wanted, "{body}");
        }
    }
}
