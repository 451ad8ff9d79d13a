//! `unshare-snapshot`: a snapshot that everybody may copy is for its own account, and for those accounts that
//! are named, alone.

use serde_json::json;

use super::{
    Around, Context, Refusal,
    concern::Concern,
    setting::{Nothing, SHOWS_WITHIN, Setting, Switch},
    sharing::{kept_from, out_of_reach, remaining, with_everybody},
};
use crate::{
    calls::{Call, Risk},
    checks::sharing::SNAPSHOT_PUBLIC,
    inventory::{Fact, FamilyKind, SnapshotBlock, SnapshotShare, Want, sharing::ALL},
    resource::Kind,
    services::{
        Operation,
        snapshot_sharing::{ADD, ModifySnapshotAttribute, REMOVE},
    },
};

/// The name of the action.
pub const NAME: &str = "unshare-snapshot";

/// The action `unshare-snapshot`.
pub static UNSHARE_SNAPSHOT: Setting<SnapshotShare, Nothing> = Setting {
    name: NAME,
    title: "Takes a snapshot from everybody; accounts that may use it stay",
    page: include_str!("unshare_snapshot.md"),
    answers: &[SNAPSHOT_PUBLIC],
    target: Kind::Snapshot,
    member: "/group",
    shows_within: SHOWS_WITHIN,
    concerns: &[(FamilyKind::SnapshotShares, Concern::these(&["group"]))],
    of_checks: &[],
    parameters: &[],
    operations: &[<ModifySnapshotAttribute as Operation>::SPEC],
    reads: &[Around::named(FamilyKind::Snapshots), Around::named(FamilyKind::SnapshotBlocks)],
    needs: |context, target| {
        vec![
            // Its tags are looked at wherever a snapshot is protected by them.
            Want::id(context.region, FamilyKind::Snapshots, target.id()),
            Want::id(context.region, FamilyKind::SnapshotBlocks, SnapshotBlock::ID),
        ]
    },
    switch,
};

fn switch(context: &Context<'_>, share: &SnapshotShare, _: &Nothing) -> Result<Switch, Refusal> {
    let (region, id) = (context.region, &share.id);
    with_everybody(id, share.group.as_deref())?;
    let call = |direction| Call::of(region, &ModifySnapshotAttribute::for_everybody(id, direction));
    let mut impact = vec![
        format!(
            "outside the account, only those that it stays shared with can copy {id} or make a volume of it"
        ),
        out_of_reach("copies and volumes"),
    ];
    impact.extend(remaining(&share.accounts));
    let block = context.inventory.regions.get(region).map_or(Fact::NotRead, |place| {
        place.snapshot_blocks.get(SnapshotBlock::ID).map(|block| block.state.as_str())
    });
    Ok(Switch {
        summary: format!("share {id} with everybody no longer"),
        set: call(REMOVE),
        back: call(ADD),
        was: json!(ALL),
        becomes: json!(null),
        risk: Risk::Disruptive,
        impact,
        not_restored: kept_from(region, id, "snapshots", &block).into_iter().collect(),
        prerequisites: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        actions::{Action, Options, Proposal, make::sound},
        calls::Purpose,
        inventory::{Caller, Inventory},
        resource::Owner,
    };

    fn propose(share: Fact<SnapshotShare>, block: Fact<SnapshotBlock>) -> Result<Proposal, Refusal> {
        let owner = Owner { partition: "aws".into(), account: "123456789012".into() };
        let target = owner.snapshot("us-east-1", "snap-1");
        let mut inventory =
            Inventory::empty(owner, Caller::default(), "2026-11-22T10:00:00Z".parse().unwrap());
        let region = inventory.region_mut("us-east-1");
        region.snapshot_shares.items.insert("snap-1".into(), share);
        region.snapshot_blocks.items.insert(SnapshotBlock::ID.into(), block);
        let context =
            Context { inventory: &inventory, region: "us-east-1", checks: &[], options: &Options::default() };
        UNSHARE_SNAPSHOT.propose(&context, &target, &json!({}))
    }

    fn public() -> SnapshotShare {
        SnapshotShare { id: "snap-1".into(), group: Some(ALL.into()), ..SnapshotShare::default() }
    }

    fn block(state: &str) -> Fact<SnapshotBlock> {
        Fact::Known(SnapshotBlock { state: state.into(), managed_by: "account".into() })
    }

    #[test]
    fn everybody_goes_and_comes_back_and_accounts_are_not_named_in_a_call() {
        let shared = SnapshotShare { accounts: vec!["999988887777".into()], ..public() };
        let proposal = propose(Fact::Known(shared), block("unblocked")).unwrap();
        sound::steps(&proposal.steps);
        let sent = |direction: &str| {
            json!({ "SnapshotId": "snap-1", "Attribute": "createVolumePermission",
                "OperationType": direction, "GroupNames": ["all"] })
        };
        assert_eq!(proposal.steps[0].act.call.input, sent("remove"));
        let back = crate::calls::way_back(&proposal.steps, &["set".to_owned()], Purpose::Undo);
        assert_eq!(back[0].act.call.input, sent("add"));
        assert!(proposal.impact.iter().any(|line| line.contains("999988887777")), "{:?}", proposal.impact);
        assert_eq!(proposal.not_restored, Vec::<String>::new());
    }

    #[test]
    fn what_keeps_an_undo_from_sharing_is_said() {
        let lost = |block| propose(Fact::Known(public()), block).unwrap().not_restored;
        assert!(lost(block("block-all-sharing"))[0].contains("blocked in us-east-1"));
        assert!(lost(Fact::unknown("AccessDenied"))[0].contains("AccessDenied"));
    }

    #[test]
    fn what_is_private_managed_or_unread_is_left() {
        let of = |share| propose(share, block("unblocked"));
        let private = SnapshotShare { group: None, ..public() };
        assert!(matches!(of(Fact::Known(private)), Err(Refusal::Nothing(_))));
        let odd = SnapshotShare { group: Some("friends".into()), ..public() };
        assert!(matches!(of(Fact::Known(odd)), Err(Refusal::Unknown(why)) if why.contains("friends")));
        let tags = [("aws:cloudformation:stack-id".to_owned(), "s".to_owned())].into();
        let managed = SnapshotShare { tags, ..public() };
        assert!(
            matches!(of(Fact::Known(managed)), Err(Refusal::Refused(why)) if why.contains("CloudFormation"))
        );
        assert!(matches!(of(Fact::unknown("denied")), Err(Refusal::Unknown(_))));
    }
}
