//! The migrations of this build, in their order.

/// One step of the schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Migration {
    /// Its place in the order, from 1; the number in the file's name.
    pub version: i32,
    /// What it does, in a word.
    pub name: &'static str,
    /// Its statements, run in one transaction.
    pub sql: &'static str,
}

macro_rules! migrations {
    ($($version:literal $name:literal = $file:literal;)*) => {
        /// Every migration, oldest first. Append; never edit one that was released.
        pub const ALL: &[Migration] = &[$(Migration {
            version: $version,
            name: $name,
            sql: include_str!(concat!("../postgres/", $file)),
        },)*];
    };
}

migrations! {
    1 "core" = "0001_core.sql";
    2 "indexes" = "0002_indexes.sql";
    3 "counters" = "0003_counters.sql";
    4 "outbox" = "0004_outbox.sql";
    5 "idempotency" = "0005_idempotency.sql";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_count_from_one_without_a_gap() {
        let versions: Vec<_> = ALL.iter().map(|migration| migration.version).collect();
        let counted: Vec<_> = (1..).take(ALL.len()).collect();
        assert_eq!(versions, counted);
    }
}
