//! What every engine promises, what this one's file must be, and that verification finds every fault.

#[cfg(test)]
mod agreements;
#[cfg(test)]
mod attachments;
#[cfg(test)]
mod backups;
#[cfg(test)]
mod batches;
#[cfg(test)]
mod cases;
#[cfg(test)]
mod clocks;
#[cfg(test)]
mod folding;
#[cfg(test)]
mod gateways;
#[cfg(test)]
mod history;
#[cfg(test)]
mod matters;
#[cfg(test)]
mod moving;
#[cfg(test)]
mod notices;
#[cfg(test)]
mod opening;
#[cfg(test)]
mod promises;
#[cfg(test)]
mod referrals;
#[cfg(test)]
mod rights;
#[cfg(test)]
mod support;
#[cfg(test)]
mod verification;
