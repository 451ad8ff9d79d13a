//! The use of the things that a change closes, as flow logs show it and a plan contains it. Data only.

use ipnet::IpNet;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// The evidence about one change.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// The use of each thing that closes.
    pub uses: Vec<Use>,
    /// The networks that the change lets in since the logs show that they came in, with
    /// `--allow-observed`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allowed: Vec<IpNet>,
    /// `true` for what only the file of a plan states: its logs were not read again.
    #[serde(skip)]
    pub claimed: bool,
}

/// The use of one thing that closes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Use {
    /// The thing that closes: `tcp 22 from 0.0.0.0/0`.
    pub closes: String,
    /// The reason for which its interfaces are not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unknown: Option<String>,
    /// The number of its interfaces.
    pub interfaces: usize,
    /// The number of those that no log covers.
    pub uncovered: usize,
    /// Some of these interfaces.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub uncovered_ids: Vec<String>,
    /// The number of interfaces that the logs cover in a part of the time only.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub partly: usize,
    /// The number of interfaces of which the logs show rejected traffic alone.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub only_rejected: usize,
    /// The number of records by which AWS reports that records are missing (`SKIPDATA`).
    #[serde(default, skip_serializing_if = "is_none")]
    pub skipped: u64,
    /// The start of the first record of its interfaces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
    /// The end of the last record of its interfaces.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<Timestamp>,
    /// The traffic that was let in.
    pub accepted: Count,
    /// The traffic that was rejected already.
    pub rejected: Count,
    /// The number of accepted records that are or look like answers to connections that the interfaces
    /// opened. They are not counted as use.
    #[serde(default, skip_serializing_if = "is_none")]
    pub answers: u64,
    /// The number of records of this traffic whose direction is not known.
    #[serde(default, skip_serializing_if = "is_none")]
    pub unclear: u64,
}

/// Traffic of one kind.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Count {
    /// The number of records.
    pub flows: u64,
    /// Packets.
    pub packets: u64,
    /// Bytes.
    pub bytes: u64,
    /// The end of the last record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<Timestamp>,
    /// The busiest of those at the other end.
    pub peers: Vec<Source>,
    /// The number of others.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub more: usize,
    /// `true` if there were still others, which were not counted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub at_least: bool,
}

/// One address at the other end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// The address.
    pub address: IpAddr,
    /// The number of records.
    pub flows: u64,
    /// Packets.
    pub packets: u64,
    /// Bytes.
    pub bytes: u64,
    /// The end of the last record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<Timestamp>,
}

fn is_zero(number: &usize) -> bool {
    *number == 0
}

fn is_none(number: &u64) -> bool {
    *number == 0
}
