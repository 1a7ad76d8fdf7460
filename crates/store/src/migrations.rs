//! What the migrations of both engines have in common: how one is made, and what is said when they are refused.

use sqlx::SqlSafeStr as _;
use sqlx::migrate::{MigrateError, Migration, MigrationType};

use crate::store::StoreError;

/// One migration, from a text that the program holds.
pub(crate) fn migration(version: i64, name: &'static str, text: &'static str) -> Migration {
    Migration::new(
        version,
        name.into(),
        MigrationType::Simple,
        text.into_sql_str(),
        false,
    )
}

/// Why a database's schema cannot be used.
pub(crate) fn refused(error: MigrateError) -> StoreError {
    match error {
        MigrateError::VersionMissing(version) => StoreError::Schema(format!(
            "it has migration {version}, which this version does not know"
        )),
        error => StoreError::Schema(error.to_string()),
    }
}
