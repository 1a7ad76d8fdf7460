//! The clocks that an assessment starts and ends, by their stable codes.

/// Tell those around the child that an assessment is considered: with the request (reg 4(2)).
pub const CONSIDERING: &str = "EHCNA_CONSIDERING_TELL";
/// Decide whether to assess: six weeks (SEND Regulations 2014 reg 5(1)).
pub const DECIDE_6W: &str = "EHCNA_DECIDE_6W";
/// Give notice that no plan is needed: sixteen weeks (reg 10(1)).
pub const NO_PLAN_16W: &str = "NO_PLAN_NOTICE_16W";
/// Send the final plan: twenty weeks (reg 13(2)).
pub const FINAL_20W: &str = "FINAL_PLAN_20W";
/// Return advice: six weeks from the request's receipt (reg 8(1)).
pub const ADVICE_6W: &str = "ADVICE_RETURN_6W";
/// Comment on the draft: 15 days beginning with the day of service (reg 13(1)(a)).
pub const DRAFT_REPS: &str = "DRAFT_REPS_LAST_DAY_15D";
/// Reply to a consultation: 15 days after receipt (SEND Code 9.83).
pub const CONSULT_REPLY: &str = "SCHOOL_CONSULT_REPLY_15D";
/// Review the plan: within twelve months (Children and Families Act 2014 s.44(1)).
pub const ANNUAL_REVIEW: &str = "ANNUAL_REVIEW_12M";
/// Appeal: the later of two months from the decision and one month from the certificate.
pub const APPEAL_LIMIT: &str = "APPEAL_LIMIT";
/// Arrange mediation: 30 days.
pub const MEDIATION_ARRANGE: &str = "MEDIATION_ARRANGE_30D";
/// Arrange mediation about health alone: 30 days, for the commissioning body.
pub const MEDIATION_HEALTH_ARRANGE: &str = "MEDIATION_HEALTH_ARRANGE_30D";
/// Tell the commissioning body of health issues in a mediation: three working days.
pub const MEDIATION_TELL_ICB: &str = "MEDIATION_HEALTH_TELL_3WD";
/// Issue the mediation certificate: three working days (reg 39).
pub const MEDIATION_CERT: &str = "MEDIATION_CERT_3WD";
/// Decide on a re-assessment: 15 days.
pub const REASSESS_DECIDE: &str = "REASSESS_DECIDE_15D";
/// Final plan after a re-assessment: 14 weeks from the notice (reg 27(2)).
pub const REASSESS_FINAL: &str = "REASSESS_FINAL_14W";
/// Ordered to assess: notify in two weeks (reg 44(2)).
pub const TRIB_ASSESS_NOTIFY: &str = "TRIB_ASSESS_NOTIFY_2W";
/// Ordered to assess: notice of no plan in ten weeks (reg 44(2)).
pub const TRIB_NO_PLAN: &str = "TRIB_ASSESS_NO_PLAN_10W";
/// Ordered to assess: final plan in 14 weeks (reg 44(2)).
pub const TRIB_ASSESS_FINAL: &str = "TRIB_ASSESS_FINAL_14W";
/// Ordered to make a plan: draft in five weeks (reg 44(2)).
pub const TRIB_DRAFT: &str = "TRIB_MAKE_PLAN_DRAFT_5W";
/// Ordered to make a plan: final in eleven weeks (reg 44(2)).
pub const TRIB_FINAL: &str = "TRIB_MAKE_PLAN_FINAL_11W";
/// Ordered to amend the plan: five weeks (reg 44(2)).
pub const TRIB_AMEND: &str = "TRIB_AMEND_5W";
/// Ordered to name a school: two weeks (reg 44(2)).
pub const TRIB_NAME: &str = "TRIB_NAME_SCHOOL_2W";
/// Will not oppose an appeal to assess: notify in two weeks (reg 45).
pub const UNOPPOSED_ASSESS_NOTIFY: &str = "UNOPPOSED_ASSESS_NOTIFY_2W";
/// Will not oppose an appeal to assess: notice of no plan in ten weeks (reg 45).
pub const UNOPPOSED_NO_PLAN: &str = "UNOPPOSED_NO_PLAN_10W";
/// Will not oppose an appeal to assess: final plan in 14 weeks (reg 45).
pub const UNOPPOSED_ASSESS_FINAL: &str = "UNOPPOSED_FINAL_14W";
/// Will not oppose an appeal for a plan: draft in five weeks (reg 45).
pub const UNOPPOSED_DRAFT: &str = "UNOPPOSED_MAKE_PLAN_DRAFT_5W";
/// Will not oppose an appeal for a plan: final in eleven weeks (reg 45).
pub const UNOPPOSED_FINAL: &str = "UNOPPOSED_MAKE_PLAN_FINAL_11W";
/// Will not oppose an appeal on content: five weeks (reg 45).
pub const UNOPPOSED_AMEND: &str = "UNOPPOSED_AMEND_5W";
/// Will not oppose an appeal on the school named: two weeks (reg 45).
pub const UNOPPOSED_NAME: &str = "UNOPPOSED_NAME_SCHOOL_2W";
/// Transfer the plan to another authority (reg 15(2)).
pub const LA_TRANSFER: &str = "LA_TRANSFER";
/// Tell the new commissioning body: 15 working days (reg 16).
pub const ICB_CHANGE: &str = "ICB_CHANGE_NOTIFY_15WD";
/// Tell the family of the transfer: six weeks (reg 15(4)).
pub const TRANSFER_INFORM: &str = "LA_TRANSFER_INFORM_6W";
/// Review after a transfer: the later of twelve and three months (reg 15(5)).
pub const TRANSFER_REVIEW: &str = "LA_TRANSFER_REVIEW";

/// Every clock that an assessment may start.
pub const ALL: &[&str] = &[
    CONSIDERING,
    DECIDE_6W,
    NO_PLAN_16W,
    FINAL_20W,
    ADVICE_6W,
    DRAFT_REPS,
    CONSULT_REPLY,
    ANNUAL_REVIEW,
    APPEAL_LIMIT,
    MEDIATION_ARRANGE,
    MEDIATION_HEALTH_ARRANGE,
    MEDIATION_TELL_ICB,
    MEDIATION_CERT,
    REASSESS_DECIDE,
    REASSESS_FINAL,
    TRIB_ASSESS_NOTIFY,
    TRIB_NO_PLAN,
    TRIB_ASSESS_FINAL,
    TRIB_DRAFT,
    TRIB_FINAL,
    TRIB_AMEND,
    TRIB_NAME,
    UNOPPOSED_ASSESS_NOTIFY,
    UNOPPOSED_NO_PLAN,
    UNOPPOSED_ASSESS_FINAL,
    UNOPPOSED_DRAFT,
    UNOPPOSED_FINAL,
    UNOPPOSED_AMEND,
    UNOPPOSED_NAME,
    LA_TRANSFER,
    ICB_CHANGE,
    TRANSFER_INFORM,
    TRANSFER_REVIEW,
];

/// The clocks that count towards deciding that no plan is needed.
pub(super) const TOWARDS_NO_PLAN: &[&str] = &[NO_PLAN_16W, TRIB_NO_PLAN, UNOPPOSED_NO_PLAN];

/// The clocks that count towards a final plan.
pub(super) const TOWARDS_FINAL: &[&str] = &[
    FINAL_20W,
    REASSESS_FINAL,
    TRIB_ASSESS_FINAL,
    UNOPPOSED_ASSESS_FINAL,
    TRIB_FINAL,
    UNOPPOSED_FINAL,
];

/// The clocks that count towards an amended plan that the Tribunal ordered or the authority conceded.
pub(super) const TOWARDS_AMENDED: &[&str] = &[TRIB_AMEND, TRIB_NAME, UNOPPOSED_AMEND, UNOPPOSED_NAME];

/// The clocks that count towards a draft.
pub(super) const TOWARDS_DRAFT: &[&str] = &[TRIB_DRAFT, UNOPPOSED_DRAFT];
