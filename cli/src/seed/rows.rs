//! Writes the rows of each table, each from random numbers of its own.
//!
//! Rows come nearly in the order of their keys, which makes them quick to load and near to each other on disk.

use rand::RngExt;
use tokio::sync::mpsc::Sender;

use super::SeedError;
use super::copy::{Chunk, Rows, Table};
use super::names::Names;
use super::network::{Follows, Network};
use super::random::{self, HOUR, Part, Picker, between, chance, numbers, shares, soon, zipf};
use super::words::Vocabulary;

const COMMENTS_PER_POST: u64 = 2;
const LIKES_PER_POST: u64 = 6;
/// From the most frequent to the rarest.
const CATEGORIES: [&str; 12] = [
    "technology",
    "music",
    "sports",
    "food",
    "travel",
    "gaming",
    "science",
    "film",
    "art",
    "fashion",
    "books",
    "nature",
];

/// Writes every table to `out`, in the order of [`Table::ALL`].
pub(super) fn write(network: &Network, out: &Sender<Chunk>) -> Result<(), SeedError> {
    let words = Vocabulary::new(network.seed)?;
    users(network, &words, out)?;
    follows(network, out)?;
    posts(network, &words, out)?;
    comments(network, &words, out)?;
    likes(network, out)
}

fn users(network: &Network, words: &Vocabulary, out: &Sender<Chunk>) -> Result<(), SeedError> {
    let mut rng = numbers(network.seed, Part::Users);
    let mut rows = Rows::new(Table::Users, out);
    let mut names = Names::new(&mut rng);
    let mut bio = String::new();
    for (place, (person, verified)) in network.people.iter().zip(&network.verified).enumerate() {
        let (mut username, shown) = names.next(&mut rng);
        if let Follows::Recorded(graph) = &network.follows {
            username = format!("node{}", graph.nodes[place]);
        }
        let has_bio = chance(&mut rng, 40);
        if has_bio {
            words.write(&mut rng, 1, &mut bio);
        }
        let avatar = chance(&mut rng, 70).then(|| format!("https://avatars.nova.example/{}.webp", person.id));
        rows.add(|row| {
            row.id(person.id)
                .text(&username)
                .text(&shown)
                .optional(has_bio.then_some(&bio))
                .optional(avatar.as_deref())
                .flag(*verified)
                .time(person.created);
        })?;
    }
    Ok(rows.finish()?)
}

fn follows(network: &Network, out: &Sender<Chunk>) -> Result<(), SeedError> {
    let mut rng = numbers(network.seed, Part::Follows);
    let mut rows = Rows::new(Table::Follows, out);
    let mut add = |rng: &mut _, follower: usize, followee: usize| {
        let (one, other) = (&network.people[follower], &network.people[followee]);
        let at = between(rng, one.created.max(other.created), network.now);
        rows.add(|row| {
            row.id(one.id).id(other.id).time(at);
        })
    };
    match &network.follows {
        Follows::Drawn(following) => {
            let mut popular = Picker::new(network.popularity.clone())?;
            let mut followees = Vec::new();
            for (follower, count) in following.iter().enumerate() {
                popular.distinct(&mut rng, *count, Some(follower), &mut followees);
                for followee in &followees {
                    add(&mut rng, follower, *followee)?;
                }
            }
        }
        Follows::Recorded(graph) => {
            for (follower, followee) in &graph.follows {
                add(&mut rng, *follower as usize, *followee as usize)?;
            }
        }
    }
    Ok(rows.finish()?)
}

fn posts(network: &Network, words: &Vocabulary, out: &Sender<Chunk>) -> Result<(), SeedError> {
    let mut rng = numbers(network.seed, Part::Posts);
    let mut rows = Rows::new(Table::Posts, out);
    let categories = Picker::new(zipf(12, 1.0))?;
    let mut body = String::new();
    for post in &network.posts {
        let sentences = rng.random_range(1..=4);
        words.write(&mut rng, sentences, &mut body);
        let content_type = match rng.random_range(0..100) {
            0..88 => "post",
            88..97 => "video",
            _ => "stream",
        };
        let category = chance(&mut rng, 85).then(|| CATEGORIES[categories.one(&mut rng)]);
        let updated = if chance(&mut rng, 3) { soon(&mut rng, post.created, HOUR, network.now) } else { post.created };
        rows.add(|row| {
            row.id(post.id)
                .id(network.people[post.author].id)
                .text(&body)
                .text(content_type)
                .optional(category)
                .time(post.created)
                .time(updated);
        })?;
    }
    Ok(rows.finish()?)
}

fn comments(network: &Network, words: &Vocabulary, out: &Sender<Chunk>) -> Result<(), SeedError> {
    let mut rng = numbers(network.seed, Part::Comments);
    let mut rows = Rows::new(Table::Comments, out);
    let talkative = Picker::new(network.activity.clone())?;
    let counts = shares(&network.appeal, network.posts.len() as u64 * COMMENTS_PER_POST, u32::MAX);
    let mut body = String::new();
    let mut thread = Vec::new();
    for (post, count) in network.posts.iter().zip(counts) {
        thread.clear();
        thread.extend((0..count).map(|_| {
            let author = &network.people[talkative.one(&mut rng)];
            (soon(&mut rng, post.created.max(author.created), 12 * HOUR, network.now), author.id)
        }));
        thread.sort_unstable();
        for (at, author) in &thread {
            let sentences = if chance(&mut rng, 70) { 1 } else { 2 };
            words.write(&mut rng, sentences, &mut body);
            let id = random::id(&mut rng, *at);
            rows.add(|row| {
                row.id(id).id(post.id).id(*author).text(&body).time(*at);
            })?;
        }
    }
    Ok(rows.finish()?)
}

fn likes(network: &Network, out: &Sender<Chunk>) -> Result<(), SeedError> {
    let mut rng = numbers(network.seed, Part::Likes);
    let mut rows = Rows::new(Table::Likes, out);
    let mut active = Picker::new(network.activity.clone())?;
    let everybody = u32::try_from(network.people.len()).unwrap_or(u32::MAX);
    let counts = shares(&network.appeal, network.posts.len() as u64 * LIKES_PER_POST, everybody);
    let mut likers = Vec::new();
    for (post, count) in network.posts.iter().zip(counts) {
        active.distinct(&mut rng, count, None, &mut likers);
        for liker in likers.iter().map(|liker| &network.people[*liker]) {
            let at = soon(&mut rng, post.created.max(liker.created), 8 * HOUR, network.now);
            rows.add(|row| {
                row.id(post.id).id(liker.id).time(at);
            })?;
        }
    }
    Ok(rows.finish()?)
}
