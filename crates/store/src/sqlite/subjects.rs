//! Group reading of the register: one task takes every question that waits and answers all with few statements.

use std::collections::HashMap;
use std::sync::Arc;

use futures_util::TryStreamExt as _;
use sendhub_domain::person::SubjectId;
use sqlx::sqlite::{SqliteConnection, SqlitePool, SqliteRow};
use sqlx::{Connection as _, Row as _};
use tokio::sync::{Mutex, mpsc, oneshot};

use super::decode::bytes;
use super::rows::{Handing, Script, Statement};
use crate::filter::Filter;
use crate::reads::SubjectFacts;
use crate::store::StoreError;

/// Groups of tags, each group asking which people its tags lead to.
type Groups = Vec<Vec<[u8; 16]>>;
type Answer = oneshot::Sender<Result<Vec<Vec<SubjectFacts>>, StoreError>>;

/// The most callers answered together; what waits beyond is the next round.
const ROUND: usize = 256;

static BY_TAG: Statement = Statement::new(
    "WITH q(tag) AS (VALUES ",
    "(?)",
    ") SELECT q.tag, s.id, s.birth_tag, s.name_tag, s.wrapped_key, s.master_key_id, s.sealed_facts \
     FROM q CROSS JOIN subject s ON s.id = q.tag \
     UNION ALL SELECT q.tag, s.id, s.birth_tag, s.name_tag, s.wrapped_key, s.master_key_id, s.sealed_facts \
     FROM q CROSS JOIN subject_identifier i ON i.tag = q.tag CROSS JOIN subject s ON s.id = i.subject",
);

/// A filter over everybody in the register.
pub(super) async fn filter(connection: &mut SqliteConnection) -> Result<Filter, StoreError> {
    const COUNT: &str = "SELECT (SELECT count(*) FROM subject) + (SELECT count(*) FROM subject_identifier)";
    const ALL: &str = "SELECT id FROM subject UNION ALL SELECT tag FROM subject_identifier";
    let count: i64 = sqlx::query(COUNT).fetch_one(&mut *connection).await?.try_get(0)?;
    let filter = Filter::new(count.cast_unsigned());
    let mut rows = sqlx::query(ALL).fetch(connection);
    while let Some(row) = rows.try_next().await? {
        filter.insert(&bytes(&row, 0)?);
    }
    Ok(filter)
}

/// The way in for everybody who asks. The task ends when this is dropped.
#[derive(Debug)]
pub(super) struct Subjects {
    questions: mpsc::Sender<(Groups, Answer)>,
    filter: Arc<Filter>,
    /// A connection for who asks while nobody else does: a lone caller is spared two wake-ups.
    alone: Mutex<Option<SqliteConnection>>,
}

impl Subjects {
    pub(super) fn start(filter: Arc<Filter>, pool: SqlitePool, alone: SqliteConnection) -> Self {
        let (questions, waiting) = mpsc::channel(ROUND);
        tokio::spawn(answer_all(pool, waiting));
        Self {
            questions,
            filter,
            alone: Mutex::new(Some(alone)),
        }
    }

    /// Closes the connection of its own.
    pub(super) async fn close(&self) -> Result<(), StoreError> {
        if let Some(connection) = self.alone.lock().await.take() {
            connection.close().await?;
        }
        Ok(())
    }

    pub(super) async fn ask(&self, groups: Groups) -> Result<Vec<Vec<SubjectFacts>>, StoreError> {
        if !groups.iter().flatten().any(|tag| self.filter.may_know(tag)) {
            return Ok(vec![Vec::new(); groups.len()]);
        }
        if let Ok(mut alone) = self.alone.try_lock()
            && let Some(connection) = alone.as_mut()
        {
            let tags: Vec<[u8; 16]> = groups.iter().flatten().copied().collect();
            let found = read(connection, &tags).await?;
            return Ok(groups.iter().map(|group| distinct(group, &found)).collect());
        }
        let (answer, reply) = oneshot::channel();
        let closed = || StoreError::Database("the store is closed".into());
        self.questions
            .send((groups, answer))
            .await
            .map_err(|_| closed())?;
        reply.await.map_err(|_| closed())?
    }
}

async fn answer_all(pool: SqlitePool, mut waiting: mpsc::Receiver<(Groups, Answer)>) {
    let mut round = Vec::with_capacity(ROUND);
    while waiting.recv_many(&mut round, ROUND).await > 0 {
        let tags: Vec<[u8; 16]> = round
            .iter()
            .flat_map(|(groups, _)| groups.iter().flatten().copied())
            .collect();
        match read_pooled(&pool, &tags).await {
            Ok(found) => {
                for (groups, answer) in round.drain(..) {
                    let facts = groups.iter().map(|group| distinct(group, &found)).collect();
                    // Who went away needs no answer.
                    let _ = answer.send(Ok(facts));
                }
            }
            Err(failure) => {
                for (_, answer) in round.drain(..) {
                    let _ = answer.send(Err(StoreError::Database(failure.to_string())));
                }
            }
        }
    }
}

async fn read_pooled(
    pool: &SqlitePool,
    tags: &[[u8; 16]],
) -> Result<HashMap<[u8; 16], SubjectFacts>, StoreError> {
    read(&mut *pool.acquire().await?, tags).await
}

async fn read(
    connection: &mut SqliteConnection,
    tags: &[[u8; 16]],
) -> Result<HashMap<[u8; 16], SubjectFacts>, StoreError> {
    let mut found = HashMap::new();
    if tags.is_empty() {
        return Ok(found);
    }
    for row in look_up(connection, tags).await? {
        found.insert(bytes(&row, 0)?, facts(&row, 1)?);
    }
    Ok(found)
}

async fn look_up(connection: &mut SqliteConnection, tags: &[[u8; 16]]) -> Result<Vec<SqliteRow>, StoreError> {
    let mut script = Script::new(Handing::Apart);
    script.look_up(&BY_TAG, tags, |tag, values| {
        values.bind(&tag[..]);
    });
    script.run(connection).await
}

/// The people that a group's tags lead to, each once, in the order of the tags.
fn distinct(group: &[[u8; 16]], found: &HashMap<[u8; 16], SubjectFacts>) -> Vec<SubjectFacts> {
    let mut people: Vec<SubjectFacts> = Vec::new();
    for facts in group.iter().filter_map(|tag| found.get(tag)) {
        if people.iter().all(|one| one.subject != facts.subject) {
            people.push(facts.clone());
        }
    }
    people
}

/// The register's entry of one person.
pub(super) async fn subject(
    pool: &SqlitePool,
    subject: SubjectId,
) -> Result<Option<SubjectFacts>, StoreError> {
    const ONE: &str = "SELECT id, birth_tag, name_tag, wrapped_key, master_key_id, sealed_facts \
        FROM subject WHERE id = ?";
    let row = sqlx::query(ONE)
        .bind(subject.0.to_vec())
        .fetch_optional(pool)
        .await?;
    row.map(|row| facts(&row, 0)).transpose()
}

fn facts(row: &SqliteRow, from: usize) -> Result<SubjectFacts, StoreError> {
    Ok(SubjectFacts {
        subject: SubjectId(bytes(row, from)?),
        birth_tag: bytes(row, from + 1)?,
        name_tag: bytes(row, from + 2)?,
        wrapped_key: row.try_get(from + 3)?,
        master_key_id: row.try_get(from + 4)?,
        sealed_facts: row.try_get(from + 5)?,
    })
}
