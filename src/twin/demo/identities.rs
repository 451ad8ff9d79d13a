//! The company's people and their access keys. Data only.

use jiff::Timestamp;
use serde_json::json;

use super::{ACCOUNT, hours_before, tags};
use crate::inventory::{
    AccessKey, AccountSummary, CredentialRow, Fact, IamGroup, Inventory, LastUse, LoginProfile, Membership,
    MfaDevices, ReportedKey, User, UserCredentials, tag,
};

const DAY: i64 = 24;
const ADMIN: &str = "arn:aws:iam::aws:policy/AdministratorAccess";

/// The way in which a person signs in to the console: none, or a password that was used so many days ago, and
/// perhaps an MFA device.
type Password = Option<(i64, bool)>;

/// A user with its keys: the id, the status, the age in days, and the days since the last use.
struct Person {
    name: &'static str,
    group: &'static str,
    password: Password,
    tag: (&'static str, &'static str),
    keys: &'static [(&'static str, &'static str, i64, Option<i64>)],
}

/// A key that was replaced, and its replacement; and one whose rotation is over.
const REPLACED: &str = "AKIA2DEMOPRINT000001";
const REPLACEMENT: &str = "AKIA2DEMOPRINT000002";
const RETIRED: &str = "AKIA2DEMOMIRROR00001";

/// One that works with redress; one whose old key is used and whose older one is not; one that never used its
/// key; a robot whose key is at work; one for emergencies; two whose keys are being rotated; one whose unused
/// key is inactive already; one who has not signed in for most of a year; one who signs in without MFA.
const PEOPLE: &[Person] = &[
    Person {
        name: "robin",
        group: "admins",
        password: Some((1, true)),
        tag: ("Team", "platform"),
        keys: &[("AKIA2DEMOROBIN000001", AccessKey::ACTIVE, 400, Some(0))],
    },
    Person {
        name: "kim",
        group: "admins",
        password: Some((1, true)),
        tag: ("Team", "platform"),
        keys: &[
            ("AKIA2DEMOKIM00000001", AccessKey::ACTIVE, 900, Some(200)),
            ("AKIA2DEMOKIM00000002", AccessKey::ACTIVE, 199, Some(1)),
        ],
    },
    Person {
        name: "lab-importer",
        group: "lab",
        password: None,
        tag: ("Team", "lab"),
        keys: &[("AKIA2DEMOIMPORT00001", AccessKey::ACTIVE, 300, None)],
    },
    Person {
        name: "tiles-publisher",
        group: "lab",
        password: None,
        tag: ("Team", "maps"),
        keys: &[("AKIA2DEMOTILES000001", AccessKey::ACTIVE, 800, Some(1))],
    },
    Person {
        name: "break-glass",
        group: "admins",
        password: Some((1, true)),
        tag: ("Team", "security"),
        keys: &[("AKIA2DEMOGLASS000001", AccessKey::ACTIVE, 700, None)],
    },
    Person {
        name: "print-shop",
        group: "lab",
        password: None,
        tag: ("Team", "maps"),
        keys: &[(REPLACED, AccessKey::ACTIVE, 500, Some(20)), (REPLACEMENT, AccessKey::ACTIVE, 30, Some(1))],
    },
    Person {
        name: "map-mirror",
        group: "lab",
        password: None,
        tag: ("Team", "maps"),
        keys: &[
            (RETIRED, AccessKey::INACTIVE, 600, Some(70)),
            ("AKIA2DEMOMIRROR00002", AccessKey::ACTIVE, 80, Some(1)),
        ],
    },
    Person {
        name: "sam",
        group: "lab",
        password: Some((1, true)),
        tag: ("Team", "lab"),
        keys: &[("AKIA2DEMOSAM00000001", AccessKey::INACTIVE, 600, Some(500))],
    },
    Person { name: "lee", group: "lab", password: Some((300, true)), tag: ("Team", "lab"), keys: &[] },
    Person { name: "alex", group: "lab", password: Some((2, false)), tag: ("Team", "maps"), keys: &[] },
];

pub(super) fn furnish(company: &mut Inventory, now: Timestamp) {
    let group = |name: &str, attached: &[&str]| IamGroup {
        id: name.to_owned(),
        inline_policies: Fact::Known([].into()),
        attached_policies: Fact::Known(attached.iter().map(|arn| (*arn).to_owned()).collect()),
    };
    let mut lab = group("lab", &[]);
    let reads = json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Action": "s3:GetObject",
        "Resource": "arn:aws:s3:::larkspur-tiles/*" }] });
    lab.inline_policies = Fact::Known([("read-tiles".to_owned(), reads)].into());
    for group in [group("admins", &[ADMIN]), lab] {
        company.iam_groups.put(group.id.clone(), group);
    }
    for (n, person) in PEOPLE.iter().enumerate() {
        company.users.put(person.name, user(person, n, now));
        company.credential_reports.put(person.name, row(person, now));
        sign_in(company, person, now);
        for (id, status, age, used) in person.keys {
            let key = AccessKey {
                id: (*id).to_owned(),
                user: person.name.to_owned(),
                status: (*status).to_owned(),
                created: days_before(now, *age),
                last_used: last_use(now, *used),
                of_caller: person.name == "robin",
                tags: Fact::Known(tags(&[person.tag])),
            };
            company.access_keys.put(*id, key);
        }
    }
    marks(company, now);
    let summary = AccountSummary { root_access_keys: Fact::Known(0), root_mfa: Fact::Known(true) };
    company.account_summaries.put(AccountSummary::ID, summary);
}

/// Adds what is asked of each person by itself.
fn sign_in(company: &mut Inventory, person: &Person, now: Timestamp) {
    let id = Membership::of(person.group, person.name);
    company.memberships.put(id.clone(), Membership { id });
    let devices = person.password.filter(|(_, mfa)| *mfa);
    let device = |_| format!("arn:aws:iam::{ACCOUNT}:mfa/{}", person.name);
    let devices =
        MfaDevices { id: person.name.to_owned(), devices: devices.map(device).into_iter().collect() };
    company.mfa_devices.put(person.name, devices);
    let none = || Fact::Known(Vec::new());
    let others = UserCredentials {
        id: person.name.to_owned(),
        service_specific: none(),
        ssh_keys: none(),
        certificates: none(),
    };
    company.user_credentials.put(person.name, others);
    if person.password.is_some() {
        let last_used = person.password.map_or(Fact::Absent, |(used, _)| days_before(now, used));
        let login = LoginProfile { id: person.name.to_owned(), created: days_before(now, 900), last_used };
        company.login_profiles.put(person.name, login);
    }
}

/// Marks the users whose keys are being rotated.
fn marks(company: &mut Inventory, now: Timestamp) {
    let retired = hours_before(now, 40 * DAY).unwrap_or(now).strftime("%Y-%m-%d").to_string();
    let all = [
        ("print-shop", format!("{}{REPLACED}", tag::KEY_REPLACED), REPLACEMENT.to_owned()),
        ("map-mirror", format!("{}{RETIRED}", tag::KEY_REPLACED), "AKIA2DEMOMIRROR00002".to_owned()),
        ("map-mirror", format!("{}{RETIRED}", tag::KEY_RETIRED), retired),
    ];
    for (name, mark, value) in all {
        let keys = PEOPLE.iter().filter(|person| person.name == name).flat_map(|person| person.keys);
        for (id, ..) in keys {
            if let Some(Fact::Known(tags)) = company.access_keys.get_mut(id).map(|key| &mut key.tags) {
                tags.insert(mark.clone(), value.clone());
            }
        }
        if let Some(user) = company.users.get_mut(name) {
            user.tags.insert(mark, value);
        }
    }
}

fn days_before(now: Timestamp, days: i64) -> Fact<Timestamp> {
    hours_before(now, days * DAY).map_or(Fact::Absent, Fact::Known)
}

fn last_use(now: Timestamp, days: Option<i64>) -> Fact<LastUse> {
    let used = days.map_or(Fact::Absent, |days| days_before(now, days));
    used.map(|date| LastUse { date, region: "us-east-1".to_owned(), service: "s3".to_owned() })
}

fn user(person: &Person, n: usize, now: Timestamp) -> User {
    User {
        id: person.name.to_owned(),
        arn: format!("arn:aws:iam::{ACCOUNT}:user/{}", person.name),
        user_id: format!("AIDA2DEMO{n:012}"),
        created: days_before(now, 1000),
        password_last_used: person.password.map_or(Fact::Absent, |(used, _)| days_before(now, used)),
        groups: Fact::Known(vec![person.group.to_owned()]),
        inline_policies: Fact::Known([].into()),
        attached_policies: Fact::Known(Vec::new()),
        permissions_boundary: None,
        tags: tags(&[person.tag]),
    }
}

fn row(person: &Person, now: Timestamp) -> CredentialRow {
    let key = |n: usize| match person.keys.get(n) {
        None => ReportedKey {
            active: Fact::Known(false),
            last_rotated: Fact::Absent,
            last_used: Fact::Absent,
            region: Fact::Absent,
            service: Fact::Absent,
        },
        Some((_, status, age, used)) => {
            let used = last_use(now, *used);
            ReportedKey {
                active: Fact::Known(*status == AccessKey::ACTIVE),
                last_rotated: days_before(now, *age),
                last_used: used.clone().map(|used| used.date),
                region: used.clone().map(|used| used.region),
                service: used.map(|used| used.service),
            }
        }
    };
    CredentialRow {
        id: person.name.to_owned(),
        generated: hours_before(now, 1).map_or(Fact::Absent, Fact::Known),
        user_created: days_before(now, 1000),
        password_enabled: Fact::Known(person.password.is_some()),
        password_last_used: person.password.map_or(Fact::Absent, |(used, _)| days_before(now, used)),
        password_last_changed: person.password.map_or(Fact::Absent, |(used, _)| days_before(now, 100 + used)),
        mfa_active: Fact::Known(person.password.is_some_and(|(_, mfa)| mfa)),
        keys: vec![key(0), key(1)],
    }
}
