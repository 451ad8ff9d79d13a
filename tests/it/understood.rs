//! What was not understood is never clean: inputs of findings that are empty, broken, packed, in another
//! encoding or of another kind, through the built program. What can be told is read; the rest ends with 2, or
//! with 4 where a part was read.

use std::{
    collections::BTreeSet,
    fs,
    io::Write,
    path::PathBuf,
    process::{Command, Stdio},
};

use flate2::{Compression, write::GzEncoder};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    findings::{CHECK, opened, planned},
    support,
};

const PROWLER: &str = "ec2_securitygroup_allow_ingress_from_internet_to_tcp_port_22";
const HEADER: &str = "AUTH_METHOD;TIMESTAMP;ACCOUNT_UID;FINDING_UID;PROVIDER;CHECK_ID;CHECK_TITLE;STATUS;STATUS_EXTENDED;MUTED;SEVERITY;RESOURCE_TYPE;\
    RESOURCE_UID;RESOURCE_NAME;PARTITION;REGION;NOTES";

struct Desk {
    folder: TempDir,
    /// A group of the demo account that is open to the world.
    group: String,
}

#[derive(Debug)]
struct Said {
    code: i32,
    out: String,
    err: String,
}

impl Desk {
    fn new() -> Self {
        let mut desk = Self { folder: tempfile::tempdir().unwrap(), group: String::new() };
        let all =
            planned(&desk.json(&format!("scan --account twin:demo --format json --check {CHECK}")), CHECK);
        desk.group = all.into_iter().find(|arn| arn.contains(":us-east-1:")).expect("an open group");
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    fn command(&self, line: &str) -> Command {
        let mut command = support::at_home(env!("CARGO_BIN_EXE_redress"), self.folder.path());
        command.args(line.split_whitespace());
        command
    }

    fn run(&self, line: &str) -> Said {
        let output = self.command(line).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Said { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
    }

    fn json(&self, line: &str) -> Value {
        let said = self.run(line);
        serde_json::from_str(&said.out).unwrap_or_else(|e| panic!("redress {line}: {e}\n{said:?}"))
    }

    /// A line of Prowler's that says that the group is open.
    fn row(&self) -> String {
        let arn = &self.group;
        let (account, id) = (arn.split(':').nth(4).unwrap(), arn.rsplit('/').next().unwrap());
        format!(
            "x;2026-11-22 06:00:00;{account};p-{id};aws;{PROWLER};\"ports; of a \
             group\";FAIL;\"one\ntwo\";False;high;AwsEc2SecurityGroup;{arn};{id};aws;us-east-1;"
        )
    }

    fn table(&self) -> String {
        format!("{HEADER}\n{}\n", self.row())
    }

    /// Security Hub's word on it, as EventBridge brings it.
    fn imported(&self) -> Value {
        let arn = &self.group;
        let finding = json!({"SchemaVersion": "2018-10-08", "Id": "f-1",
            "ProductArn": "arn:aws:securityhub:us-east-1::product/aws/securityhub",
            "GeneratorId": "security-control/EC2.13", "AwsAccountId": arn.split(':').nth(4),
            "Region": "us-east-1", "Title": "ssh \u{2013} caf\u{e9}",
            "Description": "ssh", "CreatedAt": "2026-11-22T06:00:00Z", "UpdatedAt": "2026-11-22T06:00:00Z",
            "Severity": {"Label": "HIGH"},
            "Types": ["Software and Configuration Checks"], "Compliance": {"Status": "FAILED",
            "SecurityControlId": "EC2.13"},
            "Workflow": {"Status": "NEW"}, "RecordState": "ACTIVE",
            "Resources": [{"Type": "AwsEc2SecurityGroup", "Id": arn, "Partition": "aws",
            "Region": "us-east-1"}]});
        json!({"version": "0", "id": "e", "detail-type": "Security Hub Findings - Imported",
            "source": "aws.securityhub", "account": "999999999999",
            "time": "2026-11-22T06:00:00Z", "region": "us-east-1", "resources": [],
            "detail": {"findings": [finding]}})
    }

    /// The event that opened it, as a row of Athena's.
    fn athena(&self, separator: &str) -> String {
        let event = opened(&self.group);
        let columns = [
            "eventversion",
            "useridentity",
            "eventtime",
            "eventsource",
            "eventname",
            "awsregion",
            "requestparameters",
            "recipientaccountid",
            "eventid",
        ];
        let cell = |column: &&str| match *column {
            "useridentity" => "{type=AssumedRole, principalid=AROA:ci, \
                               arn=arn:aws:sts::123456789012:assumed-role/deploy/ci-118, \
                               accountid=123456789012}"
                .to_owned(),
            column => {
                let member = event
                    .as_object()
                    .unwrap()
                    .iter()
                    .find(|(name, _)| name.to_lowercase() == column)
                    .unwrap()
                    .1;
                member.as_str().map_or_else(|| member.to_string(), str::to_owned)
            }
        };
        let quoted = |cell: String| format!("\"{}\"", cell.replace('"', "\"\""));
        let line = |cells: Vec<String>| cells.into_iter().map(quoted).collect::<Vec<_>>().join(separator);
        format!(
            "{}\n{}\n",
            line(columns.iter().map(|c| (*c).to_owned()).collect()),
            line(columns.iter().map(cell).collect())
        )
    }
}

fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn utf16(text: &str, little: bool, mark: bool) -> Vec<u8> {
    let units = mark.then_some(0xfeff).into_iter().chain(text.encode_utf16());
    units.flat_map(|unit| if little { unit.to_le_bytes() } else { unit.to_be_bytes() }).collect()
}

/// Messages as CloudWatch Logs delivers them, and as it lists them.
fn logged(messages: &[String]) -> (Value, Value) {
    let of = |message: &String| {
        json!({"id": "0", "eventId": "0", "timestamp": 1_764_316_800_000_i64,
        "message": message})
    };
    let events: Vec<Value> = messages.iter().map(of).collect();
    let filter = json!({"messageType": "DATA_MESSAGE", "owner": "123456789012", "logGroup": "/aws/events/x",
        "logStream": "x",
        "subscriptionFilters": ["all"], "logEvents": events});
    (filter, json!({"events": events, "searchedLogStreams": []}))
}

#[test]
fn what_can_be_told_is_read_whatever_it_came_in() {
    let desk = Desk::new();
    let (table, imported) = (desk.table(), desk.imported().to_string());
    let again = |separator: &str| {
        table
            .replace("ports; of", "ports, of")
            .replace(';', separator)
            .replace("ports, of", &format!("ports{separator} of"))
    };
    let (filter, listed) = logged(std::slice::from_ref(&imported));
    let (of_trail, _) = logged(&[opened(&desk.group).to_string()]);
    let control = json!({"messageType": "CONTROL_MESSAGE", "owner": "CloudwatchLogs", "logGroup": "",
        "logStream": "", "subscriptionFilters": [],
        "logEvents": [{"id": "", "timestamp": 1, "message": "CWL CONTROL MESSAGE: Checking health of \
            destination Firehose."}]});
    let inputs: Vec<(&str, Vec<u8>)> = vec![
        ("semicolons", table.clone().into_bytes()),
        ("commas", again(",").into_bytes()),
        ("tabs", again("\t").into_bytes()),
        ("bare carriage returns", table.replace('\n', "\r").into_bytes()),
        ("mark of UTF-8", [b"\xef\xbb\xbf", again(",").as_bytes()].concat()),
        ("UTF-16 LE", utf16(&table, true, true)),
        ("UTF-16 BE", utf16(&imported, false, true)),
        ("UTF-16 LE without a mark", utf16(&imported, true, false)),
        ("UTF-16 in gzip", gz(&utf16(&format!("[{imported}]"), true, true))),
        ("subscription filter", gz(filter.to_string().as_bytes())),
        ("several deliveries", format!("{control}{filter}{filter}").into_bytes()),
        ("filter-log-events", listed.to_string().into_bytes()),
        ("CloudTrail in CloudWatch Logs", of_trail.to_string().into_bytes()),
        ("Athena", desk.athena(",").into_bytes()),
        (
            "Athena, with semicolons and names of SQL",
            desk.athena(";").replacen("eventname", "event_name", 1).into_bytes(),
        ),
    ];
    let wanted = BTreeSet::from([desk.group.clone()]);
    for (name, bytes) in inputs {
        desk.write("input", bytes);
        let scan = desk.json("scan --account twin:demo --format json --findings input");
        assert_eq!(planned(&scan, CHECK), wanted, "{name}: {:#}", scan["intake"]);
        let said = desk.run("scan --account twin:demo --exit-code --findings input");
        assert_eq!(said.code, 3, "{name}: {said:?}");
    }
}

/// Inputs of which nothing can be understood, and a word that names them.
fn strange(desk: &Desk) -> Vec<(&'static str, Vec<u8>, &'static str)> {
    let imported = desk.imported().to_string();
    let unquoted = format!(
        "{HEADER}\n{}\n",
        desk.row().replace("\"ports; of a group\"", "ports; of a group").replace("\"one\ntwo\"", "one")
    );
    let mut tar = vec![0; 257];
    tar.extend_from_slice(b"ustar\x0000");
    tar.resize(1024, 0);
    vec![
        ("nothing", Vec::new(), "empty"),
        ("white space", b" \n\t ".to_vec(), "white space"),
        ("gzip of nothing", gz(b""), "empty"),
        ("zip", b"PK\x03\x04\x14\0\0\0\x08\0abc".to_vec(), "zip archive"),
        ("tgz", gz(&tar), "tar archive"),
        ("gzip twice", gz(&gz(imported.as_bytes())), "twice"),
        ("an object of nothing", b"{}".to_vec(), "not in a format that is known"),
        ("an object of something", b"{\"items\": [1, 2]}".to_vec(), "not in a format that is known"),
        ("a word", b"null".to_vec(), "not in a format that is known"),
        ("an error of a tool", b"An error occurred (ExpiredToken)".to_vec(), "not in a format that is known"),
        ("half of a record", imported.as_bytes()[..imported.len() / 2].to_vec(), "could be read"),
        ("the beginning of a list", b"[".to_vec(), "could be read"),
        ("broken JSON", b"[{\"SchemaVersion\": oops}]".to_vec(), "could be read"),
        (
            "another table",
            b"Severity,Workflow,Region,Title\nHIGH,NEW,us-east-1,x\n".to_vec(),
            "Severity, Workflow, Region, Title",
        ),
        ("semicolons without quotes", unquoted.into_bytes(), "without quotes"),
        (
            "columns of Athena that say too little",
            b"\"eventtime\",\"eventname\",\"requestparameters\"\n\"2026-11-28T07:00:00Z\",\"x\",\"{}\"\n"
                .to_vec(),
            "awsregion",
        ),
        ("a page", b"<!DOCTYPE html><html><body>FAIL</body></html>".to_vec(), "page for people"),
        ("an envelope of Lambda", b"{\"awslogs\": {\"data\": \"H4sIAAAA\"}}".to_vec(), "awslogs.data"),
        (
            "lines of a log",
            logged(&["2 123456789012 eni-1 10.0.0.1 10.0.0.2 443 49152 6 10 840 ACCEPT OK".to_owned()])
                .0
                .to_string()
                .into_bytes(),
            "lines of a log",
        ),
        (
            "half a character",
            {
                let mut bytes = utf16("{\"a", true, true);
                bytes.push(b'"');
                bytes
            },
            "UTF-16",
        ),
    ]
}

#[test]
fn an_input_that_was_not_understood_ends_with_2_and_never_as_clean() {
    let desk = Desk::new();
    for (name, bytes, word) in strange(&desk) {
        desk.write("input", bytes);
        for line in [
            "scan",
            "scan --exit-code -q",
            "plan",
            "plan -q -o plan.json",
            "apply --auto-approve -q",
            "scan --format json",
        ] {
            let said = desk.run(&format!("{line} --account twin:demo --findings input"));
            assert_eq!(said.code, 2, "{name}: redress {line}\n{said:?}");
            assert!(
                said.out.is_empty() && !said.err.contains("No finding"),
                "{name}: redress {line}\n{said:?}"
            );
            assert!(
                said.err.contains(word) && said.err.contains("is clean"),
                "{name}: {word} is not in {}",
                said.err
            );
        }
        let input = fs::File::open(desk.path("input")).unwrap();
        let output =
            desk.command("scan --account twin:demo --findings -").stdin(Stdio::from(input)).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{name} by the standard input");
    }
    fs::create_dir(desk.path("folder")).unwrap();
    assert_eq!(desk.run("scan --account twin:demo --findings folder").code, 2, "a folder without files");
    desk.write("folder/empty", "");
    desk.write("folder/archive", "PK\x03\x04");
    let said = desk.run("scan --account twin:demo --findings folder");
    assert!(said.code == 2 && said.err.contains("none of the 2 inputs"), "{said:?}");
}

#[test]
fn an_input_that_holds_no_findings_is_clean_and_it_is_said_what_it_is() {
    let desk = Desk::new();
    let mut none = desk.imported();
    none["detail"]["findings"] = json!([]);
    for (input, word) in [
        ("[]".to_owned(), "an empty list"),
        (" [ ]\n".to_owned(), "an empty list"),
        ("{\"Findings\": []}".to_owned(), "an empty list"),
        ("{\"Records\": []}".to_owned(), "an empty list"),
        (format!("{HEADER}\n"), "Prowler 4/5 CSV"),
        (none.to_string(), "EventBridge ASFF"),
    ] {
        desk.write("input", &input);
        let said = desk.run("scan --account twin:demo --exit-code --findings input");
        assert_eq!(said.code, 0, "{input}: {said:?}");
        assert!(said.err.contains(&format!("input: {word}, no findings in it")), "{input}: {said:?}");
    }
}

#[test]
fn what_was_understood_in_part_ends_with_4_whatever_the_command() {
    let desk = Desk::new();
    let table = desk.table();
    let short = format!("{table}x;2026-11-22\n");
    let strange = format!("{}\n{{\"who\": \"knows\"}}\n", desk.imported());
    let broken = format!("{}\n{{\"who\": knows}}\n", desk.imported());
    for (name, input) in [
        ("a row that is cut off", short),
        ("a record that nobody knows", strange),
        ("a broken record", broken),
    ] {
        desk.write("input", &input);
        for line in ["scan", "scan -q --exit-code", "plan --allow-cidr 203.0.113.0/24"] {
            let said = desk.run(&format!("{line} --account twin:demo --findings input"));
            assert_eq!(said.code, 4, "{name}: redress {line}\n{said:?}");
            assert!(said.err.contains("warning: input: incomplete"), "{name}: {said:?}");
        }
    }
    // Beside a good file, one that was not understood is a gap.
    desk.write("folder/run.csv", &table);
    desk.write("folder/more.json", "");
    assert_eq!(desk.run("scan --account twin:demo --findings folder").code, 4);
    let said = desk.run(
        "apply --account twin:demo --findings folder --allow-cidr 203.0.113.0/24 --auto-approve --max-risk \
         disruptive",
    );
    assert!(
        said.code == 4 && said.out.contains("1 change: 1 verified"),
        "what was planned is done: {said:?}"
    );
    // What Prowler writes beside its findings says the same once more.
    fs::remove_file(desk.path("folder/more.json")).unwrap();
    desk.write("folder/run.html", "<!DOCTYPE html><html></html>");
    desk.write(
        "folder/compliance/run_cis.csv",
        "PROVIDER;DESCRIPTION;ACCOUNTID;REGION;REQUIREMENTS_ID;STATUS;RESOURCEID;CHECKID;MUTED\naws;x;1;us-east-1;1.1;FAIL;r;c;False\n",
    );
    let said = desk.run("scan --account twin:demo --findings folder");
    assert_eq!(said.code, 0, "{said:?}");
}
