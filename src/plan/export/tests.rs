//! Words of exported scripts, hostile ones too.
use serde_json::json;

use super::words::{Here, json_word, kebab, plain, quoted};
use crate::calls::reference;

const HERE: Here<'static> = Here { change: "c1", step: "copy-1" };

#[test]
fn what_a_tag_holds_stays_text() {
    let hostile = json!({ "Value": "'; rm -rf ~ #$(reboot)`reboot`\n\u{202e}" });
    assert_eq!(json_word(&hostile, HERE), r#"'{"Value":"'\''; rm -rf ~ #$(reboot)`reboot`\n\u202e"}'"#);
    assert_eq!(plain("a\nrm -rf ~\u{202e}"), "a\\nrm -rf ~\\u{202e}");
    assert_eq!(quoted("it's"), r"'it'\''s'");
}

#[test]
fn references_become_what_the_shell_knows_them_by() {
    let input = json!({
        "SnapshotId": reference::output("warm", "Snapshots/vol-1"),
        "Rules": reference::output("allow", "SecurityGroupRuleIds"),
        "Run": reference::run(),
        "Token": reference::token(),
    });
    let word = json_word(&input, HERE);
    let expected = r#"'{"SnapshotId":"'"$(pick vol-1 ${c1__warm__Snapshots})"'","Rules":'"$(json_list ${c1__allow__SecurityGroupRuleIds})"',"Run":"'"${RUN}"'","Token":"'"$(token c1 copy-1)"'"}'"#;
    assert_eq!(word, expected);
}

#[test]
fn operations_have_the_names_of_the_command_line() {
    for (operation, name) in [
        ("AuthorizeSecurityGroupIngress", "authorize-security-group-ingress"),
        ("ListMFADevices", "list-mfa-devices"),
        ("GetWebACLForResource", "get-web-acl-for-resource"),
        ("AssociateWebACL", "associate-web-acl"),
        ("ModifyDBInstance", "modify-db-instance"),
    ] {
        assert_eq!(kebab(operation), name);
    }
}
