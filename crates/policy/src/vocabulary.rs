//! Facts in Cedar's words: every value is built once, so that a question only puts them together.

use std::collections::HashMap;
use std::str::FromStr;

use cedar_policy::{Context, EntityId, EntityTypeName, EntityUid, Request, RestrictedExpression, Schema};
use sendhub_domain::age::AgeStatus;
use sendhub_domain::agency::{AgencyKind, AgencyStatus};
use sendhub_domain::disclosure::{
    Ability, AgreementStanding, BreakGlass, ConsentStanding, Ground, GroundProof, Item, RecipientRole,
    ReferralStanding,
};
use sendhub_domain::exchange::DeliveryState;
use sendhub_domain::person::IdentityMatch;

use crate::facts::{
    Action, AuthorityConsent, Continuation, Destination, Exclusion, ExistingAdvice, Facts, FamilyView,
    HeldRecord, Party, Receiver, RecordSource, S23Steps, SchoolPlacement, SearchReason, ServingParent,
};
use crate::term::Term;

/// Why something cannot be said in Cedar. Never happens to facts once a schema has accepted the samples;
/// the text is for the schema's author.
pub(crate) type Unsayable = String;

/// The asker's and the record's stand-ins, the actions, and every value of every enum.
pub(crate) struct Vocabulary {
    principal: EntityUid,
    resource: EntityUid,
    actions: HashMap<&'static str, EntityUid>,
    terms: HashMap<(&'static str, &'static str), RestrictedExpression>,
    parties: HashMap<Party, RestrictedExpression>,
}

impl Vocabulary {
    /// # Errors
    /// [`Unsayable`] should Cedar refuse one of the names.
    pub(crate) fn new() -> Result<Self, Unsayable> {
        let mut words = Self {
            principal: uid("Agency", "caller")?,
            resource: uid("TransferRecord", "record")?,
            actions: HashMap::new(),
            terms: HashMap::new(),
            parties: HashMap::new(),
        };
        for action in Action::ALL {
            words.actions.insert(action.code(), uid("Action", action.code())?);
        }
        words.learn::<AgencyKind>()?;
        words.learn::<AgencyStatus>()?;
        words.learn::<DeliveryState>()?;
        words.learn::<Destination>()?;
        words.learn::<FamilyView>()?;
        words.learn::<HeldRecord>()?;
        words.learn::<IdentityMatch>()?;
        words.learn::<RecordSource>()?;
        words.learn::<SearchReason>()?;
        words.learn_disclosure()?;
        words.learn_parties()?;
        Ok(words)
    }

    fn learn_disclosure(&mut self) -> Result<(), Unsayable> {
        self.learn::<Ability>()?;
        self.learn::<AgeStatus>()?;
        self.learn::<AgreementStanding>()?;
        self.learn::<AuthorityConsent>()?;
        self.learn::<BreakGlass>()?;
        self.learn::<ConsentStanding>()?;
        self.learn::<Continuation>()?;
        self.learn::<Exclusion>()?;
        self.learn::<ExistingAdvice>()?;
        self.learn::<Ground>()?;
        self.learn::<GroundProof>()?;
        self.learn::<Item>()?;
        self.learn::<Receiver>()?;
        self.learn::<RecipientRole>()?;
        self.learn::<ReferralStanding>()?;
        self.learn::<S23Steps>()?;
        self.learn::<SchoolPlacement>()?;
        self.learn::<ServingParent>()
    }

    fn learn<T: Term>(&mut self) -> Result<(), Unsayable> {
        for term in T::ALL {
            let value = RestrictedExpression::new_entity_uid(uid(T::TYPE, term.code())?);
            self.terms.insert((T::TYPE, term.code()), value);
        }
        Ok(())
    }

    fn learn_parties(&mut self) -> Result<(), Unsayable> {
        for kind in AgencyKind::ALL {
            for status in AgencyStatus::ALL {
                let fields = [
                    ("kind".to_owned(), self.term(*kind)),
                    ("status".to_owned(), self.term(*status)),
                ];
                let record = RestrictedExpression::new_record(fields).map_err(|error| error.to_string())?;
                let party = Party {
                    kind: *kind,
                    status: *status,
                };
                self.parties.insert(party, record);
            }
        }
        Ok(())
    }

    /// A value of an enum. One that was never learnt comes as plain text, which no schema here accepts: the
    /// check of the samples finds it.
    pub(crate) fn term<T: Term>(&self, term: T) -> RestrictedExpression {
        let known = self.terms.get(&(T::TYPE, term.code()));
        known
            .cloned()
            .unwrap_or_else(|| RestrictedExpression::new_string(term.code().to_owned()))
    }

    /// One end of an exchange as a record of kind and status.
    pub(crate) fn party(&self, party: Party) -> RestrictedExpression {
        let known = self.parties.get(&party);
        known
            .cloned()
            .unwrap_or_else(|| RestrictedExpression::new_string(party.kind.code().to_owned()))
    }

    /// An action's name in Cedar.
    pub(crate) fn action(&self, action: Action) -> Option<&EntityUid> {
        self.actions.get(action.code())
    }

    /// The question in Cedar, checked against a schema when there is one. Checking is for loading; a
    /// question later on has the same shape.
    ///
    /// # Errors
    /// [`Unsayable`] when the schema does not fit the facts.
    pub(crate) fn request(&self, facts: &Facts, schema: Option<&Schema>) -> Result<Request, Unsayable> {
        let action = self.action(facts.action()).ok_or("the action has no name")?;
        let context = Context::from_pairs(facts.pairs(self)).map_err(|error| error.to_string())?;
        Request::new(
            self.principal.clone(),
            action.clone(),
            self.resource.clone(),
            context,
            schema,
        )
        .map_err(|error| error.to_string())
    }
}

fn uid(entity_type: &str, id: &str) -> Result<EntityUid, Unsayable> {
    let name = EntityTypeName::from_str(entity_type).map_err(|error| error.to_string())?;
    Ok(EntityUid::from_type_name_and_id(name, EntityId::new(id)))
}
