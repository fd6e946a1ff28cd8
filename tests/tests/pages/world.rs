//! A small network of its own in a shared database: a star, a viewer, people around them; and what others write in it.
//!
//! Times are few, so that many rows share one.

use nova_core::token::TokenType;
use nova_tests::{
    app::{TestApp, token},
    client::Client,
};
use proptest::{prelude::*, sample::Index};
use sqlx::PgPool;
use uuid::Uuid;

use super::lists::{List, Place};

/// People beside the star and the viewer.
const PEOPLE: u64 = 24;
const STAR: u64 = 100;
const VIEWER: u64 = 101;
const POST: u64 = 200;
/// Rows that were there first have smaller numbers than this; what comes later has greater ones.
const LATER: u64 = 1 << 32;

/// The rows of a network: who (0 to 23, 24 for the star, 25 for the viewer), in which minute, and the number of its id.
#[derive(Debug, Clone)]
pub(crate) struct Rows {
    posts: Vec<(u64, i32, u64)>,
    comments: Vec<(u64, i32, u64)>,
    likers: Vec<(u64, i32)>,
    followers: Vec<(u64, i32)>,
    following: Vec<(u64, i32)>,
    viewer_follows: Vec<u64>,
}

pub(crate) fn some_rows() -> impl Strategy<Value = Rows> {
    let written = |authors: u64| prop::collection::vec((0..authors, 0..6_i32, 1000..LATER), 20..36);
    let people =
        || (prop::sample::subsequence((0..PEOPLE).collect::<Vec<_>>(), 12..=24), prop::collection::vec(0..5_i32, 24));
    let edges = || people().prop_map(|(people, minutes)| people.into_iter().zip(minutes).collect());
    let followed = prop::sample::subsequence((0..PEOPLE).collect::<Vec<_>>(), 4..20);
    (written(PEOPLE + 2), written(PEOPLE), edges(), edges(), edges(), followed).prop_map(
        |(mut posts, comments, likers, followers, following, viewer_follows)| {
            // The star's own list is worth a walk, too.
            posts.iter_mut().step_by(2).for_each(|post| post.0 = PEOPLE);
            Rows { posts, comments, likers, followers, following, viewer_follows }
        },
    )
}

impl Rows {
    /// Rows that nobody touches in [`World::churn`].
    pub(crate) fn keepers() -> Self {
        let minute = |n: u64| i32::try_from(n * 7 % 5).unwrap();
        let everybody = || (0..PEOPLE).map(|n| (n, minute(n))).collect();
        Self {
            posts: (0..40).map(|n| (if n % 2 == 0 { PEOPLE } else { n % PEOPLE }, minute(n), 5000 - 11 * n)).collect(),
            comments: (0..30).map(|n| (n % PEOPLE, minute(n), 7000 - 13 * n)).collect(),
            likers: everybody(),
            followers: everybody(),
            following: everybody(),
            viewer_follows: (0..PEOPLE).collect(),
        }
    }
}

/// What others do to a list between two pages.
#[derive(Debug, Clone)]
pub(crate) enum Write {
    /// The row that the cursor was made of goes.
    DropLast { hard: bool },
    /// Some row goes.
    Drop { which: Index, hard: bool },
    /// A row comes, before, behind or among the others.
    Add { id: u64, who: Index, minute: i32 },
    /// Somebody leaves.
    Leave(Index),
    /// The viewer follows somebody, or ceases to.
    Relink(Index),
}

pub(crate) fn a_write() -> impl Strategy<Value = Write> {
    let add = (LATER.., any::<Index>(), -2..8_i32).prop_map(|(id, who, minute)| Write::Add { id, who, minute });
    prop_oneof![
        3 => any::<bool>().prop_map(|hard| Write::DropLast { hard }),
        3 => (any::<Index>(), any::<bool>()).prop_map(|(which, hard)| Write::Drop { which, hard }),
        4 => add,
        1 => any::<Index>().prop_map(Write::Leave),
        1 => any::<Index>().prop_map(Write::Relink),
    ]
}

/// One network among others in a database.
#[derive(Debug, Clone)]
pub(crate) struct World(u128);

impl World {
    /// Puts `rows` into the database, as network `number`.
    pub(crate) async fn new(pool: &PgPool, number: u32, rows: &Rows) -> Self {
        let world = Self(u128::from(number) << 80);
        for user in (0..PEOPLE).chain([STAR, VIEWER]) {
            world.add_user(pool, user).await;
        }
        world.add_post(pool, POST, world.star(), 3).await;
        for (who, minute, id) in &rows.posts {
            world.add_post(pool, *id, world.author(*who), *minute).await;
        }
        for (who, minute, id) in &rows.comments {
            world.add_comment(pool, *id, world.author(*who), *minute).await;
        }
        for (list, edges) in
            [(List::Likers, &rows.likers), (List::Followers, &rows.followers), (List::Following, &rows.following)]
        {
            for (who, minute) in edges {
                world.add_edge(pool, list, world.id(*who), *minute).await;
            }
        }
        for who in &rows.viewer_follows {
            world.follow(pool, world.viewer_id(), world.id(*who), 0).await;
        }
        world
    }

    fn id(&self, number: u64) -> Uuid {
        Uuid::from_u128(self.0 | u128::from(number))
    }

    pub(crate) fn star(&self) -> Uuid {
        self.id(STAR)
    }

    pub(crate) fn viewer_id(&self) -> Uuid {
        self.id(VIEWER)
    }

    pub(crate) fn post(&self) -> Uuid {
        self.id(POST)
    }

    fn author(&self, who: u64) -> Uuid {
        match who {
            PEOPLE => self.star(),
            who if who > PEOPLE => self.viewer_id(),
            who => self.id(who),
        }
    }

    /// Whether a row was there first.
    pub(crate) fn is_keeper(id: Uuid) -> bool {
        id.as_u128() & u128::from(u64::MAX) < u128::from(LATER)
    }

    /// The viewer's client.
    pub(crate) fn viewer(&self, app: &TestApp) -> Client {
        app.anonymous().bearing(&token(self.viewer_id().as_u128(), TokenType::Access, ""))
    }

    /// One thing that others do to `list`, of which `rows` are there and `read` the last one that was read.
    pub(crate) async fn write(&self, pool: &PgPool, list: List, write: &Write, rows: &[Place], read: Option<Place>) {
        match write {
            Write::DropLast { hard } => {
                if let Some((_, id)) = read {
                    self.remove(pool, list, id, *hard).await;
                }
            }
            Write::Drop { which, hard } => {
                if !rows.is_empty() {
                    self.remove(pool, list, which.get(rows).1, *hard).await;
                }
            }
            Write::Add { id, who, minute } => {
                let who = self.id(who.index(24) as u64);
                match list {
                    List::Feed => self.add_post(pool, *id, who, *minute).await,
                    List::Posts => self.add_post(pool, *id, self.star(), *minute).await,
                    List::Comments => self.add_comment(pool, *id, who, *minute).await,
                    List::Likers | List::Followers | List::Following => {
                        self.add_user(pool, *id).await;
                        self.add_edge(pool, list, self.id(*id), *minute).await;
                    }
                }
            }
            Write::Leave(who) => self.leave(pool, self.id(who.index(24) as u64)).await,
            Write::Relink(who) => {
                let who = self.id(who.index(24) as u64);
                let gone = "delete from follows where follower_id = $1 and followee_id = $2";
                let gone = sqlx::query(gone).bind(self.viewer_id()).bind(who).execute(pool).await.unwrap();
                if gone.rows_affected() == 0 {
                    self.follow(pool, self.viewer_id(), who, 0).await;
                }
            }
        }
    }

    /// Adds a person and rows of theirs to every list, and takes some of it away again. Never touches who was there first.
    pub(crate) async fn churn(&self, pool: &PgPool, round: u64) {
        let (mine, minute) = (LATER + (round << 3), i32::try_from(round % 7).unwrap() - 1);
        let who = self.id(mine);
        self.add_user(pool, mine).await;
        self.follow(pool, self.viewer_id(), who, minute).await;
        self.add_post(pool, mine + 1, who, minute).await;
        self.add_post(pool, mine + 2, self.star(), minute).await;
        self.add_comment(pool, mine + 3, who, minute).await;
        for list in [List::Likers, List::Followers, List::Following] {
            self.add_edge(pool, list, who, minute).await;
        }
        match round % 4 {
            // Some stay, for those who walk to meet; not so many that a walk has no end.
            0 if round & 0xffff < 100 => {}
            1 => self.leave(pool, who).await,
            way => {
                let hard = way == 2;
                self.remove(pool, List::Posts, self.id(mine + 1), hard).await;
                self.remove(pool, List::Comments, self.id(mine + 3), hard).await;
                for list in [List::Likers, List::Followers, List::Following] {
                    self.remove(pool, list, who, true).await;
                }
            }
        }
        self.remove(pool, List::Posts, self.id(mine + 2), round.is_multiple_of(2)).await;
    }

    async fn add_user(&self, pool: &PgPool, number: u64) {
        let sql = "insert into users (id, username, display_name, created_at) values ($1, $2, 'Somebody', at(0))
            on conflict do nothing";
        let name = format!("w{}u{number}", self.0 >> 80);
        sqlx::query(sql).bind(self.id(number)).bind(name).execute(pool).await.unwrap();
    }

    async fn add_post(&self, pool: &PgPool, number: u64, author: Uuid, minute: i32) {
        let sql = "insert into posts (id, author_id, body, created_at) values ($1, $2, 'post', at($3)) on conflict do nothing";
        sqlx::query(sql).bind(self.id(number)).bind(author).bind(minute).execute(pool).await.unwrap();
    }

    async fn add_comment(&self, pool: &PgPool, number: u64, author: Uuid, minute: i32) {
        let sql = "insert into comments (id, post_id, author_id, body, created_at)
            values ($1, $2, $3, 'comment', at($4)) on conflict do nothing";
        let add = sqlx::query(sql).bind(self.id(number)).bind(self.post()).bind(author).bind(minute);
        add.execute(pool).await.unwrap();
    }

    async fn add_edge(&self, pool: &PgPool, list: List, who: Uuid, minute: i32) {
        match list {
            List::Followers => self.follow(pool, who, self.star(), minute).await,
            List::Following => self.follow(pool, self.star(), who, minute).await,
            _ => {
                let sql =
                    "insert into likes (post_id, user_id, created_at) values ($1, $2, at($3)) on conflict do nothing";
                sqlx::query(sql).bind(self.post()).bind(who).bind(minute).execute(pool).await.unwrap();
            }
        }
    }

    async fn follow(&self, pool: &PgPool, who: Uuid, whom: Uuid, minute: i32) {
        let sql =
            "insert into follows (follower_id, followee_id, created_at) values ($1, $2, at($3)) on conflict do nothing";
        sqlx::query(sql).bind(who).bind(whom).bind(minute).execute(pool).await.unwrap();
    }

    async fn leave(&self, pool: &PgPool, who: Uuid) {
        sqlx::query("update users set deleted_at = at(100) where id = $1").bind(who).execute(pool).await.unwrap();
    }

    /// Takes a row out of its list: for good, or by marking it (an edge: by marking its person).
    async fn remove(&self, pool: &PgPool, list: List, id: Uuid, hard: bool) {
        // Without it some lists would have no parent.
        if id == self.post() || id == self.star() {
            return;
        }
        let sql = match (list, hard) {
            (List::Feed | List::Posts, true) => "delete from posts where id = $1",
            (List::Feed | List::Posts, false) => "update posts set deleted_at = at(100) where id = $1",
            (List::Comments, true) => "delete from comments where id = $1",
            (List::Comments, false) => "update comments set deleted_at = at(100) where id = $1",
            (_, false) => return self.leave(pool, id).await,
            (List::Likers, true) => "delete from likes where user_id = $1 and post_id = $2",
            (List::Followers, true) => "delete from follows where follower_id = $1 and followee_id = $2",
            (List::Following, true) => "delete from follows where followee_id = $1 and follower_id = $2",
        };
        let parent = if list == List::Likers { self.post() } else { self.star() };
        let query = sqlx::query(sql).bind(id);
        let query = if sql.contains("$2") { query.bind(parent) } else { query };
        query.execute(pool).await.unwrap();
    }
}
