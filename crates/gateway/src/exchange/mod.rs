//! Exchanges beside transfer: one way in, one way out, whatever their content.
//!
//! A service reads its request and makes an [`offer::Offer`]: what is disclosed, to whom, on which ground, as which
//! step of which case. The hub decides for every recipient, and one commit holds rows, clocks and leaf. At
//! collection the same facts are established again for that day.

pub(crate) mod circumstances;
pub(crate) mod content;
pub(crate) mod draft;
pub(crate) mod envelope;
pub(crate) mod facts;
pub(crate) mod handing;
pub(crate) mod header;
pub(crate) mod intake;
pub(crate) mod matters;
pub(crate) mod notices;
pub(crate) mod offer;
pub(crate) mod parties;
#[cfg(test)]
mod properties;
pub(crate) mod running;
mod written;
