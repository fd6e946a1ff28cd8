//! Who has the places of a listener, and who gives his to a new client when all are taken. It asks for a place and ends no
//! connection itself: whoever was asked looks again, and stays if he is busy by then.

use std::{
    collections::{HashMap, VecDeque},
    net::IpAddr,
    sync::Arc,
};

use tokio::task::Id;

use super::{
    activity::{Activity, Snapshot},
    verdict::GivesWay,
};
use crate::client_address::ClientAddress;

/// How many of those who may give way are remembered, so that not everybody is looked at for each new client.
const REMEMBERED: usize = 256;

/// The connections of a listener, by their tasks.
pub(super) struct Places {
    max: usize,
    /// Of one address; 0 is as many as there are.
    max_per_address: u32,
    taken: HashMap<Id, Place>,
    addresses: HashMap<ClientAddress, u32>,
    /// The first of those who may give way, and what they were at when they were looked at. Whoever is not in here, or has
    /// done something since, comes after them.
    next: VecDeque<(GivesWay, Id)>,
}

struct Place {
    activity: Arc<Activity>,
    address: ClientAddress,
    /// Asked to give way.
    asked: Option<GivesWay>,
}

impl Places {
    pub(super) fn new(max: u32, max_per_address: u32) -> Self {
        let (taken, addresses) = (HashMap::new(), HashMap::new());
        Self { max: max as usize, max_per_address, taken, addresses, next: VecDeque::new() }
    }

    /// Whether one more can be taken.
    pub(super) fn free(&self) -> bool {
        self.taken.len() < self.max
    }

    /// Whether `address` has as many as it may.
    pub(super) fn full_for(&self, address: IpAddr) -> bool {
        let count = self.addresses.get(&address.into());
        self.max_per_address > 0 && count.is_some_and(|count| *count >= self.max_per_address)
    }

    pub(super) fn take(&mut self, id: Id, address: IpAddr, activity: Arc<Activity>) {
        let address = address.into();
        *self.addresses.entry(address).or_default() += 1;
        self.taken.insert(id, Place { activity, address, asked: None });
    }

    pub(super) fn leave(&mut self, id: Id) {
        let Some(place) = self.taken.remove(&id) else { return };
        if let Some(count) = self.addresses.get_mut(&place.address) {
            *count -= 1;
            if *count == 0 {
                self.addresses.remove(&place.address);
            }
        }
    }

    /// Asks one connection to give way; `false` if none may.
    pub(super) fn make_room(&mut self) -> bool {
        self.ask_next() || {
            self.look();
            self.ask_next()
        }
    }

    /// Asks as many as `count` to give way that have been waiting for their clients for a while.
    pub(super) fn relieve(&mut self, count: usize) {
        for (gives_way, id) in self.first(count, |snapshot, gives_way| gives_way.is_quiet(snapshot)) {
            self.ask(gives_way, id);
        }
    }

    fn ask_next(&mut self) -> bool {
        while let Some((gives_way, id)) = self.next.pop_front() {
            if self.ask(gives_way, id) {
                return true;
            }
        }
        false
    }

    /// Asks one, if it still is at what it was.
    fn ask(&mut self, gives_way: GivesWay, id: Id) -> bool {
        let Some(place) = self.taken.get_mut(&id) else { return false };
        if place.activity.snapshot().gives_way() != Some(gives_way) {
            return false;
        }
        place.asked = Some(gives_way);
        place.activity.wanted.notify_one();
        true
    }

    /// Remembers the first of one kind: who is in no request goes before all who are, also when he gets there later.
    fn look(&mut self) {
        let mut first = self.first(REMEMBERED, |_, _| true);
        let kind = first.first().map(|(gives_way, _)| gives_way.in_a_request);
        first.retain(|(gives_way, _)| Some(gives_way.in_a_request) == kind);
        self.next = first.into();
    }

    /// The first of those who may give way, were not asked already, and are `wanted`, in their order.
    fn first(&mut self, count: usize, wanted: impl Fn(&Snapshot, &GivesWay) -> bool) -> Vec<(GivesWay, Id)> {
        let of = |(id, place): (&Id, &mut Place)| {
            let snapshot = place.activity.snapshot();
            let Some(gives_way) = snapshot.gives_way() else {
                // It stayed, if it was asked.
                place.asked = None;
                return None;
            };
            (place.asked != Some(gives_way) && wanted(&snapshot, &gives_way)).then_some((gives_way, *id))
        };
        let mut all: Vec<_> = self.taken.iter_mut().filter_map(of).collect();
        if all.len() > count {
            all.select_nth_unstable_by_key(count, |(gives_way, _)| *gives_way);
            all.truncate(count);
        }
        all.sort_unstable_by_key(|(gives_way, _)| *gives_way);
        all
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    fn new_task() -> Id {
        tokio::spawn(async {}).id()
    }

    #[tokio::test]
    async fn an_address_of_ipv6_counts_with_its_network() {
        let mut places = Places::new(8, 1);
        let of = |address: &str| address.parse::<IpAddr>().unwrap();
        let first = new_task();
        places.take(first, of("2001:db8::1"), Activity::new(Instant::now()));
        assert!(places.full_for(of("2001:db8::2")) && !places.full_for(of("2001:db8:0:1::1")));
        places.leave(first);
        assert!(!places.full_for(of("2001:db8::2")));
        places.take(new_task(), of("::ffff:192.0.2.1"), Activity::new(Instant::now()));
        assert!(places.full_for(of("192.0.2.1")) && !places.full_for(of("192.0.2.2")));
    }

    #[tokio::test(start_paused = true)]
    async fn who_stayed_is_asked_again_when_he_waits_again() {
        let mut places = Places::new(1, 0);
        let activity = Activity::new(Instant::now());
        places.take(new_task(), IpAddr::from([192, 0, 2, 1]), Arc::clone(&activity));
        assert!(places.make_room() && !places.make_room(), "once");
        let open = activity.request(false);
        assert!(!places.make_room(), "he is busy");
        drop(open);
        assert!(places.make_room());
    }
}
