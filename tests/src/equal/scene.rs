//! A scene to write in: two users and what they have, apart from the world and from every other scene. All scenes are alike up
//! to ids and names.
#![expect(clippy::unwrap_used, reason = "a test without its rows has nothing to go on with")]

use serde_json::{Value, json};
use sqlx::AssertSqlSafe;

use crate::{app::TestApp, client::Client};

use super::values::{comment, post, user};

/// Rows that nobody else reads or writes.
#[derive(Debug)]
pub struct Scene {
    first: u128,
}

impl Scene {
    /// The `number`-th scene, whose rows are there when this returns.
    ///
    /// # Panics
    /// When it is there already.
    pub async fn set(app: &TestApp, number: u32) -> Self {
        let first = 1_000_000 + 10 * number;
        let rows = "
            insert into users (id, username, display_name, bio, created_at) values
                (id(F + 1), 'actor' || F, 'Actor', 'I act', at(300001)), (id(F + 2), 'other' || F, 'Other', null, at(300002));
            insert into posts (id, author_id, body, created_at, updated_at) values
                (id(F + 3), id(F + 1), 'mine', at(300003), at(300003)),
                (id(F + 4), id(F + 1), 'doomed', at(300004), at(300004)),
                (id(F + 5), id(F + 2), 'theirs', at(300005), at(300005));
            insert into comments (id, post_id, author_id, body, created_at) values
                (id(F + 6), id(F + 5), id(F + 1), 'I say', at(300006)),
                (id(F + 7), id(F + 3), id(F + 2), 'they say', at(300007)),
                (id(F + 8), id(F + 5), id(F + 2), 'they say to themselves', at(300008));";
        let rows = rows.replace('F', &first.to_string());
        sqlx::raw_sql(AssertSqlSafe(rows)).execute(&app.pool).await.unwrap();
        Self { first: first.into() }
    }

    /// Who writes.
    #[must_use]
    pub fn actor(&self, app: &TestApp) -> Client {
        app.user(self.first + 1)
    }

    /// What a variable of this name stands for.
    ///
    /// # Panics
    /// When no write has it.
    #[must_use]
    pub fn variable(&self, name: &str) -> Value {
        let n = self.first;
        match name {
            "actor" => json!(user(n + 1)),
            "other" => json!(user(n + 2)),
            "mine" => json!(post(n + 3)),
            "doomed" => json!(post(n + 4)),
            "theirs" => json!(post(n + 5)),
            "myComment" => json!(comment(n + 6)),
            "theirComment" => json!(comment(n + 7)),
            "foreignComment" => json!(comment(n + 8)),
            "absentPost" => json!(post(9_999)),
            "postKey" => json!(format!("post of scene {n}")),
            "commentKey" => json!(format!("comment of scene {n}")),
            unknown => panic!("no write has a variable ${unknown}"),
        }
    }
}
