//! Matching: the playbooks that answer a finding, and the resources that a playbook must leave alone. Pure;
//! planning decides whether anything is done about a match.

use super::{Guard, Match, Playbook};
use crate::{
    checks::patterns::{glob, tagged},
    finding::Finding,
    inventory::Tags,
};

/// Returns whether a playbook answers a finding: the check is one of its own and all conditions of its
/// `[match]` hold.
pub fn matches(playbook: &Playbook, finding: &Finding) -> bool {
    playbook.finding.contains(&finding.check) && fits(&playbook.matching, finding)
}

/// Returns the playbooks that answer a finding, in the order in which they were loaded.
pub fn answering<'a>(playbooks: &'a [Playbook], finding: &Finding) -> Vec<&'a Playbook> {
    playbooks.iter().filter(|p| matches(p, finding)).collect()
}

/// Returns the protected tag for which a playbook leaves a resource alone, as the resource has it:
/// `Key=value`.
pub fn protected(guard: &Guard, tags: &Tags) -> Option<String> {
    let has = |protected: &String| tagged(protected, tags).map(|(key, value)| format!("{key}={value}"));
    guard.protected_tags.iter().find_map(has)
}

fn fits(wanted: &Match, finding: &Finding) -> bool {
    let has =
        |(key, pattern): (&String, &String)| finding.tags.get(key).is_some_and(|value| glob(pattern, value));
    let any = |patterns: &[String], texts: &[&str]| {
        patterns.is_empty() || patterns.iter().any(|p| texts.iter().any(|t| glob(p, t)))
    };
    wanted.severity.is_none_or(|least| finding.severity >= least)
        && any(&wanted.regions, &[&finding.region])
        && any(&wanted.resources, &[finding.resource.as_str(), finding.resource.id()])
        && wanted.tags.iter().all(has)
        && !wanted.without_tags.iter().any(has)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::{Value, json};

    use super::*;
    use crate::{
        finding::{Severity, Verdict},
        playbook::Approve,
        resource::Owner,
    };

    fn finding() -> Finding {
        let owner = Owner { partition: "aws".into(), account: "123456789012".into() };
        Finding {
            check: "security-group-open-admin-port".into(),
            severity: Severity::High,
            resource: owner.security_group("us-east-1", "sg-1"),
            region: "us-east-1".into(),
            verdict: Verdict::Violates(json!({})),
            suppressed: None,
            tags: tags(&[("Env", "prod"), ("Team", "web")]),
            sources: vec!["scan".into()],
        }
    }

    fn tags(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    fn playbook(matching: Match) -> Playbook {
        Playbook {
            id: "p".into(),
            title: "t".into(),
            finding: vec!["security-group-open-admin-port".into()],
            check: Value::Null,
            matching,
            actions: Vec::new(),
            guard: Guard::default(),
            approve: Approve::Ask,
            sets: Vec::new(),
            source: "p.toml".into(),
            digest: String::new(),
        }
    }

    #[test]
    fn a_playbook_without_match_answers_every_finding_of_its_checks_and_no_other() {
        assert!(matches(&playbook(Match::default()), &finding()));
        let other = Finding { check: "vpc-without-flow-logs".into(), ..finding() };
        assert!(!matches(&playbook(Match::default()), &other));
    }

    #[test]
    fn each_part_of_match_must_hold() {
        let list = |texts: &[&str]| texts.iter().map(|t| (*t).to_owned()).collect::<Vec<_>>();
        let cases = [
            (Match { severity: Some(Severity::High), ..Match::default() }, true),
            (Match { severity: Some(Severity::Critical), ..Match::default() }, false),
            (Match { regions: list(&["eu-*", "us-*"]), ..Match::default() }, true),
            (Match { regions: list(&["eu-*"]), ..Match::default() }, false),
            (Match { resources: list(&["sg-?"]), ..Match::default() }, true),
            (Match { resources: list(&["arn:aws:ec2:*:security-group/sg-1"]), ..Match::default() }, true),
            (Match { resources: list(&["g-1"]), ..Match::default() }, false),
            (Match { tags: tags(&[("Env", "pr*")]), ..Match::default() }, true),
            (Match { tags: tags(&[("Env", "pr*"), ("Team", "db")]), ..Match::default() }, false),
            (Match { tags: tags(&[("Owner", "*")]), ..Match::default() }, false),
            (Match { without_tags: tags(&[("Owner", "*")]), ..Match::default() }, true),
            (Match { without_tags: tags(&[("Env", "test"), ("Team", "web")]), ..Match::default() }, false),
        ];
        for (matching, expected) in cases {
            assert_eq!(matches(&playbook(matching.clone()), &finding()), expected, "{matching:?}");
        }
    }

    #[test]
    fn a_finding_about_the_account_is_answered_by_the_star_alone() {
        let global = Finding { region: String::new(), ..finding() };
        let only = |region: &str| playbook(Match { regions: vec![region.to_owned()], ..Match::default() });
        assert!(matches(&only("*"), &global));
        assert!(!matches(&only("us-*"), &global));
    }

    #[test]
    fn all_playbooks_that_answer_are_told_in_their_order() {
        let none = playbook(Match { regions: vec!["eu-*".into()], ..Match::default() });
        let books =
            [Playbook { id: "b".into(), ..playbook(Match::default()) }, none, playbook(Match::default())];
        let ids: Vec<_> = answering(&books, &finding()).iter().map(|p| p.id.clone()).collect();
        assert_eq!(ids, ["b", "p"]);
    }

    #[test]
    fn a_protected_tag_is_told_as_it_stands_on_the_resource() {
        let guard = |protected: &[&str]| Guard {
            protected_tags: protected.iter().map(|p| (*p).to_owned()).collect(),
            ..Guard::default()
        };
        let on = finding().tags;
        assert_eq!(protected(&guard(&["DoNotTouch", "Env"]), &on).as_deref(), Some("Env=prod"));
        assert_eq!(protected(&guard(&["Env=pr*"]), &on).as_deref(), Some("Env=prod"));
        assert_eq!(protected(&guard(&["Env=test", "env"]), &on), None);
        assert_eq!(protected(&guard(&[]), &on), None);
    }
}
