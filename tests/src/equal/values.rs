//! What arguments are given: ids, names and cursors of the world of [`crate::world`], and some that open nothing.
#![expect(clippy::unwrap_used, reason = "a world that does not answer has nothing to be asked about")]

use std::collections::BTreeMap;

use nova_core::{CommentId, PostId, UserId};
use serde_json::Value;

use crate::{backend::id, client::Client};

/// Values for arguments.
#[derive(Debug)]
pub struct Values {
    /// Ids of users, posts and comments: most of them there, one absent of each, and a text that is none.
    pub ids: Vec<String>,
    /// Ids of posts, and some of nothing.
    pub posts: Vec<String>,
    /// Names of users, in some spelling, and of nobody.
    pub usernames: Vec<String>,
    /// For each list (`Type.field`) cursors that it gave out.
    pub cursors: BTreeMap<&'static str, Vec<String>>,
}

/// The global id of user `n`.
#[must_use]
pub fn user(n: u128) -> String {
    UserId(id(n)).to_global()
}

/// The global id of post `n`.
#[must_use]
pub fn post(n: u128) -> String {
    PostId(id(n)).to_global()
}

/// The global id of comment `n`.
#[must_use]
pub fn comment(n: u128) -> String {
    CommentId(id(n)).to_global()
}

impl Values {
    /// Values of the world, with cursors as `viewer` gets them.
    ///
    /// # Panics
    /// When the gateway does not answer.
    pub async fn of(viewer: &Client) -> Self {
        let document = "query Cursors($post: ID!) {
            feed: feed(first: 6) { edges { cursor } }
            user(username: \"user3\") {
                posts: posts(first: 6) { edges { cursor } }
                followers: followers(first: 4) { edges { cursor } }
                following: following(first: 4) { edges { cursor } }
            }
            post(id: $post) {
                comments: comments(first: 2) { edges { cursor } }
                likers: likers(first: 4) { edges { cursor } }
            }
        }";
        let answer = viewer.run(document, serde_json::json!({ "post": post(1008) })).await;
        let cursors = |path: &str| -> Vec<String> {
            let edges = answer["data"].pointer(path).and_then(|list| list["edges"].as_array());
            let text = |edge: &Value| edge["cursor"].as_str().unwrap().to_owned();
            edges.unwrap_or_else(|| panic!("no {path} in {answer}")).iter().map(text).collect()
        };
        Self {
            ids:
                [
                    &[
                        user(3),
                        post(1008),
                        comment(100_005),
                        user(4),
                        post(1009),
                        comment(100_006),
                        user(5),
                        post(1010),
                    ][..],
                    &[user(999), post(9_999), comment(999_999), "not an id".into()][..],
                ]
                .concat(),
            posts: vec![post(1008), post(1009), post(1010), post(1011), post(1040), post(9_999), user(3)],
            usernames: ["user3", "USER5", "user1", "user12", "User40", "nobody"].map(str::to_owned).into(),
            cursors: [
                ("Query.feed", "/feed"),
                ("User.posts", "/user/posts"),
                ("User.followers", "/user/followers"),
                ("User.following", "/user/following"),
                ("Post.comments", "/post/comments"),
                ("Post.likers", "/post/likers"),
            ]
            .into_iter()
            .map(|(list, path)| (list, cursors(path)))
            .collect(),
        }
    }
}
