//! `block-public-snapshots`: nobody can share a snapshot of a region with everybody.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    Around, Context, Prerequisite, Refusal,
    concern::Concern,
    setting::{SHOWS_WITHIN, Setting, Switch},
    sharing::{self, of_account},
    support, unshare_snapshot,
};
use crate::{
    calls::{Call, Risk},
    checks::sharing::{SNAPSHOTS_NOT_BLOCKED, STATE},
    inventory::{
        FamilyKind, Selector, SnapshotBlock, Want,
        sharing::{ALL_BLOCKED, NEW_BLOCKED, UNBLOCKED},
    },
    resource::Kind,
    services::{
        Operation,
        snapshot_sharing::{DisableSnapshotBlockPublicAccess, EnableSnapshotBlockPublicAccess},
    },
};

/// The action `block-public-snapshots`.
pub static BLOCK_PUBLIC_SNAPSHOTS: Setting<SnapshotBlock, Params> = Setting {
    name: "block-public-snapshots",
    title: "Keeps snapshots of a region from being shared with everybody",
    page: include_str!("block_public_snapshots.md"),
    answers: &[SNAPSHOTS_NOT_BLOCKED],
    target: Kind::SnapshotBlock,
    member: "/state",
    shows_within: SHOWS_WITHIN,
    concerns: &[(FamilyKind::SnapshotBlocks, Concern::these(&["state"]))],
    of_checks: &[(SNAPSHOTS_NOT_BLOCKED, STATE)],
    parameters: &[],
    operations: &[
        <EnableSnapshotBlockPublicAccess as Operation>::SPEC,
        <DisableSnapshotBlockPublicAccess as Operation>::SPEC,
    ],
    reads: &[Around::named(FamilyKind::SnapshotShares).listed()],
    needs: |context, _| vec![Want::all(context.region, FamilyKind::SnapshotShares)],
    switch,
};

/// The parameters of the action.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// The mode of the block, which `[check]` of a playbook names.
    pub state: Mode,
}

/// The mode of the block.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Nothing more is shared, and what is shared is hidden.
    #[default]
    BlockAllSharing,
    /// Nothing more is shared.
    BlockNewSharing,
}

impl Mode {
    /// Returns AWS's word.
    fn word(self) -> &'static str {
        match self {
            Mode::BlockAllSharing => ALL_BLOCKED,
            Mode::BlockNewSharing => NEW_BLOCKED,
        }
    }
}

fn switch(context: &Context<'_>, block: &SnapshotBlock, params: &Params) -> Result<Switch, Refusal> {
    let region = context.region;
    let wanted = params.state.word();
    let was = block.state.as_str();
    match was {
        ALL_BLOCKED => return Err(Refusal::Nothing(format!("public snapshots are blocked in {region}"))),
        NEW_BLOCKED if params.state == Mode::BlockNewSharing => {
            return Err(Refusal::Nothing(format!("new public snapshots are blocked in {region}")));
        }
        UNBLOCKED | NEW_BLOCKED => {}
        other => {
            return Err(Refusal::Unknown(format!("the block on public snapshots in {region} is {other:?}")));
        }
    }
    of_account(region, "snapshots", &block.managed_by)?;
    let enable = |state: &str| Call::of(region, &EnableSnapshotBlockPublicAccess { state: state.to_owned() });
    let back = match was {
        NEW_BLOCKED => enable(was),
        _ => Call::of(region, &DisableSnapshotBlockPublicAccess {}),
    };
    let mut impact = vec![format!(
        "nobody in the account can share a snapshot of {region} with everybody; shares with single accounts \
         stay possible"
    )];
    let hides = params.state == Mode::BlockAllSharing;
    impact.extend((!hides).then(|| "snapshots that are public now stay public".to_owned()));
    Ok(Switch {
        summary: format!("block public snapshots in {region} ({wanted})"),
        set: enable(wanted),
        back,
        was: json!(was),
        becomes: json!(wanted),
        risk: Risk::Safe,
        impact,
        not_restored: Vec::new(),
        prerequisites: if hides { grants(context)? } else { Vec::new() },
    })
}

/// Returns the changes that take public snapshots from everybody. The block would only hide them, and they
/// would be public again without it.
fn grants(context: &Context<'_>) -> Result<Vec<Prerequisite>, Refusal> {
    let region = context.region;
    let listing = support::region(context.inventory, region)?.snapshot_shares.select(&Selector::All);
    let shares = support::known(listing, "the public snapshots of the region")?.unwrap_or_default();
    let public = shares.into_iter().filter(|(_, share)| share.group.is_some());
    let owner = &context.inventory.owner;
    Ok(sharing::grants(unshare_snapshot::NAME, public.map(|(id, _)| owner.snapshot(region, id))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        actions::{Action, Options, Proposal, make::sound},
        calls::{Purpose, way_back},
        inventory::{Caller, Fact, Inventory, SnapshotShare},
        resource::Owner,
    };

    fn propose(block: Fact<SnapshotBlock>, listed: Fact<()>, with: &str) -> Result<Proposal, Refusal> {
        let owner = Owner { partition: "aws".into(), account: "123456789012".into() };
        let target = FamilyKind::SnapshotBlocks.resource(&owner, "us-east-1", SnapshotBlock::ID).unwrap();
        assert_eq!(target.kind(), Kind::SnapshotBlock);
        let mut inventory =
            Inventory::empty(owner, Caller::default(), "2026-11-22T10:00:00Z".parse().unwrap());
        let region = inventory.region_mut("us-east-1");
        region.snapshot_blocks.items.insert(SnapshotBlock::ID.into(), block);
        region.snapshot_shares.read(&Selector::All, listed);
        for (id, group) in [("snap-1", Some("all")), ("snap-2", None)] {
            let share =
                SnapshotShare { id: id.into(), group: group.map(str::to_owned), ..SnapshotShare::default() };
            region.snapshot_shares.put(id, share);
        }
        let context =
            Context { inventory: &inventory, region: "us-east-1", checks: &[], options: &Options::default() };
        let with = serde_json::from_str(with).unwrap();
        BLOCK_PUBLIC_SNAPSHOTS.propose(&context, &target, &with)
    }

    fn block(state: &str) -> Fact<SnapshotBlock> {
        Fact::Known(SnapshotBlock { state: state.into(), managed_by: "account".into() })
    }

    #[test]
    fn public_grants_go_first_and_the_former_state_comes_back() {
        let back = |proposal: &Proposal| {
            let call = way_back(&proposal.steps, &["set".to_owned()], Purpose::Undo)[0].act.call.clone();
            (call.operation.clone(), call.input)
        };
        let proposal = propose(block("unblocked"), Fact::Known(()), "{}").unwrap();
        sound::steps(&proposal.steps);
        assert_eq!(proposal.steps[0].act.call.input, json!({ "State": "block-all-sharing" }));
        let first: Vec<&str> = proposal.prerequisites.iter().map(|one| one.resource.id()).collect();
        assert_eq!(first, ["snap-1"]);
        assert_eq!(back(&proposal), ("DisableSnapshotBlockPublicAccess".to_owned(), json!({})));
        let proposal = propose(block("block-new-sharing"), Fact::Known(()), "{}").unwrap();
        assert_eq!(back(&proposal).1, json!({ "State": "block-new-sharing" }));
    }

    #[test]
    fn where_only_new_sharing_is_to_be_blocked_what_is_shared_stays_and_the_proof_knows_it() {
        let new = r#"{"state":"block-new-sharing"}"#;
        let proposal = propose(block("unblocked"), Fact::unknown("denied"), new).unwrap();
        assert_eq!(proposal.steps[0].act.call.input, json!({ "State": "block-new-sharing" }));
        assert_eq!(proposal.prerequisites, []);
        assert_eq!(proposal.proof[0].with, json!({ "state": "block-new-sharing" }));
        assert!(matches!(
            propose(block("block-new-sharing"), Fact::Known(()), new),
            Err(Refusal::Nothing(_))
        ));
        assert!(matches!(
            propose(block("block-all-sharing"), Fact::Known(()), new),
            Err(Refusal::Nothing(_))
        ));
    }

    #[test]
    fn what_the_organization_decides_or_nobody_has_read_is_left() {
        let owned = SnapshotBlock { state: "unblocked".into(), managed_by: "declarative-policy".into() };
        assert!(matches!(propose(Fact::Known(owned), Fact::Known(()), "{}"),
                Err(Refusal::Refused(why)) if why.contains("organization")));
        let unlisted = propose(block("unblocked"), Fact::unknown("AccessDenied"), "{}");
        assert!(matches!(unlisted, Err(Refusal::Unknown(why)) if why.contains("AccessDenied")));
        assert!(matches!(propose(block("half"), Fact::Known(()), "{}"), Err(Refusal::Unknown(_))));
    }
}
