//! Exchanges and deliveries: what one agency hands another, and where each copy stands.

use std::fmt;

use uuid::Uuid;

use crate::agency::coded;

/// Declares a newtype over a UUID that prints as the UUID.
macro_rules! uuid_name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

uuid_name! {
    /// Names one accepted exchange. Made by the hub, ordered by time.
    ExchangeId
}
uuid_name! {
    /// Names one recipient's copy of an exchange; what a recipient de-duplicates by.
    DeliveryId
}
uuid_name! {
    /// Made by the client, once for each intent: the key of idempotency within the sender.
    RequestId
}

coded! {
    /// What is exchanged. Issue by issue the other contracts join.
    ExchangeKind {
        /// A pupil's transfer record: Common Transfer File, with the SEN record beside it.
        Transfer = "TRANSFER",
    }
}

coded! {
    /// Where a transfer record is bound.
    TransferDestinationKind {
        /// A school or other agency in the directory.
        Agency = "AGENCY",
        /// Not known: held for local authorities to search (the lost-pupil file, `XXX`/`XXXX`).
        Unknown = "UNKNOWN",
        /// Outside the maintained sector or abroad (`MMM`/`MMMM`): held likewise.
        OutsideSector = "OUTSIDE_SECTOR",
    }
}

coded! {
    /// Where one recipient's copy stands.
    DeliveryState {
        /// Waits to be collected.
        Waiting = "WAITING",
        /// Collected at least once, not yet acknowledged: it may be collected again.
        Collected = "COLLECTED",
        /// The recipient has it; nothing more will be handed over.
        Acknowledged = "ACKNOWLEDGED",
        /// The recipient could not take it, and said why.
        Rejected = "REJECTED",
        /// The law of the day no longer allowed it; never handed over from here on.
        Stopped = "STOPPED",
    }
}

impl DeliveryState {
    /// Whether the copy still stands in the recipient's inbox.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Waiting | Self::Collected)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_waiting_and_collected_are_open() {
        let open: Vec<_> = DeliveryState::ALL
            .iter()
            .filter(|state| state.is_open())
            .collect();
        assert_eq!(open, [&DeliveryState::Waiting, &DeliveryState::Collected]);
    }
}
