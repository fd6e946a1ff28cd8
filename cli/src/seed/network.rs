//! The network in outline: who is there since when, how popular and how active they are, and which posts exist.
//!
//! What is kept in memory is a few dozen bytes per user and post; everything else is written as it is drawn (`rows`).

use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use uuid::Uuid;

use super::edges::Graph;
use super::random::{self, DAY, MINUTE, Micros, Part, between, long_tail, numbers, shares, zipf};

const FOLLOWS_PER_USER: u64 = 10;
const POSTS_PER_USER: u64 = 3;
/// The exponent of the law by which popularity falls with rank.
const POPULARITY: f64 = 0.8;
/// How far people are apart in what they do.
const ACTIVITY: f64 = 1.2;
/// How long ago the first user came.
const FIRST_USER: Micros = 800 * DAY;
/// How long ago the last user came.
const LAST_USER: Micros = DAY;
/// How long ago the oldest post was written.
const FIRST_POST: Micros = 90 * DAY;
/// How long ago the newest post was written.
const LAST_POST: Micros = MINUTE;

/// A user, by its place in order of arrival.
pub(super) struct Person {
    pub(super) id: Uuid,
    pub(super) created: Micros,
}

/// A post, by its place in order of writing.
pub(super) struct Post {
    pub(super) id: Uuid,
    pub(super) created: Micros,
    pub(super) author: usize,
}

/// Who follows whom.
pub(super) enum Follows {
    /// Drawn as they are written: how many others each person follows, the popular ones more often.
    Drawn(Vec<u32>),
    /// As somebody recorded them. Its nodes are the people, in their order.
    Recorded(Graph),
}

/// The outline of the network.
pub(super) struct Network {
    pub(super) seed: u64,
    pub(super) now: Micros,
    pub(super) people: Vec<Person>,
    /// Of each person: how much others look at them. By Zipf's law, or as many as follow them.
    pub(super) popularity: Vec<f64>,
    /// Of each person: whether they are among the most popular hundredth.
    pub(super) verified: Vec<bool>,
    /// Of each person: how much they write, answer and follow. A long tail.
    pub(super) activity: Vec<f64>,
    pub(super) follows: Follows,
    pub(super) posts: Vec<Post>,
    /// Of each post: how much others answer and like it. A long tail that begins with its author's popularity.
    pub(super) appeal: Vec<f64>,
}

impl Network {
    /// Draws the outline of a network of `users` people at the time `now`.
    pub(super) fn drawn(users: u32, seed: u64, now: Micros) -> Self {
        let mut rng = numbers(seed, Part::Shape);
        let mut popularity = zipf(users, POPULARITY);
        popularity.shuffle(&mut rng);
        let activity: Vec<f64> = (0..users).map(|_| long_tail(&mut rng, ACTIVITY)).collect();
        let following = shares(&activity, u64::from(users) * FOLLOWS_PER_USER, users.saturating_sub(1));
        Self::around(rng, seed, now, popularity, activity, Follows::Drawn(following))
    }

    /// Draws the outline of a network around a recorded graph.
    pub(super) fn recorded(graph: Graph, seed: u64, now: Micros) -> Self {
        let mut rng = numbers(seed, Part::Shape);
        let mut popularity = vec![1.0; graph.nodes.len()];
        for (_, followee) in &graph.follows {
            popularity[*followee as usize] += 1.0;
        }
        let activity = graph.nodes.iter().map(|_| long_tail(&mut rng, ACTIVITY)).collect();
        Self::around(rng, seed, now, popularity, activity, Follows::Recorded(graph))
    }

    fn around(
        mut rng: ChaCha8Rng,
        seed: u64,
        now: Micros,
        popularity: Vec<f64>,
        activity: Vec<f64>,
        follows: Follows,
    ) -> Self {
        let users = u32::try_from(popularity.len()).unwrap_or(u32::MAX);
        let people = arrivals(users, now)
            .map(|created| Person { id: random::id(&mut rng, created), created })
            .collect::<Vec<_>>();

        let mut written: Vec<(Micros, usize)> = Vec::new();
        for (author, posts) in shares(&activity, u64::from(users) * POSTS_PER_USER, u32::MAX).into_iter().enumerate() {
            let start = people[author].created.max(now - FIRST_POST);
            written.extend((0..posts).map(|_| (between(&mut rng, start, now - LAST_POST), author)));
        }
        written.sort_unstable();
        let posts: Vec<Post> = written
            .into_iter()
            .map(|(created, author)| Post { id: random::id(&mut rng, created), created, author })
            .collect();
        let appeal = posts.iter().map(|post| popularity[post.author].sqrt() * long_tail(&mut rng, 1.3)).collect();
        let verified = most_popular(&popularity);
        Self { seed, now, people, popularity, verified, activity, follows, posts, appeal }
    }
}

/// Marks the most popular hundredth; of equals, who came first.
fn most_popular(popularity: &[f64]) -> Vec<bool> {
    let mut order: Vec<usize> = (0..popularity.len()).collect();
    order.sort_by(|one, other| popularity[*other].total_cmp(&popularity[*one]));
    let mut marks = vec![false; popularity.len()];
    for person in order.into_iter().take(popularity.len() / 100) {
        marks[person] = true;
    }
    marks
}

/// When people came: fewer at first, more later.
fn arrivals(users: u32, now: Micros) -> impl Iterator<Item = Micros> {
    (0..users).map(move |person| {
        let share = (f64::from(person) + 0.5) / f64::from(users.max(1));
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_precision_loss,
            reason = "years in microseconds fit in 53 bits"
        )]
        let after = ((FIRST_USER - LAST_USER) as f64 * share.sqrt()) as Micros;
        now - FIRST_USER + after
    })
}
