//! The commands, a file each.

pub(crate) mod audit;
pub(crate) mod config;
pub(crate) mod ctf;
