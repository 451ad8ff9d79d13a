//! `redress rotations`: the rotations of access keys that are under way. Reads only.

use crate::{
    cli::shared::{args::Format, exit::Exit, fail::Fail, render, session::Session},
    engine::gather::{gather, nothing},
    inventory::{AccessKey, FamilyKind, Want},
    playbook,
    report::rotations::{rotations, text},
};

/// Lists the rotations, by the marks on the users of the account.
///
/// # Errors
/// When the account cannot be opened, or the format does not fit.
pub async fn run(session: &Session) -> Result<Exit, Fail> {
    let playbooks = session.playbooks()?;
    let door = session.open().await?;
    let listing = Want::by("", FamilyKind::AccessKeys, AccessKey::STATUS, AccessKey::ACTIVE);
    let known = nothing(door.account.as_ref());
    let read = gather(door.account.as_ref(), known, &mut |_| [listing.clone()].into()).await;
    let found = rotations(&read, |check| playbook::check_parameters(&playbooks, check));
    let data = match session.common.format {
        Format::Text => text(&found, &render::data(session)),
        Format::Json => render::document(&found)?,
        format => return Err(render::not_in(format, "the list of rotations")),
    };
    session.out.data(&data)?;
    Ok(if found.unknown.is_empty() { Exit::Done } else { Exit::Held })
}
