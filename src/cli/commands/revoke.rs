//! `redress revoke`: plans to take everything from an identity that a person names as compromised. Changes
//! nothing.

use jiff::SignedDuration;

use crate::{
    account::Account,
    actions::{protected_users, revoke_credentials, revoke_role_sessions},
    checks::{
        self,
        revoked::{BEFORE, ROLE, ROLES, USER, USERS, of_user},
    },
    cli::shared::{
        account::stage, args::RevokeArgs, exit::Exit, fail::Fail, planning::VALID_FOR, session,
        session::Session, summary,
    },
    engine::survey::{self, Survey, Wish},
    finding::Verdict,
    inventory::{Fact, FamilyKind, Inventory, Scope, Want},
    plan::build::Limits,
    playbook::Waivers,
    report::safe,
    resource::{Owner, account_in},
};

/// The time after the plan before which sessions of roles are denied: within it the plan is applied.
const LEAVE: SignedDuration = SignedDuration::from_mins(15);

/// The hint where a text names nothing that can be revoked.
const NAME_ONE: &str = "name a user, a role, or an access key AKIA...";
/// The fewest characters of the id of a key
/// (<https://docs.aws.amazon.com/IAM/latest/APIReference/API_AccessKey.html>).
const LEAST_KEY: usize = 16;

/// The identity that a text names.
enum Named<'a> {
    User(&'a str),
    Role(&'a str),
    Key(&'a str),
    /// A user or a role.
    Bare(&'a str),
}

/// Plans the revocation, and shows the plan.
///
/// # Errors
/// When the name is no identity of the account, or two, or the caller's; when the account cannot be opened,
/// or the file cannot be written.
pub async fn run(session: &Session, args: &RevokeArgs) -> Result<Exit, Fail> {
    let RevokeArgs { name, role: roles, output, safety, .. } = args;
    let (name, output) = (name.as_str(), output.as_deref());
    let named = named(name)?;
    let others = roles.iter().map(|role| named_role(role)).collect::<Result<Vec<_>, _>>()?;
    let door = session.open().await?;
    let account = door.account.as_ref();
    let owner = &account.identity().owner;
    for text in std::iter::once(name).chain(roles.iter().map(String::as_str)) {
        of_account(text, owner)?;
    }
    let found = find(account, &named).await?;
    let mut all = Vec::new();
    all.extend(others);
    all.extend(found.role);
    all.sort();
    all.dedup();
    known_roles(account, &all).await?;
    // Whole seconds: the time is typed again when the plan is applied.
    let now = account.now().round(jiff::Unit::Second).unwrap_or_else(|_| account.now());
    let before = now.checked_add(LEAVE).map_err(|_| Fail::failure("no calendar has the time"))?;
    let mut settings = Vec::new();
    settings
        .extend(found.user.iter().map(|user| format!("{}.{USERS}=[\"{user}\"]", revoke_credentials::NAME)));
    if !all.is_empty() {
        let names: Vec<String> = all.iter().map(|role| format!("\"{role}\"")).collect();
        settings.push(format!("{}.{ROLES}=[{}]", revoke_role_sessions::NAME, names.join(", ")));
        settings.push(format!("{}.{BEFORE}={before}", revoke_role_sessions::NAME));
    }
    let mut common = session.common.clone();
    common.typed.made_by(command(name, roles), &settings);
    common.set.extend(settings);
    let session = &Session { common, out: session.out };
    let playbooks = session.playbooks()?;
    let mut also: Scope = all.iter().map(|role| Want::id("", FamilyKind::Roles, role)).collect();
    also.extend(found.user.iter().flat_map(|user| of_user(user)));
    let targets = Targets { user: found.user.as_deref(), roles: &all };
    let find = |survey: &mut Survey, with: &dyn Fn(&str) -> serde_json::Value| targets.judge(survey, with);
    let options = session::options(&safety.guards);
    let none = Waivers::default();
    let wish = |narrow| Wish {
        regions: &door.regions,
        checks: &[],
        playbooks: &playbooks,
        options: &options,
        valid_for: lifetime(safety.valid_for, &all),
        limits: Limits { max_changes: safety.max_changes, max_percent: safety.max_percent },
        also: also.clone(),
        waivers: &none,
        observed: Default::default(),
        narrow,
    };
    let parameters = wish(None);
    let narrow = |survey: &mut Survey| find(survey, &|check| parameters.parameters(check));
    let (survey, plan) = survey::plan(account, &wish(Some(&narrow)), &stage).await;
    if survey.findings.iter().all(|finding| matches!(finding.verdict, Verdict::Ok(_))) {
        session.out.say(&format!("nothing to do: everything is denied to {name} already"));
    }
    summary::plan_to(session, &plan, output)?;
    Ok(Exit::of_plan(&plan, false))
}

/// Returns the time for which a plan is good: one with roles is refused once the time has come before which
/// their sessions are denied.
fn lifetime(asked: Option<SignedDuration>, roles: &[String]) -> SignedDuration {
    let asked = asked.unwrap_or(VALID_FOR);
    if roles.is_empty() { asked } else { asked.min(LEAVE) }
}

/// The identities of a plan.
struct Targets<'a> {
    user: Option<&'a str>,
    roles: &'a [String],
}

impl Targets<'_> {
    /// Adds the findings on them to a survey.
    fn judge(&self, survey: &mut Survey, with: &dyn Fn(&str) -> serde_json::Value) {
        let owner = survey.inventory.owner.clone();
        let users = self.user.iter().map(|user| (USER, owner.user(user)));
        let all = users.chain(self.roles.iter().map(|role| (ROLE, owner.role(role))));
        for (id, resource) in all {
            if let Some(check) = checks::find(id) {
                survey.findings.push(checks::judge(&survey.inventory, check, &resource, &with(id)));
            }
        }
    }
}

/// The user, or the role, that a name stands for.
#[derive(Default)]
struct Found {
    user: Option<String>,
    role: Option<String>,
}

/// Reads what a text can name, without the account.
fn named(text: &str) -> Result<Named<'_>, Fail> {
    if text.starts_with("arn:") {
        return named_by_arn(text);
    }
    if text.starts_with("ASIA") && text.len() >= LEAST_KEY {
        return Err(no_identity(text)
            .why("ASIA... is the key of a session, and AWS has no call that names its user or role")
            .hint(
                "CloudTrail shows in userIdentity whose session it is: redress revoke ROLE for a role, or \
                 the user \
                 who made it",
            ));
    }
    if text.starts_with("AKIA") && text.len() >= LEAST_KEY {
        return Ok(Named::Key(text));
    }
    named_one(text).map(Named::Bare)
}

fn named_by_arn(text: &str) -> Result<Named<'_>, Fail> {
    let what = text.splitn(6, ':').nth(5).unwrap_or_default();
    let last = what.rsplit('/').next().unwrap_or_default();
    if what.starts_with("user/") {
        return named_one(last).map(Named::User);
    }
    if what.starts_with("role/") {
        return named_one(last).map(Named::Role);
    }
    if what.starts_with("access-key/") {
        return Ok(Named::Key(last));
    }
    if let Some(session) = what.strip_prefix("assumed-role/") {
        return named_one(session.split('/').next().unwrap_or_default()).map(Named::Role);
    }
    if what == "root" {
        return Err(no_identity(text).why("nobody but the root user can take its credentials").hint(
            "sign in as the root user, change its password and deactivate its access keys; in an \
             organization with \
             central root access, sts:AssumeRoot can do the same",
        ));
    }
    if what.starts_with("federated-user/") {
        return Err(no_identity(text)
            .why("it is a session of an IAM user, and goes by the policies of that user")
            .hint("CloudTrail shows the user who called GetFederationToken: redress revoke that user"));
    }
    Err(no_identity(text).hint(NAME_ONE))
}

fn named_one(name: &str) -> Result<&str, Fail> {
    let fits = (1..=64).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"_+=,.@-".contains(&b));
    if fits { Ok(name) } else { Err(no_identity(name).hint(NAME_ONE)) }
}

fn named_role(text: &str) -> Result<String, Fail> {
    match named(text)? {
        Named::Role(role) | Named::Bare(role) => Ok(role.to_owned()),
        Named::User(_) | Named::Key(_) => {
            Err(Fail::usage(format!("--role {text}: it is no role")).why("nothing was changed"))
        }
    }
}

fn no_identity(text: &str) -> Fail {
    Fail::usage(format!("{text} cannot be revoked")).why("nothing was changed")
}

/// Refuses an ARN of another account or partition.
fn of_account(text: &str, owner: &Owner) -> Result<(), Fail> {
    let partition = text.strip_prefix("arn:").and_then(|rest| rest.split(':').next());
    if let Some(other) = partition.filter(|other| *other != owner.partition) {
        let why = format!("it is of partition {other}, and these credentials are for {}", owner.partition);
        return Err(no_identity(text).why(why).hint("use credentials of that partition (--profile NAME)"));
    }
    match account_in(text) {
        Some(other) if other != owner.account => Err(no_identity(text)
            .why(format!("it is of account {other}, and these credentials are for {}", owner.account))
            .hint("use credentials of that account (--profile NAME)")),
        _ => Ok(()),
    }
}

/// Finds the identity in the account.
async fn find(account: &dyn Account, named: &Named<'_>) -> Result<Found, Fail> {
    let id = |family, id: &str| Want::id("", family, id);
    let mut user = None;
    let name = match named {
        Named::User(name) | Named::Role(name) | Named::Bare(name) => (*name).to_owned(),
        Named::Key(key) => {
            let facts = account.read(&Scope::from([id(FamilyKind::AccessKeys, key)])).await;
            let owner = match facts.access_keys.get(key) {
                Fact::Known(found) => found.user.clone(),
                Fact::Absent => return Err(nobody(key)),
                silent => return Err(unread(&format!("access key {key}"), silent.silence())),
            };
            user = Some(owner.clone());
            owner
        }
    };
    let facts =
        account.read(&Scope::from([id(FamilyKind::Users, &name), id(FamilyKind::Roles, &name)])).await;
    let is = |fact: Fact<()>, what: &str| match fact {
        Fact::Known(()) => Ok(true),
        Fact::Absent => Ok(false),
        silent => Err(unread(&format!("{what} {name}"), silent.silence())),
    };
    let of_user = || is(facts.users.get(&name).map(|_| ()), "user");
    let of_role = || is(facts.roles.get(&name).map(|_| ()), "role");
    let (has_user, has_role) = match named {
        Named::User(_) => (of_user()?, false),
        Named::Key(_) => (user.is_some() && of_user()?, false),
        Named::Role(_) => (false, of_role()?),
        Named::Bare(_) => (of_user()?, of_role()?),
    };
    match (has_user, has_role) {
        (true, true) => Err(no_identity(&name).why("a user and a role have this name").hint(format!(
            "name one by its ARN: {} or {}",
            facts.owner.user(&name),
            facts.owner.role(&name)
        ))),
        (false, false) => Err(nobody(&name)),
        (true, false) => {
            not_own(protected_users::is_caller(&facts, &name), &name)?;
            Ok(Found { user: Some(name), ..Found::default() })
        }
        (false, true) => Ok(Found { role: Some(name), ..Found::default() }),
    }
}

/// Checks that the roles exist, and that none is the caller's.
async fn known_roles(account: &dyn Account, roles: &[String]) -> Result<(), Fail> {
    let scope: Scope = roles.iter().map(|role| Want::id("", FamilyKind::Roles, role)).collect();
    let facts: Inventory = account.read(&scope).await;
    for role in roles {
        match facts.roles.get(role) {
            Fact::Known(_) => not_own(protected_users::is_calling_role(&facts, role), role)?,
            Fact::Absent => return Err(none(role, "role")),
            silent => return Err(unread(&format!("role {role}"), silent.silence())),
        }
    }
    Ok(())
}

fn not_own(is_own: bool, name: &str) -> Result<(), Fail> {
    match is_own {
        false => Ok(()),
        true => Err(no_identity(name)
            .why("redress uses its credentials, and would lock itself out in the middle")
            .hint("have somebody else do it, with credentials of another identity")),
    }
}

fn nobody(name: &str) -> Fail {
    none(name, "user, role or access key")
}

fn none(name: &str, kind: &str) -> Fail {
    no_identity(name)
        .why(format!("no {kind} of this account has that name"))
        .hint("look at the account (--profile) and at the spelling")
}

fn unread(what: &str, why: Option<&str>) -> Fail {
    Fail::failure(format!("{what} could not be read: {}", why.unwrap_or("there is no answer")))
        .why("nothing was changed")
}

/// Returns the command that makes such a plan.
fn command(name: &str, roles: &[String]) -> String {
    let roles: String = roles.iter().map(|role| format!(" --role {}", safe::shell(role))).collect();
    format!("revoke {}{roles}", safe::shell(name))
}
