//! Senders and recipients named in prose.

use sendhub_domain::agency::{AgencyKind, AgencyStatus};
use sendhub_domain::disclosure::{Ground, Item, RecipientRole};

use super::Words;
use crate::facts::RecipientParty;

/// What an agency is, by the words that name it.
pub(super) fn kind(words: &Words) -> Option<AgencyKind> {
    let table: &[(&str, AgencyKind)] = &[
        ("virtual school|virtual school head", AgencyKind::LocalAuthority),
        ("school nurse|school health", AgencyKind::HealthBody),
        ("special|special school", AgencyKind::SpecialSchool),
        (
            "pru|pupil referral|alternative provision|hospital school|ap provider",
            AgencyKind::PupilReferralUnit,
        ),
        ("independent|private school", AgencyKind::IndependentSchool),
        (
            "mod school|mod schools|ministry of defence school|sce",
            AgencyKind::ModSchool,
        ),
        ("academy|academies|free school", AgencyKind::Academy),
        (
            "college|post 16|fe|sixth form|further education",
            AgencyKind::Post16,
        ),
        ("maintained", AgencyKind::MaintainedSchool),
        (
            "early years|nursery|childminder|pre school|preschool",
            AgencyKind::EarlyYears,
        ),
        (
            "school|schools|head|headteacher|senco|dsl|mainstream|institution|principal",
            AgencyKind::MaintainedSchool,
        ),
        (
            "nhs|icb|health|trust|hospital|gp|nurse|clinician|paediatrician|therapist|camhs|\
                commissioning body|integrated care board",
            AgencyKind::HealthBody,
        ),
        ("mod|defence|ministry of defence", AgencyKind::MinistryOfDefence),
        (
            "la|local authority|authority|council|social worker|social care|social services|\
                psychologist",
            AgencyKind::LocalAuthority,
        ),
    ];
    let found = table.iter().find(|(phrases, _)| words.has(phrases));
    found.map(|(_, kind)| *kind)
}

/// Bodies and persons that are never on the hub, or of one kind, by the words that name them. The first row
/// that has a word decides.
fn known_role(words: &Words) -> Option<(RecipientRole, Option<AgencyKind>)> {
    use RecipientRole as Role;
    let table: &[(&str, Role, Option<AgencyKind>)] = &[
        (
            "club|employer|charity|forum|neighbour|grandparent|relative|journalist|newspaper|\
                company|landlord|friend|insurer|scout|scouts|business|shop|tutor|coach|voluntary|mp|\
                councillor|housing|dwp|jobcentre|solicitor|lawyer|advocate|bank",
            Role::ThirdParty,
            None,
        ),
        ("tribunal|first tier", Role::Tribunal, None),
        (
            "court|magistrates|judge|prosecution|prosecutor|coroner|cafcass",
            Role::Court,
            None,
        ),
        ("police|constable|officer of police", Role::Police, None),
        ("ombudsman", Role::Ombudsman, None),
        (
            "secretary of state for defence|ministry of defence|defence|education advisory team|\
                ceas",
            Role::MinistryOfDefence,
            Some(AgencyKind::MinistryOfDefence),
        ),
        (
            "secretary of state|department for education|dfe|minister",
            Role::SecretaryOfState,
            None,
        ),
        ("ofsted|inspector|inspectors|hmi", Role::Inspector, None),
        ("researcher|researchers|research", Role::Researcher, None),
        (
            "dsa|disabled students|disabled student|student finance",
            Role::DsaAssessor,
            None,
        ),
        (
            "university|higher education|he institution|he provider|he principal|intended he",
            Role::HigherEducation,
            None,
        ),
        (
            "social services|social care|social worker|1986 act|children act|mash|lado",
            Role::SocialServices,
            Some(AgencyKind::LocalAuthority),
        ),
    ];
    let found = table.iter().find(|(phrases, ..)| words.has(phrases));
    found.map(|(_, role, kind)| (*role, *kind))
}

const SCHOOL: &str = "school|schools|academy|college|sixth form|nursery|institution|pru|\
                pupil referral unit|setting|provider|head|headteacher|principal|senco|dsl|teacher|\
                early years|post 16";
const HEALTH: &str = "nhs|icb|health|trust|hospital|gp|nurse|clinician|paediatrician|therapist|camhs|\
                commissioning body|commissioner|integrated care board";
const ABROAD: &str = "abroad|overseas|outside uk|outside the uk|outside the united kingdom|germany|cyprus|\
                france|spain|brunei|gibraltar|foreign";

/// Who is to have it, and in what part.
pub(super) fn recipient(
    item: Item,
    ground: Ground,
    sender: AgencyKind,
    words: &Words,
) -> Option<(RecipientParty, RecipientRole)> {
    use RecipientRole as Role;
    let agency = |kind| RecipientParty::Agency(kind, AgencyStatus::Active);
    let advice = matches!(item, Item::AdviceRequest | Item::AdviceDecision);
    let review = matches!(
        item,
        Item::ReviewInvite
            | Item::ReviewAdvice
            | Item::ReviewReport
            | Item::ReviewResponse
            | Item::ReviewDecision
    );
    // In a review or a request for advice the part is the law's list, not the profession.
    let part = |role| match (review, advice, ground) {
        (true, _, Ground::Reg20) => Role::Reg20Invitee,
        (true, _, _) => Role::OtherInvitee,
        (_, true, _) => Role::Adviser,
        _ => role,
    };
    let defence_school = words.has("mod school|mod schools|ministry of defence school");
    if words.has("mod") && !defence_school {
        return Some((agency(AgencyKind::MinistryOfDefence), Role::MinistryOfDefence));
    }
    if let Some((role, kind)) = known_role(words).filter(|_| !defence_school) {
        let role = if role == Role::SocialServices {
            part(role)
        } else {
            role
        };
        return Some((kind.map_or(RecipientParty::Outside, agency), role));
    }
    if words.has("parent|parents|mother|father|carer|guardian|family") {
        return Some((RecipientParty::Outside, Role::Parent));
    }
    let other = words.has("not dsl|not the dsl|other than dsl|other than the dsl|not safeguarding lead");
    if words.has("dsl|designated safeguarding lead|safeguarding lead") && !other {
        let kind = kind(words).filter(|kind| kind.is_school());
        return Some((
            agency(kind.unwrap_or(AgencyKind::MaintainedSchool)),
            Role::SafeguardingLead,
        ));
    }
    if words.has(HEALTH) {
        let commissions = words.has("icb|commissioning body|commissioner|integrated care board");
        let role = if commissions {
            Role::CommissioningBody
        } else {
            Role::Provider
        };
        return Some((agency(AgencyKind::HealthBody), part(role)));
    }
    if words.has(SCHOOL) && !words.has("virtual school") {
        let role = part(school_role(item, ground, words));
        let kind = kind(words).filter(|kind| kind.is_school() || *kind == AgencyKind::Post16);
        let party = if role == Role::NextSchoolAbroad && !defence_school {
            RecipientParty::Outside
        } else {
            agency(kind.unwrap_or(AgencyKind::MaintainedSchool))
        };
        return Some((party, role));
    }
    if advice && words.has("psychologist|professional|adviser|advisor|expert|specialist|ep") {
        return Some((RecipientParty::Outside, Role::Adviser));
    }
    if words.has("la|local authority|authority|council|virtual school") {
        let new = words.has("new|receiving|move|moved")
            || (ground == Ground::StatutoryTransfer && sender == AgencyKind::LocalAuthority);
        let role = if new {
            Role::NewLocalAuthority
        } else {
            Role::ResponsibleAuthority
        };
        let listed = review && ground == Ground::Reg20;
        return Some((
            agency(AgencyKind::LocalAuthority),
            if listed { Role::Reg20Invitee } else { role },
        ));
    }
    if words.has("young person|pupil|student|child") {
        return Some((RecipientParty::Outside, Role::YoungPerson));
    }
    None
}

/// In what part a school or other institution receives it.
fn school_role(item: Item, ground: Ground, words: &Words) -> RecipientRole {
    use RecipientRole as Role;
    if words.has(ABROAD) {
        return Role::NextSchoolAbroad;
    }
    if words.has("named") && words.has("provider") {
        return Role::Provider;
    }
    if words.has("consulted") || ground == Ground::StatutoryConsultation {
        return Role::ConsultedInstitution;
    }
    if words.has("named") || ground == Ground::StatutorySendFinal {
        return Role::NamedInstitution;
    }
    if words.has("next|new|receiving|destination|future") {
        return Role::NextSchool;
    }
    if words.has("current|attended|present|own|old|previous") {
        return Role::AttendedInstitution;
    }
    match item {
        Item::PupilRecord
        | Item::PupilInformation
        | Item::Post16File
        | Item::ServiceChildProfile
        | Item::CpFile => Role::NextSchool,
        Item::ApPlacement => Role::Provider,
        _ => Role::AttendedInstitution,
    }
}
