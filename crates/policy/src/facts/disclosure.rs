//! The facts of a disclosure: what goes from whom to whom, in which part, on which ground, and what stands for
//! and against it on the day.

use sendhub_domain::age::AgeStatus;
use sendhub_domain::agency::{AgencyKind, AgencyStatus};
use sendhub_domain::disclosure::{
    Ability, AgreementStanding, BreakGlass, ConsentStanding, Ground, GroundProof, Item, RecipientRole,
    ReferralStanding,
};

use super::{Action, FamilyView, Pairs, Party, Stage, nth};
use crate::term::{Term as _, term};
use crate::vocabulary::Vocabulary;

/// Who is to have it, as the directory knows them on the day of the decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RecipientParty {
    /// An agency in the directory that is not the sender.
    Agency(AgencyKind, AgencyStatus),
    /// The sender itself.
    Sender,
    /// A person, or a body that is not on the hub.
    Outside,
}

term! {
    /// A recipient as the rules name it. `recipient` is there for AGENCY only.
    pub(crate) Receiver {
        Agency = "AGENCY",
        Sender = "SENDER",
        Outside = "OUTSIDE",
    }
}

term! {
    /// Whether the recipient stands on the list of those whom the child, young person or holder of the rights
    /// wants kept out.
    pub Exclusion {
        /// No.
        No = "NO",
        /// Yes.
        Excluded = "EXCLUDED",
    }
}

term! {
    /// What earlier advice comes to (SEND Regulations 2014 reg 6(4)): it suffices only if its author, the
    /// authority and the family all agree.
    pub ExistingAdvice {
        /// Nobody says that there is any.
        NotClaimed = "NOT_CLAIMED",
        /// All three agree that it suffices.
        AllAgree = "ALL_AGREE",
        /// One of the three does not.
        NotAllAgree = "NOT_ALL_AGREE",
    }
}

term! {
    /// Whether the authority keeps a plan beyond the 25th birthday (CFA 2014 s.46).
    pub Continuation {
        /// Nothing is recorded.
        None = "NONE",
        /// A continuation is recorded, and its end has not passed.
        Recorded = "RECORDED",
    }
}

term! {
    /// Where the steps of CFA 2014 s.23 stand: parent informed and offered a discussion.
    pub S23Steps {
        /// The exchange needs none.
        NotNeeded = "NOT_NEEDED",
        /// Done and recorded.
        Done = "DONE",
        /// Not recorded.
        Missing = "MISSING",
    }
}

term! {
    /// How the pupil came to the school that is to delete the name (SI 2024/208 reg 9).
    pub SchoolPlacement {
        /// In the usual way.
        Ordinary = "ORDINARY",
        /// A special school, under arrangements that the authority made.
        SpecialPlacedByAuthority = "SPECIAL_PLACED_BY_AUTHORITY",
    }
}

term! {
    /// What the local authority said to a deletion from a special school.
    pub AuthorityConsent {
        /// Nothing yet.
        NotRecorded = "NOT_RECORDED",
        /// It consents.
        Given = "GIVEN",
        /// It refuses.
        Refused = "REFUSED",
    }
}

term! {
    /// Whether a parent serves in the armed forces.
    pub ServingParent {
        /// Not known, or none does.
        NotKnown = "NOT_KNOWN",
        /// One does.
        Serves = "SERVES",
    }
}

/// What the decision on one disclosure to one recipient may rest on. Nothing here is personal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DisclosureFacts {
    /// At sending or at collection; both are decided with that day's facts.
    pub stage: Stage,
    /// What is disclosed.
    pub item: Item,
    /// What the sender is.
    pub sender_kind: AgencyKind,
    /// Whether the sender takes part today. Weighed at sending only.
    pub sender_status: AgencyStatus,
    /// Who is to have it.
    pub recipient: RecipientParty,
    /// In what part.
    pub role: RecipientRole,
    /// The ground that is claimed.
    pub ground: Ground,
    /// Whether the ground's condition is shown.
    pub proof: GroundProof,
    /// The child's or young person's status today.
    pub status: AgeStatus,
    /// What is recorded of understanding or capacity for this decision.
    pub ability: Ability,
    /// What the recorded consents come to.
    pub consent: ConsentStanding,
    /// What the family, or the young person where rights have passed, said of this sharing.
    pub family_view: FamilyView,
    /// Whether a sharing agreement covers it today.
    pub agreement: AgreementStanding,
    /// Whether a named person has decided.
    pub referral: ReferralStanding,
    /// Whether the sender breaks the glass.
    pub break_glass: BreakGlass,
    /// Whether the recipient is on an exclusion list.
    pub excluded: Exclusion,
    /// Earlier advice. For [`Item::AdviceRequest`].
    pub existing_advice: ExistingAdvice,
    /// A plan kept beyond 25.
    pub plan_continuation: Continuation,
    /// The steps before an early health notice. For [`Item::S23Notice`].
    pub s23_steps: S23Steps,
    /// How the pupil was placed. For [`Item::Deregistration`].
    pub school_placement: SchoolPlacement,
    /// What the authority said. For [`Item::Deregistration`].
    pub authority_consent: AuthorityConsent,
    /// Whether a parent serves. For advice asked of the Secretary of State for Defence.
    pub serving_parent: ServingParent,
}

term! {
    /// Items that are decided by the same rules.
    pub(crate) Group {
        Plan = "PLAN",
        Pupil = "PUPIL",
        Safeguarding = "SAFEGUARDING",
        Assessment = "ASSESSMENT",
        Review = "REVIEW",
        ServiceChild = "SERVICE_CHILD",
        Notice = "NOTICE",
    }
}

impl Group {
    const fn of(item: Item) -> Self {
        match item {
            Item::EhcPlan | Item::EhcAppendixAdvice => Self::Plan,
            Item::PupilRecord | Item::PupilInformation => Self::Pupil,
            Item::CpFile | Item::SafeguardingConcern => Self::Safeguarding,
            Item::AdviceRequest
            | Item::AdviceResponse
            | Item::Advice
            | Item::AdviceDecision
            | Item::AssessmentNotice
            | Item::ConsultationReply => Self::Assessment,
            Item::ReviewInvite
            | Item::ReviewResponse
            | Item::ReviewAdvice
            | Item::ReviewReport
            | Item::ReviewDecision => Self::Review,
            Item::ServiceChildProfile => Self::ServiceChild,
            Item::S23Notice
            | Item::Deregistration
            | Item::DeregistrationDecision
            | Item::ApPlacement
            | Item::DirectPaymentNotice
            | Item::DirectPaymentReply
            | Item::MediationEvent
            | Item::TribunalEvent
            | Item::Post16File
            | Item::LookedAfterAlignment
            | Item::WelfareContact => Self::Notice,
        }
    }
}

impl DisclosureFacts {
    /// A sending between agencies that take part, with nothing recorded for or against it: no ground, no
    /// consent, no agreement. The caller puts in what it knows; what it leaves out permits nothing.
    #[must_use]
    pub const fn new(
        item: Item,
        sender_kind: AgencyKind,
        recipient: RecipientParty,
        role: RecipientRole,
        status: AgeStatus,
    ) -> Self {
        Self {
            stage: Stage::Submit,
            item,
            sender_kind,
            sender_status: AgencyStatus::Active,
            recipient,
            role,
            ground: Ground::None,
            proof: GroundProof::Missing,
            status,
            ability: Ability::NotRecorded,
            consent: ConsentStanding::None,
            family_view: FamilyView::NotRecorded,
            agreement: AgreementStanding::None,
            referral: ReferralStanding::NotDecided,
            break_glass: BreakGlass::No,
            excluded: Exclusion::No,
            existing_advice: ExistingAdvice::NotClaimed,
            plan_continuation: Continuation::None,
            s23_steps: S23Steps::NotNeeded,
            school_placement: SchoolPlacement::Ordinary,
            authority_consent: AuthorityConsent::NotRecorded,
            serving_parent: ServingParent::NotKnown,
        }
    }

    pub(super) const fn action(&self) -> Action {
        action_of(self.item, matches!(self.stage, Stage::Collect(_)))
    }
}

/// The action of sending an item, or of collecting it.
pub(crate) const fn action_of(item: Item, collected: bool) -> Action {
    match (Group::of(item), collected) {
        (Group::Plan, false) => Action::SubmitPlan,
        (Group::Plan, true) => Action::CollectPlan,
        (Group::Pupil, false) => Action::SubmitPupil,
        (Group::Pupil, true) => Action::CollectPupil,
        (Group::Safeguarding, false) => Action::SubmitSafeguarding,
        (Group::Safeguarding, true) => Action::CollectSafeguarding,
        (Group::Assessment, false) => Action::SubmitAssessment,
        (Group::Assessment, true) => Action::CollectAssessment,
        (Group::Review, false) => Action::SubmitReview,
        (Group::Review, true) => Action::CollectReview,
        (Group::ServiceChild, false) => Action::SubmitServiceChild,
        (Group::ServiceChild, true) => Action::CollectServiceChild,
        (Group::Notice, false) => Action::SubmitNotice,
        (Group::Notice, true) => Action::CollectNotice,
    }
}

impl DisclosureFacts {
    pub(super) fn pairs(&self, words: &Vocabulary) -> Pairs {
        let sender = Party {
            kind: self.sender_kind,
            status: self.sender_status,
        };
        let receiver = match self.recipient {
            RecipientParty::Agency(..) => Receiver::Agency,
            RecipientParty::Sender => Receiver::Sender,
            RecipientParty::Outside => Receiver::Outside,
        };
        let mut pairs = vec![
            ("item".to_owned(), words.term(self.item)),
            ("sender".to_owned(), words.party(sender)),
            ("receiver".to_owned(), words.term(receiver)),
            ("role".to_owned(), words.term(self.role)),
            ("ground".to_owned(), words.term(self.ground)),
            ("proof".to_owned(), words.term(self.proof)),
            ("status".to_owned(), words.term(self.status)),
            ("ability".to_owned(), words.term(self.ability)),
            ("consent".to_owned(), words.term(self.consent)),
            ("family_view".to_owned(), words.term(self.family_view)),
            ("agreement".to_owned(), words.term(self.agreement)),
            ("referral".to_owned(), words.term(self.referral)),
            ("break_glass".to_owned(), words.term(self.break_glass)),
            ("excluded".to_owned(), words.term(self.excluded)),
            ("continuation".to_owned(), words.term(self.plan_continuation)),
        ];
        if let RecipientParty::Agency(kind, status) = self.recipient {
            pairs.push(("recipient".to_owned(), words.party(Party { kind, status })));
        }
        match Group::of(self.item) {
            Group::Assessment => {
                pairs.push(("existing_advice".to_owned(), words.term(self.existing_advice)));
                pairs.push(("serving_parent".to_owned(), words.term(self.serving_parent)));
            }
            Group::Notice => {
                pairs.push(("s23_steps".to_owned(), words.term(self.s23_steps)));
                pairs.push(("placement".to_owned(), words.term(self.school_placement)));
                pairs.push(("authority_consent".to_owned(), words.term(self.authority_consent)));
            }
            Group::Plan | Group::Pupil | Group::Safeguarding | Group::Review | Group::ServiceChild => {}
        }
        if let Stage::Collect(delivery) = self.stage {
            pairs.push(("delivery".to_owned(), words.term(delivery)));
        }
        pairs
    }

    pub(super) fn samples() -> Vec<Self> {
        // The schema has one context for each group and moment: in each, the longest list runs through, and all
        // the others with it.
        let longest = RecipientRole::ALL.len().max(Ground::ALL.len());
        let sample = |item: Item, n: usize, stage: Stage| Self {
            stage,
            item,
            sender_kind: nth(n),
            sender_status: nth(n),
            recipient: match n % 3 {
                0 => RecipientParty::Sender,
                1 => RecipientParty::Outside,
                _ => RecipientParty::Agency(nth(n), nth(n)),
            },
            role: nth(n),
            ground: nth(n),
            proof: nth(n),
            status: nth(n),
            ability: nth(n),
            consent: nth(n),
            family_view: nth(n),
            agreement: nth(n),
            referral: nth(n),
            break_glass: nth(n),
            excluded: nth(n),
            existing_advice: nth(n),
            plan_continuation: nth(n),
            s23_steps: nth(n),
            school_placement: nth(n),
            authority_consent: nth(n),
            serving_parent: nth(n),
        };
        let groups = Group::ALL.iter().map(|group| {
            let items = Item::ALL.iter().copied();
            items
                .filter(|item| Group::of(*item) == *group)
                .collect::<Vec<_>>()
        });
        groups
            .flat_map(|items| {
                (0..longest).flat_map(move |n| {
                    let item = items[n % items.len()];
                    [
                        sample(item, n, Stage::Submit),
                        sample(item, n, Stage::Collect(nth(n))),
                    ]
                })
            })
            .collect()
    }
}
