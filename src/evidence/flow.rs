//! One record of a flow log, typed. A field that the log does not have, or whose value is `-`, is `None`.

use std::net::IpAddr;

use super::Layout;

/// The logging status of a record
/// (<https://docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html>).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Status {
    /// Traffic was recorded.
    #[default]
    Ok,
    /// There was no traffic.
    NoData,
    /// Some records are missing.
    SkipData,
}

/// The outcome of the traffic at the security groups and network ACLs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// `ACCEPT`.
    Accepted,
    /// `REJECT`.
    Rejected,
}

/// The direction of traffic, seen from the interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// To the interface: `ingress`.
    In,
    /// From the interface: `egress`.
    Out,
}

/// A record of a flow log, without the fields that nobody asks for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Flow {
    /// `log-status`; where the log has no such field, a record without addresses had no traffic.
    pub status: Status,
    /// `srcaddr`.
    pub source: Option<IpAddr>,
    /// `dstaddr`.
    pub destination: Option<IpAddr>,
    /// `pkt-srcaddr`: the source in the packets, which an intermediate layer may have replaced in `srcaddr`.
    pub packet_source: Option<IpAddr>,
    /// `pkt-dstaddr`.
    pub packet_destination: Option<IpAddr>,
    /// `srcport`.
    pub source_port: Option<u16>,
    /// `dstport`.
    pub destination_port: Option<u16>,
    /// `protocol`, by its IANA number.
    pub protocol: Option<u8>,
    /// `packets`.
    pub packets: u64,
    /// `bytes`.
    pub bytes: u64,
    /// `start`, in seconds since 1970.
    pub start: Option<i64>,
    /// `end`, in seconds since 1970.
    pub end: Option<i64>,
    /// `action`.
    pub outcome: Option<Outcome>,
    /// `flow-direction`.
    pub way: Option<Way>,
    /// `tcp-flags`: those of all packets of the interval, combined.
    pub tcp_flags: Option<u16>,
}

impl Flow {
    /// Returns the source that security groups see.
    pub fn from(&self) -> Option<IpAddr> {
        self.packet_source.or(self.source)
    }

    /// Returns the destination that security groups see.
    pub fn to(&self) -> Option<IpAddr> {
        self.packet_destination.or(self.destination)
    }

    /// Returns the direction: as recorded, or else by the interface's own addresses; `None` where neither
    /// decides.
    pub fn direction(&self, own: &[IpAddr]) -> Option<Way> {
        if self.way.is_some() {
            return self.way;
        }
        let is_own = |address: Option<IpAddr>| address.is_some_and(|address| own.contains(&address));
        let comes = is_own(self.destination) || is_own(self.packet_destination);
        let leaves = is_own(self.source) || is_own(self.packet_source);
        match (comes, leaves) {
            (true, false) => Some(Way::In),
            (false, true) => Some(Way::Out),
            _ => None,
        }
    }

    /// Returns whether these are packets of an answer to a connection that came the other way; `None` where
    /// the record does not decide. SYN comes from the client, SYN and ACK from the server
    /// (<https://docs.aws.amazon.com/vpc/latest/userguide/flow-log-records.html>, `tcp-flags`).
    pub fn is_answer(&self) -> Option<bool> {
        const TCP: u8 = 6;
        const SYN: u16 = 2;
        const ACK: u16 = 16;
        let flags = self.tcp_flags.filter(|flags| self.protocol == Some(TCP) && flags & SYN != 0)?;
        Some(flags & ACK != 0)
    }

    /// Returns whether the ports look like those of an answer: from a service's port to one that systems
    /// give to clients (Linux begins at 32768).
    pub fn looks_like_an_answer(&self) -> bool {
        const CLIENTS: u16 = 32768;
        match (self.source_port, self.destination_port) {
            (Some(from), Some(to)) => from < CLIENTS && to >= CLIENTS,
            _ => false,
        }
    }
}

/// Takes the records of a log.
pub trait Sink {
    /// Refuses a log that lacks fields.
    ///
    /// # Errors
    /// The reason, in a phrase.
    fn accepts(&mut self, layout: &Layout) -> Result<(), String> {
        let _ = layout;
        Ok(())
    }
    /// Returns the place of an interface whose records are wanted; others are counted and not read further.
    fn place(&self, interface: &[u8]) -> Option<usize>;
    /// Takes a record of an interface that has a place.
    fn take(&mut self, place: usize, flow: &Flow);
}
