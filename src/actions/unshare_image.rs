//! `unshare-image`: an image that everybody may launch is for its own account, and for those that are named,
//! alone.

use serde_json::json;

use super::{
    Around, Context, Refusal,
    concern::Concern,
    setting::{Nothing, SHOWS_WITHIN, Setting, Switch},
    sharing::{kept_from, out_of_reach, remaining, with_everybody},
};
use crate::{
    calls::{Call, Risk},
    checks::sharing::IMAGE_PUBLIC,
    inventory::{Fact, FamilyKind, Image, ImageBlock, Want, sharing::ALL},
    resource::Kind,
    services::{Operation, image_sharing::ModifyImageAttribute},
};

/// The name of the action.
pub const NAME: &str = "unshare-image";
/// The hours for which a launch counts as recent.
const RECENT: i64 = 24 * 30;

/// The action `unshare-image`.
pub static UNSHARE_IMAGE: Setting<Image, Nothing> = Setting {
    name: NAME,
    title: "Takes an image (AMI) from everybody; accounts and organizations that may use it stay",
    page: include_str!("unshare_image.md"),
    answers: &[IMAGE_PUBLIC],
    target: Kind::Image,
    member: "/group",
    shows_within: SHOWS_WITHIN,
    concerns: &[(FamilyKind::Images, Concern::these(&["group"]))],
    of_checks: &[],
    parameters: &[],
    operations: &[<ModifyImageAttribute as Operation>::SPEC],
    reads: &[Around::named(FamilyKind::ImageBlocks)],
    needs: |context, _| vec![Want::id(context.region, FamilyKind::ImageBlocks, ImageBlock::ID)],
    switch,
};

fn switch(context: &Context<'_>, image: &Image, _: &Nothing) -> Result<Switch, Refusal> {
    let (region, id) = (context.region, &image.id);
    with_everybody(id, image.group.as_deref())?;
    let mut impact = vec![
        format!(
            "outside the account, only those that it stays shared with can launch {id}: launches, Auto \
             Scaling groups and launch templates of others that name it fail; what runs stays"
        ),
        launched(context, image),
        out_of_reach("copies and snapshots"),
        "its snapshots are shared by settings of their own, which stay".to_owned(),
    ];
    impact.extend(remaining(&image.accounts));
    let block = context.inventory.regions.get(region).map_or(Fact::NotRead, |place| {
        place.image_blocks.get(ImageBlock::ID).map(|block| block.state.as_str())
    });
    Ok(Switch {
        summary: format!("share {id} with everybody no longer"),
        set: Call::of(region, &ModifyImageAttribute::from_everybody(id)),
        back: Call::of(region, &ModifyImageAttribute::to_everybody(id)),
        was: json!(ALL),
        becomes: json!(null),
        risk: Risk::Disruptive,
        impact,
        not_restored: kept_from(region, id, "images", &block).into_iter().collect(),
        prerequisites: Vec::new(),
    })
}

/// Describes whether somebody has launched the image lately. AWS names the time, about a day late, and no
/// account.
fn launched(context: &Context<'_>, image: &Image) -> String {
    match &image.last_launched {
        Fact::Known(time) => {
            let hours = context.inventory.read_at.duration_since(*time).as_hours();
            match hours < RECENT {
                true => "it was launched within the last 30 days; AWS does not show by whom".to_owned(),
                false => "it was not launched within the last 30 days".to_owned(),
            }
        }
        Fact::Absent => "AWS has recorded no launch of it".to_owned(),
        silent => format!(
            "the time of its last launch is not known: {}",
            silent.silence().unwrap_or("it was not read")
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        actions::{Action, Options, Proposal, make::sound},
        calls::{Purpose, way_back},
        inventory::{Caller, Inventory},
        resource::Owner,
    };

    fn propose(image: Fact<Image>) -> Result<Proposal, Refusal> {
        let owner = Owner { partition: "aws".into(), account: "123456789012".into() };
        let target = owner.ec2("us-east-1", "image", "ami-1");
        let mut inventory =
            Inventory::empty(owner, Caller::default(), "2026-11-22T10:00:00Z".parse().unwrap());
        let region = inventory.region_mut("us-east-1");
        region.images.items.insert("ami-1".into(), image);
        let block = ImageBlock { state: "unblocked".into(), managed_by: "account".into() };
        region.image_blocks.put(ImageBlock::ID, block);
        let context =
            Context { inventory: &inventory, region: "us-east-1", checks: &[], options: &Options::default() };
        UNSHARE_IMAGE.propose(&context, &target, &json!({}))
    }

    fn public() -> Image {
        Image { id: "ami-1".into(), group: Some(ALL.into()), ..Image::default() }
    }

    #[test]
    fn everybody_goes_and_comes_back_and_others_are_not_named_in_a_call() {
        let shared = Image { accounts: vec!["999988887777".into()], ..public() };
        let proposal = propose(Fact::Known(shared)).unwrap();
        sound::steps(&proposal.steps);
        assert_eq!(
            proposal.steps[0].act.call.input,
            json!({ "ImageId": "ami-1", "LaunchPermission": { "Remove": [{ "Group": "all" }] } })
        );
        let back = way_back(&proposal.steps, &["set".to_owned()], Purpose::Undo);
        assert_eq!(
            back[0].act.call.input,
            json!({ "ImageId": "ami-1", "LaunchPermission": { "Add": [{ "Group": "all" }] } })
        );
        assert!(proposal.impact.iter().any(|line| line.contains("999988887777")), "{:?}", proposal.impact);
        assert_eq!(proposal.not_restored, Vec::<String>::new());
    }

    #[test]
    fn a_launch_is_recent_old_never_or_not_known() {
        let said = |last_launched| {
            let image = Image { last_launched, ..public() };
            propose(Fact::Known(image)).unwrap().impact[1].clone()
        };
        let at = |time: &str| Fact::Known(time.parse().unwrap());
        assert!(said(at("2026-11-01T10:00:00Z")).contains("it was launched within the last 30 days"));
        assert!(said(at("2026-10-01T10:00:00Z")).contains("it was not launched within the last 30 days"));
        assert!(said(Fact::Absent).contains("no launch"));
        assert!(said(Fact::unknown("AccessDenied")).contains("AccessDenied"));
    }

    #[test]
    fn what_is_private_managed_or_unread_is_left() {
        assert!(matches!(propose(Fact::Known(Image { group: None, ..public() })), Err(Refusal::Nothing(_))));
        let odd = Image { group: Some("friends".into()), ..public() };
        assert!(matches!(propose(Fact::Known(odd)), Err(Refusal::Unknown(why)) if why.contains("friends")));
        let tags = [("aws:cloudformation:stack-id".to_owned(), "s".to_owned())].into();
        let managed = propose(Fact::Known(Image { tags, ..public() }));
        assert!(matches!(managed, Err(Refusal::Refused(why)) if why.contains("CloudFormation")));
        assert!(matches!(propose(Fact::unknown("denied")), Err(Refusal::Unknown(_))));
    }
}
