//! The mapping from the controls of other tools to our checks: `mapping.toml`, parsed once. Lookup only.

use std::{collections::BTreeMap, sync::LazyLock};

use serde::Deserialize;

use crate::checks;

/// The controls of one version of one framework.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Framework {
    /// Name and version: `cis-3.0.0`.
    pub id: String,
    /// The title, for people.
    pub title: String,
    /// Remarks on its ids, for readers.
    pub about: String,
    /// Ids of checks by control id.
    #[serde(default)]
    pub checks: BTreeMap<String, Vec<String>>,
    /// Controls that exist but that no check answers, each with its subject. An id may end in `*`.
    #[serde(default)]
    pub unmapped: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    framework: Vec<Framework>,
}

/// The file that is compiled in; a test ensures that it is valid.
static FRAMEWORKS: LazyLock<Vec<Framework>> = LazyLock::new(|| {
    toml::from_str::<File>(include_str!("mapping.toml")).map(|f| f.framework).unwrap_or_default()
});

/// Returns all frameworks, in the file's order.
pub fn frameworks() -> &'static [Framework] {
    &FRAMEWORKS
}

/// The mapping's answer for a control.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// These checks answer the control.
    Checks(&'static [String]),
    /// No check answers the control, for this reason.
    None(String),
}

/// The framework under which redress itself reports: its controls are its checks.
pub const OWN: &str = "redress";

/// Each check that a scan runs, mapped to itself.
static OURS: LazyLock<BTreeMap<&'static str, [String; 1]>> =
    LazyLock::new(|| checks::all().filter(|c| c.scanned).map(|c| (c.id, [c.id.to_owned()])).collect());

/// Looks a control up.
pub fn answer(framework: &str, control: &str) -> Answer {
    if let (OWN, Some(own)) = (framework, OURS.get(control)) {
        return Answer::Checks(own);
    }
    let Some(found) = frameworks().iter().find(|f| f.id == framework) else {
        return Answer::None(format!("the controls of {framework:?} are not known"));
    };
    if let Some(checks) = found.checks.get(control) {
        return Answer::Checks(checks);
    }
    let about = found.unmapped.get(control).or_else(|| starred(found, control));
    Answer::None(match about {
        Some(about) => format!("no check of {about} yet"),
        None => {
            format!(
                "{control:?} is not among the controls of {} that are known here: too old, too new, or of \
                 something that no check looks at",
                found.title
            )
        }
    })
}

/// Returns whether a control is one of its framework, mapped or not.
pub fn is_listed(framework: &str, control: &str) -> bool {
    frameworks().iter().find(|f| f.id == framework).is_some_and(|f| {
        f.checks.contains_key(control) || f.unmapped.contains_key(control) || starred(f, control).is_some()
    })
}

fn starred<'f>(framework: &'f Framework, control: &str) -> Option<&'f String> {
    framework
        .unmapped
        .iter()
        .find(|(id, _)| id.strip_suffix('*').is_some_and(|start| control.starts_with(start)))
        .map(|(_, about)| about)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_file_is_good_and_names_only_checks_that_a_scan_runs() {
        toml::from_str::<File>(include_str!("mapping.toml")).unwrap();
        for framework in frameworks() {
            for (control, names) in &framework.checks {
                assert!(
                    !names.is_empty() && !framework.unmapped.contains_key(control),
                    "{} {control}",
                    framework.id
                );
                for name in names {
                    assert!(
                        checks::find(name).is_some_and(|c| c.scanned),
                        "{} {control}: {name}",
                        framework.id
                    );
                }
            }
        }
        let mut ids: Vec<_> = frameworks().iter().map(|f| &f.id).collect();
        ids.dedup();
        assert_eq!(ids.len(), frameworks().len());
    }

    #[test]
    fn what_checks_say_of_themselves_is_what_the_file_says() {
        for check in checks::all() {
            for control in check.controls {
                let Answer::Checks(names) = answer(control.framework, control.id) else {
                    unreachable!(
                        "{} claims {} {}, which the file does not map",
                        check.id, control.framework, control.id
                    )
                };
                assert!(
                    names.iter().any(|n| n == check.id),
                    "{} is not among the checks of {} {}",
                    check.id,
                    control.framework,
                    control.id
                );
            }
        }
    }

    type Known = BTreeMap<String, BTreeMap<String, Vec<String>>>;

    fn known() -> Known {
        toml::from_str(include_str!("mapping.known.toml")).unwrap()
    }

    #[test]
    fn every_control_that_is_known_of_a_version_stands_in_it_and_no_other_does() {
        let mut of: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        let known = known();
        for (check, ids) in &known {
            assert!(is_listed("prowler", check), "{check}");
            for (framework, ids) in ids {
                of.entry(framework).or_default().extend(ids.iter().map(String::as_str));
            }
        }
        assert_eq!(of.keys().filter(|f| f.starts_with("cis-")).count(), 8);
        for framework in frameworks().iter().filter(|f| f.id.starts_with("cis-") && f.id != "cis-1.2.0") {
            let listed: BTreeSet<&str> =
                framework.checks.keys().chain(framework.unmapped.keys()).map(String::as_str).collect();
            assert_eq!(listed, of[framework.id.as_str()], "{}", framework.id);
        }
        for id in &of["security-hub"] {
            assert!(is_listed("security-hub", id), "{id}");
        }
    }

    #[test]
    fn controls_that_belong_together_are_answered_by_the_same_checks() {
        for (check, ids) in known() {
            let Answer::Checks(own) = answer("prowler", &check) else { continue };
            for (framework, id) in ids.iter().flat_map(|(f, ids)| ids.iter().map(move |id| (f, id))) {
                // Several checks share one number of CIS; the checks that they have in common must be listed.
                let shared = matches!(answer(framework, id),
                    Answer::Checks(theirs) if theirs.iter().any(|c| own.contains(c)));
                assert!(shared, "{check} and {framework} {id}");
            }
        }
    }

    #[test]
    fn a_number_means_what_it_means_in_its_own_version() {
        assert!(matches!(answer("cis-1.4.0", "3.9"), Answer::Checks([v]) if v == "vpc-without-flow-logs"));
        assert!(matches!(answer("cis-3.0.0", "3.9"), Answer::None(_)));
        assert!(matches!(answer("cis-3.0.0", "3.7"), Answer::Checks([v]) if v == "vpc-without-flow-logs"));
        assert!(matches!(answer("cis-9.9.9", "3.7"), Answer::None(why) if why.contains("not known")));
        assert!(
            matches!(answer("security-hub", "EC2.99999"), Answer::None(why) if why.contains("not among"))
        );
    }
}
