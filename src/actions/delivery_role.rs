//! `ensure-delivery-role`: a role that delivers the flow logs of one region to one log group, and nothing
//! more. The action creates one where there is none, uses a suitable one as it is, and never changes a role
//! that it finds.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Action, Around, Context, GuardNote, Parameter, Proof, Proposal, Refusal,
    concern::{self, Concern},
    make, support,
};
use crate::{
    calls::{Act, Call, Expect, Recognise, Risk, Step, Test, Undo, Wait, WayBack, reference},
    checks::proofs_network::{DELIVERY_ROLE, Delivery},
    inventory::{Fact, FamilyKind, Tags, Want, tag},
    resource::{Kind, ResourceId},
    services::{
        Operation, Planned, Spec,
        role::{CreateRole, DeleteRole, DeleteRolePolicy, PutRolePolicy},
    },
};

/// The action `ensure-delivery-role`.
pub struct EnsureDeliveryRole;

/// The name of the role's inline policy.
const POLICY: &str = "deliver-vpc-flow-logs";

/// The parameters of the action: the purpose of the role.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Params {
    /// The region of the VPCs and of the log group.
    pub region: String,
    /// The name of the log group.
    pub log_group: String,
}

impl Action for EnsureDeliveryRole {
    fn name(&self) -> &'static str {
        "ensure-delivery-role"
    }
    fn title(&self) -> &'static str {
        "Makes a role that delivers flow logs to one log group, where there is none"
    }
    fn doc(&self) -> &'static str {
        include_str!("delivery_role.md")
    }
    fn answers(&self) -> &'static [&'static str] {
        &[]
    }
    fn target(&self) -> Kind {
        Kind::Role
    }
    fn reads(&self, _: Kind) -> &'static [Around] {
        &[]
    }
    fn parameters(&self) -> &'static [Parameter] {
        &[
            Parameter {
                name: "region",
                kind: "region",
                default: "",
                doc: "The region of the VPCs and of the log group.",
            },
            Parameter {
                name: "log_group",
                kind: "name of a log group",
                default: "",
                doc: "The log group that the role may write to.",
            },
        ]
    }
    fn decode(&self, with: toml::de::Deserializer<'_>) -> Result<Value, toml::de::Error> {
        support::decode::<Params>(with)
    }
    fn needs(&self, _: &Context<'_>, target: &ResourceId, _: &Value) -> Vec<Want> {
        vec![Want::id("", FamilyKind::Roles, target.id())]
    }
    fn operations(&self) -> &'static [Spec] {
        const { &[<CreateRole>::SPEC, <DeleteRole>::SPEC, <PutRolePolicy>::SPEC, <DeleteRolePolicy>::SPEC] }
    }
    fn concerns(&self) -> concern::Table {
        const {
            let members = Concern::these(&["trust_policy", "inline_policies", "attached_policies"]);
            &[(FamilyKind::Roles, members)]
        }
    }
    fn is_remade(&self) -> bool {
        true
    }
    fn propose(&self, context: &Context<'_>, target: &ResourceId, with: &Value) -> Result<Proposal, Refusal> {
        let params: Params = support::params(with)?;
        let (owner, name) = (&context.inventory.owner, target.id());
        let delivery = Delivery { region: params.region, log_group: params.log_group };
        if let Some(role) = support::known(context.inventory.roles.get(name), &format!("role {name}"))? {
            return Err(match delivery.proved_by(role, owner) {
                Fact::Known(()) => Refusal::Nothing(format!("role {name} is there and will do")),
                Fact::Unknown(why) => Refusal::Unknown(why.into()),
                _ => Refusal::Refused(format!(
                    "role {name} is there, and is not proved to deliver flow logs of {} to log group {}: it \
                     is somebody else's and stays as it is; name another with role_name",
                    delivery.region, delivery.log_group
                )),
            });
        }
        let trust = delivery.trust_policy(owner);
        let permissions = delivery.permissions(owner);
        Ok(Proposal {
            summary: format!(
                "make role {name}, by which flow logs of {} reach log group {}",
                delivery.region, delivery.log_group
            ),
            steps: vec![create(&delivery, name, &trust)?, permit(&delivery, name, permissions.clone())],
            risk: Risk::Safe,
            impact: vec![format!(
                "role {name} is new; only the flow logs of this account in {} can assume it, to write to one \
                 log group",
                delivery.region
            )],
            before: Value::Null,
            after: json!({ "role": name, "trust_policy": trust, "inline_policies": { POLICY: permissions } }),
            proof: vec![Proof {
                check: DELIVERY_ROLE.to_owned(),
                resource: target.clone(),
                with: json!(delivery),
            }],
            not_restored: Vec::new(),
            guards: vec![GuardNote::passed("ownership", format!("there is no role {name}"))],
            touches: vec![Want::id("", FamilyKind::Roles, name)],
            prerequisites: Vec::new(),
        })
    }
}

fn there(name: &str, at: &str, test: Test) -> Expect {
    Expect::new("", FamilyKind::Roles, name, at, test)
}

fn create(delivery: &Delivery, name: &str, trust: &Value) -> Result<Step, Refusal> {
    let create = CreateRole::<Planned> {
        role_name: name.to_owned(),
        assume_role_policy_document: trust.to_string(),
        description: Some(format!(
            "Delivers VPC flow logs of {} to log group {}",
            delivery.region, delivery.log_group
        )),
        tags: support::tag_list(&support::recovery_tags(&Tags::new(), &[])?),
    };
    let delete = Act::new(
        Call::of(&delivery.region, &DeleteRole { role_name: name.to_owned() }),
        None,
        Recognise::Looks { expect: vec![there(name, "", Test::Gone)], outputs: [].into() },
    );
    Ok(Step {
        name: "create-role".to_owned(),
        title: format!("make role {name}"),
        act: Act::new(
            Call::of(&delivery.region, &create),
            Some(Wait {
                until: vec![there(name, "", Test::Exists)],
                at_most: 120,
                why: "until the role can be seen".to_owned(),
            }),
            Recognise::Looks {
                expect: vec![there(name, &format!("/tags/{}", tag::TOKEN), Test::Is(reference::token()))],
                outputs: [].into(),
            },
        ),
        way_back: WayBack::Calls { rollback: vec![delete], undo: Undo::Same, kept_once: None, redo: false },
    })
}

fn permit(delivery: &Delivery, name: &str, permissions: Value) -> Step {
    let at = format!("/inline_policies/known/{POLICY}");
    let put = PutRolePolicy {
        role_name: name.to_owned(),
        policy_name: POLICY.to_owned(),
        policy_document: permissions.to_string(),
    };
    let set = there(name, &at, Test::Is(permissions));
    // The role cannot be deleted before its policy is gone
    // (<https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteRole.html>).
    let take = make::act_until(
        Call::of(
            &delivery.region,
            &DeleteRolePolicy { role_name: name.to_owned(), policy_name: POLICY.to_owned() },
        ),
        vec![there(name, &at, Test::Is(Value::Null))],
        120,
        "until the policy cannot be seen any more",
    );
    Step {
        name: "permit".to_owned(),
        title: format!("let it write to log group {}", delivery.log_group),
        act: Act::new(
            Call::of(&delivery.region, &put),
            Some(Wait {
                until: vec![set.clone()],
                at_most: 120,
                why: "until the policy can be seen".to_owned(),
            }),
            Recognise::Looks { expect: vec![set], outputs: [].into() },
        ),
        way_back: WayBack::Calls { rollback: vec![take], undo: Undo::Same, kept_once: None, redo: false },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        actions::Options,
        inventory::{Caller, Inventory, Role},
        resource::Owner,
    };

    fn owner() -> Owner {
        Owner { partition: "aws".into(), account: "123456789012".into() }
    }

    fn propose(role: Fact<Role>) -> Result<Proposal, Refusal> {
        let mut inventory =
            Inventory::empty(owner(), Caller::default(), "2026-11-22T10:00:00Z".parse().unwrap());
        inventory.roles.items.insert("r".into(), role);
        let context =
            Context { inventory: &inventory, region: "us-east-1", checks: &[], options: &Options::default() };
        EnsureDeliveryRole.propose(
            &context,
            &owner().role("r"),
            &json!({ "region": "us-east-1", "log_group": "/vpc/flow" }),
        )
    }

    #[test]
    fn a_role_that_is_not_there_is_made_with_least_rights_and_taken_back_in_reverse() {
        let proposal = propose(Fact::Absent).unwrap();
        let trust: Value = serde_json::from_str(
            proposal.steps[0].act.call.input["AssumeRolePolicyDocument"].as_str().unwrap(),
        )
        .unwrap();
        let condition = &trust["Statement"][0]["Condition"];
        assert_eq!(condition["StringEquals"]["aws:SourceAccount"], "123456789012");
        assert_eq!(
            condition["ArnLike"]["aws:SourceArn"],
            "arn:aws:ec2:us-east-1:123456789012:vpc-flow-log/*"
        );
        let policy: Value =
            serde_json::from_str(proposal.steps[1].act.call.input["PolicyDocument"].as_str().unwrap())
                .unwrap();
        assert_eq!(
            policy["Statement"][0]["Resource"][0],
            "arn:aws:logs:us-east-1:123456789012:log-group:/vpc/flow"
        );
        let done = ["create-role".to_owned(), "permit".to_owned()];
        let back: Vec<String> = crate::calls::way_back(&proposal.steps, &done, crate::calls::Purpose::Undo)
            .iter()
            .map(|b| b.act.call.operation.clone())
            .collect();
        assert_eq!(back, ["DeleteRolePolicy", "DeleteRole"]);
        let WayBack::Calls { rollback, .. } = &proposal.steps[1].way_back else { panic!("no undo") };
        assert!(rollback[0].wait.is_some(), "the role goes after its policy is gone");
    }

    #[test]
    fn what_the_steps_make_is_proved_and_then_there_is_nothing_to_do() {
        let proposal = propose(Fact::Absent).unwrap();
        let parse = |step: usize, key: &str| {
            serde_json::from_str(proposal.steps[step].act.call.input[key].as_str().unwrap()).unwrap()
        };
        let made = Role {
            id: "r".into(),
            trust_policy: parse(0, "AssumeRolePolicyDocument"),
            inline_policies: Fact::Known([(POLICY.to_owned(), parse(1, "PolicyDocument"))].into()),
            ..Role::default()
        };
        assert!(matches!(propose(Fact::Known(made.clone())), Err(Refusal::Nothing(_))));
        let mut inventory =
            Inventory::empty(owner(), Caller::default(), "2026-11-22T10:00:00Z".parse().unwrap());
        inventory.roles.put("r", made);
        let proof = &proposal.proof[0];
        let verdict =
            (crate::checks::find(&proof.check).unwrap().judge)(&inventory, &proof.resource, &proof.with);
        assert_eq!(verdict.word(), "ok");
    }

    #[test]
    fn somebody_elses_role_of_that_name_is_refused_and_an_unread_one_is_unknown() {
        let other = Role { id: "r".into(), inline_policies: Fact::Known([].into()), ..Role::default() };
        assert!(
            matches!(propose(Fact::Known(other)), Err(Refusal::Refused(why)) if why.contains("role_name"))
        );
        assert!(matches!(propose(Fact::Unknown("AccessDenied".into())), Err(Refusal::Unknown(_))));
        assert!(matches!(propose(Fact::NotRead), Err(Refusal::Unknown(_))));
    }
}
