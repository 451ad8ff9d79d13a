//! The identity that a finding of threat detection accuses, and the command by which a person revokes it.
//! Such a finding is no proof, and nothing in the account shows whether it is true: no check answers it, and
//! nothing is planned for it.

use super::{names::PARTITIONS, text};

/// An identity as a finding names it. Strings are unchanged.
#[derive(Debug, Clone, Copy, Default)]
pub struct Accused<'a> {
    /// The kind of the identity in GuardDuty's word, which is that of CloudTrail: `IAMUser`, `AssumedRole`.
    pub kind: &'a str,
    /// The name of the user or the role.
    pub name: &'a str,
    /// The account.
    pub account: &'a str,
    /// The partition; empty if it is not named.
    pub partition: &'a str,
    /// The region, from which the partition follows otherwise.
    pub region: &'a str,
}

impl Accused<'_> {
    /// Returns the command that plans to revoke the identity; `None` for one that has no such command, as the
    /// root user, or that is not named as AWS names it. It names the identity by its ARN, so that neither a
    /// user and a role of one name nor accounts are mistaken for each other.
    pub fn revocation(&self) -> Option<String> {
        let what = match self.kind {
            "IAMUser" => "user",
            "AssumedRole" | "Role" => "role",
            _ => return None,
        };
        let partition = match self.partition {
            "" => text::partition_of(self.region),
            named => PARTITIONS.iter().find(|known| **known == named)?,
        };
        let (account, name) = (self.account, self.name);
        let is_one = text::is_account(account) && text::is_user_name(name) && !name.starts_with('-');
        is_one.then(|| format!("redress revoke arn:{partition}:iam::{account}:{what}/{name}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_and_roles_are_named_by_their_arns_and_nothing_else_is() {
        let bo = Accused { kind: "IAMUser", name: "bo", account: "123456789012", ..Accused::default() };
        let of = |one: Accused<'_>| one.revocation();
        assert_eq!(of(bo).as_deref(), Some("redress revoke arn:aws:iam::123456789012:user/bo"));
        let role = Accused { kind: "AssumedRole", name: "deploy", region: "us-gov-west-1", ..bo };
        assert_eq!(of(role).as_deref(), Some("redress revoke arn:aws-us-gov:iam::123456789012:role/deploy"));
        for none in [
            Accused { kind: "Root", ..bo },
            Accused { kind: "FederatedUser", ..bo },
            Accused { name: "", ..bo },
            Accused { name: "bo; rm -rf /", ..bo },
            Accused { name: "--role", ..bo },
            Accused { account: "12", ..bo },
            Accused { partition: "aws:x", ..bo },
        ] {
            assert_eq!(of(none), None, "{none:?}");
        }
    }
}
