//! A table of a history in both engines, and how each is asked for its rows in the same order.

use super::cell::Kind;

/// A table as it is on PostgreSQL, and where its rows stand in SQLite.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) name: &'static str,
    /// The table in SQLite that holds its rows.
    pub(super) source: &'static str,
    pub(super) columns: &'static [Column],
    /// The columns that name a row, by which both engines put them in order.
    pub(super) key: &'static [&'static str],
}

/// A column.
#[derive(Debug)]
pub(super) struct Column {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    /// What it is in SQLite: a column or an expression.
    pub(super) source: &'static str,
}

impl Table {
    /// Asks SQLite for every row, in order.
    pub(super) fn of_sqlite(&self) -> String {
        let columns: Vec<&str> = self.columns.iter().map(|one| one.source).collect();
        let order: Vec<&str> = self.key_columns().map(|one| one.source).collect();
        format!(
            "SELECT {} FROM {} ORDER BY {}",
            columns.join(", "),
            self.source,
            order.join(", ")
        )
    }

    /// Asks PostgreSQL for every row, in the same order.
    pub(super) fn of_postgres(&self) -> String {
        let order: Vec<String> = self
            .key_columns()
            .map(|one| match one.kind {
                // SQLite's own order, which is that of the bytes.
                Kind::Text => format!("{} COLLATE \"C\"", one.name),
                _ => one.name.to_owned(),
            })
            .collect();
        format!(
            "SELECT {} FROM {} ORDER BY {}",
            self.names(),
            self.name,
            order.join(", ")
        )
    }

    /// Takes rows into PostgreSQL. Numbers that PostgreSQL would give are taken as they come.
    pub(super) fn taking(&self) -> String {
        format!("COPY {} ({}) FROM STDIN (FORMAT binary)", self.name, self.names())
    }

    fn names(&self) -> String {
        let names: Vec<&str> = self.columns.iter().map(|one| one.name).collect();
        names.join(", ")
    }

    /// The columns of the key.
    pub(super) fn key_columns(&self) -> impl Iterator<Item = &'static Column> {
        let columns = self.columns;
        self.key
            .iter()
            .filter_map(move |key| columns.iter().find(|one| one.name == *key))
    }
}
