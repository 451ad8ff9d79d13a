//! `disable-subnet-public-ip`: new network interfaces of a subnet get no public IPv4 address unless they ask
//! for one.

use serde_json::json;

use super::{
    Context, Refusal,
    concern::Concern,
    setting::{Nothing, SHOWS_WITHIN, Setting, Switch},
};
use crate::{
    calls::{Call, Risk},
    checks::subnets::AUTO_PUBLIC_IP,
    inventory::{FamilyKind, Subnet},
    resource::Kind,
    services::{
        Operation,
        subnet::{Attribute, ModifySubnetAttribute},
    },
};

/// The action `disable-subnet-public-ip`.
pub static DISABLE_SUBNET_PUBLIC_IP: Setting<Subnet, Nothing> = Setting {
    name: "disable-subnet-public-ip",
    title: "Stops a subnet from giving new network interfaces a public IPv4 address",
    page: include_str!("disable_subnet_public_ip.md"),
    answers: &[AUTO_PUBLIC_IP],
    target: Kind::Subnet,
    member: "/map_public_ip_on_launch",
    shows_within: SHOWS_WITHIN,
    concerns: &[(FamilyKind::Subnets, Concern::these(&["map_public_ip_on_launch"]))],
    of_checks: &[],
    parameters: &[],
    operations: &[<ModifySubnetAttribute as Operation>::SPEC],
    reads: &[],
    needs: |_, _| Vec::new(),
    switch,
};

fn switch(context: &Context<'_>, subnet: &Subnet, _: &Nothing) -> Result<Switch, Refusal> {
    let id = &subnet.id;
    if !context.inventory.owner.owns(&subnet.owner_id) {
        return Err(Refusal::Refused(format!(
            "{id} is shared by account {}: only its owner can change it",
            subnet.owner_id
        )));
    }
    if !subnet.map_public_ip_on_launch {
        return Err(Refusal::Nothing(format!("{id} gives out no public addresses")));
    }
    let call = |value: bool| {
        Call::of(
            context.region,
            &ModifySubnetAttribute { subnet_id: id.clone(), map_public_ip_on_launch: Attribute { value } },
        )
    };
    Ok(Switch {
        summary: format!("stop subnet {id} ({}) from giving out public addresses", subnet.cidr_block),
        set: call(false),
        back: call(true),
        was: json!(true),
        becomes: json!(false),
        risk: Risk::Disruptive,
        impact: vec![
            "network interfaces that exist keep their addresses".to_owned(),
            format!(
                "what is launched in {id} from then on gets a public address only if the launch asks for \
                 one: an Auto Scaling group, an EKS node group or a Fargate service that relies on it loses \
                 its way to the internet, unless the subnet's route table leads to a NAT gateway"
            ),
        ],
        not_restored: vec![format!(
            "what is launched in {id} in the meantime gets no public address afterwards"
        )],
        prerequisites: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        actions::{Action, Options, make::sound},
        calls::Purpose,
        inventory::{Caller, Fact, Inventory},
        resource::Owner,
    };

    fn propose(subnet: Fact<Subnet>) -> Result<crate::actions::Proposal, Refusal> {
        let owner = Owner { partition: "aws".into(), account: "123456789012".into() };
        let target = owner.ec2("us-east-1", "subnet", "subnet-1");
        let mut inventory =
            Inventory::empty(owner, Caller::default(), "2026-11-22T10:00:00Z".parse().unwrap());
        inventory.region_mut("us-east-1").subnets.items.insert("subnet-1".into(), subnet);
        let context =
            Context { inventory: &inventory, region: "us-east-1", checks: &[], options: &Options::default() };
        DISABLE_SUBNET_PUBLIC_IP.propose(&context, &target, &json!({}))
    }

    fn subnet() -> Subnet {
        Subnet {
            id: "subnet-1".into(),
            cidr_block: "10.0.1.0/24".into(),
            map_public_ip_on_launch: true,
            ..Subnet::default()
        }
    }

    #[test]
    fn the_attribute_is_turned_off_and_on_again() {
        let proposal = propose(Fact::Known(subnet())).unwrap();
        sound::steps(&proposal.steps);
        assert_eq!(
            proposal.steps[0].act.call.input,
            json!({ "SubnetId": "subnet-1", "MapPublicIpOnLaunch": { "Value": false } })
        );
        assert_eq!(
            sound::going_back(&proposal.steps, &["set"], Purpose::Undo),
            ["ModifySubnetAttribute set"]
        );
        assert_eq!(
            (proposal.before, proposal.after),
            (json!({ "map_public_ip_on_launch": true }), json!({ "map_public_ip_on_launch": false }))
        );
    }

    #[test]
    fn what_is_off_shared_managed_or_unread_is_left() {
        let shared = Subnet { owner_id: "999988887777".into(), ..subnet() };
        assert!(
            matches!(propose(Fact::Known(shared)), Err(Refusal::Refused(why)) if why.contains("999988887777"))
        );
        let off = Subnet { map_public_ip_on_launch: false, ..subnet() };
        assert!(matches!(propose(Fact::Known(off)), Err(Refusal::Nothing(_))));
        let managed = Subnet {
            tags: [("kubernetes.io/cluster/blue".to_owned(), "owned".to_owned())].into(),
            ..subnet()
        };
        assert!(
            matches!(propose(Fact::Known(managed)), Err(Refusal::Refused(why)) if why.contains("Kubernetes"))
        );
        assert!(matches!(propose(Fact::Unknown("AccessDenied".into())),
                Err(Refusal::Unknown(why)) if why.contains("AccessDenied")));
    }
}
