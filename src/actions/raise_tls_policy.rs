//! `raise-tls-policy`: a listener of a load balancer gets a security policy without broken versions of TLS,
//! and one that is in nothing lower than the present one.

use serde::{Deserialize, Deserializer, Serialize, de::Error};
use serde_json::json;

use super::{
    Context, Parameter, Refusal,
    around::Around,
    concern::Concern,
    setting::{SHOWS_WITHIN, Setting, Switch},
    support,
};
use crate::{
    calls::{Call, Risk},
    checks::listeners::{WEAK_TLS, broken},
    inventory::{Fact, FamilyKind, Listener, TlsPolicy, Want},
    resource::Kind,
    services::{Operation, listener::ModifyListener},
};

/// The action `raise-tls-policy`.
pub static RAISE_TLS_POLICY: Setting<Listener, Params> = Setting {
    name: "raise-tls-policy",
    title: "Gives a listener of a load balancer a security policy without TLS 1.0 and 1.1",
    page: include_str!("raise_tls_policy.md"),
    answers: &[WEAK_TLS],
    target: Kind::Listener,
    member: "/ssl_policy",
    shows_within: SHOWS_WITHIN,
    concerns: &[(FamilyKind::Listeners, Concern::these(&["ssl_policy"]))],
    of_checks: &[],
    parameters: &[Parameter {
        name: "policy",
        kind: "name of a security policy",
        default: "the counterpart of the present policy with TLS 1.2 and 1.3",
        doc: "Which policy the listener gets.",
    }],
    operations: &[<ModifyListener as Operation>::SPEC],
    reads: &[Around::named(FamilyKind::TlsPolicies)],
    needs: |context, _| vec![Want::all(context.region, FamilyKind::TlsPolicies)],
    switch,
};

/// The beginning of the names of all policies.
const NAMES: &str = "ELBSecurityPolicy-";
/// The policy for a listener whose own has no counterpart: TLS 1.2 and 1.3, forward secrecy, and clients of
/// the last ten years
/// (<https://docs.aws.amazon.com/elasticloadbalancing/latest/application/describe-ssl-policies.html>).
const USUAL: &str = "ELBSecurityPolicy-TLS13-1-2-2021-06";

/// The parameters of the action.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Params {
    /// The policy; `None` stands for the counterpart of the present one.
    #[serde(deserialize_with = "name", skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
}

fn name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let name = String::deserialize(deserializer)?;
    let rest = name.strip_prefix(NAMES).unwrap_or_default();
    if rest.is_empty() || !rest.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
        return Err(D::Error::custom(format!(
            "{name:?} is no security policy of Elastic Load Balancing: their names are like {USUAL:?}"
        )));
    }
    Ok(Some(name))
}

/// Returns the policy of the same line with TLS 1.2 as its lowest version: the one for FIPS, or with
/// post-quantum key exchange, where the present one is of these.
fn counterpart(present: &str) -> String {
    let of_line = ["TLS13-1-0", "TLS13-1-1"].iter().find_map(|lowest| {
        let rest = present.strip_prefix(NAMES)?.strip_prefix(lowest)?;
        Some(format!("{NAMES}TLS13-1-2{rest}"))
    });
    of_line.unwrap_or_else(|| USUAL.to_owned())
}

fn switch(context: &Context<'_>, listener: &Listener, params: &Params) -> Result<Switch, Refusal> {
    let (words, region) = (listener.words(), support::region(context.inventory, context.region)?);
    let refused = |why: String| Refusal::Refused(format!("listener {words}: {why}"));
    let Some(present) = listener.ssl_policy.as_ref().filter(|_| listener.ends_tls()) else {
        return Err(Refusal::Nothing(format!("listener {words} ends no TLS")));
    };
    let versions =
        support::need(listener.versions.as_ref(), &format!("the versions of TLS of listener {words}"))?;
    let broken_now = broken(versions).map_err(|why| Refusal::Unknown(format!("listener {words}: {why}")))?;
    if broken_now.is_empty() {
        return Err(Refusal::Nothing(format!("listener {words} allows no broken version of TLS")));
    }
    let of = |name: &str| region.tls_policies.get(name);
    let old = support::need(of(present), &format!("the security policy {present}"))?;
    let name = params.policy.clone().unwrap_or_else(|| counterpart(present));
    let new = match of(&name) {
        Fact::Absent => {
            return Err(refused(format!(
                "there is no security policy {name} in {}: name one of that region in `policy`",
                context.region
            )));
        }
        fact => support::need(fact, &format!("the security policy {name}"))?,
    };
    fits(listener, old, new).map_err(refused)?;
    let call = |policy: &str| Call::of(context.region, &ModifyListener::policy(&listener.id, policy));
    Ok(Switch {
        summary: format!("give listener {words} the security policy {name} instead of {present}"),
        set: call(&name),
        back: call(present),
        was: json!(present),
        becomes: json!(name),
        risk: Risk::Disruptive,
        impact: impact(&words, &broken_now, old, new),
        not_restored: Vec::new(),
        prerequisites: Vec::new(),
    })
}

/// Checks that the new policy is for this kind of load balancer, and in nothing lower than the old one.
fn fits(listener: &Listener, old: &TlsPolicy, new: &TlsPolicy) -> Result<(), String> {
    let name = &new.id;
    let kind = listener.balancer_type().ok_or("its kind of load balancer is not known")?;
    if !new.load_balancer_types.is_empty() && !new.load_balancer_types.iter().any(|one| one == kind) {
        return Err(format!(
            "{name} is not for a load balancer of the type {kind}: name another in `policy`"
        ));
    }
    let still = broken(&new.versions).map_err(|why| format!("{name}: {why}"))?;
    if !still.is_empty() {
        return Err(format!("{name} allows {} too: name another in `policy`", still.join(" and ")));
    }
    let goes_with = broken(&old.versions).unwrap_or_default();
    let lost = |version: &&String| !goes_with.contains(&version.as_str()) && !new.versions.contains(version);
    if let Some(version) = old.versions.iter().find(lost) {
        return Err(format!("{} allows {version} and {name} does not: name another in `policy`", old.id));
    }
    for (line, what) in
        [("FIPS", "cryptography that is validated for FIPS"), ("PQ", "post-quantum key exchange")]
    {
        let is_of = |policy: &TlsPolicy| policy.id.split('-').any(|part| part == line);
        if is_of(old) && !is_of(new) {
            return Err(format!(
                "{} has {what} and {name} has not: name one that has it in `policy`",
                old.id
            ));
        }
    }
    // The ciphers of TLS 1.3 are all sound; an older one that comes in may be weaker than those before.
    let comes = |cipher: &&String| !cipher.starts_with("TLS_") && !old.ciphers.contains(cipher);
    let weaker: Vec<&str> = new.ciphers.iter().filter(comes).map(String::as_str).collect();
    match weaker.is_empty() {
        true => Ok(()),
        false => Err(format!(
            "{name} allows ciphers that {} does not ({}), so it may be lower in that: name another in \
             `policy`",
            old.id,
            weaker.join(", ")
        )),
    }
}

fn impact(words: &str, broken: &[&str], old: &TlsPolicy, new: &TlsPolicy) -> Vec<String> {
    let mut impact = vec![
        format!(
            "clients of {words} that speak nothing newer than {} can no longer connect; the logs of the load \
             balancer show who they are, and redress does not read them",
            broken.join(" or ")
        ),
        "certificates, rules and targets stay as they are".to_owned(),
    ];
    let goes: Vec<&str> =
        old.ciphers.iter().filter(|cipher| !new.ciphers.contains(cipher)).map(String::as_str).collect();
    if !goes.is_empty() {
        impact.push(format!(
            "clients that offer only these ciphers cannot connect either: {}",
            goes.join(", ")
        ));
    }
    impact
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        actions::{Action, Options, Proposal, make::sound},
        calls::Purpose,
        inventory::{Caller, Inventory, Selector, Tags},
        resource::{Owner, ResourceId},
    };

    const R: &str = "us-east-1";
    const ARN: &str = "arn:aws:elasticloadbalancing:us-east-1:123456789012:listener/app/web/1/2";
    const OLD: &str = "ELBSecurityPolicy-2016-08";

    fn policy(name: &str, versions: &[&str], ciphers: &[&str]) -> TlsPolicy {
        let all = |of: &[&str]| of.iter().map(|one| (*one).to_owned()).collect();
        TlsPolicy {
            id: format!("{NAMES}{name}"),
            versions: all(versions),
            ciphers: all(ciphers),
            load_balancer_types: all(&["application"]),
        }
    }

    fn account(present: &str) -> Inventory {
        let owner = Owner { partition: "aws".into(), account: "123456789012".into() };
        let mut it = Inventory::empty(owner, Caller::default(), "2026-11-22T10:00:00Z".parse().unwrap());
        let (old, sound) = (["TLSv1", "TLSv1.1", "TLSv1.2"], ["TLSv1.2", "TLSv1.3"]);
        let all = [
            policy("2016-08", &old, &["ECDHE-A", "AES-B"]),
            policy("TLS13-1-0-2021-06", &["TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"], &["TLS_X", "ECDHE-A"]),
            policy("TLS13-1-0-FIPS-2023-04", &old, &["ECDHE-A"]),
            policy("TLS13-1-2-2021-06", &sound, &["TLS_X", "ECDHE-A"]),
            policy("TLS13-1-2-FIPS-2023-04", &sound, &["TLS_X", "ECDHE-A"]),
            policy("TLS13-1-2-Ext2-2021-06", &sound, &["TLS_X", "AES-OTHER"]),
            policy("TLS-1-2-2017-01", &["TLSv1.2"], &["ECDHE-A"]),
            policy("TLS13-1-3-2099-01", &["TLSv1.4"], &["TLS_X"]),
            TlsPolicy { load_balancer_types: vec!["network".into()], ..policy("NLB", &sound, &["TLS_X"]) },
        ];
        let place = it.region_mut(R);
        for policy in all {
            place.tls_policies.put(policy.id.clone(), policy);
        }
        place.tls_policies.read(&Selector::All, Fact::Known(()));
        let listener = Listener {
            id: ARN.into(),
            load_balancer: "arn:aws:elasticloadbalancing:us-east-1:123456789012:loadbalancer/app/web/1"
                .into(),
            protocol: "HTTPS".into(),
            port: Some(443),
            ssl_policy: Some(present.into()),
            versions: Fact::Known(old.map(str::to_owned).into()),
            tags: Fact::Known(Tags::new()),
            ..Listener::default()
        };
        place.listeners.put(ARN, listener);
        it
    }

    fn propose(it: &Inventory, with: &str) -> Result<Proposal, Refusal> {
        let context = Context { inventory: it, region: R, checks: &[], options: &Options::default() };
        let with = RAISE_TLS_POLICY.decode(toml::de::Deserializer::parse(with).unwrap()).unwrap();
        RAISE_TLS_POLICY.propose(&context, &ResourceId::try_from(ARN.to_owned()).unwrap(), &with)
    }

    fn refused(it: &Inventory, with: &str) -> String {
        match propose(it, with) {
            Err(Refusal::Refused(why)) => why,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_policy_is_raised_and_set_back() {
        let proposal = propose(&account(OLD), "").unwrap();
        sound::steps(&proposal.steps);
        let set = &proposal.steps[0].act.call;
        assert_eq!(set.input, json!({ "ListenerArn": ARN, "SslPolicy": USUAL }));
        assert_eq!(sound::going_back(&proposal.steps, &["set"], Purpose::Undo), ["ModifyListener set"]);
        assert_eq!(
            (proposal.before, proposal.after, proposal.risk),
            (json!({ "ssl_policy": OLD }), json!({ "ssl_policy": USUAL }), Risk::Disruptive)
        );
        assert!(proposal.impact[0].contains("TLSv1 or TLSv1.1"), "{:?}", proposal.impact);
        assert!(proposal.impact[2].ends_with("AES-B"), "{:?}", proposal.impact);
    }

    #[test]
    fn a_policy_of_a_line_gets_its_counterpart_and_never_loses_what_the_line_is_for() {
        for (present, becomes) in [
            ("TLS13-1-0-FIPS-2023-04", "TLS13-1-2-FIPS-2023-04"),
            ("TLS13-1-0-PQ-2025-09", "TLS13-1-2-PQ-2025-09"),
            ("TLS13-1-1-2021-06", "TLS13-1-2-2021-06"),
            ("FS-2018-06", "TLS13-1-2-2021-06"),
            ("2016-08", "TLS13-1-2-2021-06"),
        ] {
            assert_eq!(counterpart(&format!("{NAMES}{present}")), format!("{NAMES}{becomes}"));
        }
        let fips = account("ELBSecurityPolicy-TLS13-1-0-FIPS-2023-04");
        assert!(propose(&fips, "").unwrap().summary.contains("TLS13-1-2-FIPS-2023-04"));
        let why = refused(&fips, &format!("policy = '{USUAL}'"));
        assert!(why.contains("validated for FIPS"), "{why}");
    }

    #[test]
    fn nothing_is_lowered_and_what_is_not_known_is_not_set() {
        let it = account(OLD);
        for (policy, part) in [
            (OLD, "allows TLSv1 and TLSv1.1 too"),
            ("ELBSecurityPolicy-TLS13-1-2-Ext2-2021-06", "AES-OTHER"),
            ("ELBSecurityPolicy-TLS13-1-3-2099-01", "TLSv1.4, which redress does not know"),
            ("ELBSecurityPolicy-NLB", "not for a load balancer of the type application"),
            ("ELBSecurityPolicy-None", "there is no security policy ELBSecurityPolicy-None in us-east-1"),
        ] {
            let why = refused(&it, &format!("policy = '{policy}'"));
            assert!(why.contains(part) && why.starts_with("listener web:443: "), "{why}");
        }
        let newer = account("ELBSecurityPolicy-TLS13-1-0-2021-06");
        let why = refused(&newer, "policy = 'ELBSecurityPolicy-TLS-1-2-2017-01'");
        assert!(why.contains("allows TLSv1.3 and ELBSecurityPolicy-TLS-1-2-2017-01 does not"), "{why}");
        assert!(propose(&newer, "").is_ok());
        let mut unread = account(OLD);
        unread.region_mut(R).tls_policies.items.insert(USUAL.into(), Fact::unknown("AccessDenied"));
        assert!(matches!(propose(&unread, ""), Err(Refusal::Unknown(why)) if why.contains("AccessDenied")));
        let of = |change: fn(&mut Listener)| {
            let mut it = account(OLD);
            change(it.region_mut(R).listeners.get_mut(ARN).unwrap());
            propose(&it, "")
        };
        assert!(matches!(of(|l| l.versions = Fact::unknown("AccessDenied")), Err(Refusal::Unknown(_))));
        assert!(matches!(of(|l| l.versions = Fact::Known(vec!["TLSv1.2".into()])), Err(Refusal::Nothing(_))));
        assert!(matches!(of(|l| l.protocol = "HTTP".into()), Err(Refusal::Nothing(_))));
        let controller = |l: &mut Listener| {
            l.tags = Fact::Known([("elbv2.k8s.aws/cluster".to_owned(), "blue".to_owned())].into());
        };
        let Err(Refusal::Refused(why)) = of(controller) else { panic!("a cluster would set it back") };
        assert!(why.contains("AWS Load Balancer Controller"), "{why}");
    }

    #[test]
    fn a_name_that_no_policy_can_have_is_an_error_of_the_playbook() {
        for bad in [
            "policy = 'TLS13'",
            "policy = 'ELBSecurityPolicy-'",
            "policy = 'ELBSecurityPolicy-a b'",
            "policy = 1",
        ] {
            let read = RAISE_TLS_POLICY.decode(toml::de::Deserializer::parse(bad).unwrap());
            assert!(read.is_err(), "{bad}");
        }
    }
}
