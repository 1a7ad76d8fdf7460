//! The words of a disclosure between wire and domain: item, recipient's role, ground.

use sendhub_domain::disclosure::{Ground, Item, RecipientRole};

use crate::types::v1 as wire;

/// Declares both directions of a closed list whose values have the same names on the wire and in the domain.
/// Both matches name every value, so that a value added to one side alone does not compile.
macro_rules! words {
    ($(#[$to_doc:meta])* $to:ident, $(#[$from_doc:meta])* $from:ident: $domain:ty = $wire:ty { $($value:ident,)+ }) => {
        $(#[$to_doc])*
        #[must_use]
        pub const fn $to(value: $domain) -> $wire {
            match value { $(<$domain>::$value => <$wire>::$value,)+ }
        }

        $(#[$from_doc])*
        #[must_use]
        pub const fn $from(value: $wire) -> Option<$domain> {
            match value {
                <$wire>::Unspecified => None,
                $(<$wire>::$value => Some(<$domain>::$value),)+
            }
        }
    };
}
pub(crate) use words;

words! {
    /// An item for the wire.
    wire_item,
    /// An item from the wire; `None` when it is not said.
    item: Item = wire::Item {
        EhcPlan,
        EhcAppendixAdvice,
        PupilRecord,
        PupilInformation,
        CpFile,
        SafeguardingConcern,
        AdviceRequest,
        AdviceResponse,
        Advice,
        AdviceDecision,
        AssessmentNotice,
        ConsultationReply,
        ReviewInvite,
        ReviewResponse,
        ReviewAdvice,
        ReviewReport,
        ReviewDecision,
        ServiceChildProfile,
        S23Notice,
        Deregistration,
        DeregistrationDecision,
        ApPlacement,
        DirectPaymentNotice,
        DirectPaymentReply,
        MediationEvent,
        TribunalEvent,
        Post16File,
        LookedAfterAlignment,
        WelfareContact,
    }
}

words! {
    /// A recipient's role for the wire.
    wire_role,
    /// A recipient's role from the wire; `None` when it is not said.
    role: RecipientRole = wire::RecipientRole {
        NamedInstitution,
        CommissioningBody,
        NewLocalAuthority,
        ConsultedInstitution,
        Adviser,
        ResponsibleAuthority,
        Reg20Invitee,
        OtherInvitee,
        Parent,
        YoungPerson,
        NextSchool,
        NextSchoolAbroad,
        AttendedInstitution,
        SafeguardingLead,
        Provider,
        MinistryOfDefence,
        Court,
        Tribunal,
        Police,
        Ombudsman,
        SecretaryOfState,
        Inspector,
        Researcher,
        DsaAssessor,
        HigherEducation,
        SocialServices,
        ThirdParty,
    }
}

words! {
    /// A ground for the wire.
    wire_ground,
    /// A ground from the wire; `None` when it is not said.
    said_ground: Ground = wire::Ground {
        None,
        StatutorySendFinal,
        StatutoryTransfer,
        StatutoryConsultation,
        StatutoryDraft,
        Reg6,
        Reg20,
        InterestsOfChild,
        Appeal,
        Research,
        CourtOrder,
        Maladministration,
        SecretaryOfState,
        DisabledPersonsAct,
        ChildrenAct,
        Inspection,
        Dsa,
        HigherEducation,
        Safeguarding,
        S23,
        HomeEducation,
        WelfareConcern,
        Agreement,
        OtherRelevant,
    }
}

/// A claimed ground from the wire: a ground that is not said is no ground.
#[must_use]
pub fn ground(value: wire::Ground) -> Ground {
    said_ground(value).unwrap_or(Ground::None)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The wire's name of a value without its prefix.
    fn bare<'a>(name: &'a str, prefix: &str) -> &'a str {
        name.strip_prefix(prefix)
            .unwrap_or_else(|| panic!("{name} lacks {prefix}"))
    }

    #[test]
    fn words_have_the_same_codes_on_the_wire_and_come_back() {
        for &one in Item::ALL {
            assert_eq!(bare(wire_item(one).as_str_name(), "ITEM_"), one.code());
            assert_eq!(item(wire_item(one)), Some(one));
        }
        for &one in RecipientRole::ALL {
            assert_eq!(bare(wire_role(one).as_str_name(), "RECIPIENT_ROLE_"), one.code());
            assert_eq!(role(wire_role(one)), Some(one));
        }
        for &one in Ground::ALL {
            assert_eq!(bare(wire_ground(one).as_str_name(), "GROUND_"), one.code());
            assert_eq!(ground(wire_ground(one)), one);
        }
    }

    #[test]
    fn what_is_not_said_is_nothing_and_no_ground() {
        assert_eq!(item(wire::Item::Unspecified), None);
        assert_eq!(role(wire::RecipientRole::Unspecified), None);
        assert_eq!(ground(wire::Ground::Unspecified), Ground::None);
    }
}
