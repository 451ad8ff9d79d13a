//! Facts and guards about a person who signs in to the console, which several actions share. Pure.

use super::{
    Around, Context, GuardNote, Refusal,
    protected_users::{self, BreakGlass},
    support,
};
use crate::{
    calls::{Expect, Test},
    checks::console,
    finding::Verdict,
    inventory::{AccessKey, CredentialRow, Fact, FamilyKind, LoginProfile, Selector, User, Want},
    services::user::UserName,
};

/// Seconds within which a change of a user has to show: IAM shows changes within seconds, and in minutes at
/// most
/// (<https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot.html#troubleshoot_general_eventual-consistency>).
pub const SHOWS_WITHIN: u64 = 300;

/// The families that are read beside the user.
pub const READS: &[Around] = &[
    Around::found(FamilyKind::Users).listed(),
    Around::found(FamilyKind::CredentialReports).listed(),
    Around::named(FamilyKind::LoginProfiles),
    Around::named(FamilyKind::UserPolicies).perhaps(),
    Around::found(FamilyKind::AccessKeys),
    Around::found(FamilyKind::IamGroups).listed().perhaps(),
    Around::found(FamilyKind::ManagedPolicies).listed().perhaps(),
    Around::found(FamilyKind::Roles).perhaps(),
];

/// Returns the facts to read about a user.
pub fn needs(context: &Context<'_>, name: &str) -> Vec<Want> {
    let mut wants = vec![
        Want::all("", FamilyKind::CredentialReports),
        Want::id("", FamilyKind::Users, name),
        Want::id("", FamilyKind::LoginProfiles, name),
        Want::by("", FamilyKind::AccessKeys, AccessKey::USER, name),
    ];
    wants.extend(protected_users::needs(context, name));
    wants
}

/// A user with a password.
#[derive(Debug, Clone)]
pub struct Person<'i> {
    /// The name.
    pub name: &'i str,
    /// The name, as a call takes it.
    pub login: UserName,
    /// The user.
    pub user: &'i User,
    /// The row of the credential report.
    pub row: &'i CredentialRow,
    /// The password.
    pub password: &'i LoginProfile,
}

impl<'i> Person<'i> {
    /// Finds a user with a password.
    ///
    /// # Errors
    /// [`Refusal::Nothing`] for a user without one, [`Refusal::Unknown`] where that is not known.
    pub fn of(context: &Context<'i>, name: &str) -> Result<Self, Refusal> {
        let inventory = context.inventory;
        let user = support::need(inventory.users.get(name), &format!("user {name}"))?;
        let login = UserName::try_from(user.id.as_str())
            .map_err(|why| Refusal::Unknown(format!("user {name}: {why}")))?;
        // The report shows a password for hours that was deleted a moment ago.
        let found = inventory.login_profiles.get(name);
        let Some(password) = support::known(found, &format!("the password of user {name}"))? else {
            return Err(Refusal::Nothing(format!("user {name} has no password")));
        };
        let row = console::row(inventory, name).map_err(|verdict| match verdict {
            Verdict::Unknown(why) => Refusal::Unknown(why),
            _ => Refusal::Nothing(format!("user {name} has no password")),
        })?;
        Ok(Self { name: &user.id, login, user, row, password })
    }

    /// Asks the guards about the user.
    ///
    /// # Errors
    /// A refusal with the reason.
    pub fn guards(
        &self,
        context: &Context<'_>,
        break_glass: BreakGlass<'_>,
    ) -> Result<Vec<GuardNote>, Refusal> {
        let tags = Fact::Known(self.user.tags.clone());
        let mut notes = protected_users::guard(context, self.name, &tags, break_glass)?;
        let manager = support::managed_by(&self.user.tags);
        notes.push(support::ownership(&format!("user {}", self.name), manager, context.options)?);
        Ok(notes)
    }

    /// Returns an access key of the user that is not known to be inactive.
    ///
    /// # Errors
    /// [`Refusal::Unknown`] if its keys are not known.
    pub fn active_key(&self, context: &Context<'i>) -> Result<Option<&'i str>, Refusal> {
        let keys = context.inventory.access_keys.select(&Selector::by(AccessKey::USER, self.name));
        let keys = support::need(keys, &format!("the access keys of user {}", self.name))?;
        // A key with any other status may sign requests.
        let is_inactive = |key: &AccessKey| [AccessKey::INACTIVE, "Expired"].contains(&key.status.as_str());
        Ok(keys.into_iter().find(|(_, key)| !is_inactive(key)).map(|(id, _)| id))
    }

    /// Expects the user to have a password.
    pub fn has_password(&self) -> Expect {
        Expect::new("", FamilyKind::LoginProfiles, self.name, "", Test::Exists)
            .meaning("the password was deleted since the plan was made")
    }
}
