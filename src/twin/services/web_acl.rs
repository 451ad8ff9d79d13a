//! Web ACLs and the load balancers that they protect, as AWS WAF treats them.

use super::{OnTwin, done};
use crate::{
    calls::{CallError, Outcome},
    inventory::WebAclAssociation,
    services::web_acl::{AssociateWebACL, DisassociateWebACL},
    twin::{
        Twin,
        errors::{must, refuse},
    },
};

/// The code for a load balancer, or a web ACL, that does not exist.
const ABSENT: &str = "WAFNonexistentItemException";

impl OnTwin for AssociateWebACL {
    fn perform(self, t: &mut Twin, region: &str) -> Outcome {
        let acl = &self.web_acl_arn;
        balancer(t, region, &self.resource_arn)?;
        must(t.region(region)?.web_acls.get(acl), acl, || {
            refuse(ABSENT, format!("the web ACL {acl} does not exist"))
        })?;
        set(t, region, &self.resource_arn, Some(self.web_acl_arn))
    }
}

impl OnTwin for DisassociateWebACL {
    fn perform(self, t: &mut Twin, region: &str) -> Outcome {
        balancer(t, region, &self.resource_arn)?;
        set(t, region, &self.resource_arn, None)
    }
}

/// Finds a load balancer that can have a web ACL.
fn balancer<'t>(t: &'t Twin, region: &str, arn: &str) -> Result<&'t WebAclAssociation, CallError> {
    let found = must(t.region(region)?.web_acl_associations.get(arn), arn, || {
        refuse(ABSENT, format!("the resource {arn} does not exist"))
    })?;
    if found.takes_web_acls() {
        return Ok(found);
    }
    let message = format!("{arn} is no resource that a web ACL can be associated with");
    Err(refuse("WAFInvalidParameterException", message))
}

fn set(t: &mut Twin, region: &str, arn: &str, acl: Option<String>) -> Outcome {
    if let Some(balancer) = t.region_mut(region).web_acl_associations.get_mut(arn) {
        balancer.web_acl = acl;
    }
    done()
}
