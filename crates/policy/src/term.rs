//! Terms: small enums whose every value has one code, the same in rules, tables and the log.

use sendhub_domain::age::AgeStatus;
use sendhub_domain::agency::{AgencyKind, AgencyStatus};
use sendhub_domain::disclosure::{
    Ability, AgreementStanding, BreakGlass, ConsentStanding, Ground, GroundProof, Item, RecipientRole,
    ReferralStanding,
};
use sendhub_domain::exchange::DeliveryState;
use sendhub_domain::person::IdentityMatch;

/// An enum that rules can name. Its Cedar type is the enumerated entity called [`Term::TYPE`].
pub(crate) trait Term: Copy + 'static {
    /// The entity type in `schema.cedarschema`.
    const TYPE: &'static str;
    /// Every value.
    const ALL: &'static [Self];
    /// The value's code.
    fn code(self) -> &'static str;

    /// The value with this code, if there is one.
    fn read(code: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|term| term.code() == code)
    }
}

/// Declares an enum with codes and makes it a [`Term`].
macro_rules! term {
    ($(#[$doc:meta])* $vis:vis $name:ident { $($(#[$vdoc:meta])* $variant:ident = $code:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        $vis enum $name { $($(#[$vdoc])* $variant,)+ }

        impl $name {
            /// The stable code used in rules, tables and the log.
            #[must_use]
            $vis const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)+ }
            }
        }

        impl $crate::term::Term for $name {
            const TYPE: &'static str = stringify!($name);
            const ALL: &'static [Self] = &[$(Self::$variant,)+];
            fn code(self) -> &'static str {
                self.code()
            }
        }
    };
}
pub(crate) use term;

/// Makes the domain's own enums terms.
macro_rules! domain_terms {
    ($($name:ident),+) => {$(
        impl Term for $name {
            const TYPE: &'static str = stringify!($name);
            const ALL: &'static [Self] = $name::ALL;
            fn code(self) -> &'static str {
                $name::code(self)
            }
        }
    )+};
}
domain_terms!(
    Ability,
    AgeStatus,
    AgencyKind,
    AgencyStatus,
    AgreementStanding,
    BreakGlass,
    ConsentStanding,
    DeliveryState,
    Ground,
    GroundProof,
    IdentityMatch,
    Item,
    RecipientRole,
    ReferralStanding
);
