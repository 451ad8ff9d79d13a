//! Small helpers that every reader needs: all pages of a listing, filters, tags, times. No calls of its own.

use aws_sdk_ec2::types::{Filter, Tag};
use aws_smithy_types::DateTime;
use jiff::Timestamp;

use super::Ask;
use crate::inventory::{Fact, Tags};

/// All items of a listing that pages by `next_token`, or by the members that are named; converted page by
/// page where a function is given, so that no large answer is held twice. A token that comes twice is an
/// error: the rest would be missing.
macro_rules! pages {
    ($operation:expr, $request:expr, $items:ident) => {
        pages!($operation, $request, $items, set_next_token, next_token)
    };
    ($operation:expr, $request:expr, $items:ident => $convert:expr) => {
        pages!($operation, $request, $items, set_next_token, next_token => $convert)
    };
    ($operation:expr, $request:expr, $items:ident, $set_token:ident, $token:ident) => {
        pages!($operation, $request, $items, $set_token, $token => |item| item)
    };
    ($operation:expr, $request:expr, $items:ident, $set_token:ident, $token:ident => $convert:expr) => {{
        let request = $request;
        let mut items = Vec::new();
        let mut token: Option<String> = None;
        loop {
            let page = $crate::aws::retry::reading($operation,
                || request.clone().$set_token(token.clone()).send()).await?;
            items.extend(page.$items.unwrap_or_default().into_iter().map($convert));
            match page.$token.filter(|t| !t.is_empty()) {
                None => break items,
                Some(next) if token.as_ref() == Some(&next) => {
                    return Err($crate::aws::errors::in_body($operation, "RepeatedToken",
                        "the listing does not come to an end"));
                }
                next => token = next,
            }
        }
    }};
}
pub(super) use pages;

/// Returns the filters of an ask; `id` is the name of the filter for ids. `None` stands for everything.
pub fn filters(ask: &Ask, id: &str) -> Option<Vec<Filter>> {
    let filter = |name: &str, values: &[String]| {
        Some(vec![Filter::builder().name(name).set_values(Some(values.to_vec())).build()])
    };
    match ask {
        Ask::All => None,
        Ask::By(name, values) => filter(name, values),
        Ask::Ids(ids) => filter(id, ids),
    }
}

/// Converts tags to a map.
pub fn tags(tags: Option<Vec<Tag>>) -> Tags {
    tags.unwrap_or_default().into_iter().filter_map(|t| Some((t.key?, t.value.unwrap_or_default()))).collect()
}

/// Converts an SDK time to a timestamp; `None` if it is missing or out of range.
pub fn time(time: Option<DateTime>) -> Option<Timestamp> {
    let time = time?;
    Timestamp::new(time.secs(), i32::try_from(time.subsec_nanos()).unwrap_or(0)).ok()
}

/// Returns the text of an optional value or enumeration; empty if there is none.
pub fn text(value: Option<impl AsRef<str>>) -> String {
    some(value).unwrap_or_default()
}

/// Returns the text of an optional value or enumeration; `None` if it is missing or empty.
pub fn some(value: Option<impl AsRef<str>>) -> Option<String> {
    value.map(|v| v.as_ref().to_owned()).filter(|v| !v.is_empty())
}

/// Turns items into known members, under the ids that `id` returns.
pub fn known<T>(items: impl IntoIterator<Item = T>, id: fn(&T) -> &String) -> Vec<(String, Fact<T>)> {
    items.into_iter().map(|item| (id(&item).clone(), Fact::Known(item))).collect()
}
