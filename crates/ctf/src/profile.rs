//! Version profiles: what each version of the file expects, as data that can be replaced without a new build.

use std::collections::BTreeMap;

use serde::Deserialize;

/// Why profiles cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the Common Transfer File profiles cannot be read: {0}")]
pub struct ProfileError(String);

/// The profiles of all versions.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profiles {
    /// Versions read without a warning.
    pub expected_versions: Vec<String>,
    /// Which element carries sex, by version.
    pub sex_element: BTreeMap<String, String>,
    /// Open code lists by element name.
    pub codes: BTreeMap<String, Vec<String>>,
    /// In which order the writer puts an element's children, by the element's name.
    #[serde(default)]
    pub order: BTreeMap<String, Vec<String>>,
    /// What is taken at all.
    pub limits: Limits,
}

/// What is taken at all.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Largest file in bytes.
    pub bytes: usize,
    /// Most pupils.
    pub pupils: u32,
    /// Deepest nesting.
    pub depth: usize,
    /// Longest text of one element, in bytes.
    pub text_bytes: usize,
}

impl Profiles {
    /// Reads profiles.
    ///
    /// # Errors
    /// [`ProfileError`] with line and column.
    pub fn parse(text: &str) -> Result<Self, ProfileError> {
        toml::from_str(text).map_err(|error| ProfileError(error.to_string()))
    }

    /// The profiles that the hub is built with (`config/ctf/profiles.toml`).
    ///
    /// # Errors
    /// [`ProfileError`], only in a broken build.
    pub fn built_in() -> Result<Self, ProfileError> {
        Self::parse(include_str!("../../../config/ctf/profiles.toml"))
    }
}
