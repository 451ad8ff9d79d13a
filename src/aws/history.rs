//! CloudTrail's event history of an account, looked up region by region and page by page. It reads at the
//! rate that LookupEvents grants and does not interpret events. Pages are handed on as they arrive: one page
//! for each region is held at a time.

use std::sync::Arc;

use aws_sdk_cloudtrail::types::{Event, LookupAttribute, LookupAttributeKey};
use aws_smithy_types::DateTime;
use futures::{StreamExt, stream};
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use tokio::sync::mpsc;

use super::{
    clients::Clients,
    errors, pace,
    read::time,
    retry::reading,
    terms::{LookupEvent, LookupFilter, PAGE},
};
use crate::calls::CallError;

const OPERATION: &str = "cloudtrail:LookupEvents";
/// The number of regions that are looked up at once. The rate is granted for each region, so that they do not
/// wait for one another.
const AT_ONCE: usize = 32;
/// The number of pages that wait to be taken; a slow receiver slows the lookup down.
const WAITING: usize = 4;

/// The event history of an account.
#[derive(Debug, Clone)]
pub struct History {
    clients: Arc<Clients>,
}

impl History {
    /// Creates the history over these clients.
    pub(super) fn new(clients: Arc<Clients>) -> Self {
        Self { clients }
    }

    /// Returns the calls per second in each region; `None` where no rate is documented, at an endpoint that
    /// is not AWS.
    pub fn rate(&self) -> Option<f64> {
        self.clients.pace.rate(OPERATION)
    }

    /// Looks up events in these regions, all at once. Where findings are looked for, those that only read are
    /// left out by AWS, since none of them changes anything and they are by far the most: LookupEvents takes
    /// one attribute a call, and one lookup of all events that are not read-only needs far fewer pages than
    /// one for each name of an event. Dropping the receiver ends the lookup.
    pub fn look(
        &self,
        regions: Vec<String>,
        (since, until): (Timestamp, Timestamp),
        filter: &LookupFilter,
    ) -> mpsc::Receiver<LookupEvent> {
        let filter = filter.clone();
        let (send, receive) = mpsc::channel(WAITING);
        let clients = Arc::clone(&self.clients);
        tokio::spawn(async move {
            let (clients, send, filter) = (&clients, &send, &filter);
            let one = |region: String| async move {
                let looked =
                    pace::at(&clients.pace, &region, pages(clients, &region, (since, until), filter, send))
                        .await;
                // A receiver that was dropped needs no notice.
                let _ = send.send(LookupEvent::End { region, error: looked.err() }).await;
            };
            stream::iter(regions).for_each_concurrent(AT_ONCE, one).await;
        });
        receive
    }
}

/// Sends all pages of a region, from the newest event to the oldest.
async fn pages(
    clients: &Clients,
    region: &str,
    (since, until): (Timestamp, Timestamp),
    filter: &LookupFilter,
    send: &mpsc::Sender<LookupEvent>,
) -> Result<(), CallError> {
    let regional = clients.region(region);
    let (key, value) = match filter {
        LookupFilter::Changes => (LookupAttributeKey::ReadOnly, "false"),
        LookupFilter::AccessKey(id) => (LookupAttributeKey::AccessKeyId, id.as_str()),
        LookupFilter::Username(name) => (LookupAttributeKey::Username, name.as_str()),
    };
    let attribute = LookupAttribute::builder().attribute_key(key).attribute_value(value).build();
    let request = regional
        .cloudtrail()
        .lookup_events()
        .lookup_attributes(attribute.map_err(|error| errors::bad_input(OPERATION, error))?)
        .start_time(DateTime::from_secs(since.as_second()))
        .end_time(DateTime::from_secs(until.as_second()))
        .max_results(PAGE);
    let mut token: Option<String> = None;
    loop {
        let page = reading(OPERATION, || request.clone().set_next_token(token.clone()).send()).await?;
        let events = page.events.unwrap_or_default();
        let back_to = events.last().and_then(|event| time(event.event_time));
        let told = LookupEvent::Page {
            region: region.to_owned(),
            events: events.into_iter().map(written).collect(),
            back_to,
        };
        if send.send(told).await.is_err() {
            return Ok(());
        }
        match page.next_token.filter(|t| !t.is_empty()) {
            None => return Ok(()),
            Some(next) if token.as_ref() == Some(&next) => {
                return Err(errors::in_body(
                    OPERATION,
                    "RepeatedToken",
                    "the lookup does not come to an end",
                ));
            }
            next => token = next,
        }
    }
}

/// Converts an event to AWS's names, as `aws cloudtrail lookup-events` prints it.
fn written(event: Event) -> Value {
    let mut all = Map::new();
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            all.insert(name.to_owned(), value);
        }
    };
    put("EventId", event.event_id.map(Value::from));
    put("EventName", event.event_name.map(Value::from));
    put("ReadOnly", event.read_only.map(Value::from));
    put("AccessKeyId", event.access_key_id.map(Value::from));
    put("EventTime", time(event.event_time).map(|t| t.to_string().into()));
    put("EventSource", event.event_source.map(Value::from));
    put("Username", event.username.map(Value::from));
    let resources = event.resources.unwrap_or_default().into_iter();
    put(
        "Resources",
        Some(
            resources
                .map(|r| json!({ "ResourceType": r.resource_type, "ResourceName": r.resource_name }))
                .collect(),
        ),
    );
    put("CloudTrailEvent", event.cloud_trail_event.map(Value::from));
    Value::Object(all)
}
