//! The words in which a disclosure is described: what is disclosed, to whom, on which ground, and what stands
//! for and against it. The policy decides on these; rows, logs and tables use their codes.

use crate::agency::coded;

coded! {
    /// What is disclosed. One exchange holds one item.
    Item {
        /// An EHC plan, draft or final, or an amendment notice with its proposed text.
        EhcPlan = "EHC_PLAN",
        /// Advice or evidence appended to a plan (section K): part of the plan (SEND Regulations 2014 reg 17(5)).
        EhcAppendixAdvice = "EHC_APPENDIX_ADVICE",
        /// The pupil's educational record on transfer.
        PupilRecord = "PUPIL_RECORD",
        /// Pupil information between agencies: SEN support, provision and needs, contacts.
        PupilInformation = "PUPIL_INFORMATION",
        /// A child-protection file.
        CpFile = "CP_FILE",
        /// A safeguarding concern about a child.
        SafeguardingConcern = "SAFEGUARDING_CONCERN",
        /// A local authority's request for advice, with the family's views enclosed.
        AdviceRequest = "ADVICE_REQUEST",
        /// An adviser's answer that is not yet advice: acknowledgement, exception, not known, a question.
        AdviceResponse = "ADVICE_RESPONSE",
        /// The advice itself, returned to the authority that asked.
        Advice = "ADVICE",
        /// What the authority made of advice: accepted, sent back, existing advice taken.
        AdviceDecision = "ADVICE_DECISION",
        /// A decision within an assessment told to those whom the Regulations name.
        AssessmentNotice = "ASSESSMENT_NOTICE",
        /// A school's answer to a consultation.
        ConsultationReply = "CONSULTATION_REPLY",
        /// An invitation to a review meeting.
        ReviewInvite = "REVIEW_INVITE",
        /// An answer to an invitation.
        ReviewResponse = "REVIEW_RESPONSE",
        /// Advice and information for a review.
        ReviewAdvice = "REVIEW_ADVICE",
        /// The report of a review meeting.
        ReviewReport = "REVIEW_REPORT",
        /// The authority's decision after a review.
        ReviewDecision = "REVIEW_DECISION",
        /// The profile of a Service child.
        ServiceChildProfile = "SERVICE_CHILD_PROFILE",
        /// A health body's early notice of a child under compulsory school age (CFA 2014 s.23).
        S23Notice = "S23_NOTICE",
        /// A school's notice that a pupil is to be deleted from its register for home education.
        Deregistration = "DEREGISTRATION",
        /// The local authority's consent, or refusal, to such a deletion from a special school.
        DeregistrationDecision = "DEREGISTRATION_DECISION",
        /// A placement in alternative provision.
        ApPlacement = "AP_PLACEMENT",
        /// A notice of a proposed direct payment for provision on a school's premises.
        DirectPaymentNotice = "DIRECT_PAYMENT_NOTICE",
        /// The head's agreement or refusal.
        DirectPaymentReply = "DIRECT_PAYMENT_REPLY",
        /// A mediation event that starts a clock; never what was said there.
        MediationEvent = "MEDIATION_EVENT",
        /// A tribunal event that starts a clock.
        TribunalEvent = "TRIBUNAL_EVENT",
        /// SEN information for a post-16 institution before arrival.
        Post16File = "POST16_FILE",
        /// Alignment of a looked-after child's plans and reviews.
        LookedAfterAlignment = "LOOKED_AFTER_ALIGNMENT",
        /// A welfare or behaviour contact about a pupil under 18.
        WelfareContact = "WELFARE_CONTACT",
    }
}

coded! {
    /// In what part the recipient receives it. The sender claims it; the hub checks what it can against the case
    /// and the directory.
    RecipientRole {
        /// The school or institution named in the plan.
        NamedInstitution = "NAMED_INSTITUTION",
        /// The body that commissions the child's health provision.
        CommissioningBody = "COMMISSIONING_BODY",
        /// The authority the child has moved to.
        NewLocalAuthority = "NEW_LOCAL_AUTHORITY",
        /// A school consulted before it is named (CFA 2014 ss.39, 40).
        ConsultedInstitution = "CONSULTED_INSTITUTION",
        /// One whose advice is asked (SEND Regulations 2014 reg 6).
        Adviser = "ADVISER",
        /// The authority responsible for the child or young person, or that asked.
        ResponsibleAuthority = "RESPONSIBLE_AUTHORITY",
        /// One whom reg 20(2) or 21(2) requires to be invited.
        Reg20Invitee = "REG20_INVITEE",
        /// Another invitee.
        OtherInvitee = "OTHER_INVITEE",
        /// A parent of the child or young person.
        Parent = "PARENT",
        /// The child or young person.
        YoungPerson = "YOUNG_PERSON",
        /// The school the pupil goes to next, in the UK.
        NextSchool = "NEXT_SCHOOL",
        /// A school the pupil goes to next outside the UK.
        NextSchoolAbroad = "NEXT_SCHOOL_ABROAD",
        /// The school or institution attended.
        AttendedInstitution = "ATTENDED_INSTITUTION",
        /// The designated safeguarding lead of the next school.
        SafeguardingLead = "SAFEGUARDING_LEAD",
        /// A provider that the plan names, or that carries out provision.
        Provider = "PROVIDER",
        /// The Ministry of Defence, as adviser (reg 6(1)(b)(iv)) or for a Service child.
        MinistryOfDefence = "MINISTRY_OF_DEFENCE",
        /// A court.
        Court = "COURT",
        /// The First-tier Tribunal.
        Tribunal = "TRIBUNAL",
        /// Police or another investigating body.
        Police = "POLICE",
        /// The Local Government and Social Care Ombudsman.
        Ombudsman = "OMBUDSMAN",
        /// The Secretary of State.
        SecretaryOfState = "SECRETARY_OF_STATE",
        /// An inspector of Ofsted.
        Inspector = "INSPECTOR",
        /// A person who does educational research.
        Researcher = "RESEARCHER",
        /// One who assesses for a disabled students' allowance.
        DsaAssessor = "DSA_ASSESSOR",
        /// The principal of an intended higher-education institution.
        HigherEducation = "HIGHER_EDUCATION",
        /// Social services under the 1986 Act, or an LA officer under the Children Act 1989.
        SocialServices = "SOCIAL_SERVICES",
        /// Anybody else: a club, an employer.
        ThirdParty = "THIRD_PARTY",
    }
}

coded! {
    /// The ground that the sender claims.
    Ground {
        /// None.
        None = "NONE",
        /// The Act or Regulations require the final plan to be sent to this recipient (reg 13(2), 22(3), 27(2)).
        StatutorySendFinal = "STATUTORY_SEND_FINAL",
        /// The Act or Regulations require it on a move (reg 15; PIR 2005 reg 9).
        StatutoryTransfer = "STATUTORY_TRANSFER",
        /// A school must be consulted with the plan (CFA 2014 ss.39, 40).
        StatutoryConsultation = "STATUTORY_CONSULTATION",
        /// A draft or an amendment notice must be sent (CFA 2014 s.38; reg 22).
        StatutoryDraft = "STATUTORY_DRAFT",
        /// Advice is asked or given under reg 6 to 8.
        Reg6 = "REG6",
        /// A review under regs 18 to 22.
        Reg20 = "REG20",
        /// Reg 17(1)(a): in the local authority's opinion necessary in the child's or young person's interests.
        InterestsOfChild = "INTERESTS_OF_CHILD",
        /// Reg 17(1)(b): an appeal under the Act.
        Appeal = "APPEAL",
        /// Reg 17(1)(c): educational research under an undertaking.
        Research = "RESEARCH",
        /// Reg 17(1)(d): the order of a court, or criminal proceedings.
        CourtOrder = "COURT_ORDER",
        /// Reg 17(1)(e): an investigation under Part 3 of the Local Government Act 1974.
        Maladministration = "MALADMINISTRATION",
        /// Reg 17(1)(f): the Secretary of State under EA 1996 ss.496, 497, 497A.
        SecretaryOfState = "SECRETARY_OF_STATE",
        /// Reg 17(1)(g): Disabled Persons (Services, Consultation and Representation) Act 1986 s.5(5).
        DisabledPersonsAct = "DISABLED_PERSONS_ACT",
        /// Reg 17(1)(h): Children Act 1989 ss.22(3)(a), 85(4)(a), 86(3)(a), 87(3).
        ChildrenAct = "CHILDREN_ACT",
        /// Reg 17(1)(i): an Ofsted inspection.
        Inspection = "INSPECTION",
        /// Reg 17(1)(j): a disabled students' allowance, on the young person's request.
        Dsa = "DSA",
        /// Reg 17(1)(k): the intended higher-education institution, on the young person's request.
        HigherEducation = "HIGHER_EDUCATION",
        /// Safeguarding: KCSIE; Children Acts; DPA 2018 Sch 1 para 18.
        Safeguarding = "SAFEGUARDING",
        /// A health body's notice under CFA 2014 s.23.
        S23 = "S23",
        /// Elective home education (SI 2024/208 reg 9(1)(f)).
        HomeEducation = "HOME_EDUCATION",
        /// A welfare concern about a pupil under 18 (Code 8.17).
        WelfareConcern = "WELFARE_CONCERN",
        /// A task that rests on a sharing agreement, not on a duty.
        Agreement = "AGREEMENT",
        /// The sender thinks the recipient relevant.
        OtherRelevant = "OTHER_RELEVANT",
    }
}

coded! {
    /// Whether the condition of a claimed ground is shown.
    GroundProof {
        /// The claim carries what the ground requires: a reference, a recorded opinion, a request on file.
        Proven = "PROVEN",
        /// It does not.
        Missing = "MISSING",
    }
}

coded! {
    /// What is recorded of the child's understanding, or the young person's capacity, for the decision at hand.
    Ability {
        /// Nothing is recorded. For a young person of 16 or over capacity is presumed.
        NotRecorded = "NOT_RECORDED",
        /// The child is recorded to understand enough to decide.
        Understands = "UNDERSTANDS",
        /// The child is recorded not to understand enough.
        DoesNotUnderstand = "DOES_NOT_UNDERSTAND",
        /// The young person has capacity, presumed or found.
        HasCapacity = "HAS_CAPACITY",
        /// A finding for this very decision says that the young person lacks capacity.
        LacksCapacity = "LACKS_CAPACITY",
        /// Somebody says so of a young person under 16, where the Mental Capacity Act 2005 cannot be used (s.2(5)).
        SaidToLackUnder16 = "SAID_TO_LACK_UNDER_16",
    }
}

coded! {
    /// What the recorded consents come to for this item, recipient and purpose on the day of the decision.
    ConsentStanding {
        /// None is recorded.
        None = "NONE",
        /// The child's own, who is recorded to understand.
        Child = "CHILD",
        /// A parent's, for a child who is recorded not to understand.
        Parent = "PARENT",
        /// The young person's own.
        YoungPerson = "YOUNG_PERSON",
        /// A representative's, for one who lacks capacity (CFA 2014 s.80(6)).
        Representative = "REPRESENTATIVE",
        /// The alternative person's who is not a representative (SEND Regulations 2014 reg 64(2)(b), (c)).
        AlternativePerson = "ALTERNATIVE_PERSON",
        /// A parent whom the young person has authorised to act in this (Code 8.14).
        AuthorisedParent = "AUTHORISED_PARENT",
        /// Both the parent's and the pupil's: enough while age status needs a determination.
        Both = "BOTH",
        /// A parent's, for a child whose understanding is not recorded.
        UnderstandingNotRecorded = "UNDERSTANDING_NOT_RECORDED",
        /// Given by somebody who may not give it.
        WrongGiver = "WRONG_GIVER",
        /// A parent's that lapsed on the day on which rights passed to the young person.
        Lapsed = "LAPSED",
        /// Refused by the one who may.
        Refused = "REFUSED",
        /// Withdrawn.
        Withdrawn = "WITHDRAWN",
        /// Its time is over or has not begun.
        Expired = "EXPIRED",
        /// Given for another item, recipient or purpose.
        OutOfScope = "OUT_OF_SCOPE",
        /// Age status needs a determination and only one of the two has agreed.
        NeedsDetermination = "NEEDS_DETERMINATION",
    }
}

coded! {
    /// Whether a sharing agreement between sender and recipient covers the item on the day.
    AgreementStanding {
        /// One is in force.
        InForce = "IN_FORCE",
        /// None is.
        None = "NONE",
    }
}

coded! {
    /// Whether a named person has decided what the rules refer.
    ReferralStanding {
        /// Nobody has.
        NotDecided = "NOT_DECIDED",
        /// Decided and signed: allowed.
        Allowed = "ALLOWED",
        /// Decided and signed: refused.
        Refused = "REFUSED",
    }
}

coded! {
    /// Whether the sender breaks the glass: a safeguarding or court route with a mandatory reason, told to the
    /// data-protection officer.
    BreakGlass {
        /// No.
        No = "NO",
        /// Yes, and the reason is recorded.
        WithReason = "WITH_REASON",
    }
}
