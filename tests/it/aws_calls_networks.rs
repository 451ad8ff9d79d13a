//! The operations on networks, made against moto and seen again by reading: routes, network ACLs, VPC
//! endpoints and the listeners of load balancers. What moto answers differently from AWS is said where it is
//! met.

use redress::{
    calls::ErrorClass,
    inventory::{FamilyKind as K, Want},
};
use serde_json::{Value, json};

use crate::aws_calls::{Maker, US};

pub async fn routes(maker: &mut Maker) {
    let vpc = maker.seed("ec2.create_vpc(CidrBlock='10.5.0.0/16')['Vpc']['VpcId']");
    let table = maker.seed(&format!(
        "(lambda vpc, igw: (lambda table: [ec2.attach_internet_gateway(InternetGatewayId=igw, VpcId=vpc), \
         ec2.create_route(RouteTableId=table, DestinationCidrBlock='0.0.0.0/0', GatewayId=igw), \
         ec2.create_route(RouteTableId=table, DestinationIpv6CidrBlock='::/0', GatewayId=igw), table][-1])\
         (ec2.create_route_table(VpcId=vpc)['RouteTable']['RouteTableId']))('{vpc}', \
         ec2.create_internet_gateway()['InternetGateway']['InternetGatewayId'])"
    ));
    let seen = maker.json(US, K::RouteTables, &table).await;
    assert_eq!(seen["vpc_id"], json!(vpc));
    let shown = |seen: &Value| -> Vec<Value> {
        seen["routes"].as_array().unwrap().iter().map(|route| route["destination"].clone()).collect()
    };
    assert_eq!(shown(&seen), ["10.5.0.0/16", "0.0.0.0/0", "::/0"]);
    let target = seen["routes"][1]["target"]["GatewayId"].as_str().unwrap();
    assert!(target.starts_with("igw-"), "{seen}");
    assert_eq!(
        (&seen["routes"][1]["state"], &seen["routes"][1]["origin"]),
        (&json!("active"), &json!("CreateRoute"))
    );
    for (member, to) in [("DestinationCidrBlock", "0.0.0.0/0"), ("DestinationIpv6CidrBlock", "::/0")] {
        let input = json!({ "RouteTableId": table, member: to });
        maker.makes("ec2", "DeleteRoute", input.clone()).await;
        assert_eq!(maker.class_of("ec2", "DeleteRoute", input).await, ErrorClass::AlreadyDone);
    }
    assert_eq!(shown(&maker.json(US, K::RouteTables, &table).await), ["10.5.0.0/16"]);
    let peer = maker.seed("ec2.create_vpc(CidrBlock='10.6.0.0/16')['Vpc']['VpcId']");
    let pcx = maker.seed(&format!(
        "ec2.create_vpc_peering_connection(VpcId='{vpc}', PeerVpcId='{peer}')\
         ['VpcPeeringConnection']['VpcPeeringConnectionId']"
    ));
    let code = maker.seed(&format!(
        "ec2.accept_vpc_peering_connection(VpcPeeringConnectionId='{pcx}')\
         ['VpcPeeringConnection']['Status']['Code']"
    ));
    let seen = maker.json(US, K::VpcPeeringConnections, &pcx).await;
    assert_eq!((&seen["status"], &seen["accepter"]["vpc_id"]), (&json!(code), &json!(peer)));
    assert_eq!(seen["accepter"]["cidrs"], json!(["10.6.0.0/16"]));
    let input =
        json!({ "RouteTableId": table, "DestinationCidrBlock": "10.0.0.0/8", "VpcPeeringConnectionId": pcx });
    maker.makes("ec2", "CreateRoute", input.clone()).await;
    assert_eq!(maker.class_of("ec2", "CreateRoute", input).await, ErrorClass::AlreadyDone);
    let seen = maker.json(US, K::RouteTables, &table).await;
    assert_eq!(seen["routes"][1]["target"]["VpcPeeringConnectionId"], json!(pcx));
    gateways(maker, &vpc, &table).await;
    associations(maker, &vpc, &table).await;
    for (family, id) in [
        (K::RouteTables, "rtb-0123456789abcdef0"),
        (K::NatGateways, "nat-0123456789abcdef0"),
        (K::EgressOnlyGateways, "eigw-0123456789abcdef0"),
        (K::VpcPeeringConnections, "pcx-0123456789abcdef0"),
    ] {
        assert!(maker.is_gone(US, family, id).await, "{id}");
    }
}

/// A subnet gets a route table, another one, and none of its own. The emulator takes a second association of a
/// subnet for the first, which AWS refuses.
async fn associations(maker: &mut Maker, vpc: &str, table: &str) {
    let subnet = maker
        .seed(&format!("ec2.create_subnet(VpcId='{vpc}', CidrBlock='10.5.2.0/24')['Subnet']['SubnetId']"));
    let other = maker.seed(&format!("ec2.create_route_table(VpcId='{vpc}')['RouteTable']['RouteTableId']"));
    let input = json!({ "RouteTableId": table, "SubnetId": subnet });
    maker.makes("ec2", "AssociateRouteTable", input).await;
    let first = maker.json(US, K::RouteTables, table).await["associations"][0].clone();
    assert_eq!((&first["subnet_id"], &first["state"]), (&json!(subnet), &json!("associated")));
    let by = |association: &Value| json!({ "AssociationId": association["id"] });
    let replace = json!({ "AssociationId": first["id"], "RouteTableId": other });
    maker.makes("ec2", "ReplaceRouteTableAssociation", replace.clone()).await;
    assert_eq!(maker.json(US, K::RouteTables, table).await.get("associations"), None);
    let of_subnet = maker.read([Want::by(US, K::RouteTables, "association.subnet-id", &subnet)]).await;
    let second = of_subnet.json(US, K::RouteTables, &other).known().unwrap()["associations"][0].clone();
    assert_eq!(second["subnet_id"], json!(subnet));
    assert_ne!(second["id"], first["id"], "each association has an id of its own");
    assert_eq!(maker.class_of("ec2", "ReplaceRouteTableAssociation", replace).await, ErrorClass::Consistency);
    maker.makes("ec2", "DisassociateRouteTable", by(&second)).await;
    assert_eq!(maker.json(US, K::RouteTables, &other).await.get("associations"), None);
    assert_eq!(maker.class_of("ec2", "DisassociateRouteTable", by(&second)).await, ErrorClass::AlreadyDone);
}

/// Routes to gateways take the place of those to others.
async fn gateways(maker: &mut Maker, vpc: &str, table: &str) {
    let igw = maker.seed(&format!(
        "(lambda igw: [ec2.attach_internet_gateway(InternetGatewayId=igw, VpcId='{vpc}'), igw][1])\
         (ec2.create_internet_gateway()['InternetGateway']['InternetGatewayId'])"
    ));
    let nat = maker.seed(&format!(
        "ec2.create_nat_gateway(ConnectivityType='private', SubnetId=ec2.create_subnet(VpcId='{vpc}', \
         CidrBlock='10.5.1.0/24')['Subnet']['SubnetId'])['NatGateway']['NatGatewayId']"
    ));
    let eigw = maker.seed(&format!(
        "ec2.create_egress_only_internet_gateway(VpcId='{vpc}')\
         ['EgressOnlyInternetGateway']['EgressOnlyInternetGatewayId']"
    ));
    let seen = maker.json(US, K::NatGateways, &nat).await;
    assert_eq!((&seen["state"], &seen["connectivity_type"]), (&json!("available"), &json!("private")));
    let seen = maker.json(US, K::EgressOnlyGateways, &eigw).await;
    assert_eq!((&seen["state"], &seen["vpc_id"]), (&json!("attached"), &json!(vpc)));
    let ways = [
        ("DestinationCidrBlock", "0.0.0.0/0", "NatGatewayId", &nat),
        ("DestinationIpv6CidrBlock", "::/0", "EgressOnlyInternetGatewayId", &eigw),
    ];
    for (member, to, by, instead) in ways {
        let route = |by: &str, id: &str| json!({ "RouteTableId": table, member: to, by: id });
        maker.makes("ec2", "CreateRoute", route("GatewayId", &igw)).await;
        maker.makes("ec2", "ReplaceRoute", route(by, instead)).await;
        let seen = maker.json(US, K::RouteTables, table).await;
        let all = seen["routes"].as_array().unwrap();
        let led = all.iter().find(|route| route["destination"] == to).unwrap();
        assert_eq!(led["target"], json!({ by: instead }));
        maker.makes("ec2", "DeleteRoute", json!({ "RouteTableId": table, member: to })).await;
    }
}

pub async fn listeners(maker: &mut Maker) {
    // The emulator does not have the policies that AWS has for network load balancers alone, nor whom a
    // policy is for.
    let arn = maker.seed(
        "(lambda elb, subnets: elb.create_listener(LoadBalancerArn=elb.create_load_balancer(Name='web', \
         Subnets=subnets, Tags=[{'Key': 'Team', 'Value': 'web'}])['LoadBalancers'][0]['LoadBalancerArn'], \
         Protocol='HTTPS', Port=443, SslPolicy='ELBSecurityPolicy-2016-08', Certificates=[{'CertificateArn': \
         'arn:aws:iam::123456789012:server-certificate/c'}], DefaultActions=[{'Type': 'fixed-response', \
         'FixedResponseConfig': {'StatusCode': '200'}}])['Listeners'][0]['ListenerArn'])\
         (boto3.client('elbv2'), [s['SubnetId'] for s in ec2.describe_subnets()['Subnets'][:2]])",
    );
    let seen = maker.json(US, K::Listeners, &arn).await;
    assert_eq!((&seen["protocol"], &seen["port"]), (&json!("HTTPS"), &json!(443)));
    assert_eq!(seen["versions"]["known"], json!(["TLSv1.2", "TLSv1.1", "TLSv1"]));
    assert_eq!(seen["tags"]["known"]["Team"], json!("web"), "of its load balancer");
    let set = json!({ "ListenerArn": arn, "SslPolicy": "ELBSecurityPolicy-TLS13-1-2-2021-06" });
    maker.makes("elasticloadbalancing", "ModifyListener", set).await;
    let now = maker.json(US, K::Listeners, &arn).await;
    assert_eq!(now["ssl_policy"], json!("ELBSecurityPolicy-TLS13-1-2-2021-06"));
    assert_eq!(now["versions"]["known"], json!(["TLSv1.3", "TLSv1.2"]));
    let listed = maker.read([Want::all(US, K::Listeners), Want::all(US, K::TlsPolicies)]).await;
    let mut without = now.clone();
    without["rules"] = json!("not-read");
    assert_eq!(listed.json(US, K::Listeners, &arn).known(), Some(&without), "nothing could redirect to it");
    assert!(listed.regions[US].tls_policies.known().count() > 10);
    let nobody = arn.replace("listener/", "listener/app/none/");
    assert!(maker.is_gone(US, K::Listeners, &nobody).await);
    let gone = json!({ "ListenerArn": nobody, "SslPolicy": "ELBSecurityPolicy-TLS13-1-2-2021-06" });
    assert_eq!(maker.class_of("elasticloadbalancing", "ModifyListener", gone).await, ErrorClass::Consistency);
}

pub async fn web_acls(maker: &mut Maker) {
    // The emulator leaves the old web ACL in force where another is associated, and knows only those that it
    // has made itself.
    let acl = maker.seed(
        "(lambda waf, seen: waf.create_web_acl(Name='edge', Scope='REGIONAL', DefaultAction={'Block': {}}, \
         VisibilityConfig=seen, Rules=[{'Name': n, 'Priority': p, 'VisibilityConfig': seen, 'Statement': \
         {'RateBasedStatement': {'Limit': 2000, 'AggregateKeyType': 'IP'}}, **a} for n, p, a in [('later', 2, \
         {'Action': {'Allow': {}}}), ('group', 3, {'OverrideAction': {'Count': {}}}), ('first', 1, {'Action': \
         {'Captcha': {}}})]])['Summary']['ARN'])(boto3.client('wafv2'), {'SampledRequestsEnabled': False, \
         'CloudWatchMetricsEnabled': False, 'MetricName': 'm'})",
    );
    let balancer = maker.seed(
        "boto3.client('elbv2').create_load_balancer(Name='edge', Scheme='internet-facing', \
         Subnets=[s['SubnetId'] for s in ec2.describe_subnets()['Subnets'][:2]], Tags=[{'Key': 'Team', 'Value': 'web'}])['LoadBalancers'][0]\
         ['LoadBalancerArn']",
    );
    let rules = json!([{ "name": "first", "action": "Captcha" }, { "name": "later", "action": "Allow" },
        { "name": "group", "override_action": "Count" }]);
    let seen = maker.json(US, K::WebAcls, &acl).await;
    assert_eq!((&seen["name"], &seen["default_action"]), (&json!("edge"), &json!("Block")));
    assert_eq!(seen["rules"], rules, "in the order in which they are asked");
    let named = maker.read([Want::by(US, K::WebAcls, "name", "edge")]).await;
    assert_eq!(named.json(US, K::WebAcls, &acl).known(), Some(&seen));
    let before = maker.json(US, K::WebAclAssociations, &balancer).await;
    assert_eq!((&before["web_acl"], &before["state"]), (&json!(null), &json!("active")));
    assert_eq!(
        (&before["scheme"], &before["tags"]["known"]["Team"]),
        (&json!("internet-facing"), &json!("web"))
    );
    let on = json!({ "ResourceArn": balancer });
    let of = |acl: &str| json!({ "WebACLArn": acl, "ResourceArn": balancer });
    maker.makes("wafv2", "AssociateWebACL", of(&acl)).await;
    assert_eq!(maker.json(US, K::WebAclAssociations, &balancer).await["web_acl"], json!(acl));
    let listed = maker.read([Want::all(US, K::WebAclAssociations), Want::all(US, K::WebAcls)]).await;
    assert_eq!(listed.json(US, K::WebAclAssociations, &balancer).known().unwrap()["web_acl"], json!(acl));
    assert_eq!(listed.json(US, K::WebAcls, &acl).known(), Some(&seen));
    maker.makes("wafv2", "DisassociateWebACL", on).await;
    assert_eq!(maker.json(US, K::WebAclAssociations, &balancer).await, before);
    let nobody = acl.replace("/edge/", "/none/");
    assert_eq!(maker.class_of("wafv2", "AssociateWebACL", of(&nobody)).await, ErrorClass::Consistency);
    assert!(maker.is_gone(US, K::WebAclAssociations, &balancer.replace("/edge/", "/none/")).await);
}

pub async fn entries(maker: &mut Maker, vpc: &str) {
    let acl = maker.seed(&format!("ec2.create_network_acl(VpcId='{vpc}')['NetworkAcl']['NetworkAclId']"));
    let number = |number: i32| json!({ "NetworkAclId": acl, "RuleNumber": number, "Egress": false });
    let put = |at: i32, action: &str, member: &str, cidr: &str| {
        let mut input = number(at);
        input["Protocol"] = json!("6");
        input["RuleAction"] = json!(action);
        input["PortRange"] = json!({ "From": 22, "To": 22 });
        input[member] = json!(cidr);
        input
    };
    let v4 = put(90, "allow", "CidrBlock", "203.0.113.0/24");
    let v6 = put(91, "deny", "Ipv6CidrBlock", "::/0");
    for (input, line) in [(&v4, "allow tcp/22 from 203.0.113.0/24"), (&v6, "deny tcp/22 from ::/0")] {
        maker.makes("ec2", "CreateNetworkAclEntry", input.clone()).await;
        let seen = maker.json(US, K::NetworkAcls, &acl).await;
        let entry = &seen["inbound"][input["RuleNumber"].to_string()];
        let entry: redress::inventory::AclEntry = serde_json::from_value(entry.clone()).unwrap();
        assert_eq!(entry.line(), line);
        let call: redress::services::network_acl::CreateNetworkAclEntry =
            serde_json::from_value(input.clone()).unwrap();
        assert_eq!(call.entry(), entry, "it is recognised by all of its members");
    }
    let again = maker.class_of("ec2", "CreateNetworkAclEntry", v4).await;
    assert_eq!(again, ErrorClass::AlreadyDone, "its effect is looked for");
    // moto answers the deletion of an entry that does not exist with an internal error; AWS has a code for
    // it.
    maker.makes("ec2", "DeleteNetworkAclEntry", number(90)).await;
    let left = maker.json(US, K::NetworkAcls, &acl).await;
    assert_eq!(
        (&left["inbound"]["90"], left["inbound"]["91"]["action"].as_str()),
        (&Value::Null, Some("deny"))
    );
    let absent = put(90, "deny", "CidrBlock", "0.0.0.0/0");
    let absent = json!({ "NetworkAclId": "acl-0123456789abcdef0", "RuleNumber": 90, "Egress": false,
        "Protocol": "6", "RuleAction": "deny", "PortRange": absent["PortRange"], "CidrBlock": "0.0.0.0/0" });
    assert_eq!(maker.class_of("ec2", "CreateNetworkAclEntry", absent).await, ErrorClass::Consistency);
}

pub async fn endpoints(maker: &mut Maker) {
    // The emulator takes any text for a policy, and changes it at once.
    let id = maker.seed(
        "ec2.create_vpc_endpoint(VpcId=ec2.describe_vpcs()['Vpcs'][0]['VpcId'], VpcEndpointType='Gateway', \
         ServiceName='com.amazonaws.us-east-1.s3', TagSpecifications=[{'ResourceType': 'vpc-endpoint', 'Tags': \
         [{'Key': 'Team', 'Value': 'web'}]}])['VpcEndpoint']['VpcEndpointId']",
    );
    let other = maker.seed(
        "ec2.create_vpc_endpoint(VpcId=ec2.describe_vpcs()['Vpcs'][0]['VpcId'], VpcEndpointType='Interface', \
         ServiceName='com.amazonaws.vpce.us-east-1.vpce-svc-0123456789abcdef0', SubnetIds=[s['SubnetId'] for s in \
         ec2.describe_subnets()['Subnets'][:1]])['VpcEndpoint']['VpcEndpointId']",
    );
    let seen = maker.json(US, K::VpcEndpoints, &id).await;
    assert_eq!((&seen["endpoint_type"], &seen["state"]), (&json!("Gateway"), &json!("available")));
    assert_eq!(seen["policy"]["known"]["Statement"][0]["Action"], json!(["*"]));
    assert_eq!((&seen["policy_supported"]["known"], &seen["tags"]["Team"]), (&json!(true), &json!("web")));
    let policy =
        json!({ "Statement": { "Effect": "Allow", "Principal": "*", "Action": "s3:Get*", "Resource": "*" } });
    let set = json!({ "VpcEndpointId": id, "PolicyDocument": policy.to_string() });
    maker.makes("ec2", "ModifyVpcEndpoint", set).await;
    let now = maker.json(US, K::VpcEndpoints, &id).await;
    assert_eq!(now["policy_document"], json!(policy.to_string()));
    assert_eq!(now["policy"]["known"]["Statement"][0]["Action"], json!(["s3:Get*"]));
    let vpc = seen["vpc_id"].as_str().unwrap();
    let names = maker.seed(&format!(
        "(ec2.modify_vpc_attribute(VpcId='{vpc}', EnableDnsHostnames={{'Value': False}}), \
         boto3.client('route53').create_hosted_zone(Name='a.example', CallerReference='1', HostedZoneConfig=\
         {{'PrivateZone': True}}, VPC={{'VPCRegion': 'us-east-1', 'VPCId': '{vpc}'}}), \
         ec2.create_vpc_endpoint(VpcId='{vpc}', VpcEndpointType='Interface', PrivateDnsEnabled=False, \
         ServiceName='com.amazonaws.us-east-1.ssm', SubnetIds=[s['SubnetId'] for s in \
         ec2.describe_subnets()['Subnets'][:1]])['VpcEndpoint']['VpcEndpointId'])[2]"
    ));
    let dns = maker.json(US, K::VpcDns, vpc).await;
    assert_eq!((&dns["dns_support"]["known"], &dns["dns_hostnames"]["known"]), (&json!(true), &json!(false)));
    assert_eq!(dns["zones"]["known"][0]["name"], json!("a.example"), "without the dot at its end");
    assert!(maker.is_gone(US, K::VpcDns, "vpc-0123456789abcdef0").await);
    let seen = maker.json(US, K::VpcEndpoints, &names).await;
    assert_eq!(seen["private_dns_names"]["known"], json!(["ssm.us-east-1.amazonaws.com"]));
    for is_on in [true, false] {
        let set = json!({ "VpcEndpointId": names, "PrivateDnsEnabled": is_on });
        maker.makes("ec2", "ModifyVpcEndpoint", set).await;
        assert_eq!(maker.json(US, K::VpcEndpoints, &names).await["private_dns_enabled"], json!(is_on));
    }
    let nobody = "vpce-0123456789abcdef0";
    let asked = [&id, nobody, &other].map(|id| Want::id(US, K::VpcEndpoints, id));
    let found = maker.read(asked).await;
    assert_eq!(found.json(US, K::VpcEndpoints, &id).known(), Some(&now));
    assert!(found.json(US, K::VpcEndpoints, nobody).is_absent(), "the others are read all the same");
    let others = found.json(US, K::VpcEndpoints, &other);
    assert_eq!(others.known().unwrap()["policy_supported"], json!("not-read"), "nobody asks for it");
    let listed = maker.read([Want::all(US, K::VpcEndpoints)]).await;
    assert_eq!(listed.json(US, K::VpcEndpoints, &id).known(), Some(&now));
    assert!(maker.is_gone(US, K::VpcEndpoints, nobody).await);
    let gone = json!({ "VpcEndpointId": nobody, "PolicyDocument": "{}" });
    assert_eq!(maker.class_of("ec2", "ModifyVpcEndpoint", gone).await, ErrorClass::Consistency);
}
