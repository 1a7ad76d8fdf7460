//! Compiles the contracts: messages, services, the descriptor for reflection, and validation as plain code.

use std::path::{Path, PathBuf};
use std::{env, fs};

use prost::Message as _;
use prost_reflect::DescriptorPool;

#[path = "build/methods.rs"]
mod methods;
#[path = "build/rules.rs"]
mod rules;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = Path::new("../../proto");
    let files = contracts(root)?;
    println!("cargo:rerun-if-changed={}", root.display());
    println!("cargo:rerun-if-changed=build");

    let mut compiler = protox::Compiler::new([root])?;
    compiler
        .include_source_info(true)
        .include_imports(true)
        .open_files(&files)?;
    let descriptor = compiler.encode_file_descriptor_set();

    let out = PathBuf::from(env::var("OUT_DIR")?);
    fs::write(out.join("contracts.bin"), &descriptor)?;

    tonic_prost_build::configure()
        .codec_path("crate::codec::Codec")
        .bytes(".sendhub.transfer.v1.CtfDocument.content")
        .bytes(".sendhub.attachment.v1")
        .compile_well_known_types(false)
        .compile_fds(prost_types::FileDescriptorSet::decode(descriptor.as_slice())?)?;

    let pool = DescriptorPool::decode(descriptor.as_slice())?;
    fs::write(out.join("validate.rs"), rules::generate(&pool)?)?;
    fs::write(out.join("methods.rs"), methods::generate(&pool)?)?;
    Ok(())
}

/// Every contract below a folder, in a stable order.
fn contracts(root: &Path) -> Result<Vec<PathBuf>, Box<dyn std::error::Error>> {
    let mut found = Vec::new();
    let mut folders = vec![root.join("sendhub")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "proto") {
                found.push(path.strip_prefix(root)?.to_path_buf());
            }
        }
    }
    found.sort();
    Ok(found)
}
