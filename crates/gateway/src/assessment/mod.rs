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
use sendhub_domain::exchange::CaseKind;
use tonic::{Request, Response, Status};

pub(crate) use self::steps::replay;

use self::intake::authority_only;
use crate::hub::Hub;
use crate::transfer::caller;

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
        let open = self.0.matter_named(&caller, &receipt.case).await?;
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
        let open = self.0.matter_named(&caller, &request.get_ref().case).await?;
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
        let (page, next_page_token) = self
            .0
            .matters_page(&caller, CaseKind::Assessment, &asked.page_token, asked.page_size)
            .await?;
        let mut cases = Vec::with_capacity(page.len());
        for open in &page {
            let seen = view::case(open, &caller.agency.id)?;
            if !asked.open_only || seen.ended_on.is_none() {
                cases.push(seen);
            }
        }
        Ok(Response::new(wire::ListCasesResponse {
            cases,
            next_page_token,
        }))
    }
}
