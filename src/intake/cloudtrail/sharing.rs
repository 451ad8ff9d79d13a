//! Events about sharing with everybody: snapshots and images are shared and taken back, and the block that
//! keeps them from it is turned off and on. Pure.

use serde_json::Value;

use super::{
    effect::{Did, NO_ID, Target, with_open},
    wire::{get, list, text},
};
use crate::inventory::sharing::ALL;

/// The name under which the block on public snapshots is turned off and on again; each region is tracked by
/// itself.
pub const SNAPSHOTS: &str = "public-snapshots";

/// The same for public images.
pub const IMAGES: &str = "public-images";

fn shared(id: &str) -> String {
    format!("shared/{id}")
}

/// Returns whether a list of users contains everybody.
fn everybody(users: Option<&Value>) -> bool {
    list(users).into_iter().any(|one| text(one, "group") == ALL)
}

/// Reads a change of who may make volumes of a snapshot.
pub fn modify_snapshot(request: &Value, _: &Value) -> Did {
    modified(text(request, "snapshotId"), get(request, "createVolumePermission"))
}

/// Reads a change of who may launch an image.
pub fn modify_image(request: &Value, _: &Value) -> Did {
    modified(text(request, "imageId"), get(request, "launchPermission"))
}

fn modified(id: &str, change: Option<&Value>) -> Did {
    let named = |direction| everybody(change.and_then(|change| get(change, direction)));
    match (named("add"), named("remove")) {
        _ if id.is_empty() => Did::Missing(NO_ID),
        (true, _) => Did::Touched(vec![with_open(id, shared(id))], Vec::new()),
        (false, true) => Did::Harmless("it takes it from everybody", vec![shared(id)], Vec::new()),
        (false, false) => Did::Harmless("it is about single accounts", Vec::new(), Vec::new()),
    }
}

/// Reads the end of all shares of a thing.
pub fn reset(id: &str) -> Did {
    Did::Harmless("it ends all shares", vec![shared(id)], Vec::new())
}

/// Returns the account, whose block is turned off.
pub fn unblocked(name: &str) -> Did {
    Did::Touched(vec![Target { opens: vec![vec![name.to_owned()]], ..Target::default() }], Vec::new())
}

/// Closes what was open for as long as the block was off.
pub fn blocked(name: &str) -> Did {
    Did::Harmless("it blocks public sharing", vec![name.to_owned()], Vec::new())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn everybody_opens_and_closes_and_single_accounts_do_neither() {
        let event = |change: Value| {
            let request = json!({ "snapshotId": "snap-1", "createVolumePermission": change });
            modify_snapshot(&request, &Value::Null)
        };
        let all = json!({ "items": [{ "group": "all" }] });
        assert!(matches!(event(json!({ "add": all })), Did::Touched(on, _) if on[0].id == "snap-1"));
        let removed = event(json!({ "remove": all }));
        assert!(matches!(removed, Did::Harmless(_, closes, _) if closes == ["shared/snap-1"]));
        let one = json!({ "add": { "items": [{ "userId": "999988887777" }] } });
        assert!(matches!(event(one), Did::Harmless(_, closes, _) if closes.is_empty()));
        assert!(matches!(modify_snapshot(&json!({}), &Value::Null), Did::Missing(_)));
        let image = json!({ "imageId": "ami-1", "launchPermission": { "add": all } });
        assert!(matches!(modify_image(&image, &Value::Null), Did::Touched(on, _) if on[0].id == "ami-1"));
    }
}
