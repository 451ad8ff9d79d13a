//! The last moment before a change is on its way. Between the permission for a call and its first byte lie
//! credentials, a signature and a new connection, and other changes of the run that take their turn
//! meanwhile; a machine may fall asleep there and wake up when the run is another process's. So the time is
//! checked once more where the request is written. Nothing here sends a request.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};

use aws_sdk_ec2::config::{
    ConfigBag, Intercept, RuntimeComponents, interceptors::BeforeTransmitInterceptorContextMut,
};
use aws_smithy_types::body::SdkBody;
use http_body::{Body, Frame, SizeHint};

use crate::calls::Until;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

tokio::task_local! {
    static LEAVE: Until;
}

/// Sends a change, if its first byte goes out in time. Reads are not sent through here and go out at any
/// time.
pub async fn by<T>(until: Until, what: impl Future<Output = T>) -> T {
    LEAVE.scope(until, what).await
}

/// Keeps the requests of [`by`] from going out late.
#[derive(Debug)]
pub struct InTime;

impl Intercept for InTime {
    fn name(&self) -> &'static str {
        "InTime"
    }

    fn modify_before_transmit(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let Ok(until) = LEAVE.try_with(|until| *until) else { return Ok(()) };
        if until == Until::EVER {
            return Ok(());
        }
        // A request without a body is checked here for the last time.
        if until.is_over() {
            return Err(late());
        }
        let body = context.request_mut().body_mut();
        *body = SdkBody::from_body_1_x(Timed { body: std::mem::replace(body, SdkBody::taken()), until });
        Ok(())
    }
}

fn late() -> BoxError {
    "it was not sent: this process gave no sign of life while the call was being prepared".into()
}

/// A body that is only handed out in time. The head of a request is not sent before the first part of its
/// body is available.
struct Timed {
    body: SdkBody,
    until: Until,
}

impl Body for Timed {
    type Data = <SdkBody as Body>::Data;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        if self.until.is_over() {
            return Poll::Ready(Some(Err(late())));
        }
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        Body::is_end_stream(&self.body)
    }

    fn size_hint(&self) -> SizeHint {
        Body::size_hint(&self.body)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use jiff::Timestamp;

    use super::*;

    #[test]
    fn a_body_is_handed_out_in_time_and_not_late() {
        let polled = |until: Until| {
            let mut body = Timed { body: SdkBody::from("Action=StopInstances"), until };
            assert_eq!(body.size_hint().exact(), Some(20));
            Pin::new(&mut body).poll_frame(&mut Context::from_waker(std::task::Waker::noop()))
        };
        let now = (Instant::now(), Timestamp::now());
        assert!(matches!(polled(Until::after(now, Duration::from_secs(60))), Poll::Ready(Some(Ok(_)))));
        assert!(matches!(polled(Until::after(now, Duration::ZERO)), Poll::Ready(Some(Err(_)))));
    }
}
