//! Numbers that have found something, each with what it was. They are proved in every test run.

/// The number, and what was wrong.
pub const FOUND: &[(u64, &str)] = &[
    (10, "a new trail that did not show for longer than 120 s was given up, and so was its way back: stuck, though nothing was wrong"),
    (67, "that a bucket made a moment ago is not there yet for CloudTrail ended the change"),
    (154, "a new role that did not show for longer than 120 s was given up and taken back"),
    (365, "a create whose reply was lost while lists lag was failed and left behind"),
    (744, "a rule that did not show yet counted as revoked"),
    (964, "a quota after a create whose reply was lost ended the change without a look at what had been made"),
    (1145, "a call repeated while lists lag counted as failed before its first effect showed, and a rule as gone before it showed"),
    (1575, "an undo of what could not be read at the end of its run blamed somebody for changing it"),
    (2845, "a call that failed in its repeat was not looked for until lists had caught up"),
    (3028, "after a quota a rule that did not show yet was believed to be gone"),
];
