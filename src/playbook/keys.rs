//! The keys that a playbook can have, defined once: the loader knows no others, and the reference page is
//! made from them. Data only.

use crate::{
    actions::Parameter,
    checks::{
        access_keys, console, key_rotation,
        network_acls::blocks::{ADDRESSES, UNBLOCKED, UNTIL},
        passwords::{self, WEAK},
        revoked, role_permissions,
        routes::accident::{self, PRIVATE},
        security_groups::AUTHORISED,
        sharing,
    },
};

/// A section of a playbook.
#[derive(Debug)]
pub struct Section {
    /// The name in messages and pages: `[match]`.
    pub shown: &'static str,
    /// The description.
    pub doc: &'static str,
    /// The keys of the section.
    pub keys: &'static [Parameter],
}

impl Section {
    /// Returns the place of its keys: `in [match]`.
    pub fn place(&self) -> String {
        format!("{} {}", if self.shown.starts_with('[') { "in" } else { "at" }, self.shown)
    }

    /// Returns the names of its keys.
    pub fn names(&self) -> Vec<&'static str> {
        self.keys.iter().map(|k| k.name).collect()
    }
}

const fn key(name: &'static str, kind: &'static str, default: &'static str, doc: &'static str) -> Parameter {
    Parameter { name, kind, default, doc }
}

/// The keys above the first section.
pub static TOP: Section = Section {
    shown: "the top level",
    doc: "These keys are at the top of the file, above the first section. After a line such as `[match]`, \
          TOML takes every key for one of that section.",
    keys: &[
        key(
            "id",
            "string",
            "",
            "The name of the playbook: lowercase letters, digits and hyphens. A playbook of yours with the \
             id of a built-in one takes its place.",
        ),
        key("title", "string", "", "The problem that it fixes, in one line."),
        key(
            "finding",
            "string or list of strings",
            "",
            "The check, or the checks, whose findings it answers.",
        ),
        key(
            "approve",
            "\"ask\", \"auto\" or \"never\"",
            "\"ask\"",
            "Who must approve: `ask`: a person (or `--auto-approve`); `auto`: nobody; `never`: the findings \
             are reported and nothing is done.",
        ),
        key(
            "sets",
            "list of \"default\", \"strict\", \"cis\", \"fsbp\" and \"incident\"",
            "[\"default\", \"strict\"]",
            "The [sets](sets/) that it belongs to, for `--playbook-set`. A playbook that takes the place of \
             a built-in one and names none is in the sets of that one.",
        ),
        key("check", "section", "none", "Parameters of the checks."),
        key("match", "section", "all findings", "The part of those findings that it answers."),
        key("action", "list of sections", "", "The actions."),
        key("guard", "section", "the defaults", "Limits that keep it from doing too much."),
    ],
};

/// The section `[match]`.
pub static MATCH: Section = Section {
    shown: "[match]",
    doc: "The findings that the playbook answers. All conditions given must hold. Patterns know `*` \
          (anything) and `?` (one character), and are case-sensitive.",
    keys: &[
        key(
            "severity",
            "\"low\", \"medium\", \"high\" or \"critical\"",
            "any",
            "Only findings of at least this severity.",
        ),
        key(
            "regions",
            "list of patterns",
            "all regions",
            "Only findings in these regions. A finding about the account as a whole has no region and is \
             answered by `*` alone.",
        ),
        key(
            "tags",
            "table of tag = pattern",
            "none",
            "Tags that the resource must have, each with a value that fits.",
        ),
        key(
            "without_tags",
            "table of tag = pattern",
            "none",
            "Tags that it must not have: one whose value fits is enough to leave the resource out.",
        ),
        key(
            "resources",
            "list of patterns",
            "all resources",
            "One of these must fit the whole ARN of the resource, or its id (`sg-0123`).",
        ),
    ],
};

/// The section `[[action]]`.
pub static ACTION: Section = Section {
    shown: "[[action]]",
    doc: "The actions that fix a finding. A playbook has at least one; several are made in their order and \
          are one change: approved, verified and undone together.",
    keys: &[
        key("use", "string", "", "The action. It must answer one of the checks in `finding`."),
        key("with", "table", "the action's defaults", "Its parameters; the page of the action lists them."),
    ],
};

/// The section `[guard]`.
pub static GUARD: Section = Section {
    shown: "[guard]",
    doc: "The limits that keep the playbook from doing too much. If one is exceeded, nothing is planned, and \
          that is reported.",
    keys: &[
        key("max_changes", "number from 1 to 10000", "50", "The largest number of changes in one plan."),
        key(
            "max_percent",
            "number from 1 to 100",
            "25",
            "The largest percentage of the resources of the kind. It is applied only where more than 40 of \
             the kind were read.",
        ),
        key(
            "protected_tags",
            "list of `Key` or `Key=pattern`",
            "[]",
            "Resources with one of these tags are left alone, and shown as refused.",
        ),
    ],
};

/// The section `[check]`; its keys are those of the checks, see [`of_check`].
pub static CHECK: Section = Section {
    shown: "[check]",
    doc: "Parameters of the checks in `finding`. Most checks have none. Two playbooks cannot give the same \
          check different parameters.",
    keys: &[],
};

/// The sections, in the order in which the reference shows them.
pub static SECTIONS: &[&Section] = &[&TOP, &CHECK, &MATCH, &ACTION, &GUARD];

/// The kind of a parameter of a check that is a tag.
pub const TAG: &str = "`Key`, `Key=value` or an empty string";
/// The kind of a parameter of a check that is a list of tags.
pub const TAGS: &str = "list of `Key=value` or `Key`";
/// The kind of a parameter of a check that is a time.
pub const TIME: &str = "time such as 2026-12-08T10:00:00Z";
/// The kind of a parameter of a check that is a list of networks.
pub const CIDRS: &str = "list of CIDRs";
/// The kind of a parameter of a check that is a list of ports.
pub const PORTS: &str = "list of `tcp/PORT`, `udp/PORT` or ranges such as `tcp/8000-8010`";
/// The kind of a parameter of a check that is a number of hours.
pub const HOURS: &str = "number from 1 to 8760";
/// The kind of a parameter of a check that is a list of names.
pub const PATTERNS: &str = "list of names";
/// The kind of a parameter of a check that is a list of kinds of characters.
pub const CHARACTERS: &str = "list of `uppercase`, `lowercase`, `numbers` and `symbols`";

/// The kind of a parameter of a check that is the mode of a block on public sharing.
pub const MODE: &str = "\"block-all-sharing\" or \"block-new-sharing\"";

/// Returns the bounds of a parameter whose kind is a number, as it is written there.
pub fn bounds(kind: &str) -> Option<(i64, i64)> {
    let (least, most) = kind.strip_prefix("number from ")?.split_once(" to ")?;
    Some((least.parse().ok()?, most.parse().ok()?))
}

/// Returns the parameters that a check takes in `[check]`.
pub fn of_check(check: &str) -> &'static [Parameter] {
    static BACKUP: &[Parameter] = &[
        key(
            "tag",
            TAG,
            "\"Backup=true\"",
            "The tag by which an instance asks for backups, exactly as it is written; a key alone is any \
             value, an empty string is every instance.",
        ),
        key("max_age_hours", HOURS, "24", "The greatest age of the newest completed snapshot of a volume."),
    ];
    static UNUSED_KEY: &[Parameter] = &[key(
        access_keys::DAYS,
        "number from 1 to 3650",
        "90",
        "The days after its last use, or after its creation if it was never used, after which an access key \
         counts as unused.",
    )];
    static UNUSED_PASSWORD: &[Parameter] = &[key(
        console::DAYS,
        "number from 1 to 3650",
        "90",
        "The days after its last use, or after it was set if it was never used, after which a password \
         counts as unused.",
    )];
    static OLD_KEY: &[Parameter] = &[key(
        access_keys::DAYS,
        "number from 1 to 3650",
        "90",
        "The days after its creation after which an access key is old.",
    )];
    static REPLACED_KEY: &[Parameter] = &[key(
        access_keys::DAYS,
        "number from 1 to 3650",
        "7",
        "The days for which nobody may have used a replaced access key before it is deactivated.",
    )];
    static RETIRED_KEY: &[Parameter] = &[key(
        access_keys::DAYS,
        "number from 1 to 3650",
        "30",
        "The days for which a replaced access key stays inactive before it can be deleted.",
    )];
    static UNUSED_SERVICES: &[Parameter] = &[
        key(
            role_permissions::DAYS,
            "number from 1 to 400",
            "90",
            "The days without use after which a service counts as unused by a role. IAM keeps the last use \
             for 400 days.",
        ),
        key(
            role_permissions::KEEP,
            PATTERNS,
            "[\"kms\"]",
            "The services, by the prefix of their actions, that never count as unused.",
        ),
    ];
    static OTHER_PORT: &[Parameter] = &[key(
        AUTHORISED,
        PORTS,
        "[\"tcp/80\", \"tcp/443\"]",
        "The ports that may be open to the world; ICMP always may. The ports that other checks look for, \
         such as 22 and 3306, are reported all the same.",
    )];
    static PRIVATE_SUBNETS: &[Parameter] = &[key(
        PRIVATE,
        TAGS,
        "[\"Tier=private\"]",
        "The tags that declare a subnet private, any of which is enough. In a value, `*` is any number of \
         characters and `?` is one; a key alone is any value.",
    )];
    static TO_BLOCK: &[Parameter] = &[
        key(
            ADDRESSES,
            CIDRS,
            "[]",
            "The networks that every network ACL with a subnet has to block, in both directions.",
        ),
        key(UNTIL, TIME, "\"\"", "The time until which they are to be blocked; without it, without an end."),
    ];
    static PASSWORDS: &[Parameter] = &[
        key(
            passwords::LENGTH,
            "number from 6 to 128",
            "14",
            "The smallest number of characters that a password needs.",
        ),
        key(
            passwords::REUSE,
            "number from 1 to 24",
            "24",
            "The number of former passwords that cannot be used again.",
        ),
        key(
            passwords::CHARACTERS,
            CHARACTERS,
            "[\"uppercase\", \"lowercase\", \"numbers\", \"symbols\"]",
            "The kinds of characters of which a password needs one each.",
        ),
        key(
            passwords::AGE,
            "number from 1 to 1095",
            "none",
            "The days after which a password expires at the latest. Without it, passwords need not expire.",
        ),
    ];
    static REVOKED_USERS: &[Parameter] =
        &[key(revoked::USERS, PATTERNS, "[]", "The names of users that are compromised.")];
    static REVOKED_ROLES: &[Parameter] = &[
        key(revoked::ROLES, PATTERNS, "[]", "The names of roles whose sessions are compromised."),
        key(
            revoked::BEFORE,
            TIME,
            "\"\"",
            "The time before which sessions were issued that must be denied; without it none are.",
        ),
    ];
    static BLOCK: &[Parameter] = &[key(
        sharing::STATE,
        MODE,
        "\"block-all-sharing\"",
        "The mode of the block that is wanted. With `block-new-sharing`, what is public now may stay public.",
    )];
    match check {
        sharing::SNAPSHOTS_NOT_BLOCKED => BLOCK,
        UNBLOCKED => TO_BLOCK,
        revoked::USER => REVOKED_USERS,
        revoked::ROLE => REVOKED_ROLES,
        WEAK => PASSWORDS,
        access_keys::UNUSED => UNUSED_KEY,
        role_permissions::UNUSED => UNUSED_SERVICES,
        console::UNUSED => UNUSED_PASSWORD,
        key_rotation::OLD => OLD_KEY,
        key_rotation::REPLACED => REPLACED_KEY,
        key_rotation::RETIRED => RETIRED_KEY,
        "instance-backup-stale" => BACKUP,
        accident::PUBLIC => PRIVATE_SUBNETS,
        "security-group-open-other-port" => OTHER_PORT,
        _ => &[],
    }
}

/// Returns the section that knows a key, other than the one it was found in.
pub fn elsewhere(name: &str, found_in: &Section) -> Option<&'static Section> {
    SECTIONS.iter().copied().find(|s| s.shown != found_in.shown && s.keys.iter().any(|k| k.name == name))
}
