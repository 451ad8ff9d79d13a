//! `redress demo`: the whole story on a fresh twin, shown as it happens. It uses no network and no
//! credentials; everything it writes is in a folder of its own that is removed afterwards. `--reset` resets
//! the saved account `twin:demo`.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
};

use serde_json::json;

use crate::{
    cli::shared::{
        account::{self, OpenAccount},
        args::{Common, Format, SafetyLimits},
        ask::{Policy, decide},
        events::Task,
        exit::Exit,
        fail::Fail,
        perform::{self, Approved},
        planning::{self, Planned},
        render,
        session::Session,
        store::store_fail,
    },
    engine::{self, undo},
    journal::{Outcome, RunDocument, StateDir, Store, Story},
    plan::Plan,
    private,
    report::{
        Detail, json as documents,
        style::{Page, plain},
    },
};

/// The range that the demo's company works from: access that is closed to the world stays open to this range.
const OFFICE: &str = "203.0.113.0/24";

/// The columns of the story where it is not written to a terminal: it ends up in terminals and pages all the
/// same.
const COLUMNS: usize = 80;

/// The number of changes of the plan that are shown whole.
const EXCERPT: usize = 1;

/// Runs the demo, or resets the saved account.
///
/// # Errors
/// When its folder cannot be written.
pub async fn run(session: &Session, reset: bool) -> Result<Exit, Fail> {
    if reset {
        account::fresh_demo(&session.state_folder()?)?;
        session.out.say("the account twin:demo was reset; earlier runs on it can no longer be undone");
        session.out.data(NEXT)?;
        return Ok(Exit::Done);
    }
    let folder = Folder::make()?;
    let demo = Demo {
        session: inner(session, &folder),
        door: account::demo_door(),
        json: session.common.format == Format::Json,
    };
    demo.tell().await
}

/// Builds the session of the demo: the user's format, a folder of its own, no flags that are for real
/// accounts, and no progress beside the story.
fn inner(session: &Session, folder: &Folder) -> Session {
    let common = session.common.clone();
    let allow_cidr = if common.allow_cidr.is_empty() { vec![OFFICE.to_owned()] } else { common.allow_cidr };
    Session {
        common: Common {
            state_dir: Some(folder.0.clone()),
            region: Vec::new(),
            profile: None,
            only_account: Vec::new(),
            account: None,
            allow_cidr,
            ..common
        },
        out: session.out.quieter().narrower(COLUMNS),
    }
}

/// A folder that is removed when the demo is over.
struct Folder(PathBuf);

impl Folder {
    fn make() -> Result<Self, Fail> {
        let path = std::env::temp_dir().join(format!(
            "redress-demo-{}-{}",
            std::process::id(),
            jiff::Timestamp::now().as_nanosecond()
        ));
        private::new_folder(&path).map_err(|e| {
            Fail::failure(format!("{}: cannot make a folder for the demo", path.display())).why(e.to_string())
        })?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // A folder that is left behind does no harm: it is in the folder for temporary files.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

struct Demo {
    session: Session,
    door: OpenAccount,
    json: bool,
}

impl Demo {
    async fn tell(&self) -> Result<Exit, Fail> {
        let state = StateDir::open(&self.session.state_path()?).map_err(store_fail)?;
        let planned = planning::plan(&self.session, &self.door, &SafetyLimits::default()).await?;
        let scan = self.scanned(&planned)?;
        self.planned(&planned.plan)?;

        self.part("4", "apply: one call at a time, each written to the journal before it is made")?;
        let (run, story) = self.done(&state, &planned.plan).await?;
        self.show(&RunDocument::of(&story, &planned.plan))?;

        self.part("5", "verify: read again, check again")?;
        let folder = state.run(&run).map_err(store_fail)?;
        let mut journal = folder.journal().map_err(store_fail)?;
        perform::work(&self.session, &self.door, &planned.plan, &run, &mut journal, Task::Verify)
            .await
            .map_err(|e| Fail::failure(e.to_string()))?;
        let verified = RunDocument::of(&journal.story, &planned.plan);
        self.say(&tally(&verified))?;
        self.gap()?;

        self.part("6", "undo: a plan of its own, made of the recorded undo calls, in reverse")?;
        let now = self.door.account.now();
        let mut undoing = undo::plan(
            &journal.story,
            &planned.plan,
            None,
            self.door.account.identity(),
            now,
            planning::VALID_FOR,
        );
        undoing.rehearse(&planned.plan, self.door.account.as_ref(), &account::stage).await;
        for (change, reason) in &undoing.refused {
            self.say(&format!("{change} is not undone: {reason}"))?;
        }
        let (_, undone) = self.done(&state, &undoing.plan).await?;
        let undone_document = RunDocument::of(&undone, &undoing.plan);
        self.show(&undone_document)?;
        self.end(&scan, &planned.plan, &verified, &undone_document)?;
        Ok(Exit::worst([Exit::of_verify(&journal.story), Exit::of_run(&undone)]))
    }

    fn scanned(&self, planned: &Planned) -> Result<serde_json::Value, Fail> {
        let regions = &self.door.regions;
        self.row(
            0,
            "",
            0,
            "This is the account of a company that does not exist, in memory. Nothing here touches a \
             network.",
        )?;
        self.gap()?;
        self.part("1", &format!("scan: read {} and run the checks", regions.join(" and ")))?;
        let seen = render::Seen::of(&self.door, planned);
        if !self.json {
            self.session.out.data(&render::findings_brief(&self.session, &seen.scan()))?;
        }
        serde_json::to_value(documents::FindingsDocument::from(&seen.scan()))
            .map_err(|e| Fail::failure(e.to_string()))
    }

    fn planned(&self, plan: &Plan) -> Result<(), Fail> {
        self.part(
            "2",
            &format!(
                "plan: {} changes, each with its steps and its undo. The first of them:",
                plan.changes.len()
            ),
        )?;
        self.gap()?;
        for change in plan.changes.iter().filter(|c| !c.findings.is_empty()).take(EXCERPT) {
            self.data(&format!("{}\n", render::change(&self.session, plan, change, Some(Detail::Steps))))?;
        }
        let shown = &plan.rehearsal;
        self.say(&format!(
            "rehearsed on a copy of the account: closes {}, opens {}; undo {}",
            shown.closes.len(),
            shown.opens.len(),
            if shown.undo_restores {
                "restores all but what the plan names"
            } else {
                "does not restore everything, as the plan states"
            }
        ))?;
        self.gap()?;
        self.part(
            "3",
            "approve: in your account redress asks you; here all that is not irreversible is approved",
        )?;
        self.gap()
    }

    async fn done(&self, state: &StateDir, plan: &Plan) -> Result<(String, Story), Fail> {
        let decisions = decide(plan, &Policy::demo().standings(plan), &BTreeMap::new());
        let run = engine::run_id(plan, self.door.account.now());
        let (story, result) =
            perform::go(&self.session, &self.door, state, &run, Approved { plan, decisions, signed: None })
                .await?;
        result.map_err(|error| Fail::failure(format!("the demo stopped: {error}")))?;
        Ok((run, story))
    }

    /// Shows a run in a few lines.
    fn show(&self, run: &RunDocument) -> Result<(), Fail> {
        for change in &run.changes {
            // The remains of an undo are reported at the end, once.
            let told = change.outcome != Outcome::Restored && !change.reason.is_empty();
            let reason = if told { format!(" ({})", change.reason) } else { String::new() };
            self.row(
                3,
                &format!("{:<4} {}", change.id, change.outcome.word()),
                23,
                &format!("{}{reason}", change.summary),
            )?;
        }
        self.say(&tally(run))?;
        self.gap()
    }

    fn end(
        &self,
        scan: &serde_json::Value,
        plan: &Plan,
        run: &RunDocument,
        undo: &RunDocument,
    ) -> Result<(), Fail> {
        if self.json {
            let whole = json!({ "format": "redress.demo/1", "findings": scan, "plan": plan, "run": run,
                "undo": undo });
            return self
                .session
                .out
                .data(&documents::write(&whole).map_err(|e| Fail::failure(e.to_string()))?);
        }
        let kept: BTreeSet<&String> = undo
            .changes
            .iter()
            .filter(|c| c.outcome == Outcome::Restored)
            .flat_map(|c| &c.not_restored)
            .collect();
        if !kept.is_empty() {
            self.say("not restored, as the plan stated beforehand:")?;
            kept.iter().try_for_each(|what| self.row(3, "-", 5, what))?;
            self.gap()?;
        }
        self.session.out.data(NEXT)
    }

    /// Writes the heading of a part.
    fn part(&self, number: &str, text: &str) -> Result<(), Fail> {
        self.row(0, number, 3, text)
    }

    /// Writes a line within a part.
    fn say(&self, text: &str) -> Result<(), Fail> {
        self.row(3, "", 3, text)
    }

    fn gap(&self) -> Result<(), Fail> {
        self.data("\n")
    }

    /// Writes a label with the text beside it.
    fn row(&self, indent: usize, label: &str, hang: usize, text: &str) -> Result<(), Fail> {
        let mut page = Page::new(render::data(&self.session).style);
        page.row(indent, &plain(label), hang, &[plain(text)]);
        self.data(&page.done())
    }

    /// Writes part of the story as it is; nothing if the output is JSON.
    fn data(&self, text: &str) -> Result<(), Fail> {
        if self.json || text.is_empty() { Ok(()) } else { self.session.out.data(text) }
    }
}

fn tally(run: &RunDocument) -> String {
    run.counts.iter().map(|(outcome, n)| format!("{n} {outcome}")).collect::<Vec<_>>().join(", ")
}

const NEXT: &str = "Now try it yourself, on an account that is kept between commands and is no real
one either:

  redress scan --account twin:demo
  redress plan --account twin:demo -o plan.json
  redress apply plan.json
  redress undo last

and then on your own account, where planning changes nothing: redress plan
";
