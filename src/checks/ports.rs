//! The ports that must not be open to the world, in one place: the service behind each, and its transport.
//! Only the list; the meaning of "open" and "the world" is defined by the checks.
//!
//! Sources: the service names of IANA (<https://www.iana.org/assignments/service-names-port-numbers>), the
//! ports of Security Hub's EC2.19
//! (<https://docs.aws.amazon.com/securityhub/latest/userguide/ec2-controls.html>) as far as they are for
//! administration or data, CIS 5.2 and 5.3 (which count TCP, UDP and all protocols alike), and each product's
//! own documentation of its default port.

use serde::{Deserialize, Serialize};

/// The transport of the traffic of a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Transport {
    /// TCP, IP protocol 6.
    Tcp,
    /// UDP, IP protocol 17.
    Udp,
}

impl Transport {
    /// Both transports.
    pub const ALL: [Transport; 2] = [Transport::Tcp, Transport::Udp];

    /// Returns `tcp` or `udp`, as AWS spells it.
    pub fn word(self) -> &'static str {
        match self {
            Transport::Tcp => "tcp",
            Transport::Udp => "udp",
        }
    }
}

/// A service behind a port.
#[derive(Debug, PartialEq, Eq)]
pub struct Service {
    /// The port.
    pub port: u16,
    /// The name of the service.
    pub name: &'static str,
    /// The transports over which the port is watched.
    pub transports: &'static [Transport],
}

impl Service {
    /// Returns the port and the name: `22 SSH`.
    pub fn words(&self) -> String {
        format!("{} {}", self.port, self.name)
    }
}

const fn both(port: u16, name: &'static str) -> Service {
    Service { port, name, transports: &Transport::ALL }
}

/// Builds a service on a port that is in common public use over UDP by something else.
const fn tcp(port: u16, name: &'static str) -> Service {
    Service { port, name, transports: &[Transport::Tcp] }
}

/// Ports by which machines are administered, or their files served.
pub static ADMIN: &[Service] = &[
    both(22, "SSH"),
    both(23, "Telnet"),
    both(135, "RPC endpoint mapper"),
    both(137, "NetBIOS name service"),
    both(138, "NetBIOS datagram service"),
    both(139, "NetBIOS session service"),
    both(161, "SNMP"),
    both(445, "SMB"),
    both(512, "rexec"),
    both(513, "rlogin"),
    // Over UDP it is syslog, which some publish on purpose.
    tcp(514, "rsh"),
    both(623, "IPMI"),
    both(873, "rsync"),
    both(2049, "NFS"),
    // https://docs.docker.com/engine/security/protect-access/
    both(2375, "Docker API"),
    both(2376, "Docker API over TLS"),
    both(3389, "RDP"),
    both(5500, "VNC listener"),
    both(5900, "VNC"),
    both(5901, "VNC"),
    both(5902, "VNC"),
    both(5903, "VNC"),
    // https://learn.microsoft.com/windows/win32/winrm/installation-and-configuration-for-windows-remote-management
    both(5985, "WinRM"),
    both(5986, "WinRM over TLS"),
    // https://kubernetes.io/docs/reference/networking/ports-and-protocols/
    both(10250, "kubelet API"),
];

/// Ports behind which data is stored.
pub static DATABASE: &[Service] = &[
    both(1433, "SQL Server"),
    both(1434, "SQL Server browser"),
    both(1521, "Oracle"),
    both(2379, "etcd"),
    both(2380, "etcd peers"),
    both(2483, "Oracle"),
    both(2484, "Oracle over TLS"),
    both(3306, "MySQL"),
    both(4333, "mSQL"),
    both(5432, "PostgreSQL"),
    both(5439, "Redshift"),
    both(5601, "Kibana"),
    both(5984, "CouchDB"),
    both(6379, "Redis"),
    both(7000, "Cassandra nodes"),
    both(7001, "Cassandra nodes over TLS"),
    both(7199, "Cassandra JMX"),
    both(7474, "Neo4j"),
    both(7687, "Neo4j Bolt"),
    both(8086, "InfluxDB"),
    both(8182, "Neptune"),
    both(9042, "Cassandra"),
    both(9092, "Kafka"),
    both(9160, "Cassandra Thrift"),
    both(9200, "Elasticsearch"),
    both(9300, "Elasticsearch nodes"),
    both(11211, "memcached"),
    // Over UDP the ports around 27015 belong to game servers.
    tcp(27017, "MongoDB"),
    tcp(27018, "MongoDB shard"),
    tcp(27019, "MongoDB config server"),
    both(50000, "Db2"),
];

/// Other ports that Security Hub's EC2.19 counts as high risk, and neither list above contains: their names,
/// since every port that nobody has authorised is reported alike.
pub static OTHER: &[Service] = &[
    tcp(20, "FTP data"),
    tcp(21, "FTP"),
    tcp(25, "SMTP"),
    tcp(110, "POP3"),
    tcp(143, "IMAP"),
    tcp(3000, "development servers"),
    tcp(5000, "development servers"),
    tcp(8088, "HTTP"),
    tcp(8888, "HTTP"),
];

/// Ports by which a person logs in to a machine, over TCP: the ones that the lock-out guard watches.
pub const WAYS_IN: &[u16] = &[22, 3389, 5985, 5986];

/// Ports that are commonly published on purpose: named when they close along with others.
pub static PUBLIC: &[Service] = &[tcp(80, "HTTP"), both(443, "HTTPS"), tcp(8080, "HTTP"), tcp(8443, "HTTPS")];

/// The port at which interface endpoints of VPCs answer.
pub static ENDPOINT: &[Service] = &[tcp(443, "HTTPS")];

/// Ranges of ports, first and last.
pub type Ranges = Vec<(i32, i32)>;

/// The ports that may be open to the world.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>", into = "Vec<String>")]
pub struct Authorised(Vec<(Transport, u16, u16)>);

impl Default for Authorised {
    /// Returns those that Security Hub's EC2.18 authorises by default: 80 and 443 over TCP.
    fn default() -> Self {
        Self(vec![(Transport::Tcp, 80, 80), (Transport::Tcp, 443, 443)])
    }
}

impl Authorised {
    /// Reads one port or range: `tcp/443`, `udp/60000-61000`.
    ///
    /// # Errors
    /// A sentence with the form that is meant.
    pub fn one(text: &str) -> Result<(Transport, u16, u16), String> {
        let parts = text.split_once('/').and_then(|(transport, ports)| {
            let transport = Transport::ALL.into_iter().find(|t| t.word() == transport)?;
            let (from, to) = ports.split_once('-').unwrap_or((ports, ports));
            let port =
                |text: &str| text.chars().all(|c| c.is_ascii_digit()).then(|| text.parse::<u16>().ok());
            Some((transport, port(from)??, port(to)??))
        });
        parts.filter(|(_, from, to)| from <= to).ok_or_else(|| {
            format!("{text:?} is not a port: write one such as \"tcp/8443\" or \"udp/60000-61000\"")
        })
    }

    /// Returns the ranges over a transport, in no order.
    pub fn over(&self, transport: Transport) -> impl Iterator<Item = (i32, i32)> {
        let own = self.0.iter().filter(move |(own, _, _)| *own == transport);
        own.map(|(_, from, to)| (i32::from(*from), i32::from(*to)))
    }
}

impl TryFrom<Vec<String>> for Authorised {
    type Error = String;

    fn try_from(all: Vec<String>) -> Result<Self, String> {
        let mut all = all.iter().map(|text| Self::one(text)).collect::<Result<Vec<_>, _>>()?;
        all.sort_unstable();
        all.dedup();
        Ok(Self(all))
    }
}

impl From<Authorised> for Vec<String> {
    fn from(authorised: Authorised) -> Self {
        let word = |(transport, from, to): &(Transport, u16, u16)| match from == to {
            true => format!("{}/{from}", transport.word()),
            false => format!("{}/{from}-{to}", transport.word()),
        };
        authorised.0.iter().map(word).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_is_authorised_names_its_transport() {
        let all =
            |texts: &[&str]| Authorised::try_from(texts.iter().map(|t| (*t).to_owned()).collect::<Vec<_>>());
        assert_eq!(all(&["tcp/443", "tcp/80", "tcp/443"]).unwrap(), Authorised::default());
        let some = all(&["udp/60000-61000", "tcp/8443"]).unwrap();
        assert_eq!(Vec::<String>::from(some), ["tcp/8443", "udp/60000-61000"]);
        assert!(all(&[]).is_ok());
        for bad in ["443", "tcp", "tcp/", "tcp/+80", "tcp/65536", "tcp/90-80", "icmp/8", "TCP/80", "tcp/80-"]
        {
            assert!(all(&[bad]).unwrap_err().contains("is not a port"), "{bad}");
        }
    }

    #[test]
    fn no_port_stands_in_two_lists_or_twice_and_none_of_them_is_a_public_one() {
        let lists = ADMIN.iter().chain(DATABASE).chain(PUBLIC).chain(OTHER);
        let mut all: Vec<u16> = lists.map(|s| s.port).collect();
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
    }

    #[test]
    fn every_way_in_is_an_admin_port_over_tcp() {
        for port in WAYS_IN {
            assert!(
                ADMIN.iter().any(|s| s.port == *port && s.transports.contains(&Transport::Tcp)),
                "{port}"
            );
        }
    }
}
