//! The assessment service: a case from the request to the final plan, advice asked for and returned.

mod enclosed;
mod events;
pub(crate) mod intake;
mod plans;
pub(crate) mod steps;
mod thread;
mod view;

use std::sync::Arc;

use sendhub_contracts::assessment::v1 as wire;
use sendhub_contracts::assessment::v1::assessment_service_server::AssessmentService;
use sendhub_domain::exchange::{CaseId, CaseKind};
use tonic::{Request, Response, Status};

pub(crate) use self::steps::replay;

use self::intake::authority_only;
use crate::exchange::intake::case_not_found;
use crate::exchange::parties::named;
use crate::hub::{Hub, store_refusal};
use crate::transfer::{caller, page_token};

/// The service.
pub(crate) struct Assessments(pub(crate) Arc<Hub>);

#[tonic::async_trait]
impl AssessmentService for Assessments {
    async fn open_case(
        &self,
        request: Request<wire::OpenCaseRequest>,
    ) -> Result<Response<wire::OpenCaseResponse>, Status> {
        let caller = caller(&request)?;
        authority_only(&caller)?;
        let receipt = self.0.take(&caller, request.get_ref()).await?;
        let case = named("cases", &receipt.case)
            .map(CaseId)
            .ok_or_else(case_not_found)?;
        let open = self.0.open_matter(&caller, case).await?;
        Ok(Response::new(wire::OpenCaseResponse {
            advisers: view::required(open.assessment()?),
            receipt: Some(receipt),
        }))
    }

    async fn request_advice(
        &self,
        request: Request<wire::RequestAdviceRequest>,
    ) -> Result<Response<wire::RequestAdviceResponse>, Status> {
        let receipt = self.0.take(&caller(&request)?, request.get_ref()).await?;
        Ok(Response::new(wire::RequestAdviceResponse {
            receipt: Some(receipt),
        }))
    }

    async fn respond_to_advice_request(
        &self,
        request: Request<wire::RespondToAdviceRequestRequest>,
    ) -> Result<Response<wire::RespondToAdviceRequestResponse>, Status> {
        let receipt = self.0.take(&caller(&request)?, request.get_ref()).await?;
        Ok(Response::new(wire::RespondToAdviceRequestResponse {
            receipt: Some(receipt),
        }))
    }

    async fn return_advice(
        &self,
        request: Request<wire::ReturnAdviceRequest>,
    ) -> Result<Response<wire::ReturnAdviceResponse>, Status> {
        let receipt = self.0.take(&caller(&request)?, request.get_ref()).await?;
        Ok(Response::new(wire::ReturnAdviceResponse {
            receipt: Some(receipt),
        }))
    }

    async fn decide_advice(
        &self,
        request: Request<wire::DecideAdviceRequest>,
    ) -> Result<Response<wire::DecideAdviceResponse>, Status> {
        let receipt = self.0.take(&caller(&request)?, request.get_ref()).await?;
        Ok(Response::new(wire::DecideAdviceResponse {
            receipt: Some(receipt),
        }))
    }

    async fn record_case_event(
        &self,
        request: Request<wire::RecordCaseEventRequest>,
    ) -> Result<Response<wire::RecordCaseEventResponse>, Status> {
        let receipt = self.0.take(&caller(&request)?, request.get_ref()).await?;
        Ok(Response::new(wire::RecordCaseEventResponse {
            receipt: Some(receipt),
        }))
    }

    async fn send_plan(
        &self,
        request: Request<wire::SendPlanRequest>,
    ) -> Result<Response<wire::SendPlanResponse>, Status> {
        let receipt = self.0.take(&caller(&request)?, request.get_ref()).await?;
        Ok(Response::new(wire::SendPlanResponse {
            receipt: Some(receipt),
        }))
    }

    async fn consult_institution(
        &self,
        request: Request<wire::ConsultInstitutionRequest>,
    ) -> Result<Response<wire::ConsultInstitutionResponse>, Status> {
        let receipt = self.0.take(&caller(&request)?, request.get_ref()).await?;
        Ok(Response::new(wire::ConsultInstitutionResponse {
            receipt: Some(receipt),
        }))
    }

    async fn reply_to_consultation(
        &self,
        request: Request<wire::ReplyToConsultationRequest>,
    ) -> Result<Response<wire::ReplyToConsultationResponse>, Status> {
        let receipt = self.0.take(&caller(&request)?, request.get_ref()).await?;
        Ok(Response::new(wire::ReplyToConsultationResponse {
            receipt: Some(receipt),
        }))
    }

    async fn get_case(
        &self,
        request: Request<wire::GetCaseRequest>,
    ) -> Result<Response<wire::GetCaseResponse>, Status> {
        let caller = caller(&request)?;
        let case = named("cases", &request.get_ref().case)
            .map(CaseId)
            .ok_or_else(case_not_found)?;
        let open = self.0.open_matter(&caller, case).await?;
        Ok(Response::new(wire::GetCaseResponse {
            case: Some(view::case(&open, &caller.agency.id)?),
        }))
    }

    async fn list_cases(
        &self,
        request: Request<wire::ListCasesRequest>,
    ) -> Result<Response<wire::ListCasesResponse>, Status> {
        let caller = caller(&request)?;
        let asked = request.get_ref();
        let before = match asked.page_token.as_str() {
            "" => None,
            token => Some(CaseId(named("cases", token).ok_or_else(page_token)?)),
        };
        let limit = if asked.page_size == 0 { 50 } else { asked.page_size };
        let page = self
            .0
            .store
            .cases(&caller.agency.id, CaseKind::Assessment, before, limit)
            .await
            .map_err(|failure| store_refusal(&failure))?;
        let mut cases = Vec::with_capacity(page.cases.len());
        for record in &page.cases {
            let open = self.0.open_matter(&caller, record.case).await?;
            let seen = view::case(&open, &caller.agency.id)?;
            if !asked.open_only || seen.ended_on.is_none() {
                cases.push(seen);
            }
        }
        let next_page_token = match page.cases.last() {
            Some(last) if page.more => format!("cases/{}", last.case),
            _ => String::new(),
        };
        Ok(Response::new(wire::ListCasesResponse {
            cases,
            next_page_token,
        }))
    }
}
