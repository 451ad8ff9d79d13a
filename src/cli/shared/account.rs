//! The access to the account: AWS, or a twin. This is the one place of redress that knows both by name; its
//! callers see only the seam, and beside it AWS's event history where there is one.

use std::path::Path;

use super::{fail::Fail, out::aside, session::Session, store::warn_of_clear, to_aws::leads_to_aws};
use crate::{
    account::Account,
    aws::{self, ConnectError, OtherAccount},
    inventory::Inventory,
    journal::story::Head,
    plan::{Plan, Stage},
    playbook::problem::did_you_mean,
    report::safe,
    twin::{Twin, TwinAccount, TwinError, demo},
};

/// An open account with the regions that were asked for.
pub struct OpenAccount {
    /// The account.
    pub account: Box<dyn Account>,
    /// The regions.
    pub regions: Vec<String>,
    /// The event history of CloudTrail; a twin has none.
    pub history: Option<aws::History>,
}

/// The account that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Choice {
    Aws,
    Twin(String),
}

impl Session {
    /// Opens the account that the flags name.
    ///
    /// # Errors
    /// When the account cannot be opened: exit 2 for bad input, exit 1 for an endpoint that does not answer.
    pub async fn open(&self) -> Result<OpenAccount, Fail> {
        match choice(self.common.account.as_deref())? {
            Choice::Aws => self.open_aws(&self.common.region).await,
            Choice::Twin(name) => self.open_twin(&name, &self.common.region),
        }
    }

    /// Opens the account of a run or plan again: the same account at the same endpoint, or none.
    ///
    /// # Errors
    /// When flags or credentials lead to another account or endpoint (exit 2), or the account cannot be
    /// opened.
    pub async fn reopen(&self, place: &Place<'_>) -> Result<OpenAccount, Fail> {
        if !self.common.region.is_empty() {
            self.out.always(&format!("warning: --region is ignored: {} names its own regions", place.what));
        }
        let asked = choice(self.common.account.as_deref())?;
        let flag = || format!("--account is {}", self.common.account.as_deref().unwrap_or_default());
        let door = match place.endpoint.strip_prefix("twin:") {
            Some(name) if matches!(&asked, Choice::Twin(other) if other != name) => {
                return Err(place.elsewhere(&flag()));
            }
            Some(name) => {
                if asked == Choice::Aws {
                    self.led_by_its_word(place, name)?;
                }
                self.open_twin(name, &[])?
            }
            None if asked != Choice::Aws => return Err(place.elsewhere(&flag())),
            None => self.open_aws(place.regions).await?,
        };
        let here = door.account.identity();
        if here.owner.partition != place.partition {
            return Err(place.other_partition(&here.owner.partition));
        }
        if here.owner.account != place.account {
            return Err(place.elsewhere(&format!(
                "these credentials are for account {} ({})",
                here.owner.account, here.owner.partition
            )));
        }
        if here.endpoint != place.endpoint {
            return Err(place.elsewhere(&format!("this is {}", here.endpoint)));
        }
        Ok(OpenAccount { regions: place.regions.to_vec(), ..door })
    }

    /// Checks that a file or a run may choose a twin without `--account`: only a twin with a name, and only
    /// where nothing leads to AWS. Otherwise a plan that was edited to name a twin would pass for done in a
    /// pipeline, and open whatever file it names.
    ///
    /// # Errors
    /// When `--account` is required (exit 2).
    fn led_by_its_word(&self, place: &Place<'_>, name: &str) -> Result<(), Fail> {
        let common = &self.common;
        let flags = [
            (common.profile.is_some(), "--profile is given"),
            (!common.only_account.is_empty(), "--only-account or REDRESS_ONLY_ACCOUNT is given"),
        ];
        let given = flags.into_iter().find_map(|(on, what)| on.then(|| what.to_owned()));
        let set = || leads_to_aws(|name| std::env::var_os(name)).map(|name| format!("{name} is set"));
        let why = if !TwinAccount::is_name(name) {
            "a path there would choose the file to open: only --account may do that".to_owned()
        } else if let Some(what) = given.or_else(set) {
            format!("{what}, so AWS may be meant: then a twin is used only with --account")
        } else {
            self.out.say(&format!(
                "note: {} is for {}, a twin: nothing is read or changed in AWS",
                place.what, place.endpoint
            ));
            return Ok(());
        };
        let said =
            format!("{} is for {}, a twin, and --account does not name it", place.what, place.endpoint);
        let account = safe::shell(place.endpoint);
        Err(Fail::usage(said)
            .why(why)
            .why("nothing was changed")
            .hint(format!("if the twin is meant, give --account {account}; else make a new plan")))
    }

    /// Returns the same account, as fresh as the lock requires. AWS is always read afresh; a twin that was
    /// read before the lock was taken may have been changed by another process since, and is read again.
    ///
    /// # Errors
    /// When the twin is gone.
    pub fn under_lock(&self, door: OpenAccount) -> Result<OpenAccount, Fail> {
        let endpoint = door.account.identity().endpoint.clone();
        match endpoint.strip_prefix("twin:") {
            Some(name) => Ok(OpenAccount { regions: door.regions, ..self.open_twin(name, &[])? }),
            None => Ok(door),
        }
    }

    async fn open_aws(&self, regions: &[String]) -> Result<OpenAccount, Fail> {
        let settings = aws::Settings { regions: regions.to_vec(), ..self.settings() };
        let out = self.out;
        let waits = move |what: &str, wait: std::time::Duration| {
            aside(out, &format!("waiting for AWS: {} s ({what})", wait.as_secs_f64().ceil()));
        };
        let opened = aws::open(&settings, |clear| warn_of_clear(out, clear), Box::new(waits))
            .await
            .map_err(|error| connect_fail(&error))?;
        Ok(OpenAccount { account: opened.account, regions: opened.regions, history: Some(opened.history) })
    }

    fn open_twin(&self, name: &str, asked: &[String]) -> Result<OpenAccount, Fail> {
        if self.common.profile.is_some() {
            return Err(
                Fail::usage("--profile is for AWS, and --account names a twin").hint("leave one of them out")
            );
        }
        let account = TwinAccount::open(name, &self.state_folder()?).map_err(|error| twin_fail(&error))?;
        let (own, only) = (&account.identity().owner.account, &self.common.only_account);
        if !only.is_empty() && !only.contains(own) {
            return Err(connect_fail(&OtherAccount { account: own.clone(), only: only.clone() }.into()));
        }
        let known: Vec<String> = account.regions();
        let regions = twin_regions(&known, asked)?;
        Ok(OpenAccount { account: Box::new(account), regions, history: None })
    }
}

/// Builds a fresh demo account that is not saved anywhere.
pub fn demo_door() -> OpenAccount {
    let account = TwinAccount::new(demo::demo(jiff::Timestamp::now()), "demo");
    let regions = account.regions();
    OpenAccount { account: Box::new(account), regions, history: None }
}

/// Resets the saved demo account.
///
/// # Errors
/// When it cannot be written (exit 1).
pub fn fresh_demo(state: &Path) -> Result<(), Fail> {
    TwinAccount::fresh_demo(state).map(drop).map_err(|error| twin_fail(&error))
}

/// Builds a copy of an account to rehearse on.
pub fn stage(inventory: Inventory) -> Box<dyn Stage> {
    Box::new(Twin::from_inventory(inventory))
}

/// Returns the account that `--account` names.
fn choice(text: Option<&str>) -> Result<Choice, Fail> {
    let Some(text) = text else { return Ok(Choice::Aws) };
    if text == "twin" || text == "twin:" {
        return Ok(Choice::Twin("demo".to_owned()));
    }
    if let Some(name) = text.strip_prefix("twin:") {
        return Ok(Choice::Twin(name.to_owned()));
    }
    let fail = Fail::usage(format!(
        "--account {text}: only a twin can be named here, as twin, twin:NAME or twin:FILE"
    ));
    let digits = text.len() == 12 && text.chars().all(|c| c.is_ascii_digit());
    Err(if digits {
        fail.why(
            "the AWS account is taken from your credentials, so a change can never land in a different one",
        )
        .hint(format!("for account {text} use its credentials: --profile NAME, or AWS_PROFILE"))
    } else if Path::new(text).is_file() {
        fail.hint(format!("for the inventory in that file: --account twin:{text}"))
    } else {
        fail.hint(
            "--account twin:demo is an account to try things on; for AWS leave --account out and choose with \
             --profile",
        )
    })
}

fn twin_regions(known: &[String], asked: &[String]) -> Result<Vec<String>, Fail> {
    if asked.is_empty() || asked.iter().any(|r| r == "all") {
        return Ok(known.to_vec());
    }
    let mut regions: Vec<String> = Vec::new();
    for region in asked {
        if !known.contains(region) {
            let near = did_you_mean(region, known.iter().map(String::as_str))
                .map_or(String::new(), |near| format!("did you mean {near}? "));
            return Err(Fail::usage(format!("there is no region {region:?} in this twin"))
                .hint(format!("{near}it has {}", known.join(", "))));
        }
        if !regions.contains(region) {
            regions.push(region.clone());
        }
    }
    Ok(regions)
}

/// The account, partition, endpoint and regions that a run or a plan belongs to.
#[derive(Debug, Clone)]
pub struct Place<'a> {
    /// The name of the run or plan, for messages: `run R`, `the plan`.
    what: String,
    account: &'a str,
    partition: &'a str,
    endpoint: &'a str,
    regions: &'a [String],
}

impl<'a> Place<'a> {
    /// Returns the place where a run was made.
    pub fn of_run(head: &'a Head, regions: &'a [String]) -> Self {
        Self {
            what: format!("run {}", head.run),
            account: &head.account,
            partition: &head.partition,
            endpoint: &head.endpoint,
            regions,
        }
    }

    /// Returns the place that a plan was made for.
    pub fn of_plan(plan: &'a Plan) -> Self {
        Self {
            what: "the plan".to_owned(),
            account: &plan.account,
            partition: &plan.partition,
            endpoint: &plan.endpoint,
            regions: &plan.regions,
        }
    }

    /// Builds the refusal of credentials for another partition. The same account number in another partition
    /// is another account.
    fn other_partition(&self, here: &str) -> Fail {
        Fail::usage(format!(
            "{} is for account {} in the partition {}, but these credentials are for the partition {here}",
            self.what, self.account, self.partition
        ))
        .why("nothing was changed")
        .hint(format!("use credentials for account {} in {}: --profile NAME", self.account, self.partition))
    }

    fn elsewhere(&self, here: &str) -> Fail {
        let at = if self.endpoint == "aws" { String::new() } else { format!(" at {}", self.endpoint) };
        let fail = Fail::usage(format!("{} is for account {}{at}, but {here}", self.what, self.account))
            .why("nothing was changed");
        if self.endpoint.starts_with("twin:") {
            fail.hint(format!("give --account {}", safe::shell(self.endpoint)))
        } else if self.endpoint == "aws" {
            fail.hint(
                "use credentials for that account (--profile NAME), without --account, AWS_ENDPOINT_URL or \
                 any AWS_ENDPOINT_URL_*, and without endpoint_url in the profile",
            )
        } else if self.endpoint.contains(", ") {
            fail.hint(
                "set AWS_ENDPOINT_URL and that of each service (such as AWS_ENDPOINT_URL_EC2) as they were \
                 then, and use the credentials of that account",
            )
        } else {
            fail.hint(format!(
                "set AWS_ENDPOINT_URL={} and use the credentials of that account",
                self.endpoint
            ))
        }
    }
}

fn twin_fail(error: &TwinError) -> Fail {
    match error {
        // A file that was not found was misspelt; every other error is the disk's.
        TwinError::Io { what, source, .. }
            if *what == "written" || source.kind() != std::io::ErrorKind::NotFound =>
        {
            Fail::failure(error.to_string()).hint("choose another place with --state-dir")
        }
        _ => Fail::usage(error.to_string()),
    }
}

fn connect_fail(error: &ConnectError) -> Fail {
    if error.is_input() { Fail::usage(error.to_string()) } else { Fail::failure(error.to_string()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_id_where_a_twin_is_meant_is_refused_and_explained() {
        let fail = choice(Some("123456789012")).expect_err("not a twin");
        assert_eq!(fail.exit.code(), 2);
        assert!(fail.text().contains("--profile"), "{}", fail.text());
        assert_eq!(choice(Some("prod")).expect_err("not a twin").exit.code(), 2);
    }

    #[test]
    fn a_twin_has_a_name_and_without_one_it_is_the_demo() {
        assert_eq!(choice(None), Ok(Choice::Aws));
        assert_eq!(choice(Some("twin")), Ok(Choice::Twin("demo".to_owned())));
        assert_eq!(choice(Some("twin:demo")), Ok(Choice::Twin("demo".to_owned())));
        assert_eq!(choice(Some("twin:./a.json")), Ok(Choice::Twin("./a.json".to_owned())));
    }

    #[test]
    fn regions_of_a_twin_are_its_own() {
        let known = ["eu-west-1".to_owned(), "us-east-1".to_owned()];
        let all =
            |asked: &[&str]| twin_regions(&known, &asked.iter().map(|r| (*r).to_owned()).collect::<Vec<_>>());
        assert_eq!(all(&[]), Ok(known.to_vec()));
        assert_eq!(all(&["all"]), Ok(known.to_vec()));
        assert_eq!(all(&["us-east-1", "us-east-1"]), Ok(vec!["us-east-1".to_owned()]));
        assert_eq!(all(&["mars-1"]).expect_err("no such region").exit.code(), 2);
    }
}
