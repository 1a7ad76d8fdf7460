//! The services of consent and right-holders: who decides, who agreed to what, and what follows when they change
//! their mind.

mod checks;
pub(crate) mod kept;
pub(crate) mod read;
mod recording;
mod stopping;
mod view;

use std::sync::Arc;

use sendhub_contracts::rights::v1 as wire;
use sendhub_contracts::rights::v1::consent_service_server::ConsentService;
use sendhub_contracts::rights::v1::right_holder_service_server::RightHolderService;
use tonic::{Request, Response, Status};

use crate::hub::Hub;
use crate::transfer::caller;

/// Consents.
pub(crate) struct Consents(pub(crate) Arc<Hub>);

#[tonic::async_trait]
impl ConsentService for Consents {
    async fn record_consent(
        &self,
        request: Request<wire::RecordConsentRequest>,
    ) -> Result<Response<wire::RecordConsentResponse>, Status> {
        let caller = caller(&request)?;
        let done = self.0.record_consent(&caller, request.get_ref()).await?;
        Ok(Response::new(wire::RecordConsentResponse {
            consent: format!("consents/{}", done.record),
            log: done.log,
            stopped_deliveries: done.stopped,
            warnings: done.warnings,
        }))
    }

    async fn withdraw_consent(
        &self,
        request: Request<wire::WithdrawConsentRequest>,
    ) -> Result<Response<wire::WithdrawConsentResponse>, Status> {
        let caller = caller(&request)?;
        let done = self.0.withdraw_consent(&caller, request.get_ref()).await?;
        Ok(Response::new(wire::WithdrawConsentResponse {
            consent: request.get_ref().consent.clone(),
            stopped_deliveries: done.stopped,
            log: done.log,
        }))
    }

    async fn list_consents(
        &self,
        request: Request<wire::ListConsentsRequest>,
    ) -> Result<Response<wire::ListConsentsResponse>, Status> {
        let caller = caller(&request)?;
        let (consents, next_page_token) = self.0.consents_of(&caller, request.get_ref()).await?;
        Ok(Response::new(wire::ListConsentsResponse {
            consents,
            next_page_token,
        }))
    }
}

/// Right-holders.
pub(crate) struct RightHolders(pub(crate) Arc<Hub>);

#[tonic::async_trait]
impl RightHolderService for RightHolders {
    async fn record_fact(
        &self,
        request: Request<wire::RecordFactRequest>,
    ) -> Result<Response<wire::RecordFactResponse>, Status> {
        let caller = caller(&request)?;
        let done = self.0.record_fact(&caller, request.get_ref()).await?;
        Ok(Response::new(wire::RecordFactResponse {
            fact: format!("facts/{}", done.record),
            log: done.log,
            stopped_deliveries: done.stopped,
            warnings: done.warnings,
        }))
    }

    async fn withdraw_fact(
        &self,
        request: Request<wire::WithdrawFactRequest>,
    ) -> Result<Response<wire::WithdrawFactResponse>, Status> {
        let caller = caller(&request)?;
        let done = self.0.withdraw_fact(&caller, request.get_ref()).await?;
        Ok(Response::new(wire::WithdrawFactResponse {
            fact: request.get_ref().fact.clone(),
            stopped_deliveries: done.stopped,
            log: done.log,
        }))
    }

    async fn get_right_holder(
        &self,
        request: Request<wire::GetRightHolderRequest>,
    ) -> Result<Response<wire::GetRightHolderResponse>, Status> {
        let caller = caller(&request)?;
        let answer = self.0.right_holder(&caller, request.get_ref()).await?;
        Ok(Response::new(answer))
    }

    async fn list_facts(
        &self,
        request: Request<wire::ListFactsRequest>,
    ) -> Result<Response<wire::ListFactsResponse>, Status> {
        let caller = caller(&request)?;
        let (facts, next_page_token) = self.0.facts_of(&caller, request.get_ref()).await?;
        Ok(Response::new(wire::ListFactsResponse {
            facts,
            next_page_token,
        }))
    }
}
