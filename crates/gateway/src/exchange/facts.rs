//! The facts of one disclosure, established anew each time: at sending, and again on the day of collection.

use std::borrow::Cow;
use std::sync::Arc;

use jiff::civil::Date;
use sendhub_domain::agency::{Agency, AgencyId, AgencyKind};
use sendhub_domain::disclosure::{ConsentStanding, Ground, GroundProof, RecipientRole, ReferralStanding};
use sendhub_domain::exchange::RightsRecordId;
use sendhub_domain::rights::{
    Consent, ConsentAnswer, ConsentDecision, Giver, RequestKind, RightsFacts, Scope,
};
use sendhub_policy::{
    Continuation, Decision, DisclosureFacts, Effect as Outcome, Exclusion, Facts, FamilyView, Question,
    RecipientParty, Stage,
};

use super::circumstances::Circumstances;
use super::header::Standing;
use crate::hub::Hub;

/// What a decision about one copy is made from.
pub(crate) struct Copy<'a> {
    pub(crate) stage: Stage,
    pub(crate) sender: &'a Agency,
    pub(crate) recipient: &'a Agency,
    pub(crate) standing: &'a Standing,
    pub(crate) circumstances: &'a Circumstances,
    pub(crate) referral: ReferralStanding,
    pub(crate) rights: &'a RightsFacts,
    pub(crate) on: Date,
}

/// A decision, and the consent that it rests on, if it would be another without it.
pub(crate) struct Decided {
    pub(crate) decision: Arc<Decision>,
    pub(crate) relies_on: Option<RightsRecordId>,
}

impl Hub {
    /// Decides one copy.
    pub(crate) fn decide(&self, copy: &Copy<'_>) -> Decided {
        let heard = heard(copy);
        let copy = &Copy {
            rights: &heard,
            ..*copy
        };
        let consent = copy.rights.consent_standing(&scope(copy), copy.on);
        let facts = self.facts(copy, &consent);
        let policy = self.policy.load();
        let ask = |facts: DisclosureFacts| {
            policy.decide(&Question {
                on: copy.on,
                facts: Facts::Disclosure(facts),
            })
        };
        let decision = ask(facts);
        // What would be decided were there no consent: tells whether this one carries the decision.
        let relies_on = consent.by.filter(|_| {
            decision.effect == Outcome::Permit && {
                let without = DisclosureFacts {
                    consent: ConsentStanding::None,
                    family_view: FamilyView::NotRecorded,
                    ..facts
                };
                ask(without).effect != Outcome::Permit
            }
        });
        Decided { decision, relies_on }
    }

    /// The facts of a copy as codes by name, for explaining.
    pub(crate) fn facts_of_copy(&self, copy: &Copy<'_>) -> Vec<(&'static str, &'static str)> {
        let heard = heard(copy);
        let copy = &Copy {
            rights: &heard,
            ..*copy
        };
        let consent = copy.rights.consent_standing(&scope(copy), copy.on);
        let facts = self.facts(copy, &consent);
        vec![
            ("item", facts.item.code()),
            ("sender", facts.sender_kind.code()),
            ("recipient", copy.recipient.kind.code()),
            ("role", facts.role.code()),
            ("ground", facts.ground.code()),
            ("proof", facts.proof.code()),
            ("status", facts.status.code()),
            ("ability", facts.ability.code()),
            ("consent", facts.consent.code()),
            ("agreement", facts.agreement.code()),
            ("excluded", facts.excluded.code()),
            ("continuation", facts.plan_continuation.code()),
        ]
    }

    fn facts(&self, copy: &Copy<'_>, consent: &ConsentAnswer) -> DisclosureFacts {
        let standing = copy.standing;
        let agreement = self.directory.load().agreement_between(
            standing.item,
            &copy.sender.id,
            &copy.recipient.id,
            copy.on,
        );
        let own = copy.circumstances;
        DisclosureFacts {
            stage: copy.stage,
            item: standing.item,
            sender_kind: copy.sender.kind,
            sender_status: copy.sender.status,
            recipient: match (copy.recipient.id == copy.sender.id, standing.role) {
                (true, RecipientRole::Parent | RecipientRole::YoungPerson) => RecipientParty::Outside,
                (true, _) => RecipientParty::Sender,
                (false, _) => RecipientParty::Agency(copy.recipient.kind, copy.recipient.status),
            },
            role: standing.role,
            ground: standing.ground,
            proof: proof(copy),
            status: copy.rights.status_on(copy.on),
            ability: copy.rights.ability_for(&scope(copy), copy.on),
            consent: consent.standing,
            family_view: family_view(copy.rights, consent),
            agreement,
            referral: copy.referral,
            break_glass: standing.break_glass,
            excluded: if copy.rights.excluded(&scope(copy), copy.on).is_some() {
                Exclusion::Excluded
            } else {
                Exclusion::No
            },
            plan_continuation: if copy.rights.plan_continues_on(copy.on).is_some() {
                Continuation::Recorded
            } else {
                Continuation::None
            },
            existing_advice: own.existing_advice,
            s23_steps: own.s23_steps,
            school_placement: own.school_placement,
            authority_consent: own.authority_consent,
            serving_parent: own.serving_parent,
        }
    }
}

/// The records that count for this copy, by who recorded them.
///
/// - What would open the copy to its recipient and was recorded by that recipient alone (a consent, an authority for a
///   parent, a request) does not count, unless the recipient has its own part in the child's case: nobody writes
///   themselves a consent. What they record that takes away always counts.
/// - An opinion under reg 17(1)(a) is the local authority's that answers for the child: it counts when the sender holds
///   it. A sender that is no authority may rely on an authority's, but not on one of the recipient's own.
fn heard<'a>(copy: &Copy<'a>) -> Cow<'a, RightsFacts> {
    let (sender, recipient) = (&copy.sender.id, &copy.recipient.id);
    let own_word = sender != recipient && !has_a_part(copy.standing.role);
    let opens = |by: &AgencyId| !(own_word && by == recipient);
    let held = |by: &AgencyId| match copy.sender.kind {
        AgencyKind::LocalAuthority => by == sender,
        _ => by != recipient,
    };
    // A withdrawn grant opens nothing, and must stay: what was granted before its withdrawal fell with it.
    let counts = |one: &Consent| {
        one.decision == ConsentDecision::Refused || one.withdrawn_on.is_some() || opens(&one.head.recorded_by)
    };
    let all = copy.rights.consents.iter().all(counts)
        && copy.rights.opinions.iter().all(|one| held(&one.head.recorded_by))
        && copy
            .rights
            .authorities
            .iter()
            .all(|one| opens(&one.head.recorded_by))
        && copy
            .rights
            .requests
            .iter()
            .all(|one| opens(&one.head.recorded_by));
    if all {
        return Cow::Borrowed(copy.rights);
    }
    let mut rights = copy.rights.clone();
    rights.consents.retain(counts);
    rights.opinions.retain(|one| held(&one.head.recorded_by));
    rights.authorities.retain(|one| opens(&one.head.recorded_by));
    rights.requests.retain(|one| opens(&one.head.recorded_by));
    Cow::Owned(rights)
}

/// Whether one who receives in this part has to do with the child's education or provision by itself: the authority,
/// the school attended or next, who advises or commissions. Clubs, employers, researchers and those whom somebody asks
/// for have not.
const fn has_a_part(role: RecipientRole) -> bool {
    !matches!(
        role,
        RecipientRole::ThirdParty
            | RecipientRole::OtherInvitee
            | RecipientRole::Provider
            | RecipientRole::Researcher
            | RecipientRole::DsaAssessor
            | RecipientRole::HigherEducation
    )
}

/// Whether the condition of the claimed ground is shown today.
fn proof(copy: &Copy<'_>) -> GroundProof {
    let standing = copy.standing;
    let shown = match standing.ground {
        Ground::InterestsOfChild => copy.rights.opinion_covers(&scope(copy), copy.on).is_some(),
        Ground::Dsa => requested(copy, RequestKind::Dsa),
        Ground::HigherEducation => requested(copy, RequestKind::HigherEducation),
        Ground::DisabledPersonsAct | Ground::ChildrenAct => {
            standing.shown && copy.sender.kind == AgencyKind::LocalAuthority
        }
        _ => standing.shown,
    };
    if shown {
        GroundProof::Proven
    } else {
        GroundProof::Missing
    }
}

fn requested(copy: &Copy<'_>, kind: RequestKind) -> bool {
    copy.rights.request_on_file(kind, &scope(copy), copy.on).is_some()
}

fn scope<'a>(copy: &'a Copy<'_>) -> Scope<'a> {
    Scope {
        item: copy.standing.item,
        recipient: &copy.recipient.id,
        role: copy.standing.role,
        purpose: &copy.standing.purpose,
    }
}

fn family_view(rights: &RightsFacts, consent: &ConsentAnswer) -> FamilyView {
    // Whether a child understands enough is asked for the plan (reg 17(2), (3)). What is shared beside it is agreed
    // with the family, and a parent's word is that whether or not somebody has recorded what the child understands.
    let parent_said_yes = || {
        rights.consents.iter().any(|one| {
            Some(one.head.id) == consent.by
                && matches!(one.giver, Giver::Parent(_) | Giver::Representative(_))
        })
    };
    match consent.standing {
        ConsentStanding::UnderstandingNotRecorded if parent_said_yes() => FamilyView::Agrees,
        ConsentStanding::Child
        | ConsentStanding::Parent
        | ConsentStanding::YoungPerson
        | ConsentStanding::Representative
        | ConsentStanding::AlternativePerson
        | ConsentStanding::AuthorisedParent
        | ConsentStanding::Both => FamilyView::Agrees,
        ConsentStanding::Refused | ConsentStanding::Withdrawn => FamilyView::Refuses,
        _ => FamilyView::NotRecorded,
    }
}

/// Whether a ground is shown by a reference that its sender gives: the hub keeps it and cannot look behind it.
pub(crate) fn shown_by_reference(ground: Ground, reference: &str) -> bool {
    match ground {
        Ground::Appeal
        | Ground::Research
        | Ground::CourtOrder
        | Ground::Maladministration
        | Ground::SecretaryOfState
        | Ground::DisabledPersonsAct
        | Ground::ChildrenAct
        | Ground::Inspection => !reference.trim().is_empty(),
        _ => true,
    }
}
