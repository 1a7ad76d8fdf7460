//! What every engine promises, what this one's file must be, and that verification finds every fault.

#[cfg(test)]
mod opening;
#[cfg(test)]
mod promises;
#[cfg(test)]
mod support;
#[cfg(test)]
mod verification;
