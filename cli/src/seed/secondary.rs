//! What makes loading slow, put aside and brought back as it was: indexes, keys and triggers of the loaded tables.
//!
//! Never knows them by name: their definitions are read from the catalog, so a new index needs no change here.
//! Comments on an index or key would be lost.

use sqlx::{AssertSqlSafe, PgConnection, Row, raw_sql};

use super::SeedError;

/// What puts one thing aside, and what brings it back. In order of putting aside.
const DEFINITIONS: &str = "
    with loaded as (select oid from unnest($1::text[]::regclass[]) oid)
    select put_aside, bring_back from (
        select 1 as place, tgname::text as name,
            format('alter table %s disable trigger %I', tgrelid::regclass, tgname) as put_aside,
            format('alter table %s enable trigger %I', tgrelid::regclass, tgname) as bring_back
        from pg_trigger
        where tgrelid in (select oid from loaded) and not tgisinternal and tgenabled = 'O'
        union all
        select case contype when 'f' then 2 else 3 end, conname::text,
            format('alter table %s drop constraint %I', conrelid::regclass, conname),
            format('alter table %s add constraint %I %s', conrelid::regclass, conname, pg_get_constraintdef(oid))
        from pg_constraint
        where contype in ('f', 'p', 'u', 'x')
            and (conrelid in (select oid from loaded) or confrelid in (select oid from loaded))
        union all
        select 4, indexrelid::regclass::text,
            format('drop index %s', indexrelid::regclass), pg_get_indexdef(indexrelid)
        from pg_index
        where indrelid in (select oid from loaded)
            and not exists (select from pg_constraint where conindid = indexrelid and contype in ('p', 'u', 'x'))
    ) as everything
    order by place, put_aside";

/// What was put aside.
pub(super) struct Secondary {
    bring_back: Vec<String>,
}

impl Secondary {
    /// Puts aside what hangs on `tables`.
    pub(super) async fn put_aside(connection: &mut PgConnection, tables: &[&str]) -> Result<Self, SeedError> {
        let rows = sqlx::query(DEFINITIONS).bind(tables).fetch_all(&mut *connection).await?;
        let mut bring_back = Vec::with_capacity(rows.len());
        for row in rows {
            // From the catalog, with every name quoted by the server.
            raw_sql(AssertSqlSafe(row.try_get::<String, _>("put_aside")?)).execute(&mut *connection).await?;
            bring_back.push(row.try_get("bring_back")?);
        }
        Ok(Self { bring_back })
    }

    /// Brings everything back, in the reverse order: indexes, keys, foreign keys, triggers.
    pub(super) async fn bring_back(self, connection: &mut PgConnection) -> Result<(), SeedError> {
        for statement in self.bring_back.into_iter().rev() {
            raw_sql(AssertSqlSafe(statement)).execute(&mut *connection).await?;
        }
        Ok(())
    }
}
