//! `redress block`: plans to drop all packets from and to addresses that a person names, at the network ACLs
//! of a VPC or a subnet. Changes nothing.

use std::path::Path;

use jiff::SignedDuration;

use crate::{
    actions::{allowed::Allowed, block_addresses::NAME},
    checks::{
        self,
        network_acls::blocks::{ADDRESSES, UNBLOCKED, UNTIL},
    },
    cli::shared::{
        account::stage,
        args::{Place, SafetyLimits},
        exit::Exit,
        fail::Fail,
        planning::VALID_FOR,
        session,
        session::Session,
        summary,
    },
    engine::survey::{self, Survey, Wish},
    finding::Finding,
    inventory::{Inventory, NetworkAcl},
    plan::build::Limits,
    playbook::Waivers,
    report::safe,
};

impl Place {
    /// Returns whether a network ACL is one of the place.
    fn has(&self, acl: &NetworkAcl) -> bool {
        match (&self.vpc, &self.subnet) {
            (Some(vpc), _) => acl.vpc_id == *vpc && !acl.subnets.is_empty(),
            (None, Some(subnet)) => acl.subnets.contains(subnet),
            (None, None) => false,
        }
    }

    fn words(&self) -> String {
        let subnet = || self.subnet.as_ref().map(|subnet| format!("subnet {subnet}"));
        self.vpc.as_ref().map(|vpc| format!("VPC {vpc}")).or_else(subnet).unwrap_or_default()
    }
}

/// Plans the blocks, and shows the plan.
///
/// # Errors
/// When the input is bad, the account cannot be opened, the place has no network ACL, or the file cannot be
/// written.
pub async fn run(
    session: &Session,
    addresses: &[String],
    place: &Place,
    until: Option<SignedDuration>,
    output: Option<&Path>,
    safety: &SafetyLimits,
) -> Result<Exit, Fail> {
    let networks = networks(addresses)?;
    let door = session.open().await?;
    // Whole seconds: the time is typed again when the plan is applied.
    let now = door.account.now().round(jiff::Unit::Second).unwrap_or_else(|_| door.account.now());
    let length = until;
    let until = until.map(|length| now.checked_add(length)).transpose();
    let until = until.map_err(|_| Fail::usage("--until: no calendar has that time"))?;
    let mut settings = vec![format!("{NAME}.{ADDRESSES}={}", listed(&networks))];
    settings.extend(until.map(|until| format!("{NAME}.{UNTIL}={until}")));
    let mut common = session.common.clone();
    common.typed.made_by(command(&networks, place, length), &settings);
    common.set.extend(settings);
    let session = &Session { common, out: session.out };
    let playbooks = session.playbooks()?;
    let Some(check) = checks::find(UNBLOCKED) else {
        return Err(Fail::failure(format!("there is no check {UNBLOCKED}")));
    };
    let only = |survey: &mut Survey| narrow(place, &survey.inventory, &mut survey.findings);
    let none = Waivers::default();
    let wish = Wish {
        regions: &door.regions,
        checks: &[check],
        playbooks: &playbooks,
        options: &session::options(&safety.guards),
        valid_for: safety.valid_for.unwrap_or(VALID_FOR),
        limits: Limits { max_changes: safety.max_changes, max_percent: safety.max_percent },
        also: Default::default(),
        waivers: &none,
        observed: Default::default(),
        narrow: Some(&only),
    };
    let (survey, plan) = survey::plan(door.account.as_ref(), &wish, &stage).await;
    let acls = acls(place, &survey.inventory);
    if acls.is_empty() && survey.unjudged.is_empty() {
        return Err(Fail::usage(format!("no network ACL of this account is one of {}", place.words()))
            .why("nothing was changed")
            .hint("look at the id and the region; in a shared VPC, the owner blocks"));
    }
    if survey.findings.is_empty() && survey.unjudged.is_empty() {
        session.out.say(&format!("nothing to do: {} block all of it already", acls.join(", ")));
        return Ok(Exit::Done);
    }
    summary::plan_to(session, &plan, output)?;
    Ok(Exit::of_plan(&plan, false))
}

/// Returns the command that makes such a plan.
fn command(networks: &[Allowed], place: &Place, until: Option<SignedDuration>) -> String {
    let networks: Vec<String> = networks.iter().map(|network| String::from(*network)).collect();
    let of = |flag: &str, id: &Option<String>| {
        id.as_ref().map_or(String::new(), |id| format!(" --{flag} {}", safe::shell(id)))
    };
    let until = until.map_or(String::new(), |length| match length.as_mins() {
        mins if mins % (24 * 60) == 0 => format!(" --until {}d", mins / (24 * 60)),
        mins => format!(" --until {mins}m"),
    });
    let (vpc, subnet) = (of("vpc", &place.vpc), of("subnet", &place.subnet));
    format!("block {}{vpc}{subnet}{until}", networks.join(" "))
}

/// Returns the ids of the network ACLs of the place.
fn acls(place: &Place, inventory: &Inventory) -> Vec<String> {
    let all = inventory.regions.values().flat_map(|region| region.network_acls.known());
    let of_account = all.filter(|(_, acl)| inventory.owner.owns(&acl.owner_id) && place.has(acl));
    of_account.map(|(id, _)| id.to_owned()).collect()
}

/// Keeps the findings of the place alone.
fn narrow(place: &Place, inventory: &Inventory, findings: &mut Vec<Finding>) {
    findings.retain(|finding| {
        let region = inventory.regions.get(finding.resource.region());
        let acl = region.map(|region| region.network_acls.get(finding.resource.id()));
        // One that could not be read may be one of the place.
        acl.is_none_or(|acl| acl.known().is_none_or(|acl| place.has(acl)))
    });
}

/// Reads the networks, each as AWS writes it.
fn networks(addresses: &[String]) -> Result<Vec<Allowed>, Fail> {
    let read = |text: &String| {
        Allowed::try_from(text.clone()).map_err(|why| {
            Fail::usage(format!("{text} cannot be blocked"))
                .why(why)
                .hint("name addresses or narrow networks, such as 203.0.113.7 or 2001:db8::/64")
        })
    };
    let mut all = addresses.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    all.sort_by_key(|network| network.0);
    all.dedup();
    let wide = all.clone();
    // A network within another one is blocked with it.
    all.retain(|one| !wide.iter().any(|other| other != one && other.0.contains(&one.0)));
    Ok(all)
}

/// Writes networks as a TOML list.
fn listed(networks: &[Allowed]) -> String {
    let all: Vec<String> = networks.iter().map(|network| format!("\"{}\"", String::from(*network))).collect();
    format!("[{}]", all.join(", "))
}
