//! Reads of the register: who is known by which tags.

use std::collections::HashMap;

use futures_util::TryStreamExt as _;
use sendhub_domain::person::SubjectId;
use sqlx::Row as _;
use sqlx::postgres::{PgConnection, PgRow};

use super::decode::bytes;
use crate::filter::Filter;
use crate::reads::SubjectFacts;
use crate::store::StoreError;

/// A filter over everybody in the register.
pub(super) async fn filter(connection: &mut PgConnection) -> Result<Filter, StoreError> {
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

/// For each group of tags the distinct people that they lead to, in the order of the tags.
pub(super) async fn subjects(
    connection: &mut PgConnection,
    groups: &[Vec<[u8; 16]>],
) -> Result<Vec<Vec<SubjectFacts>>, StoreError> {
    const BY_TAG: &str = "SELECT q.tag, s.id, s.birth_tag, s.name_tag, s.wrapped_key, s.master_key_id, s.sealed_facts \
        FROM unnest($1::bytea[]) q(tag) JOIN subject s ON s.id = q.tag \
        UNION ALL SELECT q.tag, s.id, s.birth_tag, s.name_tag, s.wrapped_key, s.master_key_id, s.sealed_facts \
        FROM unnest($1::bytea[]) q(tag) JOIN subject_identifier i ON i.tag = q.tag JOIN subject s ON s.id = i.subject";
    let tags: Vec<&[u8]> = groups.iter().flatten().map(|tag| &tag[..]).collect();
    let mut found = HashMap::new();
    for row in sqlx::query(BY_TAG).bind(tags).fetch_all(connection).await? {
        found.insert(bytes(&row, 0)?, facts(&row, 1)?);
    }
    Ok(groups.iter().map(|group| distinct(group, &found)).collect())
}

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
    connection: &mut PgConnection,
    subject: SubjectId,
) -> Result<Option<SubjectFacts>, StoreError> {
    const ONE: &str = "SELECT id, birth_tag, name_tag, wrapped_key, master_key_id, sealed_facts \
        FROM subject WHERE id = $1";
    let row = sqlx::query(ONE)
        .bind(subject.0.to_vec())
        .fetch_optional(connection)
        .await?;
    row.map(|row| facts(&row, 0)).transpose()
}

fn facts(row: &PgRow, from: usize) -> Result<SubjectFacts, StoreError> {
    Ok(SubjectFacts {
        subject: SubjectId(bytes(row, from)?),
        birth_tag: bytes(row, from + 1)?,
        name_tag: bytes(row, from + 2)?,
        wrapped_key: row.try_get(from + 3)?,
        master_key_id: row.try_get(from + 4)?,
        sealed_facts: row.try_get(from + 5)?,
    })
}
