//! Cases: an assessment or a review, made anew from its stored steps each time it is needed.

use jiff::civil::Date;
use sendhub_contracts::errors::v1::Reason;
use sendhub_contracts::refusal::Refusal;
use sendhub_domain::agency::AgencyId;
use sendhub_domain::assessment::{AssessmentCase, Consequences};
use sendhub_domain::clock::ClockRule;
use sendhub_domain::disclosure::RecipientRole;
use sendhub_domain::exchange::{CaseId, CaseKind, ExchangeId};
use sendhub_domain::review::ReviewCase;
use sendhub_store::StoreError;
use sendhub_store::change::ReferralState;
use sendhub_store::reads::{CaseRecord, ClockRecord, ExchangeRecord};
use tracing::warn;

use super::draft::CaseStep;
use super::header::Outside;
use super::intake::case_not_found;
use super::parties::named;
use crate::hub::{Hub, day_in_england, store_refusal};
use crate::identity::Caller;
use crate::record::open_text;
use crate::transfer::page_token;
use crate::{assessment, review};

/// Cases on a page when the caller does not say.
const USUAL_PAGE: u32 = 50;

/// What a case is about.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Matter {
    Assessment(Box<AssessmentCase>),
    Review(Box<ReviewCase>),
}

/// A case with all that was done in it.
#[derive(Debug, Clone)]
pub(crate) struct OpenMatter {
    pub(crate) record: CaseRecord,
    pub(crate) matter: Matter,
    pub(crate) clocks: Vec<ClockRecord>,
    /// For a review: the clocks towards it that earlier cases of the person left running. They end with its decision.
    pub(crate) yearly: Vec<ClockRecord>,
    pub(crate) exchanges: Vec<ExchangeRecord>,
}

impl OpenMatter {
    /// The assessment, when the case is one.
    ///
    /// # Errors
    /// `CASE_STEP_REFUSED`: the step belongs to another kind of case.
    pub(crate) fn assessment(&self) -> Result<&AssessmentCase, Refusal> {
        match &self.matter {
            Matter::Assessment(case) => Ok(case),
            Matter::Review(_) => Err(wrong_kind("an assessment")),
        }
    }

    /// The review, when the case is one.
    ///
    /// # Errors
    /// `CASE_STEP_REFUSED`: the step belongs to another kind of case.
    pub(crate) fn review(&self) -> Result<&ReviewCase, Refusal> {
        match &self.matter {
            Matter::Review(case) => Ok(case),
            Matter::Assessment(_) => Err(wrong_kind("a review")),
        }
    }

    /// What the next step does to the case's row.
    pub(crate) const fn next(&self) -> CaseStep {
        CaseStep::Extends(self.record.case, self.record.steps, self.record.subject)
    }
}

/// One stored step, opened.
pub(crate) struct Step<'a> {
    pub(crate) exchange: ExchangeId,
    pub(crate) by: &'a AgencyId,
    pub(crate) on: Date,
    pub(crate) outside: Outside,
    /// The request's bytes.
    pub(crate) request: Vec<u8>,
}

impl Step<'_> {
    /// Who received it in this part, if anybody did.
    pub(crate) fn sent_as(&self, role: RecipientRole) -> Option<AgencyId> {
        let copy = self.outside.copies.iter().find(|copy| copy.role == role.code())?;
        AgencyId::parse(&copy.recipient).ok()
    }
}

impl Hub {
    /// Opens a case that the caller takes part in.
    ///
    /// # Errors
    /// `CASE_NOT_FOUND` when there is none, or the caller has nothing to do with it.
    pub(crate) async fn open_matter(&self, caller: &Caller, case: CaseId) -> Result<OpenMatter, Refusal> {
        let matter = self
            .matter(case)
            .await
            .map_err(|failure| store_refusal(&failure))?
            .ok_or_else(case_not_found)?;
        let known = self
            .takes_part(&matter, &caller.agency.id)
            .await
            .map_err(|failure| store_refusal(&failure))?;
        if known { Ok(matter) } else { Err(case_not_found()) }
    }

    /// The case of a name, for those who take part in it.
    ///
    /// # Errors
    /// `CASE_NOT_FOUND` to everybody else.
    pub(crate) async fn matter_named(&self, caller: &Caller, case: &str) -> Result<OpenMatter, Refusal> {
        let case = named("cases", case).map(CaseId).ok_or_else(case_not_found)?;
        self.open_matter(caller, case).await
    }

    /// A page of the cases of one kind in which an agency takes part, newest first, and the token of the next.
    ///
    /// # Errors
    /// `INVALID_REQUEST` for a token that no page gave.
    pub(crate) async fn matters_page(
        &self,
        caller: &Caller,
        kind: CaseKind,
        token: &str,
        size: u32,
    ) -> Result<(Vec<OpenMatter>, String), Refusal> {
        let failed = |failure: StoreError| store_refusal(&failure);
        let before = match token {
            "" => None,
            token => Some(CaseId(named("cases", token).ok_or_else(page_token)?)),
        };
        let size = if size == 0 { USUAL_PAGE } else { size };
        let page = self
            .store
            .cases(&caller.agency.id, kind, before, size)
            .await
            .map_err(failed)?;
        let mut open = Vec::with_capacity(page.cases.len());
        for record in &page.cases {
            let Some(matter) = self.matter(record.case).await.map_err(failed)? else {
                continue;
            };
            // The rows know copies, not what is withheld of them.
            if self
                .takes_part(&matter, &caller.agency.id)
                .await
                .map_err(failed)?
            {
                open.push(matter);
            }
        }
        let next = match page.cases.last() {
            Some(last) if page.more => format!("cases/{}", last.case),
            _ => String::new(),
        };
        Ok((open, next))
    }

    /// Whether an agency takes part in a case: it owns it, or sent or received an exchange of it. What is referred is
    /// nobody's yet: who waits for a named person's decision must not learn of the case before.
    async fn takes_part(&self, matter: &OpenMatter, agency: &AgencyId) -> Result<bool, StoreError> {
        if matter.record.owner == *agency || matter.exchanges.iter().any(|one| one.sender == *agency) {
            return Ok(true);
        }
        for one in &matter.exchanges {
            if Outside::read(&one.header).standing(agency).is_none() {
                continue;
            }
            let referrals = self.store.referrals_of(one.exchange).await?;
            let withheld = referrals.iter().any(|referral| {
                referral.recipient == *agency
                    && referral.delivery.is_none()
                    && referral.state != ReferralState::Allowed
            });
            if !withheld {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The clocks towards the next review that other cases of the person started: the plan's first, the last review's.
    async fn yearly(&self, record: &CaseRecord, review: &ReviewCase) -> Result<Vec<ClockRecord>, StoreError> {
        let mut found = self
            .store
            .clocks_owed_about(review.authority(), record.subject)
            .await?;
        found.retain(|clock| {
            clock.case != Some(record.case)
                && [ClockRule::AnnualReview, ClockRule::LaTransferReview]
                    .iter()
                    .any(|rule| clock.rule == rule.code())
        });
        Ok(found)
    }

    /// A case made from its stored steps; `None` when there is none.
    pub(crate) async fn matter(&self, case: CaseId) -> Result<Option<OpenMatter>, StoreError> {
        let Some(record) = self.store.case(case).await? else {
            return Ok(None);
        };
        let exchanges = self.store.case_exchanges(case).await?;
        let clocks = self.store.clocks_of_case(case).await?;
        let key = self.register.key_of(record.subject).await?;
        let mut steps = Vec::with_capacity(exchanges.len());
        for one in &exchanges {
            steps.push(Step {
                exchange: one.exchange,
                by: &one.sender,
                on: day_in_england(one.accepted_at),
                outside: Outside::read(&one.header),
                request: open_text(&key, one)?,
            });
        }
        let matter = match record.kind {
            CaseKind::Assessment => {
                assessment::replay(self, &steps).map(|case| Matter::Assessment(Box::new(case)))
            }
            CaseKind::Review => review::replay(self, &steps).map(|case| Matter::Review(Box::new(case))),
        };
        let Some(matter) = matter else {
            warn!(case = %record.case, "a stored case cannot be read");
            return Err(StoreError::Corrupt("case"));
        };
        let yearly = match &matter {
            Matter::Review(review) => self.yearly(&record, review).await?,
            Matter::Assessment(_) => Vec::new(),
        };
        Ok(Some(OpenMatter {
            record,
            matter,
            clocks,
            yearly,
            exchanges,
        }))
    }
}

fn wrong_kind(needed: &str) -> Refusal {
    Refusal::new(
        Reason::CaseStepRefused,
        format!("this step belongs to {needed}; the case is another"),
    )
}

/// Warnings of a step for the receipt: code and words.
pub(crate) fn warnings(out: &Consequences) -> Vec<String> {
    out.warnings
        .iter()
        .map(|warning| format!("{}: {} ({})", warning.code, warning.message, warning.provision))
        .collect()
}
