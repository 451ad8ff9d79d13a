//! Facts about account-level retention policies of CloudWatch Logs. Plain data, with AWS's rule of which of
//! several policies applies; nothing here reads.

use std::cmp::Reverse;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Fact, Family, Record, Selector, about::About, permissions::on_all};

/// An account-level retention policy of a region (`logs:DescribeAccountPolicies`). It overrides the retention
/// of the log groups that it applies to, whatever is set on them
/// (<https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutAccountPolicy.html>).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RetentionPolicy {
    /// Name.
    pub id: String,
    /// Retention in days; absent for one that keeps events for ever. Unknown where the document is not one
    /// that redress knows.
    pub days: Fact<i32>,
    /// The beginnings of the names of the log groups that it applies to, as AWS writes the selection
    /// (`LogGroupNamePrefix IN ["/app"]`); it applies to all of them where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selection: Option<String>,
    /// The time of its last update. It takes effect 24 hours later.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updated: Option<Timestamp>,
}

impl Record for RetentionPolicy {
    const ABOUT: About =
        About { moves_by_itself: true, ..About::read_by(&[on_all("logs:DescribeAccountPolicies")]) };
}

impl RetentionPolicy {
    /// Returns whether the policy applies to a log group; `None` for a selection that is not understood.
    fn applies_to(&self, log_group: &str) -> Option<bool> {
        let Some(selection) = &self.selection else { return Some(true) };
        let rest = selection.trim().strip_prefix("LogGroupNamePrefix")?.trim_start();
        let list = rest.strip_prefix("IN").or(rest.strip_prefix('='))?.trim();
        let prefixes: Vec<&str> = list.split('"').skip(1).step_by(2).collect();
        (!prefixes.is_empty()).then(|| prefixes.iter().any(|prefix| log_group.starts_with(prefix)))
    }

    /// Describes the policy's decision: `90 days`, `for ever`.
    pub fn keeps(&self) -> String {
        match &self.days {
            Fact::Known(days) => format!("{days} days"),
            Fact::Absent => "for ever".to_owned(),
            Fact::Unknown(_) | Fact::NotRead => "a time that is not known".to_owned(),
        }
    }
}

/// Returns the policy that decides how long a log group keeps its events: of several that apply, the one with
/// the longest retention.
pub fn deciding<'f>(policies: &'f Family<RetentionPolicy>, log_group: &str) -> Fact<&'f RetentionPolicy> {
    let all: Vec<&RetentionPolicy> = match policies.select(&Selector::All) {
        Fact::Known(all) => all.into_iter().map(|(_, policy)| policy).collect(),
        Fact::Absent => Vec::new(),
        Fact::Unknown(why) => return Fact::Unknown(why),
        Fact::NotRead => return Fact::NotRead,
    };
    if let Some(doubtful) = all.iter().find(|policy| policy.applies_to(log_group).is_none()) {
        let selection = doubtful.selection.as_deref().unwrap_or_default();
        return Fact::unknown(format!(
            "the selection of policy {} is not understood: {selection}",
            doubtful.id
        ));
    }
    let applying: Vec<&RetentionPolicy> =
        all.into_iter().filter(|policy| policy.applies_to(log_group) == Some(true)).collect();
    let for_ever = applying.iter().any(|policy| policy.days.is_absent());
    if let Some(doubtful) = applying.iter().find(|policy| !for_ever && policy.days.silence().is_some()) {
        let why = doubtful.days.silence().unwrap_or_default();
        return Fact::unknown(format!("the days of policy {}: {why}", doubtful.id));
    }
    // No policy outlasts one that keeps events for ever. Of two equal ones AWS names the older.
    let longest = |policy: &&RetentionPolicy| {
        let days = policy.days.known().copied();
        (policy.days.is_absent(), days, Reverse(policy.updated), Reverse(policy.id.clone()))
    };
    applying.into_iter().max_by_key(longest).map_or(Fact::Absent, Fact::Known)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(id: &str, days: Fact<i32>, selection: Option<&str>) -> RetentionPolicy {
        RetentionPolicy { id: id.into(), days, selection: selection.map(Into::into), updated: None }
    }

    fn decides(policies: &[RetentionPolicy], log_group: &str) -> Fact<String> {
        let mut family = Family::default();
        family.read(&Selector::All, Fact::Known(()));
        policies.iter().for_each(|policy| family.put(policy.id.clone(), policy.clone()));
        deciding(&family, log_group).map(|policy| policy.id.clone())
    }

    #[test]
    fn a_policy_of_unknown_days_decides_nothing_unless_another_keeps_for_ever() {
        let (month, unknown) =
            (policy("month", Fact::Known(30), None), policy("odd", Fact::Unknown("no number".into()), None));
        assert!(decides(&[month, unknown.clone()], "/lab").silence().is_some());
        assert_eq!(
            decides(&[policy("ever", Fact::Absent, None), unknown], "/lab"),
            Fact::Known("ever".into())
        );
    }

    #[test]
    fn of_several_policies_that_apply_the_longest_decides_and_for_ever_is_longest() {
        let year = policy("year", Fact::Known(365), None);
        let month = policy("month", Fact::Known(30), None);
        let apps = policy("apps", Fact::Absent, Some(r#"LogGroupNamePrefix IN ["/app", "/lab"]"#));
        let all = [year, month, apps];
        assert_eq!(decides(&all, "/app/a"), Fact::Known("apps".to_owned()));
        assert_eq!(decides(&all, "/other"), Fact::Known("year".to_owned()));
        assert_eq!(decides(&all[2..], "/other"), Fact::Absent);
        assert_eq!(decides(&[], "/other"), Fact::Absent);
    }

    #[test]
    fn a_selection_that_is_not_understood_leaves_it_unknown_who_decides() {
        let odd = policy("odd", Fact::Known(365), Some("DataSourceName IN [\"x\"]"));
        assert!(matches!(decides(&[odd], "/app"), Fact::Unknown(why) if why.contains("odd")));
        assert!(matches!(deciding(&Family::default(), "/app"), Fact::NotRead));
    }
}
