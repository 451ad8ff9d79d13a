//! Requests that are only tried: the interceptor that turns each request of a client into a trial, and the
//! operations that an endpoint is known to try without effect.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use aws_sdk_ec2::{
    config::{
        ConfigBag, Intercept, RuntimeComponents, http::HttpRequest,
        interceptors::BeforeTransmitInterceptorContextMut,
    },
    error::BoxError,
};
use aws_smithy_types::body::SdkBody;

/// An interceptor that turns every request of a client into a trial.
#[derive(Debug)]
pub struct OnlyTry;

impl Intercept for OnlyTry {
    fn name(&self) -> &'static str {
        "OnlyTry"
    }

    /// Adds `DryRun=true` to the request. A request to which this cannot be added is not sent.
    fn modify_before_signing(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let request = context.request_mut();
        let form = request
            .body()
            .bytes()
            .and_then(|bytes| std::str::from_utf8(bytes).ok())
            .filter(|form| form.starts_with("Action="));
        let form =
            format!("{}&DryRun=true", form.ok_or("a trial is a form of EC2's, and this request is none")?);
        put_form(request, form);
        Ok(())
    }
}

/// Puts a form into the place of a request's own, with its length. It must be done before the request is
/// signed.
pub(super) fn put_form(request: &mut HttpRequest, form: String) {
    request.headers_mut().insert("content-length", form.len().to_string());
    *request.body_mut() = SdkBody::from(form);
}

/// The operations that an endpoint other than AWS's is known to try without effect, or the reason why one is
/// not.
#[derive(Debug, Default)]
pub struct Honours(Mutex<BTreeMap<String, Result<(), String>>>);

impl Honours {
    pub fn known(&self, name: &str) -> Option<Result<(), String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }
    pub fn learn(&self, name: String, honours: Result<(), String>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(name, honours);
    }
}
