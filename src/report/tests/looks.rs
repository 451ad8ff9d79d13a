//! The appearance of reports, as snapshots.

use insta::assert_snapshot;

use super::{
    super::{Detail, Typed, View, markdown, sample, text},
    shown, told, with_scan,
};
use crate::journal::RunDocument;

#[test]
fn findings_read_well() {
    assert_snapshot!(with_scan(|scan| text::findings(scan, &View::default())), @r#"
    Findings in account 123456789012
      regions   eu-west-1 and us-east-1
      endpoint  AWS
      read      2026-11-22 10:00 UTC

    CRITICAL 1 finding
      security-group-open-admin-port (1)
      A security group opens an administration port to the world
        ✗ sg-0a1b2c3d4e5f6a7b1 in eu-west-1 "web"
          rule sgr-0a1b2c3d4e5f6a7b8, source 0.0.0.0/0, protocol tcp, ports 22,
          services SSH
          rule sgr-9, source ::/0, protocol tcp, ports 22, services SSH
          reach: the internet reaches it: eni-1 at 203.0.113.9, through igw-1
          planned: c1: Narrow 1 rule of "web": tcp 22 from the world to
          203.0.113.0/24

    MEDIUM 1 finding
      vpc-of-made-up-rule (1)
        ✗ vpc-1 in eu-west-1
          flow logs: none
          unmapped: no playbook answers it

    SET ASIDE 2 findings
      · sg-0a1b2c3d4e5f6a7b2 in eu-west-1: security-group-open-admin-port
        suppressed: the tag redress:ignore reads: ticket 4711, closed in March
      · vol-1 in eu-west-1: ebs-volume-unencrypted
        kept on purpose: vol-2 took its place

    NOT KNOWN neither fine nor wrong: this could not be read
      ? ebs-volume-unencrypted on vol-3 in eu-west-1
        the listing was cut short
      ? cloudtrail-not-logging could not be judged in us-east-1:
        AccessDenied: not authorized to perform cloudtrail:DescribeTrails

    FINE, WITH A NOTE
      ✓ vpc-2 in eu-west-1: the first delivery is awaited

    2 findings (1 critical, 1 medium), 1 suppressed, 1 kept on purpose, 1 unknown, 1
    check could not be run in a region.

    Next, to see what would be done:
      redress plan -o plan.json
    "#);
}

#[test]
fn a_plan_reads_well() {
    assert_snapshot!(shown(&sample::plan()), @r#"
    Plan: 2 changes
      account   123456789012
      regions   eu-west-1 and us-east-1
      endpoint  AWS
      caller    arn:aws:iam::123456789012:user/ada
      made      2026-11-22 10:00 UTC, good until 2026-11-29 10:00 UTC
      digest    3f2a91c04be1

    ✓ rehearsed: closes 1 of 1, opens 0, undo restores all but what is named

    c1  disruptive · eu-west-1 · Narrow 1 rule of "web": tcp 22 from the world to
        203.0.113.0/24
            ingress
          -   tcp 22 from 0.0.0.0/0 "temporary"
          +   tcp 22 from 203.0.113.0/24
        affects   tcp 22 closes to all but 203.0.113.0/24
                  2 interfaces are behind the group, of i-1 and i-2
        guards    ! lock-out not checked: your own address is not known: give it
                  with --my-address
        undo      1 of 2 steps cannot be undone
                  not restored: the rule comes back under a new id: sgr-9 is gone
                  for good, and whatever names it must be told

    c2  safe · Make the role redress-flow-logs
          + role.name: redress-flow-logs
          + role.kept_until: 30 days after the run
        after     c1
        approval  done without a question: the playbook sets approve = "auto"

    NOT PLANNED 3 findings
      refused     sg-0a1b2c3d4e5f6a7b3 in eu-west-1
                  (security-group-open-admin-port): an instance runs behind the
                  group, and this is the last way in to it; allow your own addresses
                  with --allow-cidr
      unmapped    2 VPCs (vpc-of-made-up-rule): no playbook answers it
                  vpc-1 in eu-west-1 and vpc-2 in eu-west-1

    2 changes: 1 safe, 1 disruptive.
    4 findings: 1 planned, 1 refused, 2 unmapped.

    Next, to do it:
      redress apply plan.json
    "#);
}

#[test]
fn the_exact_calls_of_a_change_stand_in_its_long_form() {
    let plan = sample::plan();
    let view = View { detail: Detail::Calls, ..View::default() };
    assert_snapshot!(text::change(&plan, &plan.changes[0], &view), @r#"
    c1  disruptive · Narrow 1 rule of "web": tcp 22 from the world to 203.0.113.0/24
        resource      security group sg-0a1b2c3d4e5f6a7b1 in eu-west-1
        arn           arn:aws:ec2:eu-west-1:123456789012:security-group/sg-0a1b2c3d4e5f6a7b1
        answers       security-group-open-admin-port
        action        tighten-security-group (playbook close-admin-ports)

            ingress
          -   tcp 22 from 0.0.0.0/0 "temporary"
          +   tcp 22 from 203.0.113.0/24
              tcp 443 from 0.0.0.0/0

        affects       tcp 22 closes to all but 203.0.113.0/24
                      2 interfaces are behind the group, of i-1 and i-2
        guards        ✓ ownership: nothing else manages the group
                      ! lock-out not checked: your own address is not known: give it
                      with --my-address
        steps
          1. allow tcp 22 from 203.0.113.0/24
             ec2:AuthorizeSecurityGroupIngress in eu-west-1
               {
                 "GroupId": "sg-0a1b2c3d4e5f6a7b1",
                 "Tags": [
                   {
                     "Key": "redress:run",
                     "Value": "<id of the run>"
                   }
                 ]
               }
             then waits until the new rules are there (at most 60 s)
             undo:
               ec2:RevokeSecurityGroupIngress in eu-west-1
                 {
                   "SecurityGroupRuleIds": "<output SecurityGroupRuleIds of step
                     authorize>"
                 }
          2. revoke tcp 22 from 0.0.0.0/0 (sgr-9)
             ec2:RevokeSecurityGroupIngress in eu-west-1
               {
                 "SecurityGroupRuleIds": [
                   "sgr-9"
                 ]
               }
             undo: none: the id of the rule is AWS's
        undo          1 of 2 steps cannot be undone
        not restored: the rule comes back under a new id: sgr-9 is gone for good,
                      and whatever names it must be told
    "#);
}

#[test]
fn a_run_reads_well() {
    assert_snapshot!(told(&sample::run()), @r#"
    Run 20261122-100500-4b1d: complete
      account   123456789012
      endpoint  AWS
      started   2026-11-22 10:05 UTC
      plan      3f2a91c04be1
      by        arn:aws:sts::123456789012:assumed-role/ops/robin
      resumed   2026-11-22 10:15 UTC by
                arn:aws:sts::123456789012:assumed-role/ops/sam

    ✓ c1 verified         Narrow 1 rule of "web": tcp 22 from the world to
                          203.0.113.0/24
                          security group sg-0a1b2c3d4e5f6a7b1 in eu-west-1, 3.2 s
                          not restored by undo: the rule comes back under a new id:
                          sgr-9 is gone for good, and whatever names it must be told
    ! c2 unverified       Make the role redress-flow-logs
                          role redress-flow-logs, 3.2 s
                          the role is not visible yet
                          awaited: the first delivery of the flow log

    2 changes: 1 verified, 1 unverified.

    Next, to check again:
      redress verify 20261122-100500-4b1d
    Next, to undo it:
      redress undo 20261122-100500-4b1d
    "#);
}

#[test]
fn runs_read_well() {
    let undo = RunDocument {
        kind: crate::plan::PlanKind::Undo,
        of_run: Some("20261122-100500-4b1d".into()),
        run: "20261122-110000-77aa".into(),
        ..sample::run()
    };
    assert_snapshot!(text::runs(&[undo, sample::run()], &View::default()), @r#"
    20261122-110000-77aa complete
      undo of 20261122-100500-4b1d, 2026-11-22 10:05 UTC, account 123456789012
      1 verified, 1 unverified
    20261122-100500-4b1d complete
      plan, 2026-11-22 10:05 UTC, account 123456789012
      1 verified, 1 unverified

    Next, for the details of one:
      redress show 20261122-110000-77aa
    "#);
}

#[test]
fn a_plan_in_markdown_folds_its_calls() {
    assert_snapshot!(markdown::plan(&sample::plan(), &Typed { file: Some("plan.json"), ..Typed::default() }),
        @r#"
    ## Plan: 2 changes

    Account `123456789012`, eu-west-1 and us-east-1, at `AWS`.
    Made 2026-11-22 10:00 UTC by `arn:aws:iam::123456789012:user/ada`, good until 2026-11-29 10:00 UTC.
    Digest `3f2a91c04be1d00d`.

    ✅ **rehearsed: closes 1 of 1, opens 0, undo restores all but what is named**


    | | Change | Resource | Risk |
    |---|---|---|---|
    | `c1` | Narrow 1 rule of &#34;web&#34;: tcp 22 from the world to 203.0.113.0/24 | `sg-0a1b2c3d4e5f6a7b1 in eu-west-1` | ⚠️ disruptive |
    | `c2` | Make the role redress-flow-logs | `redress-flow-logs` | ✅ safe |

    ### c1 Narrow 1 rule of &#34;web&#34;: tcp 22 from the world to 203.0.113.0/24

    `arn:aws:ec2:eu-west-1:123456789012:security-group/sg-0a1b2c3d4e5f6a7b1` · disruptive · answers security-group-open-admin-port

    ```diff
      ingress
    -   tcp 22 from 0.0.0.0/0 "temporary"
    +   tcp 22 from 203.0.113.0/24
        tcp 443 from 0.0.0.0/0
    ```

    - impact: tcp 22 closes to all but 203.0.113.0/24
    - impact: 2 interfaces are behind the group, of i-1 and i-2
    - ✅ guard ownership: nothing else manages the group
    - ⚠️ guard lock-out (not checked): your own address is not known: give it with --my-address
    - undo: 1 of 2 steps cannot be undone
    - ⚠️ not restored: the rule comes back under a new id: sgr-9 is gone for good, and whatever names it must be told

    <details><summary>2 steps, exactly</summary>

    **1.** allow tcp 22 from 203.0.113.0/24

    `ec2:AuthorizeSecurityGroupIngress` eu-west-1

    ```json
    {
      "GroupId": "sg-0a1b2c3d4e5f6a7b1",
      "Tags": [
        {
          "Key": "redress:run",
          "Value": "<id of the run>"
        }
      ]
    }
    ```

    Then waits until the new rules are there (at most 60 s).

    Undo: `ec2:RevokeSecurityGroupIngress`.

    **2.** revoke tcp 22 from 0.0.0.0/0 (sgr-9)

    `ec2:RevokeSecurityGroupIngress` eu-west-1

    ```json
    {
      "SecurityGroupRuleIds": [
        "sgr-9"
      ]
    }
    ```

    Undo: none: the id of the rule is AWS&#39;s.

    </details>

    ### c2 Make the role redress-flow-logs

    `arn:aws:iam::123456789012:role/redress-flow-logs` · safe · answers no finding of its own: other changes need it

    ```diff
    + role.name: redress-flow-logs
    + role.kept_until: 30 days after the run
    ```

    - after c1
    - ⚠️ done without a question: the playbook allows it
    - undo: the step can be undone

    <details><summary>1 step, exactly</summary>

    **1.** make the role redress-flow-logs

    `ec2:AuthorizeSecurityGroupIngress` eu-west-1

    ```json
    {
      "GroupId": "sg-0a1b2c3d4e5f6a7b1",
      "Tags": [
        {
          "Key": "redress:run",
          "Value": "<id of the run>"
        }
      ]
    }
    ```

    Then waits until the new rules are there (at most 60 s).

    Undo: `ec2:RevokeSecurityGroupIngress`.

    </details>

    ### Not planned

    | Finding | Resource | Why |
    |---|---|---|
    | `vpc-of-made-up-rule` | `vpc-1 in eu-west-1` | **unmapped**: no playbook answers it |
    | `vpc-of-made-up-rule` | `vpc-2 in eu-west-1` | **unmapped**: no playbook answers it |
    | `security-group-open-admin-port` | `sg-0a1b2c3d4e5f6a7b3 in eu-west-1` | **refused**: an instance runs behind the group, and this is the last way in to it; allow your own addresses with --allow-cidr |

    2 changes: 1 safe, 1 disruptive.

    4 findings: 1 planned, 1 refused, 2 unmapped.

    Next, to do it: `redress apply plan.json`
    "#);
}

#[test]
fn a_run_in_markdown_is_a_table() {
    assert_snapshot!(markdown::run(&sample::run(), &Typed::default()), @r#"
    ## Run 20261122-100500-4b1d: complete

    Account `123456789012` at `AWS`, started 2026-11-22 10:05 UTC.

    - by arn:aws:sts::123456789012:assumed-role/ops/robin
    - resumed 2026-11-22 10:15 UTC by arn:aws:sts::123456789012:assumed-role/ops/sam

    | | Change | Resource | Outcome |
    |---|---|---|---|
    | `c1` | Narrow 1 rule of &#34;web&#34;: tcp 22 from the world to 203.0.113.0/24 | `sg-0a1b2c3d4e5f6a7b1 in eu-west-1` | ✅ **verified**<br>not restored by undo: the rule comes back under a new id: sgr-9 is gone for good, and whatever names it must be told |
    | `c2` | Make the role redress-flow-logs | `redress-flow-logs` | ⚠️ **unverified**<br>the role is not visible yet<br>awaited: the first delivery of the flow log |

    2 changes: 1 verified, 1 unverified.

    Next, to check again: `redress verify 20261122-100500-4b1d`

    Next, to undo it: `redress undo 20261122-100500-4b1d`
    "#);
}

#[test]
fn findings_in_markdown_are_tables() {
    assert_snapshot!(with_scan(|scan| markdown::findings(scan, &Typed::default())), @r#"
    ## 2 findings in account 123456789012

    eu-west-1 and us-east-1, at `AWS`, read 2026-11-22 10:00 UTC.

    | Severity | Check | Resource | Evidence |
    |---|---|---|---|
    | ❌ critical | `security-group-open-admin-port` | `sg-0a1b2c3d4e5f6a7b1 in eu-west-1` web | rule sgr-0a1b2c3d4e5f6a7b8, source 0.0.0.0/0, protocol tcp, ports 22, services SSH; rule sgr-9, source ::/0, protocol tcp, ports 22, services SSH<br>reach: the internet reaches it: eni-1 at 203.0.113.9, through igw-1 |
    | ⚠️ medium | `vpc-of-made-up-rule` | `vpc-1 in eu-west-1` | flow logs: none |

    ### Set aside or not known

    | | Check | Resource | Why |
    |---|---|---|---|
    | suppressed | `security-group-open-admin-port` | `sg-0a1b2c3d4e5f6a7b2 in eu-west-1` | the tag redress:ignore reads: ticket 4711, closed in March |
    | retained | `ebs-volume-unencrypted` | `vol-1 in eu-west-1` | vol-2 took its place |
    | fine | `vpc-of-made-up-rule` | `vpc-2 in eu-west-1` | the first delivery is awaited |
    | ⚠️ unknown | `ebs-volume-unencrypted` | `vol-3 in eu-west-1` | the listing was cut short |
    | ⚠️ not judged | `cloudtrail-not-logging` | all in us-east-1 | AccessDenied: not authorized to perform cloudtrail:DescribeTrails |

    Next, to see what would be done: `redress plan -o plan.json`
    "#);
}
