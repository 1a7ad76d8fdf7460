//! Statements for many rows: each comes in a few fixed sizes, so that it is prepared once and never costs a
//! round trip a row.

use std::sync::{Arc, OnceLock};

use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqliteConnection, SqliteRow};
use sqlx::{Arguments as _, AssertSqlSafe, Encode, Sqlite, Type};

use crate::store::StoreError;

/// The sizes in which a writing statement comes, largest first: every count is a sum of few of them.
const WRITE_SIZES: [usize; 8] = [128, 64, 32, 16, 8, 4, 2, 1];
/// The sizes in which a lookup comes; a shorter list is filled up by repeating its last row, which finds
/// nothing new.
const LOOKUP_SIZES: [usize; 5] = [1, 4, 16, 64, 256];

/// A statement over a list of rows: `head`, one `row` of placeholders for each, `tail`.
pub(super) struct Statement {
    head: &'static str,
    row: &'static str,
    tail: &'static str,
    writes: [OnceLock<Arc<str>>; WRITE_SIZES.len()],
    lookups: [OnceLock<Arc<str>>; LOOKUP_SIZES.len()],
}

impl Statement {
    pub(super) const fn new(head: &'static str, row: &'static str, tail: &'static str) -> Self {
        Self {
            head,
            row,
            tail,
            writes: [const { OnceLock::new() }; WRITE_SIZES.len()],
            lookups: [const { OnceLock::new() }; LOOKUP_SIZES.len()],
        }
    }

    fn text(&self, rows: usize) -> Arc<str> {
        let mut text = String::with_capacity(self.head.len() + self.tail.len() + rows * (self.row.len() + 1));
        text.push_str(self.head);
        for index in 0..rows {
            if index > 0 {
                text.push(',');
            }
            text.push_str(self.row);
        }
        text.push_str(self.tail);
        text.push_str(";\n");
        text.into()
    }
}

/// Bound values in the order of their placeholders.
#[derive(Default)]
pub(super) struct Values {
    arguments: SqliteArguments,
    failed: bool,
}

impl Values {
    /// Binds one value. Encoding for SQLite does not fail; if it ever did, running the script would.
    pub(super) fn bind<'v, T: Encode<'v, Sqlite> + Type<Sqlite>>(&mut self, value: T) -> &mut Self {
        self.failed |= self.arguments.add(value).is_err();
        self
    }

    /// Binds a count or an index; SQLite's integers are signed.
    pub(super) fn bind_u64(&mut self, value: u64) -> &mut Self {
        self.bind(value.cast_signed())
    }

    /// A query of a text put together from constants and placeholders, with these values.
    ///
    /// # Errors
    /// [`StoreError::Database`] when a value could not be encoded.
    pub(super) fn query(self, text: String) -> Result<Query<'static, Sqlite, SqliteArguments>, StoreError> {
        if self.failed {
            return Err(StoreError::Database("a value could not be bound".into()));
        }
        Ok(sqlx::query_with(AssertSqlSafe(text), self.arguments))
    }
}

/// How a script's statements are handed to the connection's thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Handing {
    /// All as one text, in one round trip. For few shapes of short scripts: each is prepared once.
    Together,
    /// Each for itself: long scripts would have too many shapes.
    Apart,
}

/// Statements to run in order.
pub(super) struct Script {
    handing: Handing,
    pieces: Vec<(String, Values)>,
}

impl Script {
    pub(super) fn new(handing: Handing) -> Self {
        Self {
            handing,
            pieces: Vec::new(),
        }
    }

    fn piece(&mut self, text: &str) -> &mut Values {
        if self.handing == Handing::Apart || self.pieces.is_empty() {
            self.pieces.push((String::new(), Values::default()));
        }
        let last = self.pieces.len() - 1;
        let (script, values) = &mut self.pieces[last];
        script.push_str(text);
        values
    }

    /// Adds one statement, which ends with a semicolon.
    pub(super) fn add(&mut self, text: &'static str) -> &mut Values {
        self.piece(text)
    }

    /// Adds a statement over all of `rows`, in as few pieces as its sizes allow.
    pub(super) fn write<T>(&mut self, statement: &Statement, rows: Vec<T>, bind: impl Fn(T, &mut Values)) {
        let mut left = rows.len();
        let mut rows = rows.into_iter();
        for (size, text) in WRITE_SIZES.iter().zip(&statement.writes) {
            while left >= *size {
                let text = Arc::clone(text.get_or_init(|| statement.text(*size)));
                let values = self.piece(&text);
                rows.by_ref().take(*size).for_each(|row| bind(row, values));
                left -= size;
            }
        }
    }

    /// Adds a lookup of all of `keys`, the last block filled up with its last key.
    pub(super) fn look_up<T>(&mut self, statement: &Statement, keys: &[T], bind: impl Fn(&T, &mut Values)) {
        let largest = LOOKUP_SIZES[LOOKUP_SIZES.len() - 1];
        for block in keys.chunks(largest) {
            let fits = LOOKUP_SIZES.iter().position(|size| *size >= block.len());
            let at = fits.unwrap_or(LOOKUP_SIZES.len() - 1);
            let size = LOOKUP_SIZES[at];
            let text = Arc::clone(statement.lookups[at].get_or_init(|| statement.text(size)));
            let values = self.piece(&text);
            let filled = block.iter().chain(std::iter::repeat(&block[block.len() - 1]));
            filled.take(size).for_each(|key| bind(key, values));
        }
    }

    /// Runs everything and returns the rows of all statements.
    ///
    /// # Errors
    /// [`StoreError::Database`]; the statements after the failed one have not run.
    pub(super) async fn run(self, connection: &mut SqliteConnection) -> Result<Vec<SqliteRow>, StoreError> {
        let mut found = Vec::new();
        for (text, values) in self.pieces {
            found.append(&mut values.query(text)?.fetch_all(&mut *connection).await?);
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sqlx::{ConnectOptions as _, Row as _, sqlite::SqliteConnectOptions};

    static INSERT: Statement = Statement::new("INSERT INTO one (id, name) VALUES ", "(?,?)", "");
    static LOOKUP: Statement = Statement::new(
        "WITH q(id) AS (VALUES ",
        "(?)",
        ") SELECT DISTINCT one.id FROM q JOIN one ON one.id = q.id",
    );

    #[tokio::test]
    async fn every_count_is_written_and_found() {
        for handing in [Handing::Together, Handing::Apart] {
            let mut connection = SqliteConnectOptions::new()
                .in_memory(true)
                .connect()
                .await
                .unwrap();
            sqlx::query("CREATE TABLE one (id INTEGER PRIMARY KEY, name TEXT)")
                .execute(&mut connection)
                .await
                .unwrap();
            let mut next = 0_i64;
            for count in [0, 1, 2, 3, 7, 8, 9, 63, 64, 65, 127, 300] {
                let rows: Vec<i64> = (next..next + count).collect();
                let mut script = Script::new(handing);
                script.write(&INSERT, rows.clone(), |id, values| {
                    values.bind(id).bind("x");
                });
                script.run(&mut connection).await.unwrap();
                let mut script = Script::new(handing);
                script.look_up(&LOOKUP, &rows, |id, values| {
                    values.bind(*id);
                });
                let found = script.run(&mut connection).await.unwrap();
                let mut found: Vec<i64> = found.iter().map(|row| row.get(0)).collect();
                found.sort_unstable();
                assert_eq!(found, rows);
                next += count;
            }
        }
    }
}
