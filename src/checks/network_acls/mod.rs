//! The checks on network ACLs: no TCP port by which machines are administered is open to the world. The two
//! ports are two checks, since closing them has different consequences: an ACL knows no connections, and 3389
//! may be the port at which a reply comes back.

pub mod blocks;
pub mod ways;

use serde_json::{Value, json};

use super::{
    Check, KnownAs,
    one::{Info, Rule},
};
use crate::{
    finding::{Severity, Verdict},
    inventory::{Inventory, NetworkAcl},
    resource::Kind,
};
use ways::{Family, decided, opened_by};

/// The id of the check on the port of SSH.
pub const OPEN_ADMIN_PORT: &str = "network-acl-open-admin-port";
/// The id of the check on the port of RDP.
pub const OPEN_REMOTE_DESKTOP: &str = "network-acl-open-remote-desktop";

/// The port of each check.
pub const PORTS: &[(&str, u16)] = &[(OPEN_ADMIN_PORT, SSH), (OPEN_REMOTE_DESKTOP, RDP)];

const SSH: u16 = 22;
const RDP: u16 = 3389;

/// The checks of this family.
pub static CHECKS: &[Check] =
    &[Check::of::<AdminPort>(), Check::of::<RemoteDesktop>(), blocks::TO_BLOCK, blocks::TO_LIFT];

const TRIGGERS: &[&str] = &[
    "ec2:CreateNetworkAclEntry",
    "ec2:ReplaceNetworkAclEntry",
    "ec2:DeleteNetworkAclEntry",
    "ec2:ReplaceNetworkAclAssociation",
];

struct AdminPort;

impl Rule for AdminPort {
    type On = NetworkAcl;
    const INFO: Info = Info {
        id: OPEN_ADMIN_PORT,
        title: "A network ACL lets the world reach SSH",
        why: "A network ACL is the second line behind security groups: one rule of a group that is too wide, \
              and every machine in its subnets can be tried from anywhere.",
        severity: Severity::Medium,
        kind: Kind::NetworkAcl,
        known_as: KNOWN_ADMIN_PORT,
        triggers: TRIGGERS,
    };
    fn is_own(acl: &NetworkAcl, inventory: &Inventory) -> bool {
        inventory.owner.owns(&acl.owner_id)
    }
    fn judge(acl: &NetworkAcl, _: &Value) -> Verdict {
        judge(acl, SSH, "SSH")
    }
}

struct RemoteDesktop;

impl Rule for RemoteDesktop {
    type On = NetworkAcl;
    const INFO: Info = Info {
        id: OPEN_REMOTE_DESKTOP,
        title: "A network ACL lets the world reach RDP",
        why: "A network ACL is the second line behind security groups: one rule of a group that is too wide, \
              and every desktop in its subnets can be tried from anywhere. The port lies among those at \
              which replies come back, so that closing it has a price.",
        severity: Severity::Medium,
        kind: Kind::NetworkAcl,
        known_as: KNOWN_REMOTE_DESKTOP,
        triggers: TRIGGERS,
    };
    fn is_own(acl: &NetworkAcl, inventory: &Inventory) -> bool {
        inventory.owner.owns(&acl.owner_id)
    }
    fn judge(acl: &NetworkAcl, _: &Value) -> Verdict {
        judge(acl, RDP, "RDP")
    }
}

const KNOWN_ADMIN_PORT: KnownAs = &[
    ("security-hub", &["EC2.21"]),
    ("cis-1.4.0", &["5.1"]),
    ("cis-1.5.0", &["5.1"]),
    ("cis-2.0.0", &["5.1"]),
    ("cis-3.0.0", &["5.1"]),
    ("cis-4.0.0", &["5.2"]),
    ("cis-5.0.0", &["5.2"]),
    ("cis-6.0.0", &["6.2"]),
    ("cis-7.0.0", &["6.2"]),
    ("prowler", &["ec2_networkacl_allow_ingress_any_port", "ec2_networkacl_allow_ingress_tcp_port_22"]),
    ("config-managed", &["nacl-no-unrestricted-ssh-rdp"]),
];

const KNOWN_REMOTE_DESKTOP: KnownAs = &[
    ("security-hub", &["EC2.21"]),
    ("cis-1.4.0", &["5.1"]),
    ("cis-1.5.0", &["5.1"]),
    ("cis-2.0.0", &["5.1"]),
    ("cis-3.0.0", &["5.1"]),
    ("cis-4.0.0", &["5.2"]),
    ("cis-5.0.0", &["5.2"]),
    ("cis-6.0.0", &["6.2"]),
    ("cis-7.0.0", &["6.2"]),
    ("prowler", &["ec2_networkacl_allow_ingress_any_port", "ec2_networkacl_allow_ingress_tcp_port_3389"]),
    ("config-managed", &["nacl-no-unrestricted-ssh-rdp"]),
];

/// The note on a default network ACL
/// (<https://docs.aws.amazon.com/vpc/latest/userguide/default-network-acl.html>).
const OF_DEFAULT: &str = "a default network ACL lets everything in by design, and redress does not change \
                          one: give its subnets a network ACL of their own";

/// Judges a network ACL about one port. Entries that are not understood make it unknown.
fn judge(acl: &NetworkAcl, port: u16, service: &str) -> Verdict {
    if acl.subnets.is_empty() {
        return Verdict::Ok(Some("no subnet has the network ACL".to_owned()));
    }
    let mut open = Vec::new();
    for family in Family::ALL {
        match decided(&acl.inbound, port, family) {
            Err(why) => return Verdict::Unknown(why),
            Ok(all) => open.extend(opened_by(&all, family).map(|number| (family, number))),
        }
    }
    if open.is_empty() {
        return Verdict::Ok(None);
    }
    if acl.is_default {
        return Verdict::Ok(Some(OF_DEFAULT.to_owned()));
    }
    let one = |(family, number): &(Family, i32)| {
        let line = acl.inbound.get(number).map(|entry| entry.line()).unwrap_or_default();
        json!({ "family": family.word(), "entry": number, "lets": line })
    };
    Verdict::Violates(json!({
        "vpc": acl.vpc_id,
        "subnets": acl.subnets,
        "port": format!("{port} {service}"),
        "open": open.iter().map(one).collect::<Vec<_>>(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        inventory::{AclEntry, Caller, Fact, FamilyKind, Selector, Want},
        resource::Owner,
    };

    fn all(action: &str, network: &str) -> AclEntry {
        AclEntry {
            action: action.into(),
            protocol: "-1".into(),
            cidr_block: Some(network.into()),
            ..AclEntry::default()
        }
    }

    fn acl(entries: &[(i32, AclEntry)]) -> NetworkAcl {
        NetworkAcl {
            id: "acl-1".into(),
            vpc_id: "vpc-1".into(),
            owner_id: "123456789012".into(),
            subnets: vec!["subnet-1".into()],
            inbound: entries.iter().cloned().collect(),
            ..NetworkAcl::default()
        }
    }

    #[test]
    fn the_evidence_names_the_entry_that_opens() {
        let open = acl(&[(100, all("allow", "0.0.0.0/0")), (32_767, all("deny", "0.0.0.0/0"))]);
        let Verdict::Violates(evidence) = judge(&open, SSH, "SSH") else { panic!() };
        assert_eq!(
            evidence["open"],
            json!([{ "family": "IPv4", "entry": 100, "lets": "allow all traffic from 0.0.0.0/0" }])
        );
        assert_eq!((&evidence["port"], &evidence["subnets"]), (&json!("22 SSH"), &json!(["subnet-1"])));
    }

    #[test]
    fn an_acl_that_no_subnet_has_lets_nobody_in() {
        let mut unused = acl(&[(100, all("allow", "0.0.0.0/0"))]);
        unused.subnets.clear();
        assert!(matches!(judge(&unused, SSH, "SSH"), Verdict::Ok(Some(_))));
    }

    #[test]
    fn an_entry_that_is_not_understood_makes_it_unknown() {
        assert!(matches!(judge(&acl(&[(100, all("count", "0.0.0.0/0"))]), SSH, "SSH"), Verdict::Unknown(_)));
        assert_eq!(judge(&acl(&[(32_767, all("deny", "0.0.0.0/0"))]), SSH, "SSH"), Verdict::Ok(None));
    }

    #[test]
    fn the_acls_of_others_are_not_scanned_for_and_default_ones_are_no_finding() {
        let check = &CHECKS[0];
        let found = |change: fn(&mut NetworkAcl)| {
            let owner = Owner { partition: "aws".into(), account: "123456789012".into() };
            let mut it = Inventory::empty(owner, Caller::default(), "2026-11-22T10:00:00Z".parse().unwrap());
            let region = it.region_mut("us-east-1");
            region.network_acls.read(&Selector::All, Fact::Known(()));
            let mut one = acl(&[(100, all("allow", "0.0.0.0/0"))]);
            change(&mut one);
            region.network_acls.put("acl-1", one);
            (check.resources)(&it, &["us-east-1".to_owned()]).len()
        };
        assert_eq!(found(|_| {}), 1);
        let default = NetworkAcl { is_default: true, ..acl(&[(100, all("allow", "0.0.0.0/0"))]) };
        assert!(matches!(judge(&default, SSH, "SSH"), Verdict::Ok(Some(why)) if why.contains("by design")));
        assert_eq!(found(|acl| acl.owner_id = "999988887777".into()), 0);
        assert_eq!((check.reads)("us-east-1"), [Want::all("us-east-1", FamilyKind::NetworkAcls)]);
    }
}
