//! The commands, a file each.

pub(crate) mod agency;
pub(crate) mod agreement;
pub(crate) mod audit;
pub(crate) mod backup;
pub(crate) mod bench;
pub(crate) mod bridge;
pub(crate) mod clock;
pub(crate) mod config;
pub(crate) mod ctf;
pub(crate) mod demo;
pub(crate) mod inbox;
pub(crate) mod migrate;
pub(crate) mod policy;
pub(crate) mod restore;
pub(crate) mod rights;
pub(crate) mod send;
pub(crate) mod serve;
