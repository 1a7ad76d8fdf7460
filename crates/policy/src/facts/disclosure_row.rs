//! A row of a test table, or what a person typed: the facts of a disclosure by their codes.

use sendhub_domain::age::AgeStatus;
use sendhub_domain::agency::{AgencyKind, AgencyStatus};
use sendhub_domain::exchange::DeliveryState;
use serde::Deserialize;

use super::disclosure::{DisclosureFacts, Receiver, RecipientParty};
use super::{Stage, read_or};
use crate::term::Term;

/// The facts of a disclosure by their codes. What is absent is as in [`DisclosureFacts::new`]: sent, between
/// agencies that take part, about a child of compulsory school age, with nothing recorded for or against it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DisclosureCodes {
    /// Where the copy stands; present at collection, absent at sending.
    pub collect: Option<String>,
    /// What is disclosed.
    pub item: String,
    /// The sender's kind.
    pub from: String,
    /// Whether the sender takes part.
    pub from_status: Option<String>,
    /// The recipient's kind, `SENDER`, or `OUTSIDE` for who is not on the hub.
    pub to: String,
    /// Whether the recipient takes part; for an agency only.
    pub to_status: Option<String>,
    /// The part in which it is received.
    pub role: String,
    /// The ground that is claimed.
    pub ground: Option<String>,
    /// Whether its condition is shown.
    pub proof: Option<String>,
    /// Age status.
    pub status: Option<String>,
    /// Understanding or capacity.
    pub ability: Option<String>,
    /// What the recorded consents come to.
    pub consent: Option<String>,
    /// What the family said.
    pub family: Option<String>,
    /// Whether a sharing agreement is in force.
    pub agreement: Option<String>,
    /// Whether a named person decided.
    pub referral: Option<String>,
    /// Whether the glass is broken.
    pub break_glass: Option<String>,
    /// Whether the recipient is on an exclusion list.
    pub excluded: Option<String>,
    /// What earlier advice comes to.
    pub existing_advice: Option<String>,
    /// Whether the plan is kept beyond 25.
    pub continuation: Option<String>,
    /// The steps of an early health notice.
    pub s23_steps: Option<String>,
    /// How the pupil was placed.
    pub placement: Option<String>,
    /// What the authority said to a deletion.
    pub authority_consent: Option<String>,
    /// Whether a parent serves.
    pub serving_parent: Option<String>,
}

impl DisclosureCodes {
    /// The facts that the codes stand for.
    ///
    /// # Errors
    /// Which field has a code that does not exist, for the author of the row.
    pub fn facts(&self) -> Result<DisclosureFacts, String> {
        let usual = DisclosureFacts::new(
            needed("item", &self.item)?,
            needed("from", &self.from)?,
            self.recipient()?,
            needed("role", &self.role)?,
            read_or("status", self.status.as_deref(), AgeStatus::ChildOfCsa)?,
        );
        let stage = match &self.collect {
            None => Stage::Submit,
            Some(code) => Stage::Collect(read_or("collect", Some(code), DeliveryState::Waiting)?),
        };
        Ok(DisclosureFacts {
            stage,
            sender_status: read_or("from_status", self.from_status.as_deref(), usual.sender_status)?,
            ground: read_or("ground", self.ground.as_deref(), usual.ground)?,
            proof: read_or("proof", self.proof.as_deref(), usual.proof)?,
            ability: read_or("ability", self.ability.as_deref(), usual.ability)?,
            consent: read_or("consent", self.consent.as_deref(), usual.consent)?,
            family_view: read_or("family", self.family.as_deref(), usual.family_view)?,
            agreement: read_or("agreement", self.agreement.as_deref(), usual.agreement)?,
            referral: read_or("referral", self.referral.as_deref(), usual.referral)?,
            break_glass: read_or("break_glass", self.break_glass.as_deref(), usual.break_glass)?,
            excluded: read_or("excluded", self.excluded.as_deref(), usual.excluded)?,
            existing_advice: read_or(
                "existing_advice",
                self.existing_advice.as_deref(),
                usual.existing_advice,
            )?,
            plan_continuation: read_or(
                "continuation",
                self.continuation.as_deref(),
                usual.plan_continuation,
            )?,
            s23_steps: read_or("s23_steps", self.s23_steps.as_deref(), usual.s23_steps)?,
            school_placement: read_or("placement", self.placement.as_deref(), usual.school_placement)?,
            authority_consent: read_or(
                "authority_consent",
                self.authority_consent.as_deref(),
                usual.authority_consent,
            )?,
            serving_parent: read_or(
                "serving_parent",
                self.serving_parent.as_deref(),
                usual.serving_parent,
            )?,
            ..usual
        })
    }

    fn recipient(&self) -> Result<RecipientParty, String> {
        let status = read_or("to_status", self.to_status.as_deref(), AgencyStatus::Active)?;
        if let Some(kind) = AgencyKind::from_code(&self.to) {
            return Ok(RecipientParty::Agency(kind, status));
        }
        if self.to_status.is_some() {
            return Err("to_status: only an agency has one".to_owned());
        }
        match Receiver::read(&self.to) {
            Some(Receiver::Sender) => Ok(RecipientParty::Sender),
            Some(Receiver::Outside) => Ok(RecipientParty::Outside),
            Some(Receiver::Agency) | None => Err(format!("to: there is no recipient `{}`", self.to)),
        }
    }
}

/// Reads a code that must be there.
fn needed<T: Term>(column: &str, code: &str) -> Result<T, String> {
    T::read(code).ok_or_else(|| format!("{column}: there is no {} `{code}`", T::TYPE))
}
