//! The one way to write: a batch of changes and their leaves in one durable transaction.

use std::sync::Arc;

use sendhub_domain::exchange::DeliveryState;
use sendhub_ledger::tree::Appended;
use sqlx::SqliteConnection;

use super::guards::Guards;
use super::rows::{PlacedExchange, Rows, micros, signed};
use super::{SqliteStore, read_frontier};
use crate::agency_document;
use crate::change::{Change, Committed, Conflict, Effect};
use crate::store::StoreError;

type Results = Vec<Result<Committed, Conflict>>;

/// A whole batch, guarded, appended, written, fenced and made durable.
pub(super) async fn commit(store: &SqliteStore, batch: Vec<Change>) -> Result<Results, StoreError> {
    let mut writer = store.writer.lock().await;
    let frontier = match writer.frontier.take() {
        Some(frontier) => frontier,
        None => read_frontier(&mut writer.connection, store.log_no).await?,
    };
    sqlx::query("BEGIN IMMEDIATE")
        .execute(&mut writer.connection)
        .await?;
    let written = write(store, &mut writer.connection, &frontier, batch).await;
    match written {
        Ok((results, Some(appended))) => {
            sqlx::query("COMMIT").execute(&mut writer.connection).await?;
            writer.frontier = Some(appended.frontier().clone());
            Ok(results)
        }
        Ok((results, None)) => {
            sqlx::query("ROLLBACK").execute(&mut writer.connection).await?;
            writer.frontier = Some(frontier);
            Ok(results)
        }
        Err(failure) => {
            // The frontier stays unknown and is read again before the next batch.
            let _ = sqlx::query("ROLLBACK").execute(&mut writer.connection).await;
            Err(failure)
        }
    }
}

async fn write(
    store: &SqliteStore,
    connection: &mut SqliteConnection,
    frontier: &sendhub_ledger::tree::Frontier,
    batch: Vec<Change>,
) -> Result<(Results, Option<Appended>), StoreError> {
    let mut guards = Guards::read(connection, &batch).await?;
    let mut outcomes = Vec::with_capacity(batch.len());
    let mut accepted = Vec::with_capacity(batch.len());
    let mut known_tags = Vec::new();
    for change in batch {
        let checked = guards.check(&change);
        if checked.is_ok() {
            known_tags.push(new_tags(&change, &guards));
            guards.apply(&change);
            accepted.push(change);
        }
        outcomes.push(checked);
    }
    if accepted.is_empty() {
        return Ok((
            outcomes.into_iter().filter_map(Result::err).map(Err).collect(),
            None,
        ));
    }
    let hashes: Vec<_> = accepted.iter().map(|change| change.entry.hash).collect();
    let appended = frontier.append(&hashes);
    let size = appended.frontier().size();
    // First of all writes: a writer that lost its log learns it here and not from a clash of rows.
    fence(store, connection, frontier.size(), &appended).await?;
    let note: Arc<str> = store.log_key.sign(size, appended.root()).into();

    let mut rows = Rows {
        nodes: appended
            .kept_nodes()
            .map(|(level, index, hash)| (level, index, hash.0))
            .collect(),
        ..Rows::default()
    };
    for ((index, change), tags) in (appended.first_index()..).zip(accepted).zip(known_tags) {
        rows.identifiers.extend(tags);
        for effect in change.effects {
            take(connection, &mut rows, effect, store.log_no, index, size).await?;
        }
        rows.leaves.push((index, change.entry));
    }
    rows.insert(connection, store.log_no).await?;
    sqlx::query("INSERT INTO checkpoint (log_no, size, note) VALUES ($1, $2, $3)")
        .bind(store.log_no)
        .bind(signed(size))
        .bind(note.to_string())
        .execute(&mut *connection)
        .await?;
    Ok((answers(outcomes, &appended, &note)?, Some(appended)))
}

/// Moves the log's size on, if it still is what this writer knows.
async fn fence(
    store: &SqliteStore,
    connection: &mut SqliteConnection,
    known: u64,
    appended: &Appended,
) -> Result<(), StoreError> {
    let peaks: Vec<u8> = appended
        .frontier()
        .peaks()
        .iter()
        .flat_map(|peak| peak.0)
        .collect();
    let moved = sqlx::query("UPDATE log SET size = $1, peaks = $2 WHERE no = $3 AND size = $4")
        .bind(signed(appended.frontier().size()))
        .bind(peaks)
        .bind(store.log_no)
        .bind(signed(known))
        .execute(connection)
        .await?;
    if moved.rows_affected() == 1 {
        Ok(())
    } else {
        Err(StoreError::LogMoved)
    }
}

fn answers(
    outcomes: Vec<Result<(), Conflict>>,
    appended: &Appended,
    note: &Arc<str>,
) -> Result<Results, StoreError> {
    let mut offset = 0;
    let mut results = Vec::with_capacity(outcomes.len());
    for outcome in outcomes {
        results.push(match outcome {
            Err(conflict) => Err(conflict),
            Ok(()) => {
                let proof = appended
                    .inclusion_proof(offset)
                    .map_err(|error| StoreError::Ledger(error.to_string()))?;
                offset += 1;
                Ok(Committed {
                    proof,
                    checkpoint: note.clone(),
                })
            }
        });
    }
    Ok(results)
}

/// The tags of a change that lead nowhere yet, as rows.
fn new_tags(change: &Change, guards: &Guards) -> Vec<([u8; 16], [u8; 16])> {
    let mut rows: Vec<([u8; 16], [u8; 16])> = Vec::new();
    for effect in &change.effects {
        if let Effect::LinkIdentifiers { subject, tags } = effect {
            for tag in tags {
                if *tag != subject.0 && !guards.knows(tag) && !rows.iter().any(|(known, _)| known == tag) {
                    rows.push((*tag, subject.0));
                }
            }
        }
    }
    rows
}

/// Sorts an effect into the rows, or writes it at once where effects are few.
async fn take(
    connection: &mut SqliteConnection,
    rows: &mut Rows,
    effect: Effect,
    log_no: i64,
    leaf_index: u64,
    tree_size: u64,
) -> Result<(), StoreError> {
    match effect {
        Effect::RegisterSubject(row) => rows.subjects.push(row),
        Effect::LinkIdentifiers { .. } => {}
        Effect::StoreExchange(row) => rows.exchanges.push(PlacedExchange {
            row,
            log_no,
            leaf_index,
            tree_size,
        }),
        Effect::Deliver(row) => rows.deliveries.push(row),
        Effect::UpdateSubjectName { subject, name_tag } => {
            sqlx::query("UPDATE subject SET name_tag = $1 WHERE id = $2")
                .bind(name_tag.to_vec())
                .bind(subject.0.to_vec())
                .execute(connection)
                .await?;
        }
        Effect::MoveDelivery { delivery, to, at, .. } => {
            let sql = if to == DeliveryState::Collected {
                "UPDATE delivery SET state = $1, collected_at = coalesce(collected_at, $2) WHERE id = $3"
            } else {
                "UPDATE delivery SET state = $1, ended_at = $2 WHERE id = $3"
            };
            sqlx::query(sql)
                .bind(to.code())
                .bind(micros(at))
                .bind(delivery.0.as_bytes().to_vec())
                .execute(connection)
                .await?;
        }
        Effect::HoldUnclaimed {
            exchange,
            search_tags,
        } => {
            sqlx::query("INSERT INTO unclaimed (exchange) VALUES ($1)")
                .bind(exchange.0.as_bytes().to_vec())
                .execute(&mut *connection)
                .await?;
            for tag in search_tags {
                sqlx::query(
                    "INSERT INTO unclaimed_tag (tag, exchange) VALUES ($1, $2) ON CONFLICT DO NOTHING",
                )
                .bind(tag.to_vec())
                .bind(exchange.0.as_bytes().to_vec())
                .execute(&mut *connection)
                .await?;
            }
        }
        Effect::Claim { exchange, by, at } => {
            sqlx::query("UPDATE unclaimed SET claimed_by = $1, claimed_at = $2 WHERE exchange = $3")
                .bind(by.to_string())
                .bind(micros(at))
                .bind(exchange.0.as_bytes().to_vec())
                .execute(connection)
                .await?;
        }
        Effect::StoreImportReport { delivery, sealed, at } => {
            sqlx::query(
                "INSERT INTO import_report (delivery, sealed, at) VALUES ($1, $2, $3) \
                 ON CONFLICT (delivery) DO UPDATE SET sealed = excluded.sealed, at = excluded.at",
            )
            .bind(delivery.0.as_bytes().to_vec())
            .bind(sealed)
            .bind(micros(at))
            .execute(connection)
            .await?;
        }
        Effect::PutAgency { agency, .. } => put_agency(connection, &agency).await?,
    }
    Ok(())
}

async fn put_agency(
    connection: &mut SqliteConnection,
    agency: &sendhub_domain::agency::Agency,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO agency (id, revision, document) VALUES ($1, $2, $3) \
         ON CONFLICT (id) DO UPDATE SET revision = excluded.revision, document = excluded.document",
    )
    .bind(agency.id.to_string())
    .bind(signed(agency.revision))
    .bind(agency_document::write(agency)?)
    .execute(&mut *connection)
    .await?;
    sqlx::query("DELETE FROM agency_key WHERE agency = $1")
        .bind(agency.id.to_string())
        .execute(&mut *connection)
        .await?;
    for (system, value) in agency_document::claimed(agency) {
        sqlx::query("INSERT INTO agency_key (system, value, agency) VALUES ($1, $2, $3)")
            .bind(system)
            .bind(value)
            .bind(agency.id.to_string())
            .execute(&mut *connection)
            .await?;
    }
    sqlx::query("UPDATE generation SET value = value + 1 WHERE name = 'directory'")
        .execute(connection)
        .await?;
    Ok(())
}
