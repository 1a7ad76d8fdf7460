//! The section `[attachments]` of `hub.toml`: where attachments are kept, how large they may be and of what kind.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::media::MediaType;

/// The folder when neither a folder nor a bucket is named.
const DEFAULT_FOLDER: &str = "data/attachments";
/// 10,000 parts of 5 MiB, the most that S3 takes, less a little for seals: 48 GiB.
const MOST_BYTES: u64 = 48 * 1024 * 1024 * 1024;

/// Where attachments are kept, how large they may be and of what kind.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AttachmentSettings {
    /// A folder of the hub's own, `data/attachments` beside the configuration file when absent…
    pub folder: Option<PathBuf>,
    /// …or a bucket.
    pub s3: Option<S3Settings>,
    /// The largest attachment in bytes, before sealing.
    pub max_bytes: u64,
    /// The media types that are taken.
    pub media_types: Vec<String>,
}

/// A bucket of the hub's own, on anything that speaks S3.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct S3Settings {
    /// The bucket.
    pub bucket: String,
    /// The address when it is not Amazon's, `https://`.
    pub endpoint: Option<String>,
    /// The region; services that have none take any word.
    pub region: String,
    /// The environment variable that holds the access key's id.
    pub access_key_env: String,
    /// The environment variable that holds the secret access key.
    pub secret_key_env: String,
    /// Whether the address may begin with `http://`: for a service on the same machine.
    #[serde(default)]
    pub allow_http: bool,
}

impl Default for AttachmentSettings {
    fn default() -> Self {
        Self {
            folder: None,
            s3: None,
            max_bytes: 100 * 1024 * 1024,
            media_types: MediaType::all().map(|one| one.name().to_owned()).collect(),
        }
    }
}

impl AttachmentSettings {
    /// Takes the folder relative to the configuration file's, and the default when nothing is named.
    pub(crate) fn resolve(&mut self, base: &Path) {
        if self.s3.is_none() || self.folder.is_some() {
            let folder = self.folder.take().unwrap_or_else(|| DEFAULT_FOLDER.into());
            self.folder = Some(base.join(folder));
        }
    }

    /// Adds every fault, each naming its key.
    pub(crate) fn faults(&self, faults: &mut Vec<String>) {
        if let (Some(_), Some(_)) = (&self.folder, &self.s3) {
            faults.push("attachments: give folder or s3, not both".into());
        }
        if let Some(folder) = &self.folder
            && folder.exists()
            && !folder.is_dir()
        {
            faults.push(format!("attachments.folder: {} is no folder", folder.display()));
        }
        if self.max_bytes == 0 || self.max_bytes > MOST_BYTES {
            faults.push(format!("attachments.max_bytes: from 1 to {MOST_BYTES}"));
        }
        if self.media_types.is_empty() {
            faults.push("attachments.media_types: name at least one".into());
        }
        for one in &self.media_types {
            if MediaType::parse(one).is_none() {
                faults.push(format!(
                    "attachments.media_types: the content of {one} cannot be checked, so it cannot be taken"
                ));
            }
        }
        if let Some(s3) = &self.s3 {
            s3.faults(faults);
        }
    }
}

impl S3Settings {
    fn faults(&self, faults: &mut Vec<String>) {
        for (key, value) in [
            ("bucket", &self.bucket),
            ("region", &self.region),
            ("access_key_env", &self.access_key_env),
            ("secret_key_env", &self.secret_key_env),
        ] {
            if value.is_empty() {
                faults.push(format!("attachments.s3.{key}: must not be empty"));
            }
        }
        if let Some(endpoint) = &self.endpoint {
            let plain = self.allow_http && endpoint.starts_with("http://");
            if !plain && !endpoint.starts_with("https://") {
                faults.push(
                    "attachments.s3.endpoint: must begin with https://, or with http:// and allow_http = true".into(),
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(text: &str) -> String {
        let mut settings: AttachmentSettings = toml::from_str(text).unwrap();
        settings.resolve(Path::new("/etc/hub"));
        let mut faults = Vec::new();
        settings.faults(&mut faults);
        faults.join("; ")
    }

    #[test]
    fn nothing_said_is_a_folder_beside_the_file() {
        let mut settings = AttachmentSettings::default();
        settings.resolve(Path::new("/etc/hub"));
        assert_eq!(
            settings.folder.as_deref(),
            Some(Path::new("/etc/hub/data/attachments"))
        );
        assert_eq!(settings.max_bytes, 104_857_600);
        assert_eq!(faults(""), "");
    }

    #[test]
    fn every_fault_names_its_key() {
        let s3 = "[s3]\nbucket = \"b\"\nregion = \"r\"\naccess_key_env = \"A\"\nsecret_key_env = \"S\"\n";
        assert_eq!(faults(s3), "");
        assert_eq!(
            faults(&format!("{s3}endpoint = \"http://x\"\nallow_http = true")),
            ""
        );
        for (text, key) in [
            (format!("folder = \"f\"\n{s3}"), "attachments: give folder or s3"),
            (format!("{s3}endpoint = \"http://x\""), "attachments.s3.endpoint"),
            (s3.replace("\"b\"", "\"\""), "attachments.s3.bucket"),
            ("max_bytes = 0".into(), "attachments.max_bytes"),
            ("media_types = []".into(), "attachments.media_types"),
            ("media_types = [\"application/x-sh\"]".into(), "application/x-sh"),
        ] {
            let shown = faults(&text);
            assert!(shown.contains(key), "{key} in {shown}");
        }
        assert!(toml::from_str::<AttachmentSettings>("maxbytes = 1").is_err());
    }
}
