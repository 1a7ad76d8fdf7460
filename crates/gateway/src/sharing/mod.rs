//! The services of single exchanges: pupil information, the profile of Service children, and the smaller notices.

pub(crate) mod notice;
mod profile;
mod pupil;

use std::sync::Arc;

use sendhub_contracts::notice::v1 as notice_wire;
use sendhub_contracts::notice::v1::notice_service_server::NoticeService;
use sendhub_contracts::pupil::v1 as pupil_wire;
use sendhub_contracts::pupil::v1::pupil_information_service_server::PupilInformationService;
use sendhub_contracts::servicechild::v1 as profile_wire;
use sendhub_contracts::servicechild::v1::service_child_service_server::ServiceChildService;
use tonic::{Request, Response, Status};

use crate::hub::Hub;
use crate::transfer::caller;

/// The methods, as the log names them and as stored exchanges are read by.
pub(crate) mod methods {
    pub(crate) const PUPIL: &str = "sendhub.pupil.v1.PupilInformationService/SharePupilInformation";
    pub(crate) const PROFILE: &str = "sendhub.servicechild.v1.ServiceChildService/SendProfile";
    pub(crate) const NOTICE: &str = "sendhub.notice.v1.NoticeService/SendNotice";
}

/// Pupil information.
pub(crate) struct Pupils(pub(crate) Arc<Hub>);

#[tonic::async_trait]
impl PupilInformationService for Pupils {
    async fn share_pupil_information(
        &self,
        request: Request<pupil_wire::SharePupilInformationRequest>,
    ) -> Result<Response<pupil_wire::SharePupilInformationResponse>, Status> {
        let receipt = self.0.take(&caller(&request)?, request.get_ref()).await?;
        Ok(Response::new(pupil_wire::SharePupilInformationResponse {
            receipt: Some(receipt),
        }))
    }
}

/// Service children.
pub(crate) struct ServiceChildren(pub(crate) Arc<Hub>);

#[tonic::async_trait]
impl ServiceChildService for ServiceChildren {
    async fn send_profile(
        &self,
        request: Request<profile_wire::SendProfileRequest>,
    ) -> Result<Response<profile_wire::SendProfileResponse>, Status> {
        let receipt = self.0.take(&caller(&request)?, request.get_ref()).await?;
        Ok(Response::new(profile_wire::SendProfileResponse {
            receipt: Some(receipt),
        }))
    }
}

/// The smaller exchanges.
pub(crate) struct Notices(pub(crate) Arc<Hub>);

#[tonic::async_trait]
impl NoticeService for Notices {
    async fn send_notice(
        &self,
        request: Request<notice_wire::SendNoticeRequest>,
    ) -> Result<Response<notice_wire::SendNoticeResponse>, Status> {
        let receipt = self.0.take(&caller(&request)?, request.get_ref()).await?;
        Ok(Response::new(notice_wire::SendNoticeResponse {
            receipt: Some(receipt),
        }))
    }
}
