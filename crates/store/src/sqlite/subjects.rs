//! Reading the register for many requests at once: one task takes every question that waits.

use std::collections::HashMap;

use sendhub_domain::person::SubjectId;
use sqlx::Row as _;
use sqlx::sqlite::SqlitePool;
use tokio::sync::{mpsc, oneshot};

use super::guards::{bind_padded, padded, tag};
use crate::reads::SubjectFacts;
use crate::store::StoreError;

type Groups = Vec<Vec<[u8; 16]>>;
type Answer = oneshot::Sender<Result<Vec<Vec<SubjectFacts>>, StoreError>>;

/// The way in for everyone who asks.
#[derive(Debug, Clone)]
pub(super) struct SubjectReader(mpsc::Sender<(Groups, Answer)>);

impl SubjectReader {
    /// Starts the reading task.
    pub(super) fn start(pool: SqlitePool) -> Self {
        let (ask, mut questions) = mpsc::channel::<(Groups, Answer)>(1_024);
        tokio::spawn(async move {
            let mut waiting = Vec::new();
            while questions.recv_many(&mut waiting, 64).await > 0 {
                answer(&pool, waiting.drain(..).collect()).await;
            }
        });
        Self(ask)
    }

    /// Asks for groups of tags.
    pub(super) async fn ask(&self, groups: Groups) -> Result<Vec<Vec<SubjectFacts>>, StoreError> {
        let (answer, reply) = oneshot::channel();
        let gone = || StoreError::Database("the reader has ended".into());
        self.0.send((groups, answer)).await.map_err(|_| gone())?;
        reply.await.map_err(|_| gone())?
    }
}

async fn answer(pool: &SqlitePool, questions: Vec<(Groups, Answer)>) {
    let mut tags: Vec<Vec<u8>> = questions
        .iter()
        .flat_map(|(groups, _)| groups.iter().flatten())
        .map(|tag| tag.to_vec())
        .collect();
    tags.sort_unstable();
    tags.dedup();
    match find(pool, &tags).await {
        Ok(found) => {
            for (groups, answer) in questions {
                let _ = answer.send(Ok(groups.iter().map(|group| people(group, &found)).collect()));
            }
        }
        Err(error) => {
            let text = error.to_string();
            for (_, answer) in questions {
                let _ = answer.send(Err(StoreError::Database(text.clone())));
            }
        }
    }
}

fn people(group: &[[u8; 16]], found: &HashMap<[u8; 16], SubjectFacts>) -> Vec<SubjectFacts> {
    let mut people: Vec<SubjectFacts> = Vec::new();
    for facts in group.iter().filter_map(|tag| found.get(tag)) {
        if !people.iter().any(|known| known.subject == facts.subject) {
            people.push(facts.clone());
        }
    }
    people
}

const COLUMNS: &str = "subject.id, subject.birth_tag, subject.name_tag, subject.wrapped_key, subject.master_key_id, subject.sealed_facts";

/// Everyone that these tags lead to, by tag.
pub(super) async fn find(
    pool: &SqlitePool,
    tags: &[Vec<u8>],
) -> Result<HashMap<[u8; 16], SubjectFacts>, StoreError> {
    let mut found = HashMap::new();
    for part in tags.chunks(64) {
        let marks = vec!["?"; padded(part.len())].join(",");
        for sql in [
            format!("SELECT subject.id, {COLUMNS} FROM subject WHERE id IN ({marks})"),
            format!(
                "SELECT subject_identifier.tag, {COLUMNS} FROM subject_identifier JOIN subject \
                 ON subject.id = subject_identifier.subject WHERE subject_identifier.tag IN ({marks})"
            ),
        ] {
            for row in bind_padded(sql, part).fetch_all(pool).await? {
                let facts = SubjectFacts {
                    subject: SubjectId(tag(row.try_get(1)?)?),
                    birth_tag: tag(row.try_get(2)?)?,
                    name_tag: tag(row.try_get(3)?)?,
                    wrapped_key: row.try_get(4)?,
                    master_key_id: row.try_get(5)?,
                    sealed_facts: row.try_get(6)?,
                };
                found.insert(tag(row.try_get(0)?)?, facts);
            }
        }
    }
    Ok(found)
}
