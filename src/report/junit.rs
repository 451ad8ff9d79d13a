//! Reports as JUnit XML, which every CI system shows as tests: one test case for each finding or change.
//! Pure.

use std::fmt::Write;

use super::{
    cases::{Case, Cases, Standing},
    safe,
};

// Writing to a string cannot fail, so the results of `write!` are dropped throughout.

/// Writes the cases as one test suite.
pub fn write(cases: &Cases) -> String {
    let count = |is: fn(&Standing) -> bool| cases.all.iter().filter(|c| is(&c.standing)).count();
    let (failed, unknown) =
        (count(|s| matches!(s, Standing::Failed(_))), count(|s| matches!(s, Standing::Unknown(_))));
    let aside = count(|s| matches!(s, Standing::Aside(_)));
    let seconds: f64 = cases.all.iter().filter_map(|c| c.seconds).fold(0.0, |all, one| all + one);
    let name = format!("redress {} of account {}", cases.kind, cases.account);
    let figures = format!(
        "tests=\"{}\" failures=\"{failed}\" errors=\"{unknown}\" time=\"{seconds:.3}\"",
        cases.all.len()
    );
    let mut out = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".to_owned();
    let _ = writeln!(out, "<testsuites name=\"redress\" {figures}>");
    // The format has no time zone: https://github.com/testmoapp/junitxml. Jenkins's schema allows
    // `skipped` only on a suite.
    let _ = writeln!(
        out,
        "  <testsuite name=\"{}\" timestamp=\"{}\" {figures} skipped=\"{aside}\">",
        safe::html(&name),
        cases.at.strftime("%Y-%m-%dT%H:%M:%S")
    );
    cases.all.iter().for_each(|case| one(&mut out, case));
    out.push_str("  </testsuite>\n</testsuites>\n");
    out
}

fn one(out: &mut String, case: &Case) {
    let file = case.file.as_ref().map_or(String::new(), |file| format!(" file=\"{}\"", safe::html(file)));
    let time = case.seconds.map_or(String::new(), |s| format!(" time=\"{s:.3}\""));
    let name = if case.arn.is_empty() { &case.title } else { &case.arn };
    let _ = write!(
        out,
        "    <testcase classname=\"redress.{}\" name=\"{}\"{file}{time}",
        safe::html(&case.rule),
        safe::html(name)
    );
    let told = |tag: &str, why: &str| {
        let kind = if tag == "skipped" { String::new() } else { format!(" type=\"{}\"", case.severity) };
        let body = if tag == "skipped" { String::new() } else { safe::html(&case.title) };
        format!("><{tag} message=\"{}\"{kind}>{body}</{tag}></testcase>", safe::html(why))
    };
    let _ = writeln!(
        out,
        "{}",
        match &case.standing {
            Standing::Passed => "/>".to_owned(),
            Standing::Failed(why) => told("failure", why),
            Standing::Unknown(why) => told("error", why),
            Standing::Aside(why) => told("skipped", why),
        }
    );
}
