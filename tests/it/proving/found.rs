//! Numbers that have found something, each with what it was. They are proved in every test run.

/// The number, and what was wrong.
pub const FOUND: &[(u64, &str)] = &[
    (
        10,
        "a new trail that did not show for longer than 120 s was given up, and so was its way back: stuck, \
         though nothing was wrong",
    ),
    (67, "that a bucket made a moment ago is not there yet for CloudTrail ended the change"),
    (154, "a new role that did not show for longer than 120 s was given up and taken back"),
    (365, "a create whose reply was lost while lists lag was failed and left behind"),
    (744, "a rule that did not show yet counted as revoked"),
    (
        964,
        "a quota after a create whose reply was lost ended the change without a look at what had been made",
    ),
    (
        1145,
        "a call repeated while lists lag counted as failed before its first effect showed, and a rule as \
         gone before it showed",
    ),
    (1575, "an undo of what could not be read at the end of its run blamed somebody for changing it"),
    (2845, "a call that failed in its repeat was not looked for until lists had caught up"),
    (3028, "after a quota a rule that did not show yet was believed to be gone"),
    (
        16_862,
        "a rule that was taken away, and could not be read afterwards, was told as not taken away: nothing \
         was changed, it said",
    ),
    (
        17_903,
        "of two snapshots made by one call one was deleted by somebody before the resume, and both were made \
         again",
    ),
    (18_986, "asked to stop at once while it looked for an earlier effect, it said that nothing was changed"),
    (
        19_255,
        "the time in which a list may lag was counted from the intent, and the call came later: what it made \
         was made again",
    ),
    (27_902, "the same, with the first set of snapshots left behind without a record"),
    (5_168, "an instance that a stuck change had left down did not count, and the next one was stopped"),
    (9_969, "the same"),
    (30_007, "an instance was stopped, the key of a disk of which had been disabled since the plan"),
    (30_008, "disks were swapped under an instance that somebody had started between two lives"),
    (30_018, "an older copy was put in where somebody had started and stopped the instance"),
    (30_019, "an instance was stopped while nothing could be read of its keys"),
    (41_961, "a stuck swap told a person to do nothing, in this order"),
    (
        48_809,
        "an undo whose instance somebody had stopped meanwhile did not go on, since it had not seen its own \
         stop",
    ),
    (59_209, "nothing: what was compared was the account before the run, and not that before the change"),
    (
        61_513,
        "a volume that did not show yet when somebody had started the instance was left behind without a \
         word",
    ),
    (65_716, "a snapshot of a disk that somebody had attached meanwhile was left behind without a word"),
    (68_421, "as 5168, with disks that others attach"),
    (
        68_434,
        "a mark that may not be removed counted as about to be stopped, and held the undo of its run up",
    ),
    (69_568, "as 59209"),
    (70_608, "an instance was stopped, the key of which was disabled between the look at it and the stop"),
    (81_864, "an undo did not bring up what its run had stopped and could not start again"),
    (86_576, "as 59209"),
    (97_029, "as 61513, with the second of two volumes"),
    (
        110_125,
        "a copy of a volume whose reply was lost was taken for somebody else's in the resume, and left \
         behind",
    ),
];
