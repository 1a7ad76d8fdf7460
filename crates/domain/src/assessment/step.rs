//! The steps of an assessment, as values: who may take each, and in which states.

use jiff::civil::Date;

use super::opening::FamilyAsk;
use crate::agency::{AgencyId, AgencyKind, coded};
use crate::exchange::ExchangeId;

coded! {
    /// In which capacity advice is asked: the letters of SEND Regulations 2014 reg 6(1).
    AdviserKind {
        /// (a) The child's parent or the young person. Never blocked by reg 6(4).
        FamilyViews = "FAMILY_VIEWS",
        /// (b) The head or principal, or another with experience of teaching those with special needs.
        Education = "EDUCATION",
        /// (b)(iv) The Secretary of State for Defence, when a parent serves in the armed forces.
        SecretaryOfStateForDefence = "SECRETARY_OF_STATE_FOR_DEFENCE",
        /// (c) A health care professional named by the commissioning body.
        Health = "HEALTH",
        /// (d) An educational psychologist.
        EducationalPsychologist = "EDUCATIONAL_PSYCHOLOGIST",
        /// (e) Social care.
        SocialCare = "SOCIAL_CARE",
        /// (f) Anybody else whom the authority thinks fit.
        Other = "OTHER",
        /// (g) Preparation for adulthood, in or beyond Year 9.
        Adulthood = "PREPARATION_FOR_ADULTHOOD",
        /// (h) One whom the parent or young person reasonably asks for.
        FamilyAsked = "FAMILY_ASKED",
        /// Reg 6(2): a qualified teacher of the hearing or vision impaired, consulted for the education advice.
        SensoryTeacher = "SENSORY_TEACHER",
    }
}

coded! {
    /// A ground on which a limit is lifted (SEND Regulations 2014 regs 5(4), 8(2), 10(4), 13(3), 27(3)).
    ExceptionGround {
        /// School or post-16 institution closed for four weeks or more.
        SchoolClosed = "SCHOOL_CLOSED_4W",
        /// Early-years provider closed for four weeks or more.
        EarlyYearsClosed = "EARLY_YEARS_CLOSED_4W",
        /// Exceptional personal circumstances of the child, parent or young person.
        PersonalCircumstances = "PERSONAL_CIRCUMSTANCES",
        /// The child, parent or young person is away from the authority's area for four weeks or more.
        AbsentFromArea = "ABSENT_4W",
        /// The child or young person missed an appointment that the adviser made.
        MissedAppointment = "MISSED_APPOINTMENT",
    }
}

impl ExceptionGround {
    /// Whether an adviser may claim it (reg 8(2)). The closures are open to the authority alone.
    #[must_use]
    pub const fn open_to_advisers(self) -> bool {
        matches!(
            self,
            Self::PersonalCircumstances | Self::AbsentFromArea | Self::MissedAppointment
        )
    }

    /// Whether the authority may claim it for its own limits (regs 5(4), 10(4), 13(3), 27(3)).
    #[must_use]
    pub const fn open_to_authorities(self) -> bool {
        !matches!(self, Self::MissedAppointment)
    }
}

coded! {
    /// A school's answer to a consultation (Children and Families Act 2014 s.39(4)).
    ConsultationAnswer {
        /// It can take the child or young person.
        Yes = "YES",
        /// Unsuitable for the age, ability, aptitude or special needs (s.39(4)(a)).
        Unsuitable = "UNSUITABLE",
        /// Incompatible with the education of others or the efficient use of resources (s.39(4)(b)).
        Incompatible = "INCOMPATIBLE",
    }
}

coded! {
    /// What a tribunal orders, or what an authority concedes by not opposing an appeal (regs 44(2), 45).
    TribunalOrder {
        /// Assess, or re-assess.
        Assess = "ASSESS",
        /// Make and keep a plan.
        MakePlan = "MAKE_PLAN",
        /// Amend what the plan says.
        Amend = "AMEND",
        /// Name another school, institution or type.
        NameInstitution = "NAME_INSTITUTION",
        /// Keep the plan as it is.
        KeepPlan = "KEEP_PLAN",
        /// The appeal against ceasing is dismissed: the plan ends at once. Cannot be conceded.
        CeaseAppealDismissed = "CEASE_APPEAL_DISMISSED",
    }
}

/// Section I of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SectionI {
    /// A school or institution, and its type.
    Institution(AgencyId),
    /// A type only, or a place that is not in the directory.
    TypeOnly,
}

/// One step of an assessment. The day and the caller come beside it, and the id of the exchange by which it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AssessmentStep {
    /// The authority learned a fact after opening: what is `Some` replaces what was known.
    RecordFacts {
        /// Whether a parent serves in the armed forces.
        serving_parent: Option<bool>,
        /// Whether in or beyond Year 9.
        year_9_or_beyond: Option<bool>,
        /// Whether hearing is impaired.
        hearing_impaired: Option<bool>,
        /// Whether vision is impaired.
        vision_impaired: Option<bool>,
    },
    /// The authority told those around the child that it considers whether to assess (reg 4(2)).
    TellOfConsidering,
    /// The family asks that somebody be heard (reg 6(1)(h)).
    RecordFamilyAsk(FamilyAsk),
    /// The authority asks for advice (reg 6). The exchange's id becomes the request's.
    RequestAdvice {
        /// In which capacity.
        kind: AdviserKind,
        /// Whom.
        adviser: AgencyId,
        /// What the directory says it is.
        adviser_agency: AgencyKind,
        /// Whether it is asked as a youth offending team or as the person in charge of youth accommodation, which
        /// Children and Families Act 2014 s.31 binds whatever agency they belong to.
        youth_justice: bool,
        /// Whether reg 6 advice is asked; `false` for information that exists already, asked while the authority still
        /// considers: nobody's six weeks of reg 8(1), and no adviser of reg 6(1).
        statutory: bool,
        /// Whether the family's representations are enclosed (reg 6(3)).
        representations_enclosed: bool,
        /// The day on which the adviser received the request, when it went another way first: the six weeks run from it.
        received_on: Option<Date>,
    },
    /// The adviser has the request.
    AcknowledgeRequest {
        /// The request.
        request: ExchangeId,
    },
    /// The adviser claims that its limit is lifted (reg 8(2)).
    ClaimException {
        /// The request.
        request: ExchangeId,
        /// The ground.
        ground: ExceptionGround,
        /// Whether evidence is given.
        evidence: bool,
        /// From and until, for absence: the day of leaving and the day of return, if it is known.
        period: Option<(Date, Option<Date>)>,
    },
    /// The adviser's service does not know the child or young person.
    SayNotKnown {
        /// The request.
        request: ExchangeId,
    },
    /// The adviser asks what is meant. The clock runs on.
    AskClarification {
        /// The request.
        request: ExchangeId,
    },
    /// The authority answers.
    Clarify {
        /// The request.
        request: ExchangeId,
    },
    /// The adviser returns its advice.
    ReturnAdvice {
        /// The request.
        request: ExchangeId,
        /// Whether it covers needs, provision and outcomes, all three.
        covers_needs_provision_outcomes: bool,
    },
    /// The authority takes the advice, or takes it that the service does not know the child.
    AcceptAdvice {
        /// The request.
        request: ExchangeId,
    },
    /// The authority sends it back. The due day does not move.
    SendBack {
        /// The request.
        request: ExchangeId,
        /// Whether reasons are given.
        reasons: bool,
    },
    /// The authority no longer asks.
    WithdrawRequest {
        /// The request.
        request: ExchangeId,
    },
    /// Earlier advice is enough, in the view of all three (reg 6(4)).
    TakeExistingAdvice {
        /// In which capacity it was given.
        kind: AdviserKind,
        /// Who gave it; `None` for somebody who is no agency of the directory.
        author: Option<AgencyId>,
        /// Whether its author agrees.
        author_agrees: bool,
        /// Whether the authority agrees.
        authority_agrees: bool,
        /// Whether the child's parent or the young person agrees.
        family_agrees: bool,
    },
    /// The authority decides whether to assess (reg 5(1)), or to re-assess where that was asked for.
    DecideToAssess {
        /// Whether it assesses.
        assess: bool,
    },
    /// The authority tells the family that it assesses, as ordered or conceded (regs 44(2), 45).
    NotifyOfAssessment,
    /// The authority decides that no plan is needed (reg 10(1)).
    DecideNoPlan,
    /// The authority serves a draft (reg 13(1)).
    ServeDraft {
        /// The day of service.
        served_on: Date,
        /// Whether section I is blank (Children and Families Act 2014 s.38(5)).
        section_i_blank: bool,
    },
    /// The family has said all it wants to say on the draft.
    CompleteRepresentations,
    /// The authority consults a school or institution (Children and Families Act 2014 ss.39(2), 40(3)).
    Consult {
        /// Which.
        institution: AgencyId,
    },
    /// It answers.
    ReplyToConsultation {
        /// The exchange by which it was consulted.
        consultation: ExchangeId,
        /// The answer.
        answer: ConsultationAnswer,
        /// Whether reasons are given.
        reasons: bool,
    },
    /// The authority settles section I.
    NameInstitution(SectionI),
    /// The authority sends the final plan, or the plan amended after an appeal (reg 13(2), 27(2), 44(2), 45).
    SendFinalPlan,
    /// An appeal was registered.
    RegisterAppeal,
    /// An appeal ended without an order: withdrawn, or dismissed.
    EndAppeal,
    /// The Tribunal ordered (reg 44(2)).
    RecordOrder {
        /// What.
        order: TribunalOrder,
        /// The day of the order.
        made_on: Date,
    },
    /// The authority told the Tribunal that it will not oppose (reg 45).
    ConcedeAppeal {
        /// What it concedes.
        order: TribunalOrder,
        /// The day on which it told the Tribunal.
        told_on: Date,
    },
    /// The family asked for mediation.
    RequestMediation {
        /// The day on which the authority was told.
        told_on: Date,
        /// Whether it is about health provision too.
        health_issues: bool,
        /// Whether it is about health provision alone: then the commissioning body arranges it.
        health_only: bool,
    },
    /// The authority told the commissioning body that mediation is about health provision too.
    TellCommissioner,
    /// Mediation ended, or the adviser was told that it is not wanted.
    EndMediation {
        /// The day.
        ended_on: Date,
    },
    /// The mediation certificate was issued.
    RecordCertificate {
        /// The day on its face.
        issued_on: Date,
    },
    /// A re-assessment was asked for (Children and Families Act 2014 s.44(2)).
    RequestReassessment {
        /// The day on which the authority received the request.
        received_on: Date,
    },
    /// The authority decides whether to re-assess.
    DecideToReassess {
        /// Whether it does.
        assess: bool,
    },
    /// The authority informs and consults on ceasing the plan (reg 31).
    ConsultOnCeasing {
        /// Whether the child's parent or the young person is consulted.
        family: bool,
        /// Whether the named institution is consulted.
        institution: bool,
    },
    /// The authority decides whether to cease, after consulting.
    DecideToCease {
        /// Whether it ceases.
        cease: bool,
    },
    /// The plan ends, after its decision to cease stood unchallenged (Children and Families Act 2014 s.45(4)).
    EndPlan,
    /// The family moves to the area of another authority (reg 15).
    ReportMove {
        /// The new authority.
        to: AgencyId,
        /// The day of the move.
        moves_on: Date,
        /// The day on which the old authority became aware.
        aware_on: Date,
        /// The commissioning body that must tell the new one, and the day on which it became aware, where the move
        /// changes the body (reg 16).
        commissioner: Option<(Option<AgencyId>, Date)>,
    },
    /// The old authority transfers the plan.
    TransferPlan {
        /// The day on which the plan was made or last reviewed; by default the day of the final plan.
        last_made_or_reviewed_on: Option<Date>,
    },
    /// The new authority tells the family: transferred, whether it assesses, when it reviews (reg 15(4)).
    TellOfTransfer,
    /// The old commissioning body told the new one (reg 16). The body itself or the authority records it.
    TellNewCommissioner,
}
