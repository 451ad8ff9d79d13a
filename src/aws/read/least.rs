//! Reads what roles have used, and the versions and holders of customer managed policies.

use std::{collections::BTreeMap, time::Duration};

use aws_sdk_iam::{
    Client,
    operation::get_service_last_accessed_details::GetServiceLastAccessedDetailsOutput as Report,
    types::{
        AccessAdvisorUsageGranularityType, EvaluationResult, JobStatusType, ServiceLastAccessed,
        TrackedActionLastAccessed,
    },
};
use futures::{StreamExt, stream};
use jiff::Timestamp;
use serde_json::Value;

use super::{
    Ask, Members,
    iam::{AT_ONCE, document, tags},
    not_listed,
    page::{pages, text, time},
};
use crate::{
    aws::{errors, retry::reading},
    calls::CallError,
    inventory::{Fact, PolicyVersion, PolicyVersions, RoleUse, ServiceUse, Simulation},
};

const GENERATE: &str = "iam:GenerateServiceLastAccessedDetails";
const GET: &str = "iam:GetServiceLastAccessedDetails";
const SIMULATE: &str = "iam:SimulatePrincipalPolicy";
/// The pause between two looks for a report that AWS is making, and the most of them: a minute.
const PAUSE: Duration = Duration::from_secs(1);
const LOOKS: u32 = 60;

/// Reads the report on each role, by its ARN, which AWS makes anew.
pub async fn uses(iam: &Client, ask: &Ask) -> Members<RoleUse> {
    let Ask::Ids(roles) = ask else { return not_listed("the uses of services by roles") };
    let each = stream::iter(roles.clone()).map(|arn| async move {
        let used = used_by(iam, &arn).await;
        (arn, used.map_or_else(|error| errors::fact(&error), Fact::Known))
    });
    Ok(each.buffered(AT_ONCE).collect().await)
}

async fn used_by(iam: &Client, arn: &str) -> Result<RoleUse, CallError> {
    let by_action = AccessAdvisorUsageGranularityType::ActionLevel;
    let request = iam.generate_service_last_accessed_details().arn(arn).granularity(by_action);
    let job = text(reading(GENERATE, || request.clone().send()).await?.job_id);
    if job.is_empty() {
        return Err(errors::in_body(GENERATE, "Incomplete", "the answer names no job"));
    }
    let mut page = completed(iam, &job).await?;
    let mut services = BTreeMap::new();
    loop {
        for service in std::mem::take(&mut page.services_last_accessed) {
            let (prefix, used) = use_of(service)?;
            services.insert(prefix, used);
        }
        let Some(marker) = page.marker.take().filter(|_| page.is_truncated) else { break };
        let next = iam.get_service_last_accessed_details().job_id(&job).marker(&marker);
        page = reading(GET, || next.clone().send()).await?;
        if page.marker.as_ref() == Some(&marker) {
            return Err(errors::in_body(GET, "RepeatedToken", "the listing does not come to an end"));
        }
    }
    Ok(RoleUse { id: arn.to_owned(), services })
}

/// Waits until AWS has made a report. One that has failed is an error: half a report would show services as
/// unused.
async fn completed(iam: &Client, job: &str) -> Result<Report, CallError> {
    for look in 0..LOOKS {
        if look > 0 {
            tokio::time::sleep(PAUSE).await;
        }
        let request = iam.get_service_last_accessed_details().job_id(job);
        let answer = reading(GET, || request.clone().send()).await?;
        match &answer.job_status {
            JobStatusType::Completed => return Ok(answer),
            JobStatusType::InProgress => {}
            other => {
                let why = answer.error.as_ref().map_or_else(
                    || format!("the state of the report is {}", other.as_str()),
                    |error| format!("{}: {}", error.code, error.message),
                );
                return Err(errors::in_body(GET, "ReportFailed", &why));
            }
        }
    }
    let waited = (PAUSE * LOOKS).as_secs();
    Err(errors::in_body(GET, "ReportInProgress", &format!("AWS has not made it in {waited} s")))
}

fn use_of(service: ServiceLastAccessed) -> Result<(String, ServiceUse), CallError> {
    let used = match service.last_authenticated {
        None => Fact::Absent,
        some => Fact::Known(at(some)?),
    };
    let mut actions = BTreeMap::new();
    for TrackedActionLastAccessed { action_name, last_accessed_time, .. } in
        service.tracked_actions_last_accessed.unwrap_or_default()
    {
        if let (Some(name), true) = (action_name, last_accessed_time.is_some()) {
            actions.insert(name, at(last_accessed_time)?);
        }
    }
    Ok((service.service_namespace, ServiceUse { last_used: used, actions }))
}

/// Returns the time of a use. One that cannot be read must not be taken for none.
fn at(when: Option<aws_smithy_types::DateTime>) -> Result<Timestamp, CallError> {
    time(when).ok_or_else(|| errors::in_body(GET, "Broken", "a time in the report cannot be read"))
}

/// Reads the decisions that IAM would take about actions, each with its role: one request for the actions of
/// a role.
pub async fn simulations(iam: &Client, ask: &Ask) -> Members<Simulation> {
    let Ask::Ids(ids) = ask else { return not_listed("simulations of policies") };
    let mut by_role: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (role, action) in ids.iter().filter_map(|id| Simulation::parts(id)) {
        by_role.entry(role.to_owned()).or_default().push(action.to_owned());
    }
    let each = stream::iter(by_role).map(|(role, actions)| async move {
        let asked = |action: &String| Simulation::of(&role, action);
        match decided(iam, &role, &actions).await {
            Ok(all) => actions
                .iter()
                .map(|action| {
                    let missing = || Fact::unknown(format!("the answer does not contain it ({SIMULATE})"));
                    let id = asked(action);
                    let simulation =
                        |decision: &String| Simulation { id: id.clone(), decision: decision.clone() };
                    (
                        id.clone(),
                        all.get(&action.to_lowercase()).map(simulation).map_or_else(missing, Fact::Known),
                    )
                })
                .collect::<Vec<_>>(),
            Err(error) => actions.iter().map(|action| (asked(action), Fact::unknown(&error))).collect(),
        }
    });
    Ok(each.buffered(AT_ONCE).collect::<Vec<_>>().await.into_iter().flatten().collect())
}

/// Returns the decisions about actions of a role, by the action in small letters.
async fn decided(
    iam: &Client,
    role: &str,
    actions: &[String],
) -> Result<BTreeMap<String, String>, CallError> {
    let request = iam.simulate_principal_policy().policy_source_arn(role);
    let request = request.set_action_names(Some(actions.to_vec()));
    let all = pages!(SIMULATE, request, evaluation_results, set_marker, marker);
    let of =
        |one: EvaluationResult| (one.eval_action_name.to_lowercase(), one.eval_decision.as_str().to_owned());
    Ok(all.into_iter().map(of).collect())
}

/// Reads the versions and holders of policies, by their ARNs: `iam:GetPolicy`, `iam:ListPolicyVersions`,
/// `iam:GetPolicyVersion` and `iam:ListEntitiesForPolicy`.
pub async fn versions(iam: &Client, ask: &Ask) -> Members<PolicyVersions> {
    let Ask::Ids(arns) = ask else { return not_listed("the versions of policies") };
    let each = stream::iter(arns.clone()).map(|arn| async move {
        let found = versions_of(iam, &arn).await;
        (arn, found.map_or_else(|error| errors::fact(&error), Fact::Known))
    });
    Ok(each.buffered(AT_ONCE).collect().await)
}

async fn versions_of(iam: &Client, arn: &str) -> Result<PolicyVersions, CallError> {
    const LIST: &str = "iam:ListPolicyVersions";
    const POLICY: &str = "iam:GetPolicy";
    let found = reading(POLICY, || iam.get_policy().policy_arn(arn).send()).await?.policy;
    let found = found.ok_or_else(|| errors::in_body(POLICY, "Incomplete", "the answer is empty"))?;
    let request = iam.list_policy_versions().policy_arn(arn);
    let listed = pages!(LIST, request, versions, set_marker, marker);
    let mut versions = BTreeMap::new();
    for version in listed {
        let name = text(version.version_id);
        let created = time(version.create_date)
            .map_or_else(|| Fact::unknown(format!("the answer does not contain it ({LIST})")), Fact::Known);
        let document = document_of(iam, arn, &name).await?;
        versions.insert(name, PolicyVersion { created, document });
    }
    let default_version = text(found.default_version_id);
    let Some(document) = versions.get(&default_version).map(|version| version.document.clone()) else {
        // The two answers may be of different moments.
        let why = format!("the versions do not contain {default_version:?}, which is in force");
        return Err(errors::in_body(LIST, "Incomplete", &why));
    };
    let (id, holders, tags) = (arn.to_owned(), holders(iam, arn).await?, tags(found.tags));
    let names = versions.keys().cloned().collect();
    Ok(PolicyVersions { id, default_version, document, names, versions, holders, tags })
}

async fn document_of(iam: &Client, arn: &str, version: &str) -> Result<Value, CallError> {
    const OPERATION: &str = "iam:GetPolicyVersion";
    let request = iam.get_policy_version().policy_arn(arn).version_id(version);
    let answer = reading(OPERATION, || request.clone().send()).await?;
    let text = answer.policy_version.and_then(|version| version.document);
    text.map(|text| document(&text))
        .ok_or_else(|| errors::in_body(OPERATION, "Incomplete", "the answer is empty"))
}

/// Returns the identities that have a policy, or whose boundary it is: AWS lists both where it is not asked
/// for one of them.
async fn holders(iam: &Client, arn: &str) -> Result<Vec<String>, CallError> {
    const OPERATION: &str = "iam:ListEntitiesForPolicy";
    let (mut all, mut marker) = (Vec::new(), None);
    loop {
        let request = iam.list_entities_for_policy().policy_arn(arn).set_marker(marker.clone());
        let page = reading(OPERATION, || request.clone().send()).await?;
        let of = |kind: &str, name: Option<String>| format!("{kind}/{}", text(name));
        all.extend(page.policy_roles.unwrap_or_default().into_iter().map(|one| of("role", one.role_name)));
        all.extend(page.policy_users.unwrap_or_default().into_iter().map(|one| of("user", one.user_name)));
        all.extend(page.policy_groups.unwrap_or_default().into_iter().map(|one| of("group", one.group_name)));
        let next = page.marker.filter(|_| page.is_truncated);
        if next.is_some() && next == marker {
            return Err(errors::in_body(OPERATION, "RepeatedToken", "the listing does not come to an end"));
        }
        marker = next;
        if marker.is_none() {
            all.sort();
            all.dedup();
            return Ok(all);
        }
    }
}
