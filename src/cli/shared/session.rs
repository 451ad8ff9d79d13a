//! The common start of every command: the state directory, the playbooks in force, the checks that were asked
//! for, the options. It reads the user's files and changes nothing.

use std::{
    io::Read,
    net::IpAddr,
    path::{Path, PathBuf},
};

use etcetera::BaseStrategy;
use ipnet::IpNet;

use super::{
    args::{Common, Guards},
    fail::Fail,
    out::Out,
    state_dir,
    store::{store_fail, store_in_bucket},
};
use crate::{
    actions::Options,
    aws,
    checks::{self, Check},
    intake::mapping::{self, Meant},
    journal::{RunFolder, StateDir, Store},
    playbook::{self, Playbook, Problem, Waivers, problem::did_you_mean, sets, waivers},
    report::safe,
};

/// One invocation of redress: its options, and its output streams.
#[derive(Debug)]
pub struct Session {
    /// The common options.
    pub common: Common,
    /// The two streams.
    pub out: Out,
}

/// The largest number of files in a folder of playbooks; more is a wrong folder.
const MOST_FILES: usize = 1000;

impl Session {
    /// Returns the path of the state directory, without touching it.
    ///
    /// # Errors
    /// When the platform names no place for state.
    pub fn state_path(&self) -> Result<PathBuf, Fail> {
        if let Some(path) = self.common.state_dir.as_ref().filter(|_| self.bucket().is_none()) {
            return Ok(path.clone());
        }
        let base = etcetera::choose_base_strategy().map_err(|_| {
            Fail::failure("there is no home directory to keep runs in").hint("name a place with --state-dir")
        })?;
        Ok(base.state_dir().unwrap_or_else(|| base.data_dir()).join("redress"))
    }

    /// Returns the state directory on this machine, without touching it.
    ///
    /// # Errors
    /// As [`Session::state_path`], and when the path cannot be a state directory.
    pub fn state_folder(&self) -> Result<PathBuf, Fail> {
        let path = self.state_path()?;
        state_dir::usable(&path)?;
        Ok(path)
    }

    /// Opens the store of runs for reading. Warns when others may write there.
    ///
    /// # Errors
    /// When the platform names no place for state, or a bucket does not answer.
    pub fn state(&self) -> Result<Box<dyn Store>, Fail> {
        let state: Box<dyn Store> = match self.bucket() {
            Some(url) => store_in_bucket(url, &self.settings(), self.out)?,
            None => Box::new(StateDir::new(&self.state_folder()?)),
        };
        if let Some(why) = state.in_other_hands() {
            self.out.always(&format!(
                "warning: {why}: anyone who can write to a run decides what is called. Choose a place of \
                 your own with --state-dir"
            ));
        }
        self.warn_of_others(state.as_ref(), None);
        Ok(state)
    }

    /// Opens the store of runs for writing, and creates it if it does not exist.
    ///
    /// # Errors
    /// When it cannot be written (exit 1).
    pub fn state_to_write(&self) -> Result<Box<dyn Store>, Fail> {
        let state = self.state()?;
        state.ready().map_err(store_fail)?;
        Ok(state)
    }

    /// Warns where others can write to files that decide which calls are made.
    fn warn_of_others(&self, state: &dyn Store, run: Option<&str>) {
        let open = state.open_to_others(run);
        let Some(first) = open.first() else { return };
        let more =
            if open.len() > 1 { format!(" and {} more places in it", open.len() - 1) } else { String::new() };
        let place = safe::shell(&state.place());
        self.out.always(&format!(
            "warning: others may write in {first}{more}: anyone who can write to a run decides what is \
             called when it is resumed or undone. `chmod -R go-w {place}` removes that access; look at the \
             files first"
        ));
    }

    /// Returns the AWS settings that the flags give, except the regions.
    pub(super) fn settings(&self) -> aws::Settings {
        let common = &self.common;
        aws::Settings {
            profile: common.profile.clone(),
            only_accounts: common.only_account.clone(),
            pace: common.pace,
            ..aws::Settings::default()
        }
    }

    /// Returns the `s3://bucket/prefix` that runs are kept in, if they are.
    fn bucket(&self) -> Option<&str> {
        self.common.state_dir.as_ref()?.to_str().filter(|text| text.starts_with("s3:"))
    }

    /// Opens the folder of a run.
    ///
    /// # Errors
    /// When there is no such run (exit 2), or it cannot be read (exit 1).
    pub fn run(&self, run: &str) -> Result<(Box<dyn Store>, RunFolder), Fail> {
        let state = self.state()?;
        let folder = state.run(run).map_err(store_fail)?;
        let id = folder.story().head.run;
        if state.open_to_others(None).is_empty() {
            self.warn_of_others(state.as_ref(), Some(&id));
        }
        Ok((state, folder))
    }

    /// Returns the playbooks in force: built-in ones, the user's, and the changes of the flags to them.
    ///
    /// # Errors
    /// When files or flags are wrong (exit 2).
    pub fn playbooks(&self) -> Result<Vec<Playbook>, Fail> {
        let user = match &self.common.playbooks {
            Some(folder) => playbook_files(std::slice::from_ref(folder))?,
            None => Vec::new(),
        };
        let mut playbooks =
            playbook::assemble(playbook::builtin(), user).map_err(|problems| problems_fail(&problems))?;
        for setting in &self.common.set {
            playbook::override_parameter(&mut playbooks, setting).map_err(Fail::usage)?;
        }
        playbook::allow_cidrs(&mut playbooks, &self.allowed()?).map_err(Fail::usage)?;
        Ok(playbooks)
    }

    /// Returns the waivers: those of the flag, or else those beside the user's playbooks, if there are any.
    fn waivers(&self) -> Result<Waivers, Fail> {
        match (&self.common.waivers, &self.common.playbooks) {
            (Some(file), _) => waivers_of(file),
            (None, Some(folder)) => waivers_beside(folder),
            (None, None) => Ok(Waivers::default()),
        }
    }

    fn allowed(&self) -> Result<Vec<IpNet>, Fail> {
        self.common.allow_cidr.iter().map(|text| cidr(text)).collect()
    }

    /// Returns the playbooks of the sets that were asked for, and the checks that were asked for or that
    /// these playbooks answer.
    ///
    /// # Errors
    /// When files or flags are wrong, or an id or control is unknown (exit 2).
    pub fn chosen(&self) -> Result<Chosen, Fail> {
        let all = self.playbooks()?;
        let mut asked: Vec<&str> = Vec::new();
        for id in &self.common.check {
            asked.extend(named_checks(id)?);
        }
        let sets = &self.common.playbook_set;
        let playbooks = sets::chosen(&all, sets::asked(sets));
        let runs = |check: &&Check| {
            let named = if asked.is_empty() {
                sets::is_run(&all, &playbooks, sets, check.id)
            } else {
                asked.contains(&check.id)
            };
            check.scanned && named
        };
        let checks: Vec<&'static Check> = checks::all().filter(runs).collect();
        let beside = checks.iter().filter_map(|check| beside(&all, &playbooks, check.id)).collect();
        Ok(Chosen { playbooks, checks, beside, waivers: self.waivers()? })
    }
}

/// The part of the playbooks and checks that a session plans with.
pub struct Chosen {
    /// The playbooks.
    pub playbooks: Vec<Playbook>,
    /// The checks to run.
    pub checks: Vec<&'static Check>,
    /// A remark on each check that only playbooks of other sets answer.
    pub beside: Vec<String>,
    /// The findings that a person lets stay.
    pub waivers: Waivers,
}

/// Returns the remark on a check that runs and that only playbooks of other sets answer.
fn beside(all: &[Playbook], chosen: &[Playbook], check: &str) -> Option<String> {
    if sets::answering(chosen, check).next().is_some() {
        return None;
    }
    let other = sets::answering(all, check).find(|playbook| !playbook.sets.is_empty())?;
    Some(format!(
        "no playbook of the chosen sets answers {check}: {} does, with --playbook-set {}",
        other.id, other.sets[0]
    ))
}

/// Returns the checks that a name means: an id of ours, or a control that others know them by.
fn named_checks(name: &str) -> Result<Vec<&'static str>, Fail> {
    match checks::find(name) {
        Some(check) if check.scanned => return Ok(vec![check.id]),
        Some(_) => return Err(Fail::usage(format!("{name} only proves changes: a scan does not run it"))),
        None => {}
    }
    if let Some(checks) = checks_of_control(name)? {
        return Ok(checks);
    }
    let ids = || checks::all().filter(|check| check.scanned).map(|check| check.id);
    let hint = match did_you_mean(name, ids()) {
        Some(near) => format!("did you mean {near}?"),
        None => format!("there are {}", ids().collect::<Vec<_>>().join(", ")),
    };
    Err(Fail::usage(format!("there is no check {name:?}")).hint(hint))
}

/// Returns the checks that answer a control that others know them by; `None` where the name is no control.
///
/// # Errors
/// When no check answers it, or it means one thing in one framework and another in the next (exit 2).
pub fn checks_of_control(name: &str) -> Result<Option<Vec<&'static str>>, Fail> {
    match mapping::meant(name) {
        Meant::Checks(checks) => Ok(Some(checks)),
        Meant::Ambiguous(all) => {
            let of = |(framework, what): &(&str, String)| format!("{framework}/{name}: {what}");
            let fail = Fail::usage(format!("{name} is another control in one framework than in the next"));
            Err(all.iter().map(of).fold(fail, Fail::why).hint("name the framework with it"))
        }
        Meant::Nothing(Some(why)) => Err(Fail::usage(format!("{name} is a control, and there is {why}"))),
        Meant::Nothing(None) => Ok(None),
    }
}

/// Returns the options for actions: those of the flags, and the operator's address.
pub fn options(guards: &Guards) -> Options {
    with_address_of(guards, std::env::var("SSH_CONNECTION").ok().as_deref())
}

fn with_address_of(guards: &Guards, ssh_connection: Option<&str>) -> Options {
    let of_flag = guards.my_address.map(|address| (address, "--my-address".to_owned()));
    let of_ssh = || ssh_address(ssh_connection?).map(|address| (address, "SSH_CONNECTION".to_owned()));
    Options {
        my_address: of_flag.or_else(of_ssh),
        allow_lockout: guards.allow_lockout,
        include_managed: guards.include_managed,
        half_done: false,
    }
}

/// Returns the client's address in `SSH_CONNECTION` (`client port server port`, ssh(1)).
fn ssh_address(text: &str) -> Option<IpAddr> {
    // A link-local address carries its zone: fe80::1%eth0.
    text.split_whitespace().next()?.split('%').next()?.parse().ok()
}

/// Parses a range as CIDR; a lone address is a range of its own.
fn cidr(text: &str) -> Result<IpNet, Fail> {
    let lone = || text.parse::<IpAddr>().map(IpNet::from);
    text.parse::<IpNet>().or_else(|_| lone()).map_err(|_| {
        Fail::usage(format!("--allow-cidr {text}: this is not a CIDR"))
            .hint("write a range such as 203.0.113.0/24 or 2001:db8::/48")
    })
}

/// Reads the playbook files among these paths, with folders expanded, as pairs of name and text.
///
/// # Errors
/// When a path is not found or cannot be read (exit 2).
pub fn playbook_files(paths: &[PathBuf]) -> Result<Vec<(String, String)>, Fail> {
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            files.extend(folder(path)?);
        } else {
            files.push(path.clone());
        }
    }
    files.into_iter().map(|path| Ok((path.display().to_string(), text_of(&path, "a playbook")?))).collect()
}

/// Reads the waivers beside the playbooks of a folder; none where there is no such file.
///
/// # Errors
/// As [`playbook_files`], and when something is wrong in the file.
pub fn waivers_beside(folder: &Path) -> Result<Waivers, Fail> {
    let file = folder.join(waivers::FILE);
    if file.exists() { waivers_of(&file) } else { Ok(Waivers::default()) }
}

fn waivers_of(file: &Path) -> Result<Waivers, Fail> {
    let text = text_of(file, "a file of waivers")?;
    waivers::parse(&text, &file.display().to_string()).map_err(|problems| {
        listed(&problems, "a waiver has a problem", "waivers").hint("nothing was read or changed")
    })
}

/// Lists the playbooks of a folder, in the order of their names: its `.toml` files but that of waivers.
fn folder(path: &Path) -> Result<Vec<PathBuf>, Fail> {
    let fail = |error: std::io::Error| {
        Fail::usage(format!("{}: cannot read the folder of playbooks", path.display())).why(error.to_string())
    };
    let entries = std::fs::read_dir(path).map_err(fail)?;
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(fail)?.path();
        let is_waivers = entry.file_name().is_some_and(|name| name == waivers::FILE);
        if entry.extension().is_some_and(|e| e == "toml") && entry.is_file() && !is_waivers {
            found.push(entry);
        }
    }
    if found.len() > MOST_FILES {
        return Err(Fail::usage(format!(
            "{}: {} files are too many for a folder of playbooks",
            path.display(),
            found.len()
        ))
        .hint("is it the right folder?"));
    }
    found.sort();
    Ok(found)
}

/// The most bytes of such a file.
const LONGEST: u64 = 1 << 20;

/// Reads the text of a playbook, or of a file of waivers; one that is far too big for that is not read.
fn text_of(path: &Path, what: &str) -> Result<String, Fail> {
    let fail = |why: String| Fail::usage(format!("{}: cannot read it as {what}", path.display())).why(why);
    let (file, mut bytes) = (std::fs::File::open(path).map_err(|e| fail(e.to_string()))?, Vec::new());
    // A device has no length that could be asked for.
    file.take(LONGEST + 1).read_to_end(&mut bytes).map_err(|e| fail(e.to_string()))?;
    if bytes.len() as u64 > LONGEST {
        return Err(fail(format!("it has more than {LONGEST} bytes; {what} is a short TOML file")));
    }
    playbook::load::text(bytes, &path.display().to_string()).map_err(|problem| problems_fail(&problem))
}

/// Turns problems of playbooks into one failure.
pub fn problems_fail(problems: &[Problem]) -> Fail {
    listed(problems, "a playbook has a problem", "playbooks").hint(
        "nothing was read or changed; `redress playbooks check` shows the same, `redress actions show NAME` \
         the parameters of an action",
    )
}

/// Lists the problems of files; `one` is the text for a single problem.
fn listed(problems: &[Problem], one: &str, many: &str) -> Fail {
    let count = match problems.len() {
        1 => one.to_owned(),
        n => format!("{many} have {n} problems"),
    };
    problems.iter().fold(Fail::usage(count), |fail, problem| fail.why(problem.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn my_address_is_what_the_flag_says_else_where_ssh_comes_from() {
        let guards = |text: Option<&str>| Guards {
            my_address: text.map(|t| t.parse().expect("an address")),
            ..Guards::default()
        };
        let ssh = Some("198.51.100.7 50022 10.0.0.1 22");
        let of = |guards: &Guards, ssh| {
            with_address_of(guards, ssh).my_address.map(|(a, from)| (a.to_string(), from))
        };
        assert_eq!(
            of(&guards(Some("203.0.113.9")), ssh),
            Some(("203.0.113.9".to_owned(), "--my-address".to_owned()))
        );
        assert_eq!(of(&guards(None), ssh), Some(("198.51.100.7".to_owned(), "SSH_CONNECTION".to_owned())));
        assert_eq!(
            of(&guards(None), Some("fe80::1%eth0 1 fe80::2 22")),
            Some(("fe80::1".to_owned(), "SSH_CONNECTION".to_owned()))
        );
        assert_eq!(of(&guards(None), Some("garbage")), None);
        assert_eq!(of(&guards(None), None), None);
    }

    #[test]
    fn a_cidr_that_is_none_is_bad_input_and_a_lone_address_is_itself() {
        assert_eq!(cidr("203.0.113.0/24").expect("a range").to_string(), "203.0.113.0/24");
        assert_eq!(cidr("203.0.113.7").expect("an address").to_string(), "203.0.113.7/32");
        for bad in ["", "office", "203.0.113.0/33", "1.2.3"] {
            assert_eq!(cidr(bad).expect_err(bad).exit.code(), 2);
        }
    }
}
