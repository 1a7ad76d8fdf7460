//! The wire: code generated from `proto/`, validation compiled from its annotations, refusals, and the only
//! place where wire types become domain types and back.

pub mod codec;
pub mod convert;
pub mod disclosure;
pub mod exchange;
pub mod kinds;
pub mod method_rules;
pub mod refusal;
pub mod validate;

/// Declares the module of one generated package.
macro_rules! package {
    ($area:ident, $file:literal, $doc:literal) => {
        #[doc = $doc]
        pub mod $area {
            /// Version 1.
            #[allow(
                missing_docs,
                clippy::all,
                clippy::allow_attributes,
                clippy::allow_attributes_without_reason,
                clippy::needless_pass_by_value,
                reason = "generated: its documentation is the proto's"
            )]
            pub mod v1 {
                include!(concat!(env!("OUT_DIR"), "/", $file));
            }
        }
    };
}

package!(types, "sendhub.types.v1.rs", "`sendhub.types`: the shared nouns.");
package!(errors, "sendhub.errors.v1.rs", "`sendhub.errors`: refusals.");
package!(
    options,
    "sendhub.options.v1.rs",
    "`sendhub.options`: what methods require."
);
package!(
    directory,
    "sendhub.directory.v1.rs",
    "`sendhub.directory`: agencies."
);
package!(
    transfer,
    "sendhub.transfer.v1.rs",
    "`sendhub.transfer`: transfer records."
);
package!(mailbox, "sendhub.mailbox.v1.rs", "`sendhub.mailbox`: deliveries.");
package!(
    audit,
    "sendhub.audit.v1.rs",
    "`sendhub.audit`: receipts, events and proofs."
);
package!(
    pupil,
    "sendhub.pupil.v1.rs",
    "`sendhub.pupil`: pupil information."
);
package!(
    assessment,
    "sendhub.assessment.v1.rs",
    "`sendhub.assessment`: EHC needs assessments, advice and plans."
);
package!(
    review,
    "sendhub.review.v1.rs",
    "`sendhub.review`: reviews of EHC plans."
);
package!(
    servicechild,
    "sendhub.servicechild.v1.rs",
    "`sendhub.servicechild`: profiles of Service children."
);
package!(
    attachment,
    "sendhub.attachment.v1.rs",
    "`sendhub.attachment`: documents beside exchanges."
);
package!(
    rights,
    "sendhub.rights.v1.rs",
    "`sendhub.rights`: consents, and facts about who decides."
);
package!(
    notice,
    "sendhub.notice.v1.rs",
    "`sendhub.notice`: the smaller exchanges."
);
package!(
    clock,
    "sendhub.clock.v1.rs",
    "`sendhub.clock`: due dates and exceptions."
);
package!(
    policy,
    "sendhub.policy.v1.rs",
    "`sendhub.policy`: decisions explained, referrals decided."
);

/// The contracts as a serialised `FileDescriptorSet`, options and comments included: what reflection serves.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/contracts.bin"));
