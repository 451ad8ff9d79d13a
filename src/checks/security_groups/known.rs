//! The names under which frameworks and scanners know the checks on open ports. A rule for everything also
//! fails the controls for single ports, so a report of one of those is answered by that check as well.

use crate::checks::KnownAs;

/// The controls of one framework.
type Of = (&'static str, &'static [&'static str]);

const SECURITY_HUB: Of = ("security-hub", &["EC2.13", "EC2.14", "EC2.18", "EC2.19", "EC2.53", "EC2.54"]);
const CONFIG: Of = (
    "config-managed",
    &[
        "restricted-common-ports",
        "restricted-ssh",
        "vpc-sg-open-only-to-authorized-ports",
        "vpc-sg-port-restriction-check",
    ],
);
const PROBES: Of = (
    "guardduty",
    &[
        "Recon:EC2/PortProbeEMRUnprotectedPort",
        "Recon:EC2/PortProbeUnprotectedPort",
        "UnauthorizedAccess:EC2/RDPBruteForce",
        "UnauthorizedAccess:EC2/SSHBruteForce",
    ],
);
const CUSTODIAN: Of = ("custodian", &["security-group/ingress"]);

/// The names of the check on administration ports.
pub(super) const ADMIN_PORT: KnownAs = &[
    SECURITY_HUB,
    ("cis-1.2.0", &["4.1", "4.2"]),
    ("cis-1.4.0", &["5.2"]),
    ("cis-1.5.0", &["5.2", "5.3"]),
    ("cis-2.0.0", &["5.2", "5.3"]),
    ("cis-3.0.0", &["5.2", "5.3"]),
    ("cis-4.0.0", &["5.1.2", "5.3", "5.4"]),
    ("cis-5.0.0", &["5.1.2", "5.3", "5.4"]),
    ("cis-6.0.0", &["6.1.2", "6.3", "6.4"]),
    ("cis-7.0.0", &["6.1.2", "6.3", "6.4"]),
    ("pci-dss-3.2.1", &["PCI.EC2.5"]),
    (
        "prowler",
        &[
            "ec2_instance_port_cifs_exposed_to_internet",
            "ec2_instance_port_rdp_exposed_to_internet",
            "ec2_instance_port_ssh_exposed_to_internet",
            "ec2_instance_port_telnet_exposed_to_internet",
            "ec2_securitygroup_allow_ingress_from_internet_to_any_port",
            "ec2_securitygroup_allow_ingress_from_internet_to_high_risk_tcp_ports",
            "ec2_securitygroup_allow_ingress_from_internet_to_tcp_port_22",
            "ec2_securitygroup_allow_ingress_from_internet_to_tcp_port_3389",
            "ec2_securitygroup_allow_ingress_from_internet_to_tcp_port_telnet_23",
            "ec2_securitygroup_allow_wide_open_public_ipv4",
        ],
    ),
    ("prowler-2", &["check41", "check42", "extra748"]),
    CONFIG,
    PROBES,
    CUSTODIAN,
];

/// The names of the check on database ports.
pub(super) const DATABASE_PORT: KnownAs = &[
    ("security-hub", &["EC2.18", "EC2.19"]),
    (
        "prowler",
        &[
            "ec2_instance_port_cassandra_exposed_to_internet",
            "ec2_instance_port_elasticsearch_kibana_exposed_to_internet",
            "ec2_instance_port_kafka_exposed_to_internet",
            "ec2_instance_port_memcached_exposed_to_internet",
            "ec2_instance_port_mongodb_exposed_to_internet",
            "ec2_instance_port_mysql_exposed_to_internet",
            "ec2_instance_port_oracle_exposed_to_internet",
            "ec2_instance_port_postgresql_exposed_to_internet",
            "ec2_instance_port_redis_exposed_to_internet",
            "ec2_instance_port_sqlserver_exposed_to_internet",
            "ec2_securitygroup_allow_ingress_from_internet_to_any_port",
            "ec2_securitygroup_allow_ingress_from_internet_to_high_risk_tcp_ports",
            "ec2_securitygroup_allow_ingress_from_internet_to_port_mongodb_27017_27018",
            "ec2_securitygroup_allow_ingress_from_internet_to_tcp_port_cassandra_7199_9160_8888",
            "ec2_securitygroup_allow_ingress_from_internet_to_tcp_port_elasticsearch_kibana_9200_9300_5601",
            "ec2_securitygroup_allow_ingress_from_internet_to_tcp_port_kafka_9092",
            "ec2_securitygroup_allow_ingress_from_internet_to_tcp_port_memcached_11211",
            "ec2_securitygroup_allow_ingress_from_internet_to_tcp_port_mongodb_27017_27018",
            "ec2_securitygroup_allow_ingress_from_internet_to_tcp_port_mysql_3306",
            "ec2_securitygroup_allow_ingress_from_internet_to_tcp_port_oracle_1521_2483",
            "ec2_securitygroup_allow_ingress_from_internet_to_tcp_port_postgres_5432",
            "ec2_securitygroup_allow_ingress_from_internet_to_tcp_port_redis_6379",
            "ec2_securitygroup_allow_ingress_from_internet_to_tcp_port_sql_server_1433_1434",
            "ec2_securitygroup_allow_wide_open_public_ipv4",
        ],
    ),
    (
        "prowler-2",
        &["extra748", "extra749", "extra750", "extra751", "extra752", "extra753", "extra754", "extra755"],
    ),
    (
        "config-managed",
        &["restricted-common-ports", "vpc-sg-open-only-to-authorized-ports", "vpc-sg-port-restriction-check"],
    ),
    PROBES,
    CUSTODIAN,
];

/// The names of the check on rules for everything.
pub(super) const ALL_TRAFFIC: KnownAs = &[
    SECURITY_HUB,
    ("cis-1.2.0", &["4.1", "4.2"]),
    ("cis-1.4.0", &["5.2"]),
    ("cis-1.5.0", &["5.2", "5.3"]),
    ("cis-2.0.0", &["5.2", "5.3"]),
    ("cis-3.0.0", &["5.2", "5.3"]),
    ("cis-4.0.0", &["5.1.2", "5.3", "5.4"]),
    ("cis-5.0.0", &["5.1.2", "5.3", "5.4"]),
    ("cis-6.0.0", &["6.1.2", "6.3", "6.4"]),
    ("cis-7.0.0", &["6.1.2", "6.3", "6.4"]),
    ("pci-dss-3.2.1", &["PCI.EC2.5"]),
    (
        "prowler",
        &[
            "ec2_instance_port_cassandra_exposed_to_internet",
            "ec2_instance_port_cifs_exposed_to_internet",
            "ec2_instance_port_elasticsearch_kibana_exposed_to_internet",
            "ec2_instance_port_ftp_exposed_to_internet",
            "ec2_instance_port_kafka_exposed_to_internet",
            "ec2_instance_port_kerberos_exposed_to_internet",
            "ec2_instance_port_ldap_exposed_to_internet",
            "ec2_instance_port_memcached_exposed_to_internet",
            "ec2_instance_port_mongodb_exposed_to_internet",
            "ec2_instance_port_mysql_exposed_to_internet",
            "ec2_instance_port_oracle_exposed_to_internet",
            "ec2_instance_port_postgresql_exposed_to_internet",
            "ec2_instance_port_rdp_exposed_to_internet",
            "ec2_instance_port_redis_exposed_to_internet",
            "ec2_instance_port_sqlserver_exposed_to_internet",
            "ec2_instance_port_ssh_exposed_to_internet",
            "ec2_instance_port_telnet_exposed_to_internet",
            "ec2_securitygroup_allow_ingress_from_internet_to_all_ports",
            "ec2_securitygroup_allow_ingress_from_internet_to_any_port",
            "ec2_securitygroup_allow_ingress_from_internet_to_high_risk_tcp_ports",
            "ec2_securitygroup_allow_ingress_from_internet_to_port_mongodb_27017_27018",
            "ec2_securitygroup_allow_ingress_from_internet_to_tcp_ftp_port_20_21",
            "ec2_securitygroup_allow_ingress_from_internet_to_tcp_port_22",
            "ec2_securitygroup_allow_ingress_from_internet_to_tcp_port_3389",
            "ec2_securitygroup_allow_ingress_from_internet_to_tcp_port_cassandra_7199_9160_8888",
            "ec2_securitygroup_allow_ingress_from_internet_to_tcp_port_elasticsearch_kibana_9200_9300_5601",
            "ec2_securitygroup_allow_ingress_from_internet_to_tcp_port_ftp_20_21",
            "ec2_securitygroup_allow_ingress_from_internet_to_tcp_port_kafka_9092",
            "ec2_securitygroup_allow_ingress_from_internet_to_tcp_port_memcached_11211",
            "ec2_securitygroup_allow_ingress_from_internet_to_tcp_port_mongodb_27017_27018",
            "ec2_securitygroup_allow_ingress_from_internet_to_tcp_port_mysql_3306",
            "ec2_securitygroup_allow_ingress_from_internet_to_tcp_port_oracle_1521_2483",
            "ec2_securitygroup_allow_ingress_from_internet_to_tcp_port_postgres_5432",
            "ec2_securitygroup_allow_ingress_from_internet_to_tcp_port_redis_6379",
            "ec2_securitygroup_allow_ingress_from_internet_to_tcp_port_sql_server_1433_1434",
            "ec2_securitygroup_allow_ingress_from_internet_to_tcp_port_telnet_23",
            "ec2_securitygroup_allow_wide_open_public_ipv4",
        ],
    ),
    (
        "prowler-2",
        &[
            "check41", "check42", "extra748", "extra749", "extra750", "extra751", "extra752", "extra753",
            "extra754", "extra755",
        ],
    ),
    CONFIG,
    PROBES,
    CUSTODIAN,
];

/// The names of the check on ports that nobody has authorised: the controls that ask for more than
/// administration and data.
pub(super) const OTHER_PORT: KnownAs = &[
    ("security-hub", &["EC2.18", "EC2.19"]),
    (
        "prowler",
        &[
            "ec2_instance_port_ftp_exposed_to_internet",
            "ec2_instance_port_kerberos_exposed_to_internet",
            "ec2_instance_port_ldap_exposed_to_internet",
            "ec2_securitygroup_allow_ingress_from_internet_to_any_port",
            "ec2_securitygroup_allow_ingress_from_internet_to_high_risk_tcp_ports",
            "ec2_securitygroup_allow_ingress_from_internet_to_tcp_ftp_port_20_21",
            "ec2_securitygroup_allow_ingress_from_internet_to_tcp_port_cassandra_7199_9160_8888",
            "ec2_securitygroup_allow_ingress_from_internet_to_tcp_port_ftp_20_21",
            "ec2_securitygroup_allow_wide_open_public_ipv4",
        ],
    ),
    ("prowler-2", &["extra748"]),
    (
        "config-managed",
        &["restricted-common-ports", "vpc-sg-open-only-to-authorized-ports", "vpc-sg-port-restriction-check"],
    ),
    ("guardduty", &["Recon:EC2/PortProbeEMRUnprotectedPort", "Recon:EC2/PortProbeUnprotectedPort"]),
    CUSTODIAN,
];
