//! The envelope as one recipient sees it: what the sender told the hub to decide by is not the recipients' business.

use sendhub_contracts::types::v1 as types;
use sendhub_domain::agency::Agency;
use sendhub_store::directory::Directory;

use crate::judge::find;

/// Leaves out the other recipients, the consents, the ground with its reference and why a glass was broken. Who else
/// has a child's record, and which order or opinion it rests on, is personal data of its own; the decision that is
/// handed over beside it names rule and provision.
pub(crate) fn as_one_recipient_sees_it(
    whole: types::Envelope,
    recipient: &Agency,
    directory: &Directory,
) -> types::Envelope {
    let is_own = |one: &types::Recipient| {
        one.agency
            .as_ref()
            .and_then(|reference| find(reference, directory).ok().flatten())
            .is_some_and(|agency| agency.id == recipient.id)
    };
    types::Envelope {
        recipients: whole.recipients.into_iter().filter(is_own).collect(),
        consents: Vec::new(),
        ground: None,
        break_glass: None,
        ..whole
    }
}
