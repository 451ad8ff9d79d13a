//! Values of options, and subcommands of small commands, by name.

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};

use crate::calls::Risk;

/// A format that a plan is exported to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Target {
    /// A bash script over the AWS CLI
    AwsCli,
    /// State machines of AWS Step Functions, one for each region
    StepFunctions,
}

/// A half of the permissions of a permanent role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Half {
    /// The permissions for scans and plans
    Read,
    /// The permissions for applying and undoing, beside those
    Write,
    /// The permissions for reporting to Security Hub, beside those
    ReportBack,
}

/// A subcommand of `redress playbooks`.
#[derive(Debug, Clone, Subcommand)]
pub enum PlaybooksCommand {
    /// List all playbooks in force [default]
    List,
    /// Show one playbook as it is in force
    Show {
        /// The id of the playbook
        id: String,
    },
    /// Write a commented playbook to start from
    New {
        /// The action that it uses [default: tighten-security-group]
        action: Option<String>,
        /// Write it to this new file [default: stdout]
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Print the JSON Schema of playbooks, for editors
    Schema,
    /// Check playbooks; reports file, line and column of each mistake
    Check {
        /// Files or folders [default: the folder of --playbooks]
        files: Vec<PathBuf>,
    },
}

/// A shell that completions can be made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Shell {
    /// Bash
    Bash,
    /// Zsh
    Zsh,
    /// Fish
    Fish,
}

/// A subcommand of `redress actions`.
#[derive(Debug, Clone, Subcommand)]
pub enum ActionsCommand {
    /// List all actions [default]
    List,
    /// Show the page of one action
    Show {
        /// The name of the action
        name: String,
    },
}

/// A format of data.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Text for people
    #[default]
    Text,
    /// A versioned document for programs
    Json,
    /// Markdown for tickets and pull requests
    Markdown,
    /// One page for reviews, which needs no network
    Html,
    /// JUnit XML for CI
    Junit,
    /// SARIF 2.1.0 for code scanning
    Sarif,
}

/// A report that is also written to a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportFile {
    /// Its format.
    pub format: Format,
    /// The path of the file.
    pub file: PathBuf,
}

pub(super) fn report_file(text: &str) -> Result<ReportFile, String> {
    let (format, file) = text
        .split_once('=')
        .filter(|(_, file)| !file.is_empty())
        .ok_or("give a format and a file: `html=plan.html`")?;
    let format = Format::from_str(format, false).map_err(|_| {
        format!("there is no format {format:?}: give text, json, markdown, html, junit or sarif")
    })?;
    Ok(ReportFile { format, file: file.into() })
}

/// A choice of when to use colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// The highest risk that may be approved without an action's own flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum MaxRisk {
    /// Adds something and disturbs nothing
    Safe,
    /// May cut traffic, access or uptime
    Disruptive,
}

impl From<MaxRisk> for Risk {
    fn from(risk: MaxRisk) -> Risk {
        match risk {
            MaxRisk::Safe => Risk::Safe,
            MaxRisk::Disruptive => Risk::Disruptive,
        }
    }
}
