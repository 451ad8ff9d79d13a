//! The users whose credentials no action touches: the caller, users for emergencies, and the last
//! administrator that is known. No flag loosens these guards. Pure.

use serde::{Deserialize, Deserializer, de::Error};

use super::{Context, GuardNote, Parameter, Refusal, support};
use crate::{
    checks::{
        administrators::{self, Reach},
        patterns::{glob, tagged},
    },
    inventory::{CredentialRow, Fact, FamilyKind, Inventory, Selector, Tags, User, Want},
};

/// The longest pattern, and the most of them.
const LONGEST: usize = 400;
const MOST: usize = 100;

/// The signs by which the users for emergencies are known.
#[derive(Debug, Clone, Copy)]
pub struct BreakGlass<'p> {
    /// Patterns of the names of users.
    pub users: &'p [String],
    /// Tags of users, each `Key` or `Key=pattern`.
    pub tags: &'p [String],
}

/// Returns the patterns of names that count where a playbook gives none.
pub fn usual_users() -> Vec<String> {
    ["*break-glass*", "*breakglass*", "*break_glass*"].map(str::to_owned).to_vec()
}

/// Returns the tags that count where a playbook gives none.
pub fn usual_tags() -> Vec<String> {
    ["break-glass", "redress:break-glass"].map(str::to_owned).to_vec()
}

/// The parameters, for pages.
pub const USERS: Parameter = Parameter {
    name: "break_glass_users",
    kind: "list of patterns",
    default: "[\"*break-glass*\", \"*breakglass*\", \"*break_glass*\"]",
    doc: "Names of users for emergencies, whose credentials are never touched. `*` is any number of \
          characters and `?` is one; case does not matter.",
};
/// See [`USERS`].
pub const TAGS: Parameter = Parameter {
    name: "break_glass_tags",
    kind: "list of `Key` or `Key=pattern`",
    default: "[\"break-glass\", \"redress:break-glass\"]",
    doc: "Tags of users for emergencies, whose credentials are never touched. A key alone is any value.",
};

/// Reads a list of patterns, for the parameters of an action.
///
/// # Errors
/// The first that is empty or too long.
pub fn patterns<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    let all = Vec::<String>::deserialize(deserializer)?;
    let bad = |text: &&String| text.is_empty() || text.len() > LONGEST || text.starts_with('=');
    match all.iter().find(bad) {
        Some(text) => Err(D::Error::custom(format!("{text:?} is no pattern of 1 to {LONGEST} characters"))),
        None if all.len() > MOST => Err(D::Error::custom(format!("more than {MOST} patterns"))),
        None => Ok(all),
    }
}

/// The identity whose credentials make the calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Caller<'a> {
    /// The user with this name.
    User(&'a str),
    /// A session of the role with this name.
    Role(&'a str),
    /// The root user.
    Root,
}

/// Returns the identity whose credentials make the calls; `None` for an ARN of another form.
fn caller(inventory: &Inventory) -> Option<Caller<'_>> {
    let mut parts = inventory.caller.arn.splitn(6, ':').skip(5);
    let resource = parts.next()?;
    match resource.split('/').collect::<Vec<_>>().as_slice() {
        ["root"] => Some(Caller::Root),
        ["user", .., name] => Some(Caller::User(name)),
        ["assumed-role", role, ..] => Some(Caller::Role(role)),
        _ => None,
    }
}

/// Returns the facts that the guards need, given the known ones.
pub fn needs(context: &Context<'_>, user: &str) -> Vec<Want> {
    let inventory = context.inventory;
    let mut wants = administrators::needs_of_user(inventory, user);
    let Fact::Known(target) = inventory.users.get(user) else { return wants };
    if administrators::of_user(inventory, target).perhaps() == Ok(false) {
        return wants;
    }
    wants.extend(match caller(inventory) {
        Some(Caller::Role(role)) => administrators::needs_of_role(inventory, role),
        _ => Vec::new(),
    });
    // A listing of all users is one request for a thousand of them.
    let listed = [
        FamilyKind::Users,
        FamilyKind::IamGroups,
        FamilyKind::ManagedPolicies,
        FamilyKind::CredentialReports,
    ];
    wants.extend(listed.into_iter().map(|family| Want::all("", family)));
    wants
}

/// Asks all guards about a user whose credentials an action would take.
///
/// # Errors
/// A refusal with the reason.
pub fn guard(
    context: &Context<'_>,
    user: &str,
    tags: &Fact<Tags>,
    break_glass: BreakGlass<'_>,
) -> Result<Vec<GuardNote>, Refusal> {
    Ok(vec![
        not_the_caller(context.inventory, user)?,
        not_for_emergencies("user", user, tags, break_glass)?,
        not_the_last(context.inventory, user)?,
    ])
}

/// Returns whether a user is the one whose credentials redress uses.
pub fn is_caller(inventory: &Inventory, user: &str) -> bool {
    caller(inventory) == Some(Caller::User(user))
}

/// Returns whether a role is the one of whose sessions redress uses one.
pub fn is_calling_role(inventory: &Inventory, role: &str) -> bool {
    caller(inventory) == Some(Caller::Role(role))
}

/// Asks the guards about a role whose sessions an action would end.
///
/// # Errors
/// A refusal with the reason.
pub fn guard_role(
    context: &Context<'_>,
    role: &str,
    tags: &Tags,
    signs: BreakGlass<'_>,
) -> Result<Vec<GuardNote>, Refusal> {
    let inventory = context.inventory;
    let caller = match caller(inventory) {
        Some(Caller::Role(own)) if own == role => {
            return Err(Refusal::Refused(format!(
                "role {role} is the one of whose sessions redress uses one: have somebody else do it, with \
                 credentials of another identity"
            )));
        }
        Some(_) => GuardNote::passed("caller", format!("redress does not use a session of role {role}")),
        None => {
            return Err(Refusal::Unknown(format!(
                "redress could not find out whether its own session is one of role {role}: AWS names the \
                 caller \
                 {:?}",
                inventory.caller.arn
            )));
        }
    };
    let emergencies = not_for_emergencies("role", role, &Fact::Known(tags.clone()), signs)?;
    Ok(vec![caller, emergencies])
}

fn not_the_caller(inventory: &Inventory, user: &str) -> Result<GuardNote, Refusal> {
    match caller(inventory) {
        Some(Caller::User(own)) if own == user => Err(Refusal::Refused(format!(
            "user {user} is the one whose credentials redress uses: have somebody else do it, with \
             credentials of another identity"
        ))),
        Some(_) => {
            Ok(GuardNote::passed("caller", format!("redress does not use credentials of user {user}")))
        }
        None => Err(Refusal::Unknown(format!(
            "redress could not find out whether its own credentials are of user {user}: AWS names the caller \
             {:?}",
            inventory.caller.arn
        ))),
    }
}

fn not_for_emergencies(
    kind: &str,
    user: &str,
    tags: &Fact<Tags>,
    break_glass: BreakGlass<'_>,
) -> Result<GuardNote, Refusal> {
    let refused = |sign: String| {
        Err(Refusal::Refused(format!(
            "{kind} {user} is for emergencies ({sign}), and its credentials are never touched: change {} \
             or {} \
             of the playbook if it is not",
            USERS.name, TAGS.name
        )))
    };
    let name = user.to_lowercase();
    let named = break_glass.users.iter().find(|pattern| glob(&pattern.to_lowercase(), &name));
    if let Some(pattern) = named {
        return refused(format!("its name is one of {pattern}"));
    }
    if break_glass.tags.is_empty() {
        return Ok(GuardNote::passed("break-glass", format!("the name of {user} is none for emergencies")));
    }
    let tags = support::need(tags.as_ref(), &format!("the tags of {kind} {user}"))?;
    let sign = break_glass.tags.iter().find_map(|pattern| tagged(pattern, tags));
    match sign {
        Some((key, value)) => refused(format!("tag {key}={value}")),
        None => Ok(GuardNote::passed(
            "break-glass",
            format!("neither the name nor the tags of {user} are those for emergencies"),
        )),
    }
}

fn not_the_last(inventory: &Inventory, user: &str) -> Result<GuardNote, Refusal> {
    const GUARD: &str = "last-administrator";
    let target = support::need(inventory.users.get(user), &format!("user {user}"))?;
    let own = administrators::of_user(inventory, target);
    match own.perhaps() {
        Ok(false) => return Ok(GuardNote::passed(GUARD, format!("user {user} is no administrator"))),
        Ok(true) => {}
        Err(why) => {
            return Err(Refusal::Unknown(format!(
                "redress could not find out whether user {user} is an administrator: {why}"
            )));
        }
    }
    if let Some(role) = calling_administrator(inventory) {
        let note = format!("user {user} is an administrator, and the caller's role {role} is one, too");
        return Ok(GuardNote::passed(GUARD, note));
    }
    match another(inventory, user)? {
        Some(other) => Ok(GuardNote::passed(
            GUARD,
            format!("user {user} is an administrator, and user {other} is one that can sign in, too"),
        )),
        None => Err(Refusal::Refused(format!(
            "user {user} is an administrator (by {}), and no other user that can sign in is known to be one, \
             nor is the role of the caller: nobody might be left to administer the account. Give another \
             identity AdministratorAccess first, or work as a role that has it",
            own.by.unwrap_or_default()
        ))),
    }
}

/// Returns the role of the caller, if it surely is an administrator.
fn calling_administrator(inventory: &Inventory) -> Option<&str> {
    let Some(Caller::Role(name)) = caller(inventory) else { return None };
    let role = inventory.roles.get(name).known().copied()?;
    administrators::of_role(inventory, role).surely().then_some(name)
}

/// Returns another user that surely is an administrator and has a password or an active key: the first by
/// name.
fn another<'i>(inventory: &'i Inventory, user: &str) -> Result<Option<&'i str>, Refusal> {
    let users = support::need(inventory.users.select(&Selector::All), "the users of the account")?;
    support::need(
        inventory.credential_reports.listed(&Selector::All),
        "the credential report, which shows who can sign in,",
    )?;
    let is_another = |(name, other): &(&str, &User)| {
        let reach: Reach = administrators::of_user(inventory, other);
        *name != user && reach.surely() && signs_in(inventory.credential_reports.get(name))
    };
    Ok(users.into_iter().find(is_another).map(|(name, _)| name))
}

fn signs_in(row: Fact<&CredentialRow>) -> bool {
    row.known().is_some_and(|row| {
        row.password_enabled == Fact::Known(true) || row.has_active_key() == Fact::Known(true)
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        actions::Options,
        inventory::{IamGroup, ReportedKey, Role},
        resource::Owner,
    };

    const ADMIN: &str = "arn:aws:iam::aws:policy/AdministratorAccess";

    fn user(name: &str, attached: &[&str]) -> User {
        User {
            id: name.into(),
            groups: Fact::Known(Vec::new()),
            inline_policies: Fact::Known([].into()),
            attached_policies: Fact::Known(attached.iter().map(|one| (*one).to_owned()).collect()),
            ..User::default()
        }
    }

    fn row(name: &str, password: bool, key: bool) -> CredentialRow {
        CredentialRow {
            id: name.into(),
            password_enabled: Fact::Known(password),
            keys: vec![ReportedKey { active: Fact::Known(key), ..ReportedKey::default() }],
            ..CredentialRow::default()
        }
    }

    /// Builds an account with these users, all listed, and their rows in the report.
    fn account(caller: &str, all: Vec<(User, CredentialRow)>) -> Inventory {
        let owner = Owner { partition: "aws".into(), account: "123456789012".into() };
        let caller = crate::inventory::Caller { arn: caller.into(), ..Default::default() };
        let mut account = Inventory::empty(owner, caller, "2026-11-22T10:00:00Z".parse().unwrap());
        for (user, row) in all {
            account.credential_reports.put(row.id.clone(), row);
            account.users.put(user.id.clone(), user);
        }
        account.users.read(&Selector::All, Fact::Known(()));
        account.credential_reports.read(&Selector::All, Fact::Known(()));
        account
    }

    fn asked(account: &Inventory, name: &str, tags: &[(&str, &str)]) -> Result<Vec<GuardNote>, Refusal> {
        let tags = tags.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let context =
            Context { inventory: account, region: "us-east-1", checks: &[], options: &Options::default() };
        let (users, known) = (usual_users(), usual_tags());
        guard(&context, name, &Fact::Known(tags), BreakGlass { users: &users, tags: &known })
    }

    const ROBIN: &str = "arn:aws:iam::123456789012:user/people/robin";

    #[test]
    fn the_caller_is_never_touched_however_it_is_named() {
        let all =
            || vec![(user("robin", &[]), row("robin", true, true)), (user("bo", &[]), row("bo", true, true))];
        assert!(matches!(asked(&account(ROBIN, all()), "robin", &[]),
                Err(Refusal::Refused(why)) if why.contains("whose credentials redress uses")));
        assert!(asked(&account(ROBIN, all()), "bo", &[]).is_ok());
        for strange in ["", "somebody", "arn:aws:sts::123456789012:federated-user/bo"] {
            assert!(
                matches!(asked(&account(strange, all()), "bo", &[]), Err(Refusal::Unknown(_))),
                "{strange}"
            );
        }
    }

    #[test]
    fn a_user_for_emergencies_is_known_by_its_name_or_a_tag_and_unread_tags_are_no_permission() {
        for name in ["Break-Glass-1", "ops-breakglass"] {
            let account = account(ROBIN, vec![(user(name, &[]), row(name, true, true))]);
            assert!(
                matches!(asked(&account, name, &[]),
                    Err(Refusal::Refused(why)) if why.contains("emergencies")),
                "{name}"
            );
        }
        let account = account(ROBIN, vec![(user("bo", &[]), row("bo", true, true))]);
        for key in ["break-glass", "redress:break-glass"] {
            assert!(matches!(asked(&account, "bo", &[(key, "yes")]), Err(Refusal::Refused(_))), "{key}");
        }
        let context =
            Context { inventory: &account, region: "us-east-1", checks: &[], options: &Options::default() };
        let (users, tags) = (usual_users(), usual_tags());
        let signs = BreakGlass { users: &users, tags: &tags };
        let unread = guard(&context, "bo", &Fact::unknown("AccessDenied"), signs);
        assert!(matches!(unread, Err(Refusal::Unknown(why)) if why.contains("AccessDenied")));
    }

    #[test]
    fn the_last_administrator_stays() {
        let bo = || (user("bo", &[ADMIN]), row("bo", true, true));
        let with = |other: (User, CredentialRow)| asked(&account(ROBIN, vec![bo(), other]), "bo", &[]);
        assert!(matches!(asked(&account(ROBIN, vec![bo()]), "bo", &[]),
                Err(Refusal::Refused(why)) if why.contains("nobody might be left")));
        assert!(with((user("kim", &[ADMIN]), row("kim", false, true))).is_ok());
        assert!(with((user("kim", &[ADMIN]), row("kim", true, false))).is_ok());
        // One that cannot sign in, is bounded, or is none at all.
        assert!(with((user("kim", &[ADMIN]), row("kim", false, false))).is_err());
        let bounded =
            User { permissions_boundary: Some("arn:aws:iam::1:policy/b".into()), ..user("kim", &[ADMIN]) };
        assert!(with((bounded, row("kim", true, true))).is_err());
        assert!(with((user("kim", &[]), row("kim", true, true))).is_err());
        let mut in_group = account(ROBIN, vec![bo()]);
        let group = IamGroup {
            id: "admins".into(),
            inline_policies: Fact::Known([].into()),
            attached_policies: Fact::Known(vec![ADMIN.into()]),
        };
        in_group.iam_groups.put("admins", group);
        in_group.users.put("kim", User { groups: Fact::Known(vec!["admins".into()]), ..user("kim", &[]) });
        in_group.credential_reports.put("kim", row("kim", true, false));
        assert!(asked(&in_group, "bo", &[]).is_ok());
    }

    #[test]
    fn the_role_of_the_caller_counts_where_it_surely_is_an_administrator() {
        let arn = "arn:aws:sts::123456789012:assumed-role/ops/session";
        let bo = || vec![(user("bo", &[ADMIN]), row("bo", true, true))];
        let role = |condition: serde_json::Value| Role {
            id: "ops".into(),
            inline_policies: Fact::Known(
                [(
                    "all".to_owned(),
                    json!({ "Statement": [{ "Effect": "Allow",
                "Action": "*", "Resource": "*", "Condition": condition }] }),
                )]
                .into(),
            ),
            attached_policies: Fact::Known(Vec::new()),
            ..Role::default()
        };
        let mut works_as_role = account(arn, bo());
        assert!(asked(&works_as_role, "bo", &[]).is_err(), "the role was not read");
        works_as_role.roles.put("ops", role(json!(null)));
        assert!(asked(&works_as_role, "bo", &[]).is_ok());
        works_as_role.roles.put("ops", role(json!({ "IpAddress": { "aws:SourceIp": "192.0.2.0/24" } })));
        assert!(asked(&works_as_role, "bo", &[]).is_err());
    }

    #[test]
    fn what_could_not_be_read_is_no_permission() {
        let mut unlisted = account(ROBIN, vec![(user("bo", &[ADMIN]), row("bo", true, true))]);
        unlisted.users.read(&Selector::All, Fact::unknown("AccessDenied"));
        assert!(matches!(asked(&unlisted, "bo", &[]), Err(Refusal::Unknown(_))));
        let mut unreported = account(ROBIN, vec![(user("bo", &[ADMIN]), row("bo", true, true))]);
        unreported.credential_reports.read(&Selector::All, Fact::unknown("AccessDenied"));
        assert!(
            matches!(asked(&unreported, "bo", &[]), Err(Refusal::Unknown(why)) if why.contains("report"))
        );
        let unread = User { groups: Fact::unknown("AccessDenied"), ..user("bo", &[]) };
        let unread = account(ROBIN, vec![(unread, row("bo", true, true))]);
        assert!(matches!(asked(&unread, "bo", &[]), Err(Refusal::Unknown(_))));
    }
}
