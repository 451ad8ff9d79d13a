//! A survey of an account: reads the facts that checks need and runs them; reads the facts that actions need
//! and plans. Reads only.

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use serde_json::Value;

use super::{MakeStage, gather::gather};
use crate::{
    account::{Account, Identity},
    actions::Options,
    checks::{self, Check, Unjudged},
    finding::Finding,
    inventory::{Inventory, Scope},
    plan::{
        Plan, Stage,
        build::{self, Limits, Request},
        evidence::{Asked, Observed, needs as interfaces},
        rehearse::Rules,
    },
    playbook::{
        Playbook, Waivers,
        waivers::{Lapsed, Scanned},
    },
    reach::{self, Reaches},
};

/// The result of a survey.
#[derive(Debug, Clone, PartialEq)]
pub struct Survey {
    /// The facts.
    pub inventory: Inventory,
    /// The findings of checks on resources that do not simply pass.
    pub findings: Vec<Finding>,
    /// Checks that could not be run at all in a region.
    pub unjudged: Vec<Unjudged>,
    /// Waivers that set nothing aside.
    pub lapsed: Vec<Lapsed>,
}

/// Reads the facts that these checks need in these regions, and runs them. `parameters` gives a check's
/// `with`.
pub async fn scan(
    account: &dyn Account,
    regions: &[String],
    checks: &[&'static Check],
    parameters: &(dyn Fn(&str) -> Value + Sync),
) -> Survey {
    let who = account.identity();
    let empty = Inventory::empty(who.owner.clone(), who.caller.clone(), account.now());
    let inventory = gather(account, empty, &mut |known| needs(known, regions, checks, parameters)).await;
    let (findings, unjudged) = checks::run(&inventory, regions, checks, parameters);
    Survey { inventory, findings, unjudged, lapsed: Vec::new() }
}

/// Returns the listings of each check, and the further facts that its resources need.
fn needs(
    known: &Inventory,
    regions: &[String],
    checks: &[&'static Check],
    parameters: &(dyn Fn(&str) -> Value + Sync),
) -> Scope {
    let mut scope: Scope = regions
        .iter()
        .flat_map(|region| checks.iter().flat_map(move |check| (check.reads)(region)))
        .collect();
    for check in checks {
        let with = parameters(check.id);
        for resource in (check.resources)(known, regions) {
            scope.extend((check.reads_one)(known, &resource, &with));
        }
    }
    scope
}

/// A request for a plan.
pub struct Wish<'a> {
    /// The regions to look at.
    pub regions: &'a [String],
    /// The checks to run.
    pub checks: &'a [&'static Check],
    /// The playbooks, in the order in which they were loaded.
    pub playbooks: &'a [Playbook],
    /// The options of the actions.
    pub options: &'a Options,
    /// The validity of the plan.
    pub valid_for: SignedDuration,
    /// Limits from the command line.
    pub limits: Limits,
    /// Findings that a person lets stay.
    pub waivers: &'a Waivers,
    /// The networks that changes let in since flow logs show that they came in.
    pub observed: Observed,
    /// Facts to read beside those that the checks need.
    pub also: Scope,
    /// The filter that reduces the survey to the requested part, before anything is planned.
    pub narrow: Option<&'a (dyn Fn(&mut Survey) + Sync)>,
}

impl Wish<'_> {
    /// Returns the parameters that the playbooks give a check.
    pub fn parameters(&self, check: &str) -> Value {
        Rules::new(self.regions, self.playbooks).with(check)
    }

    fn request<'r>(
        &'r self,
        who: &'r Identity,
        created: Timestamp,
        inventory: &'r Inventory,
        findings: &'r [Finding],
        unjudged: &'r [Unjudged],
        stage: Box<dyn Stage>,
    ) -> Request<'r> {
        Request {
            inventory,
            findings,
            unjudged,
            playbooks: self.playbooks,
            options: self.options,
            regions: self.regions,
            endpoint: &who.endpoint,
            caller: &who.caller.arn,
            created,
            valid_for: self.valid_for,
            limits: self.limits,
            observed: &self.observed,
            stage,
        }
    }
}

/// Surveys the account, reads the facts that the actions need, and builds the plan. `stage` makes a copy of
/// the account to rehearse on.
pub async fn plan(account: &dyn Account, wish: &Wish<'_>, stage: MakeStage<'_>) -> (Survey, Plan) {
    let mut survey = scan(account, wish.regions, wish.checks, &|check| wish.parameters(check)).await;
    let scanned = Scanned {
        checks: &wish.checks.iter().map(|check| check.id).collect(),
        unjudged: &survey.unjudged,
        account: &account.identity().owner.account,
        regions: wish.regions,
    };
    let today = account.now().to_zoned(TimeZone::UTC).date();
    survey.lapsed = wish.waivers.apply(&mut survey.findings, scanned, today);
    if !wish.also.is_empty() {
        survey.inventory = gather(account, survey.inventory, &mut |_| wish.also.clone()).await;
    }
    if let Some(narrow) = wish.narrow {
        narrow(&mut survey);
    }
    of_survey(account, wish, survey, stage).await
}

/// Returns the questions to flow logs about a plan, once the interfaces that they are about are read.
pub async fn asked(account: &dyn Account, plan: &Plan, survey: &mut Survey) -> Asked {
    let known = nothing_of(account, &mut survey.inventory);
    survey.inventory = gather(account, known, &mut |known| interfaces(plan, known)).await;
    Asked::of(plan, &survey.inventory)
}

/// Returns the reach of the findings of a survey, with the facts that it follows from. They are apart from
/// those of the survey, and asked for when everything else is done, so that no plan rests on them.
pub async fn reach(account: &dyn Account, survey: &Survey, wish: &Wish<'_>) -> (Inventory, Reaches) {
    let with = |check: &str| wish.parameters(check);
    let needs = &mut |known: &Inventory| reach::needs(known, &survey.findings, &with);
    let inventory = gather(account, survey.inventory.clone(), needs).await;
    let reaches = reach::of(&inventory, &survey.findings, &with);
    (inventory, reaches)
}

/// Takes the facts out of a survey.
fn nothing_of(account: &dyn Account, inventory: &mut Inventory) -> Inventory {
    let who = account.identity();
    std::mem::replace(inventory, Inventory::empty(who.owner.clone(), who.caller.clone(), account.now()))
}

/// Reads the facts that the actions need beyond those of a survey, and builds the plan.
pub async fn of_survey(
    account: &dyn Account,
    wish: &Wish<'_>,
    mut survey: Survey,
    stage: MakeStage<'_>,
) -> (Survey, Plan) {
    let who = account.identity();
    let created = account.now();
    let known = nothing_of(account, &mut survey.inventory);
    let nothing = || stage(Inventory::empty(who.owner.clone(), who.caller.clone(), created));
    survey.inventory = gather(account, known, &mut |known| {
        build::needs(&wish.request(who, created, known, &survey.findings, &survey.unjudged, nothing()))
    })
    .await;
    let plan = build::build(wish.request(
        who,
        created,
        &survey.inventory,
        &survey.findings,
        &survey.unjudged,
        stage(survey.inventory.clone()),
    ));
    (survey, plan)
}
