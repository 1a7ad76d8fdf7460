//! What stands beside a sealed exchange: the receipt, and for every recipient what its copy was decided on.
//! Nothing here is personal.

use prost::Message;
use sendhub_contracts::types::v1 as types;
use sendhub_domain::agency::AgencyId;
use sendhub_domain::disclosure::{BreakGlass, Ground, Item, RecipientRole};

/// The outside of an exchange.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Outside {
    /// The receipt but for its place in the log and its salt.
    #[prost(message, optional, tag = "1")]
    pub(crate) receipt: Option<types::Receipt>,
    /// The case reference, if any.
    #[prost(string, tag = "2")]
    pub(crate) case_reference: String,
    /// The method that brought it: says how the sealed request is read.
    #[prost(string, tag = "3")]
    pub(crate) method: String,
    /// What each recipient's copy was decided on.
    #[prost(message, repeated, tag = "4")]
    pub(crate) copies: Vec<Copy>,
    /// Facts of this kind of exchange, by code.
    #[prost(message, optional, tag = "5")]
    pub(crate) circumstances: Option<Kept>,
}

/// One recipient's copy.
#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct Copy {
    /// Whose it is.
    #[prost(string, tag = "1")]
    pub(crate) recipient: String,
    /// In what part, a code of [`RecipientRole`].
    #[prost(string, tag = "2")]
    pub(crate) role: String,
    /// What it holds, a code of [`Item`].
    #[prost(string, tag = "3")]
    pub(crate) item: String,
    /// The ground claimed, a code of [`Ground`].
    #[prost(string, tag = "4")]
    pub(crate) ground: String,
    /// Whether what the ground requires was shown when it was sent.
    #[prost(bool, tag = "5")]
    pub(crate) shown: bool,
    /// The purpose, as consents name it.
    #[prost(string, tag = "6")]
    pub(crate) purpose: String,
    /// Whether the glass was broken with a reason.
    #[prost(bool, tag = "7")]
    pub(crate) glass_broken: bool,
}

/// Facts of one kind of exchange as stored: codes by name.
#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct Kept {
    /// Pairs of name and code.
    #[prost(map = "string, string", tag = "1")]
    pub(crate) codes: std::collections::HashMap<String, String>,
}

/// A copy's standing, read back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) item: Item,
    pub(crate) role: RecipientRole,
    pub(crate) ground: Ground,
    pub(crate) shown: bool,
    pub(crate) purpose: String,
    pub(crate) break_glass: BreakGlass,
}

impl Outside {
    /// Reads the outside of a stored exchange; one that cannot be read has no copies, and so discloses nothing.
    pub(crate) fn read(header: &[u8]) -> Self {
        Self::decode(header).unwrap_or_default()
    }

    /// On what a recipient's copy was decided; `None` when it has none.
    pub(crate) fn standing(&self, recipient: &AgencyId) -> Option<Standing> {
        let copy = self
            .copies
            .iter()
            .find(|copy| copy.recipient == recipient.as_str())?;
        Some(Standing {
            item: Item::from_code(&copy.item)?,
            role: RecipientRole::from_code(&copy.role)?,
            ground: Ground::from_code(&copy.ground)?,
            shown: copy.shown,
            purpose: copy.purpose.clone(),
            break_glass: if copy.glass_broken {
                BreakGlass::WithReason
            } else {
                BreakGlass::No
            },
        })
    }
}
