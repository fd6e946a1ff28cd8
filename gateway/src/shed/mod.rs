//! What the gateway takes on at a time: operations in work, memory for bodies, memory of the process. Above a bound a request
//! is refused at once, with a reason; nobody waits here. It ends nothing that is already going on.

mod bodies;
mod limit;
mod metrics;
mod watermark;

use http::request::Parts;
use tokio::sync::{Semaphore, SemaphorePermit};

use self::bodies::{Bodies, Claim};
pub(crate) use self::{
    metrics::{ShedMetrics, ShedReason},
    watermark::Memory,
};
use crate::{config::Config, http::refusal::Refusal};

/// What a request takes beside its head and its body, in bytes: its task, its place in the connection.
pub(crate) const PER_REQUEST: usize = 8 * 1024;
/// What a field of a head takes beside its value, in bytes.
const PER_FIELD: usize = 100;
/// What values of JSON take at most once they are parsed, in bytes, for each of the characters that make them.
const PER_VALUE: usize = 256;
/// Which part of the memory for bodies one of them may take.
const SHARE: u64 = 8;
/// The values that the longest body may have, however little memory there is: it is one long text.
const LEAST_VALUES: usize = 64;

/// The bounds of a process, and how much of them is taken.
pub(crate) struct Shed {
    work: Semaphore,
    bodies: Bodies,
    /// The most that one body may take once it is parsed, in bytes.
    most_of_one: usize,
    pub(crate) memory: Memory,
    pub(crate) metrics: ShedMetrics,
}

impl Shed {
    pub(crate) fn new(config: &Config, metrics: ShedMetrics) -> Self {
        let max_memory = config.max_memory_bytes.or_else(limit::of_this_process);
        metrics.bounds(config, max_memory);
        let share = usize::try_from(config.max_body_memory_bytes / SHARE).unwrap_or(usize::MAX);
        Self {
            work: Semaphore::new(config.max_requests as usize),
            bodies: Bodies::new(config.max_body_memory_bytes, metrics.body_bytes.clone()),
            most_of_one: share.max(config.max_body() + LEAST_VALUES * PER_VALUE),
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

    /// Room for the request of `head`, whose body begins to arrive. Without `bounded` it is counted only.
    pub(crate) fn room(&self, bounded: bool, head: &Parts) -> Result<Room<'_>, Refusal> {
        let claim = self.bodies.claim(bounded, weight(head)).map_err(|_| self.refused(ShedReason::BodyMemory))?;
        Ok(Room { shed: self, claim, bounded })
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
    bounded: bool,
}

impl Room<'_> {
    /// Room for so many bytes more.
    pub(crate) fn grow(&mut self, bytes: usize) -> Result<(), Refusal> {
        self.claim.grow(bytes).map_err(|_| self.shed.refused(ShedReason::BodyMemory))
    }

    /// All of the body is there, `rest` of its bytes without room yet, and it will be parsed: a megabyte of empty lists is a
    /// hundred of values. Where that is more than one may have, nobody gives way for it.
    pub(crate) fn arrived(&mut self, rest: usize, body: &[u8]) -> Result<(), Refusal> {
        let values = values(body) * PER_VALUE;
        if self.bounded && body.len() + values > self.shed.most_of_one {
            return Err(Refusal::TooManyValues);
        }
        self.claim.arrived(rest + values).map_err(|_| self.shed.refused(ShedReason::BodyMemory))
    }

    /// Waits until the room is somebody else's.
    pub(crate) async fn gave_way(&self) -> Refusal {
        self.claim.gave_way().await;
        self.shed.refused(ShedReason::BodyMemory)
    }
}

/// What a request takes before its body comes, in bytes.
fn weight(head: &Parts) -> usize {
    let fields: usize = head.headers.values().map(|value| PER_FIELD + value.len()).sum();
    PER_REQUEST + fields + head.uri.path_and_query().map_or(0, |path| path.as_str().len())
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
    use http::Request;

    use super::*;

    #[test]
    fn values_are_counted_and_text_is_not() {
        for (body, wanted) in [("", 0), ("[[],{}]", 4), (r#"{"a,[":1}"#, 2), (r#"["\"[,", 1]"#, 2), (r#"["\\",[]]"#, 3)]
        {
            assert_eq!(values(body.as_bytes()), wanted, "{body}");
        }
    }

    fn head(fields: usize) -> Parts {
        let mut request = Request::get("http://x/graphql");
        for n in 0..fields {
            request = request.header(format!("x-{n}"), "1");
        }
        request.body(()).unwrap().into_parts().0
    }

    #[test]
    fn a_head_counts_with_its_fields() {
        let shed = Shed::new(&Config::default(), ShedMetrics::default());
        let small = shed.room(true, &head(0)).unwrap();
        assert_eq!(shed.metrics.body_bytes.get(), 8 * 1024 + 8);
        let full = shed.room(true, &head(900)).unwrap();
        assert_eq!(shed.metrics.body_bytes.get(), 2 * (8 * 1024 + 8) + 900 * 101);
        drop((small, full));
        assert_eq!(shed.metrics.body_bytes.get(), 0);
    }

    #[test]
    fn one_body_has_its_share_and_nobody_gives_way_for_more() {
        let config = Config::default();
        let shed = Shed::new(&config, ShedMetrics::default());
        let mut arriving = shed.room(true, &head(0)).unwrap();
        arriving.grow(config.max_body()).unwrap();
        let list = |values: usize| format!("[{}1]", "1,".repeat(values - 1)).into_bytes();
        let share = usize::try_from(config.max_body_memory_bytes).unwrap() / 8;
        let most = share / (PER_VALUE + 2);
        let mut fits = shed.room(true, &head(0)).unwrap();
        assert_eq!(fits.arrived(list(most).len(), &list(most)), Ok(()));
        let many = list(most + 1);
        let mut refused = shed.room(true, &head(0)).unwrap();
        assert_eq!(refused.arrived(many.len(), &many), Err(Refusal::TooManyValues));
        let mut counted = shed.room(false, &head(0)).unwrap();
        assert_eq!(counted.arrived(many.len(), &many), Ok(()), "without the flag");
        assert_eq!(arriving.arrived(0, b""), Ok(()), "it did not have to give way");
    }

    #[test]
    fn the_longest_text_has_room_in_the_least_memory() {
        let config = Config { max_body_memory_bytes: 2 * 1024 * 1024, ..Config::default() };
        let shed = Shed::new(&config, ShedMetrics::default());
        let mut text =
            br#"{"query":"mutation($body:String!){createPost(body:$body){id}}","variables":{"body":""#.to_vec();
        text.resize(config.max_body() - 3, b'x');
        text.extend(br#""}}"#);
        let mut room = shed.room(true, &head(20)).unwrap();
        assert_eq!(room.arrived(text.len(), &text), Ok(()));
    }
}
