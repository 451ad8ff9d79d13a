//! Web ACLs for load balancers: what is called and set back, and every reason not to.

use super::*;
use crate::{
    actions::{Options, make::sound},
    calls::{Purpose, Undo, WayBack},
    inventory::{Caller, Inventory, Tags},
    resource::Owner,
};

const R: &str = "us-east-1";
const ACL: &str =
    "arn:aws:wafv2:us-east-1:123456789012:regional/webacl/edge/6f1d2c3b-4a59-4e68-8f70-1b2c3d4e5f60";
const OTHER: &str =
    "arn:aws:wafv2:us-east-1:123456789012:regional/webacl/other/7f1d2c3b-4a59-4e68-8f70-1b2c3d4e5f60";
const WEB: &str = "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/web/50dc6c495c0c9188";

fn rule(name: &str, action: Option<&str>, over: Option<&str>) -> WebAclRule {
    let text = |text: &str| text.to_owned();
    WebAclRule { name: name.into(), action: action.map(text), override_action: over.map(text) }
}

fn acl() -> WebAcl {
    WebAcl {
        id: ACL.into(),
        name: "edge".into(),
        default_action: "Allow".into(),
        rules: vec![
            rule("floods", Some("Block"), None),
            rule("core", None, Some("None")),
            rule("countries", Some("Count"), None),
        ],
        ..WebAcl::default()
    }
}

fn balancer() -> WebAclAssociation {
    WebAclAssociation {
        id: WEB.into(),
        scheme: "internet-facing".into(),
        state: "active".into(),
        web_acl: None,
        tags: Fact::Known(Tags::new()),
    }
}

/// Builds an account in which an association has everything that it needs, but for one thing.
fn but(change: impl FnOnce(&mut Region)) -> Inventory {
    let owner = Owner { partition: "aws".into(), account: "123456789012".into() };
    let mut it = Inventory::empty(owner, Caller::default(), "2026-11-22T10:00:00Z".parse().unwrap());
    let place = it.region_mut(R);
    place.web_acl_associations.put(WEB, balancer());
    place.web_acls.put(ACL, acl());
    place.web_acls.read(&Selector::by(NAME, "edge"), Fact::Known(()));
    change(place);
    it
}

fn of_acl(change: impl FnOnce(&mut WebAcl)) -> Inventory {
    but(|place| change(place.web_acls.get_mut(ACL).unwrap()))
}

fn of_balancer(change: impl FnOnce(&mut WebAclAssociation)) -> Inventory {
    but(|place| change(place.web_acl_associations.get_mut(WEB).unwrap()))
}

fn proposed(it: &Inventory, with: Value, options: &Options) -> Result<Proposal, Refusal> {
    let context = Context { inventory: it, region: R, checks: &[], options };
    AssociateWebAcl.propose(&context, &ResourceId::try_from(WEB.to_owned()).unwrap(), &with)
}

fn propose(it: &Inventory) -> Result<Proposal, Refusal> {
    proposed(it, json!({ "web_acl": "edge" }), &Options::default())
}

#[test]
fn the_web_acl_that_is_named_is_associated_where_there_is_none_and_only_it_is_taken_off_again() {
    let by_name = propose(&but(|_| ())).unwrap();
    let by_arn = proposed(&but(|_| ()), json!({ "web_acl": ACL }), &Options::default()).unwrap();
    assert_eq!(by_name, by_arn);
    sound::steps(&by_name.steps);
    let [step] = &by_name.steps[..] else { panic!("{:?}", by_name.steps) };
    assert_eq!(step.act.call.name(), "wafv2:AssociateWebACL");
    assert_eq!(step.act.call.input, json!({ "WebACLArn": ACL, "ResourceArn": WEB }));
    assert_eq!(step.act.before[0].test, crate::calls::Test::Is(Value::Null), "no association is replaced");
    let WayBack::Calls { rollback, undo: Undo::Same, .. } = &step.way_back else { panic!() };
    assert_eq!(rollback[0].call.input, json!({ "ResourceArn": WEB }));
    assert_eq!(rollback[0].before[0].test, crate::calls::Test::Is(json!(ACL)), "another one stays");
    for purpose in [Purpose::Rollback, Purpose::Undo] {
        let back = sound::going_back(&by_name.steps, &["associate"], purpose);
        assert_eq!(back, ["DisassociateWebACL associate"]);
    }
    assert_eq!(by_name.risk, Risk::Disruptive);
    assert_eq!((by_name.before, by_name.after), (json!({ "web_acl": null }), json!({ "web_acl": ACL })));
}

#[test]
fn the_impact_names_what_the_web_acl_does() {
    let said = propose(&but(|_| ())).unwrap().impact.join("\n");
    for part in [
        "every request to web (internet-facing) passes the web ACL edge",
        "one that no rule ends is allowed",
        "rules that block: floods",
        "redress does not read: core",
        "rules that only count: countries",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(!said.contains("no rule of edge blocks"), "{said}");
    let counting = of_acl(|acl| {
        acl.rules = vec![rule("floods", Some("Count"), None), rule("core", None, Some("Count"))]
    });
    let said = propose(&counting).unwrap().impact.join("\n");
    assert!(said.contains("no rule of edge blocks anything yet"), "{said}");
    let closed = of_acl(|acl| {
        acl.default_action = "Block".into();
        acl.rules.push(rule("office", Some("Allow"), None));
        acl.rules.push(rule("humans", Some("Captcha"), None));
        acl.rules.push(rule("odd", None, None));
    });
    let said = propose(&closed).unwrap().impact.join("\n");
    for part in ["ends is blocked", "rules that allow: office", "challenge: humans", "does not know: odd"] {
        assert!(said.contains(part), "{part}: {said}");
    }
    let many =
        of_acl(|acl| acl.rules = (0..11).map(|n| rule(&format!("r{n}"), Some("Block"), None)).collect());
    assert!(propose(&many).unwrap().impact.join("\n").contains("r7 and 3 more"));
}

#[test]
fn without_a_name_nothing_is_done() {
    let it = but(|_| ());
    let declines = |with: Value| AssociateWebAcl.declines(&it, WITHOUT_WEB_ACL, &it.owner.root(), &with);
    let refusal = declines(json!({})).unwrap_err();
    let named = |why: &str| why.contains("associate-web-acl.web_acl=");
    assert!(matches!(&refusal, Refusal::Refused(why) if named(why)), "{refusal:?}");
    assert_eq!(declines(json!({ "web_acl": "edge" })), Ok(()));
    let refusal = proposed(&but(|_| ()), json!({}), &Options::default()).unwrap_err();
    assert!(matches!(&refusal, Refusal::Refused(why) if why.contains("no web ACL is named")), "{refusal:?}");
}

#[test]
fn a_load_balancer_that_has_a_web_acl_or_belongs_to_somebody_is_left() {
    let refused = |it: &Inventory, part: &str| match propose(it) {
        Err(Refusal::Refused(why)) => assert!(why.contains(part), "{part}: {why}"),
        other => panic!("{part}: {other:?}"),
    };
    refused(&of_balancer(|one| one.web_acl = Some(OTHER.into())), "which an association would replace");
    let same = propose(&of_balancer(|one| one.web_acl = Some(ACL.into())));
    assert!(matches!(same, Err(Refusal::Nothing(_))), "{same:?}");
    let managed =
        of_balancer(|one| one.tags = Fact::Known([("elbv2.k8s.aws/cluster".into(), "blue".into())].into()));
    refused(&managed, "the AWS Load Balancer Controller");
    let loosened = Options { include_managed: true, ..Options::default() };
    proposed(&managed, json!({ "web_acl": "edge" }), &loosened).unwrap();
}

#[test]
fn a_web_acl_of_firewall_manager_or_one_that_filters_nothing_or_everything_is_refused() {
    let refused = |change: &dyn Fn(&mut WebAcl), part: &str| match propose(&of_acl(change)) {
        Err(Refusal::Refused(why)) => assert!(why.contains(part), "{part}: {why}"),
        other => panic!("{part}: {other:?}"),
    };
    refused(&|acl| acl.managed_by_firewall_manager = true, "Firewall Manager has made it");
    refused(&|acl| acl.retrofitted_by_firewall_manager = true, "has taken it over");
    refused(
        &|acl| acl.firewall_manager_rule_groups = vec!["PRE".into()],
        "rule groups of Firewall Manager: PRE",
    );
    refused(&|acl| acl.rules.clear(), "nothing would be protected");
    let closed = |rules: Vec<WebAclRule>| {
        move |acl: &mut WebAcl| (acl.default_action, acl.rules) = ("Block".into(), rules.clone())
    };
    refused(&closed(vec![]), "every request could be refused");
    let none_allows = vec![rule("floods", Some("Block"), None), rule("core", None, Some("Count"))];
    refused(&closed(none_allows), "no rule that allows anything");
    for allows in [rule("a", Some("Allow"), None), rule("group", None, Some("None")), rule("odd", None, None)]
    {
        propose(&of_acl(closed(vec![allows]))).unwrap();
    }
}

#[test]
fn a_web_acl_of_another_place_is_refused_before_it_is_read() {
    let refused = |named: &str, part: &str| match proposed(
        &but(|_| ()),
        json!({ "web_acl": named }),
        &Options::default(),
    ) {
        Err(Refusal::Refused(why)) => assert!(why.contains(part), "{part}: {why}"),
        other => panic!("{part}: {other:?}"),
    };
    refused(&ACL.replace("us-east-1", "eu-west-1"), "is in eu-west-1");
    refused(&ACL.replace("123456789012", "210987654321"), "is not of account 123456789012");
    let all_read = but(|place| place.web_acls.read(&Selector::All, Fact::Known(())));
    for (named, part) in [(OTHER, "does not exist in us-east-1"), ("other", "no regional web ACL other")] {
        match proposed(&all_read, json!({ "web_acl": named }), &Options::default()) {
            Err(Refusal::Refused(why)) => assert!(why.contains(part), "{part}: {why}"),
            other => panic!("{part}: {other:?}"),
        }
    }
}

#[test]
fn what_is_not_known_is_no_reason_to_act() {
    for (what, it) in [
        (
            "the load balancer",
            but(|place| {
                drop(place.web_acl_associations.items.insert(WEB.into(), Fact::unknown("AccessDenied")))
            }),
        ),
        ("its tags", of_balancer(|one| one.tags = Fact::unknown("AccessDenied"))),
        ("its state", of_balancer(|one| one.state = "provisioning".into())),
        (
            "the web ACL",
            but(|place| drop(place.web_acls.items.insert(ACL.into(), Fact::unknown("AccessDenied")))),
        ),
        ("the list", but(|place| place.web_acls = crate::inventory::Family::default())),
        ("the default action", of_acl(|acl| acl.default_action = String::new())),
    ] {
        let refusal = propose(&it);
        assert!(matches!(refusal, Err(Refusal::Unknown(_))), "{what}: {refusal:?}");
    }
}

#[test]
fn a_name_and_an_arn_of_a_regional_web_acl_are_taken_and_nothing_else() {
    let decode = |text: &str| {
        AssociateWebAcl.decode(toml::de::Deserializer::parse(&format!("web_acl = {text:?}")).unwrap())
    };
    for good in ["edge", "my_edge-1", ACL] {
        assert_eq!(decode(good).unwrap(), json!({ "web_acl": good }));
    }
    for bad in [
        "",
        "a b",
        "edge/1",
        "arn:aws:wafv2",
        "arn:aws:wafv2:us-east-1:123456789012:global/webacl/edge/6f1d2c3b-4a59-4e68-8f70-1b2c3d4e5f60",
        "arn:aws:wafv2:us-east-1:123456789012:regional/rulegroup/edge/6f1d2c3b",
        "arn:aws:wafv2:us-east-1:123456789012:regional/webacl/edge",
        "arn:aws:wafv2::123456789012:regional/webacl/edge/1",
        "arn:aws:waf-regional:us-east-1:123456789012:webacl/6f1d2c3b",
    ] {
        assert!(decode(bad).is_err(), "{bad}");
    }
    let none = AssociateWebAcl.decode(toml::de::Deserializer::parse("").unwrap()).unwrap();
    assert_eq!(none, json!({}));
}
