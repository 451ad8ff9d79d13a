//! `block-public-images`: nobody can share an image of a region with everybody.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    Around, Context, Parameter, Prerequisite, Refusal,
    concern::Concern,
    setting::{Setting, Switch},
    sharing::{self, of_account},
    support, unshare_image,
};
use crate::{
    calls::{Call, Risk},
    checks::sharing::IMAGES_NOT_BLOCKED,
    inventory::{
        FamilyKind, ImageBlock, Selector, Want,
        sharing::{NEW_BLOCKED, UNBLOCKED},
    },
    resource::Kind,
    services::{
        Operation,
        image_sharing::{DisableImageBlockPublicAccess, EnableImageBlockPublicAccess},
    },
};

/// Seconds within which the new state has to show. AWS takes up to ten minutes, and shows the former one
/// until then
/// (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_EnableImageBlockPublicAccess.html>).
const SHOWS_WITHIN: u64 = 900;

/// The action `block-public-images`.
pub static BLOCK_PUBLIC_IMAGES: Setting<ImageBlock, Params> = Setting {
    name: "block-public-images",
    title: "Keeps images (AMIs) of a region from being shared with everybody",
    page: include_str!("block_public_images.md"),
    answers: &[IMAGES_NOT_BLOCKED],
    target: Kind::ImageBlock,
    member: "/state",
    shows_within: SHOWS_WITHIN,
    concerns: &[(FamilyKind::ImageBlocks, Concern::these(&["state"]))],
    of_checks: &[],
    parameters: &[Parameter {
        name: "keep_public",
        kind: "boolean",
        default: "false",
        doc: "Whether images that are public now stay public. Otherwise each is taken from everybody first.",
    }],
    operations: &[
        <EnableImageBlockPublicAccess as Operation>::SPEC,
        <DisableImageBlockPublicAccess as Operation>::SPEC,
    ],
    reads: &[Around::named(FamilyKind::Images).listed()],
    needs: |context, _| vec![Want::all(context.region, FamilyKind::Images)],
    switch,
};

/// The parameters of the action.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// `true` if images that are public stay public.
    pub keep_public: bool,
}

fn switch(context: &Context<'_>, block: &ImageBlock, params: &Params) -> Result<Switch, Refusal> {
    let region = context.region;
    match block.state.as_str() {
        NEW_BLOCKED => return Err(Refusal::Nothing(format!("new public images are blocked in {region}"))),
        UNBLOCKED => {}
        other => {
            return Err(Refusal::Unknown(format!("the block on public images in {region} is {other:?}")));
        }
    }
    of_account(region, "images", &block.managed_by)?;
    let mut impact = vec![format!(
        "nobody in the account can share an image of {region} with everybody; shares with single accounts \
         and organizations stay possible"
    )];
    impact.extend(params.keep_public.then(|| "images that are public now stay public".to_owned()));
    Ok(Switch {
        summary: format!("block public images in {region}"),
        set: Call::of(
            region,
            &EnableImageBlockPublicAccess { image_block_public_access_state: NEW_BLOCKED.to_owned() },
        ),
        back: Call::of(region, &DisableImageBlockPublicAccess {}),
        was: json!(UNBLOCKED),
        becomes: json!(NEW_BLOCKED),
        risk: Risk::Safe,
        impact,
        not_restored: Vec::new(),
        prerequisites: if params.keep_public { Vec::new() } else { grants(context)? },
    })
}

/// Returns the changes that take public images from everybody: the block leaves them as they are, and would
/// refuse the undo of a change that comes after it.
fn grants(context: &Context<'_>) -> Result<Vec<Prerequisite>, Refusal> {
    let region = context.region;
    let listing = support::region(context.inventory, region)?.images.select(&Selector::All);
    let images = support::known(listing, "the public images of the region")?.unwrap_or_default();
    let public = images.into_iter().filter(|(_, image)| image.group.is_some());
    let owner = &context.inventory.owner;
    Ok(sharing::grants(unshare_image::NAME, public.map(|(id, _)| owner.ec2(region, "image", id))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        actions::{Action, Options, Proposal, make::sound},
        calls::{Purpose, way_back},
        inventory::{Caller, Fact, Image, Inventory},
        resource::Owner,
    };

    fn propose(block: ImageBlock, listed: Fact<()>, keep_public: bool) -> Result<Proposal, Refusal> {
        let owner = Owner { partition: "aws".into(), account: "123456789012".into() };
        let target = FamilyKind::ImageBlocks.resource(&owner, "us-east-1", ImageBlock::ID).unwrap();
        let mut inventory =
            Inventory::empty(owner, Caller::default(), "2026-11-22T10:00:00Z".parse().unwrap());
        let region = inventory.region_mut("us-east-1");
        region.image_blocks.put(ImageBlock::ID, block);
        region.images.read(&Selector::All, listed);
        for (id, group) in [("ami-1", Some("all")), ("ami-2", None)] {
            let image = Image { id: id.into(), group: group.map(str::to_owned), ..Image::default() };
            region.images.put(id, image);
        }
        let context =
            Context { inventory: &inventory, region: "us-east-1", checks: &[], options: &Options::default() };
        BLOCK_PUBLIC_IMAGES.propose(&context, &target, &json!({ "keep_public": keep_public }))
    }

    fn block(state: &str) -> ImageBlock {
        ImageBlock { state: state.into(), managed_by: "account".into() }
    }

    #[test]
    fn public_images_go_first_unless_they_are_to_stay_and_the_block_goes_off_again() {
        let proposal = propose(block("unblocked"), Fact::Known(()), false).unwrap();
        sound::steps(&proposal.steps);
        assert_eq!(
            proposal.steps[0].act.call.input,
            json!({ "ImageBlockPublicAccessState": "block-new-sharing" })
        );
        let first: Vec<&str> = proposal.prerequisites.iter().map(|one| one.resource.id()).collect();
        assert_eq!(first, ["ami-1"]);
        let back = way_back(&proposal.steps, &["set".to_owned()], Purpose::Undo);
        assert_eq!(back[0].act.call.operation, "DisableImageBlockPublicAccess");
        let kept = propose(block("unblocked"), Fact::unknown("denied"), true).unwrap();
        assert_eq!(kept.prerequisites, []);
        assert!(kept.impact.iter().any(|line| line.contains("stay public")), "{:?}", kept.impact);
    }

    #[test]
    fn what_is_on_of_the_organization_or_unread_is_left() {
        let of = |block| propose(block, Fact::Known(()), false);
        assert!(matches!(of(block("block-new-sharing")), Err(Refusal::Nothing(_))));
        assert!(matches!(of(block("half")), Err(Refusal::Unknown(_))));
        let owned = ImageBlock { managed_by: "declarative-policy".into(), ..block("unblocked") };
        assert!(matches!(of(owned), Err(Refusal::Refused(why)) if why.contains("organization")));
        let unlisted = propose(block("unblocked"), Fact::unknown("AccessDenied"), false);
        assert!(matches!(unlisted, Err(Refusal::Unknown(why)) if why.contains("AccessDenied")));
    }
}
