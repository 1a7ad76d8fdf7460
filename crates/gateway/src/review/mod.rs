//! The review service: invitations, advice, report and decision of a review of an EHC plan.

mod intake;
mod steps;
mod view;

use std::sync::Arc;

use sendhub_contracts::review::v1 as wire;
use sendhub_contracts::review::v1::review_service_server::ReviewService;
use sendhub_domain::exchange::CaseKind;
use tonic::{Request, Response, Status};

pub(crate) use self::intake::{amended_plan, consult};
pub(crate) use self::steps::replay;

use crate::hub::Hub;
use crate::transfer::caller;

/// The methods, as the log names them and as stored exchanges are read by.
pub(crate) mod methods {
    pub(crate) const CALL: &str = "sendhub.review.v1.ReviewService/CallReview";
    pub(crate) const RESPOND: &str = "sendhub.review.v1.ReviewService/RespondToInvitation";
    pub(crate) const ADVICE: &str = "sendhub.review.v1.ReviewService/SubmitReviewAdvice";
    pub(crate) const REPORT: &str = "sendhub.review.v1.ReviewService/SendReviewReport";
    pub(crate) const DECIDE: &str = "sendhub.review.v1.ReviewService/DecideReview";
}

/// The service.
pub(crate) struct Reviews(pub(crate) Arc<Hub>);

#[tonic::async_trait]
impl ReviewService for Reviews {
    async fn call_review(
        &self,
        request: Request<wire::CallReviewRequest>,
    ) -> Result<Response<wire::CallReviewResponse>, Status> {
        let receipt = self.0.take(&caller(&request)?, request.get_ref()).await?;
        Ok(Response::new(wire::CallReviewResponse {
            receipt: Some(receipt),
        }))
    }

    async fn respond_to_invitation(
        &self,
        request: Request<wire::RespondToInvitationRequest>,
    ) -> Result<Response<wire::RespondToInvitationResponse>, Status> {
        let receipt = self.0.take(&caller(&request)?, request.get_ref()).await?;
        Ok(Response::new(wire::RespondToInvitationResponse {
            receipt: Some(receipt),
        }))
    }

    async fn submit_review_advice(
        &self,
        request: Request<wire::SubmitReviewAdviceRequest>,
    ) -> Result<Response<wire::SubmitReviewAdviceResponse>, Status> {
        let receipt = self.0.take(&caller(&request)?, request.get_ref()).await?;
        Ok(Response::new(wire::SubmitReviewAdviceResponse {
            receipt: Some(receipt),
        }))
    }

    async fn send_review_report(
        &self,
        request: Request<wire::SendReviewReportRequest>,
    ) -> Result<Response<wire::SendReviewReportResponse>, Status> {
        let receipt = self.0.take(&caller(&request)?, request.get_ref()).await?;
        Ok(Response::new(wire::SendReviewReportResponse {
            receipt: Some(receipt),
        }))
    }

    async fn decide_review(
        &self,
        request: Request<wire::DecideReviewRequest>,
    ) -> Result<Response<wire::DecideReviewResponse>, Status> {
        let receipt = self.0.take(&caller(&request)?, request.get_ref()).await?;
        Ok(Response::new(wire::DecideReviewResponse {
            receipt: Some(receipt),
        }))
    }

    async fn get_review(
        &self,
        request: Request<wire::GetReviewRequest>,
    ) -> Result<Response<wire::GetReviewResponse>, Status> {
        let caller = caller(&request)?;
        let open = self.0.matter_named(&caller, &request.get_ref().review).await?;
        Ok(Response::new(wire::GetReviewResponse {
            review: Some(view::review(&open, &caller.agency.id)?),
        }))
    }

    async fn list_reviews(
        &self,
        request: Request<wire::ListReviewsRequest>,
    ) -> Result<Response<wire::ListReviewsResponse>, Status> {
        let caller = caller(&request)?;
        let asked = request.get_ref();
        let (page, next_page_token) = self
            .0
            .matters_page(&caller, CaseKind::Review, &asked.page_token, asked.page_size)
            .await?;
        let mut reviews = Vec::with_capacity(page.len());
        for open in &page {
            let mut seen = view::review(open, &caller.agency.id)?;
            seen.invitees.clear();
            seen.exchanges.clear();
            seen.warnings.clear();
            if !asked.open_only || seen.ended_on.is_none() {
                reviews.push(seen);
            }
        }
        Ok(Response::new(wire::ListReviewsResponse {
            reviews,
            next_page_token,
        }))
    }
}
