//! The policies of buckets and endpoints that a call sets: those that the account bears out. AWS adds the
//! statements of its delivery service to the policy of a bucket that a flow log is made to, or puts a policy
//! of its own in its place, and the change sets it back. Pure.

use serde_json::Value;

use super::{Way, makes};
use crate::{
    calls::Call,
    inventory::{Inventory, endpoints::meaning_of},
    plan::Change,
    services::flow_log::CreateFlowLogs,
};

/// The service that AWS lets in.
const SERVICE: &str = "delivery.logs.amazonaws.com";

/// Accepts the policy that the bucket has already, or in an undo the present one without statements of
/// redress's; after a flow log was made, the present one without those of AWS's delivery service. Returns the
/// claim for which only the files vouch.
pub(super) fn claimed(change: &Change, facts: &Inventory, way: Way, call: &Call) -> Option<Option<String>> {
    let name = call.input.get("Bucket")?.as_str()?;
    let bucket = facts.buckets.get(name);
    let bucket = bucket.known().filter(|bucket| bucket.owned)?;
    let (now, then) =
        (bucket.policy.known()?, serde_json::from_str::<Value>(call.input.get("Policy")?.as_str()?).ok()?);
    if *now == then {
        return Some(None);
    }
    if change.uses.iter().any(|one| makes::<CreateFlowLogs>(&one.action)) {
        return set_back(name, now, &then).map(Some);
    }
    let all = |policy: &Value| policy.get("Statement").and_then(Value::as_array).cloned();
    let (is, stays) = (all(now)?, all(&then)?);
    let ours = |statement: &Value| {
        let sid = statement.get("Sid").and_then(Value::as_str).unwrap_or_default();
        ["CloudTrailLooksAtTheAcl", "CloudTrailWrites", "OnlyByTls"].iter().any(|own| sid.starts_with(own))
    };
    let less =
        stays.iter().all(|one| is.contains(one)) && is.iter().all(|one| stays.contains(one) || ours(one));
    (way == Way::Back && less).then(|| Some(format!("bucket {name} gets its former policy back")))
}

/// Returns the claim of a call that sets a bucket's policy back: only the statements of AWS's delivery
/// service may differ from the present policy. Where that service's are all that there are now, AWS has
/// replaced the former ones, and only the file has them.
fn set_back(bucket: &str, now: &Value, then: &Value) -> Option<String> {
    let (is, was) = (statements(now)?, statements(then)?);
    let rest = |all: &[Value]| all.iter().filter(|one| !of_delivery(one)).cloned().collect::<Vec<_>>();
    let (others, former) = (rest(&is), rest(&was));
    let same = others.iter().all(|one| former.contains(one)) && former.iter().all(|one| others.contains(one));
    match same {
        true => Some(format!("bucket {bucket} gets its former policy back")),
        false if others.is_empty() => {
            Some(format!("bucket {bucket} gets a policy back that only the files of the run have: {then}"))
        }
        false => None,
    }
}

/// Accepts the policy that the endpoint has already, and on the way back any other. An undo that fails sets
/// the policy again that it took away, which no action is asked for: it counts as a way back. Returns the
/// claim for which only the files vouch.
pub(super) fn of_endpoint(
    change: &Change,
    facts: &Inventory,
    way: Way,
    call: &Call,
) -> Option<Option<String>> {
    let id = call.input["VpcEndpointId"].as_str()?;
    if let Some(names) = call.input.get("PrivateDnsEnabled") {
        return private_dns(change, facts, way, call, (id, names.as_bool()?));
    }
    let policy = call.input["PolicyDocument"].as_str()?;
    let meaning = serde_json::from_str(policy).map(|policy| meaning_of(&policy)).ok()?;
    let endpoint = facts.regions.get(&call.region)?.vpc_endpoints.get(id);
    let is_set = endpoint.known().is_some_and(|endpoint| endpoint.policy.known() == Some(&meaning));
    match way {
        _ if is_set => Some(None),
        Way::Forth if !change.uses.is_empty() => None,
        Way::Forth | Way::Back => Some(Some(format!("VPC endpoint {id} gets the policy {policy}"))),
    }
}

/// Accepts the setting of private DNS that the endpoint has already, and on the way back either, where the
/// call sets nothing else.
fn private_dns(
    change: &Change,
    facts: &Inventory,
    way: Way,
    call: &Call,
    (id, is_on): (&str, bool),
) -> Option<Option<String>> {
    let endpoint = facts.regions.get(&call.region)?.vpc_endpoints.get(id);
    let is_set = endpoint.known().is_some_and(|endpoint| endpoint.private_dns_enabled == is_on);
    match way {
        _ if call.input.get("PolicyDocument").is_some() => None,
        _ if is_set => Some(None),
        Way::Forth if !change.uses.is_empty() => None,
        Way::Forth | Way::Back => {
            let word = if is_on { "on" } else { "off" };
            Some(Some(format!("private DNS of VPC endpoint {id} is turned {word}")))
        }
    }
}

fn statements(policy: &Value) -> Option<Vec<Value>> {
    match policy.get("Statement")? {
        Value::Array(all) => Some(all.clone()),
        one @ Value::Object(_) => Some(vec![one.clone()]),
        _ => None,
    }
}

/// Returns whether a statement lets in AWS's delivery service and nobody else.
fn of_delivery(statement: &Value) -> bool {
    let only = |list: &Value| match list {
        Value::String(one) => one == SERVICE,
        Value::Array(all) => !all.is_empty() && all.iter().all(|one| one == SERVICE),
        _ => false,
    };
    let principal = statement.get("Principal").and_then(Value::as_object);
    statement.get("Effect").is_some_and(|effect| effect == "Allow")
        && principal.is_some_and(|p| p.len() == 1 && p.get("Service").is_some_and(only))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn delivery(resource: &str) -> Value {
        json!({ "Sid": "AWSLogDeliveryWrite", "Effect": "Allow", "Principal": { "Service": SERVICE },
            "Action": "s3:PutObject", "Resource": resource })
    }

    #[test]
    fn only_the_statements_of_the_delivery_service_may_differ_or_a_person_reads_the_policy() {
        let tls = json!({ "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*" });
        let open = json!({ "Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": "*" });
        let policy = |all: &[&Value]| json!({ "Statement": all });
        let (narrow, wide) = (delivery("arn:aws:s3:::b/x/*"), delivery("arn:aws:s3:::b/*"));
        let claim = |now: &Value, then: &Value| set_back("b", now, then);
        let former = claim(&policy(&[&tls, &wide]), &policy(&[&tls, &narrow])).unwrap();
        assert_eq!(former, "bucket b gets its former policy back");
        assert_eq!(claim(&policy(&[&tls, &wide]), &policy(&[&tls, &narrow, &open])), None);
        assert_eq!(claim(&policy(&[&tls, &wide]), &policy(&[&narrow])), None, "the denial stays");
        let replaced = claim(&policy(&[&wide]), &policy(&[&tls, &narrow])).unwrap();
        assert!(replaced.contains("only the files of the run") && replaced.contains("Deny"), "{replaced}");
        let both = json!({ "Effect": "Allow", "Principal": { "Service": SERVICE, "AWS": "*" } });
        assert_eq!(
            claim(&policy(&[&wide, &both]), &policy(&[&wide])),
            None,
            "it lets in more than the service"
        );
    }
}
