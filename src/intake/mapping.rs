//! The mapping from the controls of other tools to our checks. The checks themselves contain the controls
//! that they answer; `mapping.toml` contains the frameworks, their controls that no check answers, and those
//! that the checks answer in part. Lookup only.

use std::{collections::BTreeMap, sync::LazyLock};

use serde::Deserialize;

use crate::checks::{self, Control};

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
    /// The ids of the checks that answer a control, by its id.
    #[serde(skip)]
    pub checks: BTreeMap<&'static str, Vec<&'static str>>,
    /// Controls that ask for more than the checks that answer them find, each with what it is also about. A
    /// finding of one is never reported as resolved.
    #[serde(default)]
    pub partly: BTreeMap<String, String>,
    /// Controls that exist but that no check answers, each with its subject. An id may end in `*`.
    #[serde(default)]
    pub unmapped: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    framework: Vec<Framework>,
}

/// The framework whose controls are the events of CloudTrail, by service and name.
const EVENTS: &str = "cloudtrail";

/// The file that is compiled in, with the controls of the checks; a test ensures that it is valid.
static FRAMEWORKS: LazyLock<Vec<Framework>> = LazyLock::new(|| {
    let file = toml::from_str::<File>(include_str!("mapping.toml"));
    let mut all = file.map(|file| file.framework).unwrap_or_default();
    for check in checks::all() {
        let events = check.triggers.iter().map(|event| Control { framework: EVENTS, id: event });
        for control in check.controls().chain(events) {
            if let Some(of) = all.iter_mut().find(|framework| framework.id == control.framework) {
                of.checks.entry(control.id).or_default().push(check.id);
            }
        }
    }
    all
});

/// Returns all frameworks, in the file's order.
pub fn frameworks() -> &'static [Framework] {
    &FRAMEWORKS
}

fn find(framework: &str) -> Option<&'static Framework> {
    frameworks().iter().find(|known| known.id == framework)
}

/// Returns the title of a framework, for people.
pub fn title(framework: &str) -> &str {
    find(framework).map_or(framework, |known| &known.title)
}

/// The mapping's answer for a control.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// These checks answer the control.
    Checks(&'static [&'static str]),
    /// No check answers the control, for this reason.
    None(String),
}

/// The framework under which redress itself reports: its controls are its checks.
pub const OWN: &str = "redress";

/// Each check that a scan runs, mapped to itself.
static OURS: LazyLock<BTreeMap<&'static str, [&'static str; 1]>> =
    LazyLock::new(|| checks::all().filter(|c| c.scanned).map(|c| (c.id, [c.id])).collect());

/// Looks a control up.
pub fn answer(framework: &str, control: &str) -> Answer {
    if let (OWN, Some(own)) = (framework, OURS.get(control)) {
        return Answer::Checks(own);
    }
    let Some(found) = find(framework) else {
        return Answer::None(format!("the controls of {framework:?} are not known"));
    };
    match listed(found, control) {
        Some(Listed::Checks(checks)) => Answer::Checks(checks),
        Some(Listed::About(about)) => Answer::None(no_check(about)),
        None => Answer::None(format!(
            "{control:?} is not among the controls of {} that are known here: too old, too new, or of \
             something that no check looks at",
            found.title
        )),
    }
}

/// Returns what a control is also about, if the checks that answer it do so in part only: where they find
/// nothing any more, it may still fail.
pub fn besides(framework: &str, control: &str) -> Option<&'static str> {
    find(framework)?.partly.get(control).map(String::as_str)
}

/// The checks that a person means by the id of a control.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Meant {
    /// These, whatever the framework.
    Checks(Vec<&'static str>),
    /// No check answers it, for this reason where it is a control at all.
    Nothing(Option<String>),
    /// The id means one thing in one framework and another in the next: the frameworks, with what it is
    /// there.
    Ambiguous(Vec<(&'static str, String)>),
}

/// The place of a control in a framework.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Listed {
    /// These checks answer it.
    Checks(&'static [&'static str]),
    /// No check answers it; it is about this.
    About(&'static str),
}

impl Listed {
    fn words(self) -> String {
        match self {
            Listed::Checks(checks) => checks.join(", "),
            Listed::About(about) => no_check(about),
        }
    }
}

fn no_check(about: &str) -> String {
    format!("no check of {about} yet")
}

/// Looks up the checks that a person means by the id of a control: `EC2.13`, or `cis-3.0.0/3.7` where the id
/// alone is not enough.
pub fn meant(named: &str) -> Meant {
    let of = |framework: &'static Framework, id| {
        let listed = listed(framework, id).or_else(|| listed(framework, as_written(framework, id)?))?;
        Some((framework.id.as_str(), listed))
    };
    let anywhere: Vec<_> = frameworks().iter().filter_map(|framework| of(framework, named)).collect();
    let within = named.split_once('/').and_then(|(framework, id)| {
        Some((frameworks().iter().find(|known| known.id.eq_ignore_ascii_case(framework))?, id))
    });
    let all = match within {
        Some((framework, id)) if anywhere.is_empty() => of(framework, id).into_iter().collect(),
        _ => anywhere,
    };
    match all.as_slice() {
        [] => Meant::Nothing(None),
        [(_, first), rest @ ..] if rest.iter().all(|(_, other)| other == first) => match first {
            Listed::Checks(checks) => Meant::Checks(checks.to_vec()),
            Listed::About(about) => Meant::Nothing(Some(no_check(about))),
        },
        all => Meant::Ambiguous(all.iter().map(|(framework, listed)| (*framework, listed.words())).collect()),
    }
}

/// Returns the place of a control in a framework.
fn listed(framework: &'static Framework, control: &str) -> Option<Listed> {
    match framework.checks.get(control) {
        Some(checks) => Some(Listed::Checks(checks)),
        None => framework
            .unmapped
            .get(control)
            .or_else(|| starred(framework, control))
            .map(|about| Listed::About(about)),
    }
}

/// Returns the id of a control as its framework writes it, whatever the case in which a person does.
fn as_written(framework: &'static Framework, id: &str) -> Option<&'static str> {
    let controls = || framework.checks.keys().copied().chain(framework.unmapped.keys().map(String::as_str));
    let starts = |control: &&str| {
        let head = control.strip_suffix('*').and_then(|start| Some((start, id.get(..start.len())?)));
        head.is_some_and(|(start, head)| head.eq_ignore_ascii_case(start))
    };
    controls().find(|control| control.eq_ignore_ascii_case(id)).or_else(|| controls().find(starts))
}

/// Returns whether a control is one of its framework, mapped or not.
pub fn is_listed(framework: &str, control: &str) -> bool {
    find(framework).is_some_and(|found| listed(found, control).is_some())
}

fn starred<'f>(framework: &'f Framework, control: &str) -> Option<&'f String> {
    framework
        .unmapped
        .iter()
        .find(|(id, _)| id.strip_suffix('*').is_some_and(|start| control.starts_with(start)))
        .map(|(_, about)| about)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_file_is_good_and_every_control_of_a_check_is_one_of_it_or_of_no_other() {
        let file = toml::from_str::<File>(include_str!("mapping.toml")).unwrap();
        let ids: BTreeSet<_> = file.framework.iter().map(|f| f.id.as_str()).collect();
        assert_eq!(ids.len(), frameworks().len());
        for check in checks::all() {
            let mut seen = BTreeSet::new();
            for control in check.controls() {
                assert!(check.scanned && ids.contains(control.framework), "{} {control:?}", check.id);
                assert!(seen.insert(control), "{} names {control:?} twice", check.id);
            }
        }
        for framework in frameworks() {
            for control in framework.checks.keys() {
                assert!(!framework.unmapped.contains_key(*control), "{} {control} is mapped", framework.id);
            }
            for control in framework.partly.keys() {
                assert!(framework.checks.contains_key(control.as_str()), "{} {control}", framework.id);
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
            let listed: BTreeSet<&str> = framework
                .checks
                .keys()
                .copied()
                .chain(framework.unmapped.keys().map(String::as_str))
                .collect();
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
    fn a_control_that_asks_for_more_than_the_checks_find_is_known_as_such() {
        let in_part = [
            ("security-hub", "EC2.28"),
            ("prowler", "ec2_securitygroup_allow_ingress_from_internet_to_any_port"),
            ("prowler", "ec2_securitygroup_allow_wide_open_public_ipv4"),
            ("config-managed", "vpc-sg-open-only-to-authorized-ports"),
            ("guardduty", "UnauthorizedAccess:EC2/SSHBruteForce"),
            ("cis-3.0.0", "2.2.1"),
        ];
        for (framework, control) in in_part {
            assert!(besides(framework, control).is_some(), "{framework} {control}");
        }
        for (framework, control) in [("security-hub", "EC2.18"), ("security-hub", "EC2.19"), ("no", "EC2.28")]
        {
            assert_eq!(besides(framework, control), None, "{framework} {control}");
        }
    }

    #[test]
    fn the_controls_on_every_port_are_answered_by_every_check_on_open_ports() {
        let open = crate::checks::security_groups::CHECKS.iter().map(|check| check.id).collect::<Vec<_>>();
        assert_eq!(open.len(), 4);
        for (framework, control) in [
            ("security-hub", "EC2.18"),
            ("security-hub", "EC2.19"),
            ("prowler", "ec2_securitygroup_allow_ingress_from_internet_to_high_risk_tcp_ports"),
        ] {
            assert!(matches!(answer(framework, control), Answer::Checks(all) if all == open), "{control}");
        }
    }

    #[test]
    fn an_id_that_means_two_things_is_asked_for_with_its_framework() {
        assert!(matches!(meant("ec2.15"), Meant::Checks(checks) if checks == ["subnet-auto-public-ip"]));
        let Meant::Ambiguous(all) = meant("3.9") else { unreachable!("3.9 is clear") };
        assert!(all.contains(&("cis-1.4.0", "vpc-without-flow-logs".to_owned())), "{all:?}");
        assert!(
            all.iter().any(|(of, what)| *of == "cis-3.0.0" && what.starts_with("no check of")),
            "{all:?}"
        );
        assert!(
            matches!(meant("cis-1.4.0/3.9"), Meant::Checks(checks) if checks == ["vpc-without-flow-logs"])
        );
        assert_eq!(
            [meant("x/y"), meant(""), meant("/"), meant("cis-3.0.0/")],
            [const { Meant::Nothing(None) }; 4]
        );
    }

    #[test]
    fn a_control_that_no_check_answers_is_known_whatever_its_case() {
        for framework in frameworks() {
            for (control, about) in &framework.unmapped {
                let named = format!("{}/{}", framework.id, control.replace('*', "x"));
                for named in [named.to_uppercase(), named.to_lowercase(), named] {
                    assert_eq!(meant(&named), Meant::Nothing(Some(no_check(about))), "{named}");
                }
            }
        }
        assert!(matches!(meant("ec2.9"), Meant::Nothing(Some(why)) if why.contains("public addresses")));
    }

    #[test]
    fn every_control_of_a_check_is_taken_with_its_framework() {
        for check in checks::all() {
            for Control { framework, id } in check.controls() {
                let named = format!("{framework}/{id}");
                assert!(matches!(meant(&named), Meant::Checks(all) if all.contains(&check.id)), "{named}");
            }
        }
    }

    #[test]
    fn a_number_means_what_it_means_in_its_own_version() {
        assert!(matches!(answer("cis-1.4.0", "3.9"), Answer::Checks(["vpc-without-flow-logs"])));
        assert!(matches!(answer("cis-3.0.0", "3.9"), Answer::None(_)));
        assert!(matches!(answer("cis-3.0.0", "3.7"), Answer::Checks(["vpc-without-flow-logs"])));
        assert!(matches!(answer("cis-9.9.9", "3.7"), Answer::None(why) if why.contains("not known")));
        assert!(
            matches!(answer("security-hub", "EC2.99999"), Answer::None(why) if why.contains("not among"))
        );
    }
}
