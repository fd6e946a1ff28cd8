//! The lists that can be walked, how they are asked for, and what is truly in them.

use nova_core::{PostId, UserId};
use nova_tests::app::TestApp;
use serde_json::{Value, json};
use sqlx::PgPool;
use uuid::Uuid;

use super::world::World;

/// Where a row stands in its list: microseconds, then id.
pub(crate) type Place = (i64, Uuid);

/// A list of the network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum List {
    /// The viewer's.
    Feed,
    /// The star's posts.
    Posts,
    /// What is said about the star's post.
    Comments,
    /// Who likes it.
    Likers,
    /// Who follows the star.
    Followers,
    /// Whom the star follows.
    Following,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    Forward,
    Backward,
}

impl List {
    pub(crate) const ALL: [Self; 6] =
        [Self::Feed, Self::Posts, Self::Comments, Self::Likers, Self::Followers, Self::Following];

    /// Every way through every list.
    pub(crate) const WALKS: [(Self, Direction); 9] = [
        (Self::Feed, Direction::Forward),
        (Self::Feed, Direction::Backward),
        (Self::Posts, Direction::Forward),
        (Self::Posts, Direction::Backward),
        (Self::Comments, Direction::Forward),
        (Self::Comments, Direction::Backward),
        (Self::Likers, Direction::Forward),
        (Self::Followers, Direction::Forward),
        (Self::Following, Direction::Forward),
    ];

    pub(crate) fn directions(self) -> &'static [Direction] {
        match self {
            Self::Feed | Self::Posts | Self::Comments => &[Direction::Forward, Direction::Backward],
            _ => &[Direction::Forward],
        }
    }

    pub(crate) fn is_oldest_first(self) -> bool {
        self == Self::Comments
    }

    /// Where it is in an answer.
    pub(crate) fn path(self) -> &'static str {
        if self == Self::Feed { "list" } else { "node.list" }
    }

    /// The answer of the gateway.
    pub(crate) async fn ask(
        self,
        app: &TestApp,
        world: &World,
        direction: Direction,
        size: usize,
        cursor: Option<&str>,
    ) -> Value {
        let arguments = match direction {
            Direction::Forward => "first: $size, after: $cursor",
            Direction::Backward => "last: $size, before: $cursor",
        };
        let page = "{ edges { cursor node { id } }
            pageInfo { hasNextPage hasPreviousPage startCursor endCursor } }";
        let star = UserId(world.star()).to_global();
        let post = PostId(world.post()).to_global();
        let of =
            |id, name, field| format!("node(id: \"{id}\") {{ ... on {name} {{ list: {field}({arguments}) {page} }} }}");
        let selection = match self {
            Self::Feed => format!("list: feed({arguments}) {page}"),
            Self::Posts => of(star, "User", "posts"),
            Self::Comments => of(post, "Post", "comments"),
            Self::Likers => of(post, "Post", "likers"),
            Self::Followers => of(star, "User", "followers"),
            Self::Following => of(star, "User", "following"),
        };
        let document = format!("query($size: Int!, $cursor: String) {{ {selection} }}");
        world.viewer(app).run(&document, json!({ "size": size, "cursor": cursor })).await
    }

    /// What is in it now, in its order, as the tables say.
    pub(crate) async fn rows(self, pool: &PgPool, world: &World) -> Vec<Place> {
        let (sql, parent) = match self {
            Self::Feed => (
                "select p.created_at at, p.id from posts p join users u on u.id = p.author_id
                 where p.deleted_at is null and u.deleted_at is null and (p.author_id = $1 or p.author_id in
                     (select followee_id from follows where follower_id = $1))",
                world.viewer_id(),
            ),
            Self::Posts => {
                ("select created_at at, id from posts where author_id = $1 and deleted_at is null", world.star())
            }
            Self::Comments => (
                "select c.created_at at, c.id from comments c join users u on u.id = c.author_id
                 where c.post_id = $1 and c.deleted_at is null and u.deleted_at is null",
                world.post(),
            ),
            Self::Likers => (
                "select l.created_at at, u.id from likes l join users u on u.id = l.user_id
                 where l.post_id = $1 and u.deleted_at is null",
                world.post(),
            ),
            Self::Followers => (
                "select f.created_at at, u.id from follows f join users u on u.id = f.follower_id
                 where f.followee_id = $1 and u.deleted_at is null",
                world.star(),
            ),
            Self::Following => (
                "select f.created_at at, u.id from follows f join users u on u.id = f.followee_id
                 where f.follower_id = $1 and u.deleted_at is null",
                world.star(),
            ),
        };
        let sql = format!("select (extract(epoch from at) * 1000000)::bigint, id from ({sql}) rows");
        let mut rows: Vec<Place> = sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(parent).fetch_all(pool).await.unwrap();
        rows.sort_unstable();
        if !self.is_oldest_first() {
            rows.reverse();
        }
        rows
    }
}
