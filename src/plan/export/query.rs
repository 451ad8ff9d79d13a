//! A question to AWS about one thing, and the place of the fact in the answer. Pure.

use serde_json::{Value, json};

use super::words::ascii;
use crate::calls::Test;

/// One question to AWS about one thing.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Look {
    /// `ec2`
    pub service: &'static str,
    /// `DescribeVolumes`
    pub operation: &'static str,
    /// The input.
    pub input: Value,
    /// The place of the fact in the answer.
    pub query: Query,
    /// The error code for a missing resource.
    pub absent: &'static str,
}

/// The place of a fact in an answer.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Query {
    /// At this path of names and positions, which JMESPath and JSONPath write alike.
    At(String),
    /// Among the tags of the thing at `of`.
    Tag {
        /// Path of the thing.
        of: &'static str,
        /// The member that contains its tags.
        tags: &'static str,
        /// The tag's key.
        key: String,
    },
    /// In a list that is requested by a prefix, so that it contains longer names too.
    Named {
        /// The list.
        list: &'static str,
        /// The member that contains the name.
        name: &'static str,
        /// The name that is wanted.
        is: String,
        /// The member of the thing with that name; none for the thing itself.
        member: Option<&'static str>,
    },
    /// The entry of an instance for the disk at this device.
    Device {
        /// The device.
        device: String,
        /// The member of its `Ebs`.
        member: &'static str,
    },
    /// A member of the entry of a route table, a route or an association, whose member `by` has this value.
    Entry {
        /// `Routes`
        list: &'static str,
        /// `DestinationCidrBlock`
        by: &'static str,
        /// The value: the destination.
        is: String,
        /// `State`
        member: String,
    },
    /// The name of the entry with that name, wherever it stands in a list.
    Listed {
        /// The list.
        list: &'static str,
        /// The member that contains the name.
        name: &'static str,
        /// The name that is wanted.
        is: String,
    },
    /// The number of things in this list.
    Count(&'static str),
    /// These rules of a security group, and no others.
    Rows(Vec<Row>),
    /// These members of a list.
    Members {
        /// The list.
        list: &'static str,
        /// The paths in it, each with the value that it has: `[0].Type`. Where a list ends there is null.
        members: Vec<(String, Value)>,
    },
    /// The existence of the thing, which any answer proves.
    There,
}

/// A rule of a security group: the members that decide whom it lets in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Row {
    /// `tcp`, or `-1`.
    pub protocol: String,
    /// First port; -1 for all.
    pub from: i64,
    /// Last port; -1 for all.
    pub to: i64,
    /// The member of the answer that contains the source: `CidrIpv4`.
    pub member: &'static str,
    /// The source.
    pub source: String,
}

impl Row {
    /// Formats the rule as one line, in the form in which [`Query::jmespath`] returns the rules that it
    /// finds.
    pub fn line(&self) -> String {
        format!("{}|{}|{}|{}", self.protocol, self.from, self.to, self.source)
    }
}

/// Rules as sorted lines: protocol, ports, source.
const ROWS: &str = "sort(SecurityGroupRules[].join(`\"|\"`, [IpProtocol, to_string(not_null(FromPort, \
                    `-1`)), to_string(not_null(ToPort, `-1`)), not_null(CidrIpv4, CidrIpv6, PrefixListId, \
                    ReferencedGroupInfo.GroupId)]))";

impl Query {
    /// Writes the query in JMESPath; the result is `null` where there is no such fact.
    pub fn jmespath(&self) -> String {
        match self {
            Query::At(path) => path.clone(),
            Query::Tag { of, tags, key } => format!("{of}.{tags}[?Key=={}].Value | [0]", literal(key)),
            Query::Named { list, name, is, member } => {
                format!(
                    "{list}[?{name}=={}] | [0]{}",
                    literal(is),
                    member.map_or_else(String::new, |m| format!(".{m}"))
                )
            }
            Query::Device { device, member } => {
                format!(
                    "Reservations[0].Instances[0].BlockDeviceMappings[?DeviceName=={}].Ebs.{member} | [0]",
                    literal(device)
                )
            }
            Query::Entry { list, by, is, member } => {
                format!("RouteTables[0].{list}[?{by}=={}].{member} | [0]", literal(is))
            }
            Query::Listed { list, name, is } => format!("{list}[?{name}=={}].{name} | [0]", literal(is)),
            Query::Count(list) => format!("length({list})"),
            Query::Rows(_) => ROWS.to_owned(),
            Query::Members { list, members } => {
                let paths: Vec<String> = members.iter().map(|(path, _)| format!("{list}{path}")).collect();
                format!("[{}]", paths.join(", "))
            }
            Query::There => "`true`".to_owned(),
        }
    }
}

/// Writes a JSON literal in JMESPath: in ASCII, so that no text of an account can hide in a script, or
/// command a program that shows it.
fn literal(text: &str) -> String {
    format!("`{}`", ascii(&Value::from(text)).replace('`', "\\`"))
}

/// Returns the test for a time, in each form of its zone: the command line and a state machine write it in
/// different ways.
pub(super) fn at_time(time: &str) -> Test {
    let other = json!(format!("{}+00:00", time.trim_end_matches('Z')));
    Test::OneOf { good: vec![json!(time), other], never: Vec::new(), late: Vec::new() }
}
