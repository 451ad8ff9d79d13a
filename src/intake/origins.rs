//! The findings of other tools behind each of ours, so that those tools can be informed of the result.
//! One of their findings may cover several resources, be answered by several checks, and come twice:
//! all of it counts, since a finding is settled only as a whole. Pure; other modules decide what is
//! reported to which tool.

use std::collections::HashMap;

use super::{
    confirm::{Index, silenced},
    mapping::{self, Answer},
    model::{Reason, ReportedFinding, Source},
};
use crate::{
    checks::Unjudged,
    finding::{Finding, FindingKey, Origin, Verdict},
    inventory::Inventory,
};

/// The identity of another tool's finding: the tool, its framework and control, the product and
/// account, and the id.
type Identity<'s> = [&'s str; 6];

/// Returns the findings of other tools behind these of ours, in the order of ours. `run` are the
/// checks that were run.
pub fn origins(
    suspicions: &[ReportedFinding],
    run: &[&str],
    inventory: &Inventory,
    findings: &[Finding],
    unjudged: &[Unjudged],
) -> Vec<Origin> {
    let index = Index::of(suspicions);
    let mut origins: Vec<Origin> = Vec::new();
    let mut places: HashMap<Identity<'_>, usize> = HashMap::new();
    for finding in findings.iter().filter(|f| !matches!(f.verdict, Verdict::Ok(_))) {
        for suspicion in
            index.naming(suspicions, inventory, finding).into_iter().filter_map(|at| suspicions.get(at))
        {
            for source in suspicion.sources.iter().filter(|s| s.decision.is_actionable()) {
                let place = *places.entry(identity(suspicion, source)).or_insert_with(|| {
                    origins.push(origin(source));
                    origins.len() - 1
                });
                if let Some(origin) = origins.get_mut(place) {
                    add(&mut origin.answers, finding.key());
                }
            }
        }
    }
    for suspicion in suspicions {
        for source in &suspicion.sources {
            let place = places.get(&identity(suspicion, source)).copied();
            if let Some(origin) = place.and_then(|at| origins.get_mut(at)) {
                rest(origin, suspicion, source, run, unjudged);
            }
        }
    }
    origins
}

/// Adds to each finding of another tool the checks of its control that are run with parameters of the user's:
/// what those let pass, the other tool may still report. `own` names such parameters of a check.
pub fn by_own_rules(origins: &mut [Origin], own: impl Fn(&str) -> Vec<&'static str>) {
    for origin in origins {
        let Answer::Checks(checks) = mapping::answer(&origin.framework, &origin.control) else { continue };
        for check in checks {
            for name in own(check) {
                add(&mut origin.beyond, format!("what {name}, set in a playbook, lets pass in {check}"));
            }
        }
    }
}

fn identity<'s>(suspicion: &'s ReportedFinding, source: &'s Source) -> Identity<'s> {
    // A source without finding ids has one finding for each resource that it names.
    let id = if source.finding.is_empty() { &suspicion.id } else { &source.finding };
    [&source.tool, &source.framework, &source.control, &source.product, &source.account, id]
}

fn origin(source: &Source) -> Origin {
    Origin {
        tool: source.tool.clone(),
        format: source.format.clone(),
        framework: source.framework.clone(),
        control: source.control.clone(),
        finding: source.finding.clone(),
        product: source.product.clone(),
        account: source.account.clone(),
        answers: Vec::new(),
        beyond: besides(&source.framework, &source.control),
    }
}

/// Returns what a control is about beside what our checks find.
pub fn besides(framework: &str, control: &str) -> Vec<String> {
    let besides = mapping::besides(framework, control);
    besides.map(|what| format!("{what} ({control})")).into_iter().collect()
}

/// Adds the parts of another tool's finding that ours do not cover: those not looked into, and those that
/// could not be judged.
fn rest(
    origin: &mut Origin,
    suspicion: &ReportedFinding,
    source: &Source,
    run: &[&str],
    unjudged: &[Unjudged],
) {
    if let Some(reason) = source.decision.reason().or(suspicion.decision.reason()) {
        // These reasons mean that this part is in order; all others mean that it was not looked into.
        if !matches!(reason, Reason::Passed | Reason::Archived | Reason::Stale | Reason::RevertedLater) {
            add(&mut origin.beyond, format!("{}: {}", suspicion.named, reason.words()));
        }
        return;
    }
    for check in suspicion.checks.iter().filter(|c| !run.contains(&c.as_str())) {
        add(&mut origin.beyond, format!("{}: the check {check} was left out", suspicion.named));
    }
    let Some(resource) = &suspicion.resource else { return };
    for silent in unjudged.iter().filter(|u| silenced(suspicion, u)) {
        add(
            &mut origin.answers,
            FindingKey { check: silent.check.clone(), resource: resource.owner().root() },
        );
    }
}

/// Adds an item to a list that does not hold it yet.
pub fn add<T: PartialEq>(list: &mut Vec<T>, item: T) {
    if !list.contains(&item) {
        list.push(item);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{
        finding::Severity,
        intake::{Intake, collect},
        resource::Owner,
    };

    const CHECK: &str = "security-group-open-admin-port";
    /// The checks that answer EC2.13.
    const RUN: [&str; 2] = [CHECK, "security-group-open-all-traffic"];

    fn owner() -> Owner {
        Owner { partition: "aws".to_owned(), account: "123456789012".to_owned() }
    }

    fn group(n: u8, account: &str) -> String {
        format!("arn:aws:ec2:us-east-1:{account}:security-group/sg-0000000000000000{n}")
    }

    fn asff(id: &str, groups: &[String]) -> Value {
        let resources: Vec<Value> =
            groups.iter().map(|arn| json!({"Type": "AwsEc2SecurityGroup", "Id": arn})).collect();
        json!({"SchemaVersion": "2018-10-08", "Id": id,
            "ProductArn": "arn:aws:securityhub:us-east-1::product/aws/securityhub",
            "GeneratorId": "security-control/EC2.13",
            "AwsAccountId": "123456789012", "Region": "us-east-1", "Compliance": {"Status": "FAILED",
            "SecurityControlId": "EC2.13"}, "Resources": resources})
    }

    fn intake(findings: &[Value]) -> Intake {
        let text = Value::Array(findings.to_vec()).to_string().into_bytes();
        collect(vec![("hub".to_owned(), Box::new(std::io::Cursor::new(text)))], &owner(), &[])
    }

    fn open(n: u8) -> Finding {
        Finding {
            check: CHECK.to_owned(),
            severity: Severity::High,
            resource: owner().security_group("us-east-1", &format!("sg-0000000000000000{n}")),
            region: "us-east-1".to_owned(),
            verdict: Verdict::Violates(json!({})),
            suppressed: None,
            tags: crate::inventory::Tags::default(),
            sources: Vec::new(),
        }
    }

    fn nothing_read() -> Inventory {
        Inventory::empty(owner(), crate::inventory::Caller::default(), jiff::Timestamp::UNIX_EPOCH)
    }

    fn of(findings: &[Value], ours: &[Finding]) -> Vec<Origin> {
        origins(&intake(findings).suspicions, &RUN, &nothing_read(), ours, &[])
    }

    #[test]
    fn a_finding_of_several_resources_is_one_and_answers_for_all_of_them() {
        let here = |n| group(n, "123456789012");
        let all = of(&[asff("a", &[here(1), here(2)]), asff("b", &[here(2)])], &[open(1), open(2)]);
        let told: Vec<(&str, usize)> = all.iter().map(|o| (o.finding.as_str(), o.answers.len())).collect();
        assert_eq!(told, [("a", 2), ("b", 1)]);
        assert!(
            all.iter().all(|o| o.beyond.is_empty()
                && o.account == "123456789012"
                && o.product.ends_with("securityhub")),
            "{all:?}"
        );
    }

    #[test]
    fn a_finding_that_is_also_about_what_was_not_looked_into_says_so() {
        let all = of(&[asff("a", &[group(1, "123456789012"), group(2, "999999999999")])], &[open(1)]);
        assert_eq!(all.len(), 1);
        assert_eq!(all[0].beyond.len(), 1, "{all:?}");
        assert!(all[0].beyond[0].contains("another account"), "{all:?}");
        let left_out = origins(
            &intake(&[asff("a", &[group(1, "123456789012")])]).suspicions,
            &[CHECK],
            &nothing_read(),
            &[open(1)],
            &[],
        );
        assert!(
            left_out[0].beyond[0].contains("security-group-open-all-traffic was left out"),
            "{left_out:?}"
        );
    }

    #[test]
    fn a_check_that_could_not_be_run_is_an_answer_that_is_still_owed() {
        let unjudged = [Unjudged {
            check: CHECK.to_owned(),
            region: "us-east-1".to_owned(),
            reason: "denied".to_owned(),
        }];
        let all = origins(
            &intake(&[asff("a", &[group(1, "123456789012")])]).suspicions,
            &RUN,
            &nothing_read(),
            &[open(1)],
            &unjudged,
        );
        assert_eq!(all[0].answers[1].resource, owner().root());
    }

    #[test]
    fn a_control_that_asks_for_more_than_we_look_at_is_also_about_that() {
        let of_control = |control: &str| {
            let mut finding = asff("a", &[group(1, "123456789012")]);
            finding["Compliance"]["SecurityControlId"] = json!(control);
            finding["GeneratorId"] = json!(format!("security-control/{control}"));
            let run: Vec<&str> =
                crate::checks::security_groups::CHECKS.iter().map(|check| check.id).collect();
            origins(&intake(&[finding]).suspicions, &run, &nothing_read(), &[open(1)], &[])
        };
        let mut all = of_control("EC2.18");
        assert!(all[0].beyond.is_empty(), "four checks answer it whole: {all:?}");
        by_own_rules(&mut all, |check| match check {
            "security-group-open-other-port" => vec!["authorised"],
            _ => Vec::new(),
        });
        assert!(all[0].beyond[0].contains("authorised, set in a playbook"), "{all:?}");
        assert!(besides("security-hub", "EC2.28")[0].contains("AWS Backup"));
    }

    #[test]
    fn an_id_that_could_not_be_kept_letter_by_letter_names_no_product() {
        for id in ["a".repeat(513), "a\nb".to_owned()] {
            let all = of(&[asff(&id, &[group(1, "123456789012")])], &[open(1)]);
            assert_eq!(all[0].product, "", "{id}");
        }
    }
}
