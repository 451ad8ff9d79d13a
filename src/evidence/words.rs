//! Evidence in sentences, for the person who approves a change.

use jiff::Timestamp;

use super::{Count, Evidence, Use};

/// The number of addresses in a sentence.
const MOST_NAMED: usize = 5;

/// Describes what the logs show of a change: a line for each thing that closes, and one for the networks that
/// are let in since they were seen.
pub fn lines(evidence: &Evidence) -> Vec<String> {
    let mut all: Vec<String> = evidence.uses.iter().flat_map(of_one).collect();
    if !evidence.allowed.is_empty() {
        let nets: Vec<String> = evidence.allowed.iter().map(ToString::to_string).collect();
        // The numbers of a file may be any.
        let sum = evidence.uses.iter().fold(0, |sum: u64, one| sum.saturating_add(one.accepted.flows));
        let since = evidence.uses.iter().filter_map(|one| one.from).min();
        let since = since.map_or_else(String::new, |from| format!(" since {}", moment(from)));
        all.push(format!("allowed as observed: {}, accepted {}{since}", nets.join(", "), flows(sum)));
    }
    if evidence.claimed {
        all.iter_mut().for_each(|line| line.insert_str(0, "according to the file: "));
    }
    all
}

fn of_one(one: &Use) -> Vec<String> {
    let Use { closes, interfaces, uncovered, .. } = one;
    if let Some(reason) = &one.unknown {
        return vec![format!("redress could not find out whether anybody used {closes}: {reason}")];
    }
    if *interfaces == 0 {
        return vec![format!("no interface is behind {closes}, so no log shows its use")];
    }
    let mut all = Vec::new();
    let time = one
        .from
        .zip(one.to)
        .map_or_else(String::new, |(from, to)| format!(" from {} to {} UTC", moment(from), moment(to)));
    if one.accepted.flows > 0 {
        all.push(format!("{closes} was used{time}: accepted {}", counted(&one.accepted)));
    } else if one.only_rejected > 0 {
        all.push(format!(
            "the logs show rejected traffic alone at {}: redress could not find out whether anybody used \
             {closes}",
            of(one.only_rejected, *interfaces)
        ));
    } else if *uncovered < *interfaces {
        let covered = of(interfaces - uncovered, *interfaces);
        all.push(match [one.skipped, one.unclear, one.answers] == [0; 3] && one.partly == 0 {
            true => format!("nobody used {closes}{time}, as the logs of {covered} show"),
            false => format!("the logs of {covered} show no use of {closes}{time}, but not everything"),
        });
    }
    if one.rejected.flows > 0 {
        all.push(format!("of {closes}, rejected already: {}", counted(&one.rejected)));
    }
    if *uncovered > 0 {
        let named = one.uncovered_ids.iter().take(MOST_NAMED).cloned().collect::<Vec<_>>().join(", ");
        let more = uncovered.saturating_sub(MOST_NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        all.push(format!(
            "no log covers {named}{more}: redress could not find out whether anybody used {closes} there"
        ));
    }
    all.extend(doubts(one));
    all
}

/// Describes what the logs leave open.
fn doubts(one: &Use) -> Vec<String> {
    let Use { closes, interfaces, .. } = one;
    let mut all = Vec::new();
    if one.partly > 0 {
        all.push(format!("the logs cover {} in a part of that time only", of(one.partly, *interfaces)));
    }
    if one.skipped > 0 {
        all.push(format!(
            "AWS could not record all traffic: {} of these interfaces note missing data (SKIPDATA)",
            records(one.skipped)
        ));
    }
    if one.answers > 0 {
        all.push(format!(
            "{} of {closes} look like answers to connections that these interfaces opened, and are \
             not counted",
            records(one.answers)
        ));
    }
    if one.unclear > 0 {
        all.push(format!(
            "redress could not find out the direction of {}: they are not counted for {closes}",
            records(one.unclear)
        ));
    }
    all
}

fn counted(count: &Count) -> String {
    let peers = count.peers.len().saturating_add(count.more);
    let one = count.peers.iter().take(MOST_NAMED).map(|peer| {
        let last = peer.last.map_or_else(String::new, |last| format!(", last {}", moment(last)));
        format!("{} ({}, {}{last})", peer.address, flows(peer.flows), size(peer.bytes))
    });
    let named = one.collect::<Vec<_>>().join(", ");
    let more = peers.saturating_sub(MOST_NAMED);
    let more = match (more, count.at_least) {
        (0, false) => String::new(),
        (0, true) => " and more".to_owned(),
        (more, false) => format!(" and {more} more"),
        (more, true) => format!(" and more than {more} others"),
    };
    let what = if peers == 1 && !count.at_least { "address" } else { "addresses" };
    format!("{}, {}, with {what} {named}{more}", flows(count.flows), size(count.bytes))
}

fn of(part: usize, whole: usize) -> String {
    match (part, whole) {
        (1, 1) => "its interface".to_owned(),
        _ if part == whole => format!("all {whole} interfaces"),
        _ => format!("{part} of {whole} interfaces"),
    }
}

fn flows(number: u64) -> String {
    if number == 1 { "1 flow".to_owned() } else { format!("{} flows", many(number)) }
}

fn records(number: u64) -> String {
    if number == 1 { "1 record".to_owned() } else { format!("{} records", many(number)) }
}

/// Writes a moment to the minute.
fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M").to_string()
}

/// Writes a number with a comma between each three digits.
fn many(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Writes a number of bytes in the largest unit of which there is one.
fn size(bytes: u64) -> String {
    const UNITS: [(u64, &str); 4] = [(1 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    match UNITS.iter().find(|(unit, _)| bytes >= *unit) {
        // A tenth of the unit, in whole numbers.
        Some((unit, name)) => {
            let tenths = u128::from(bytes) * 10 / u128::from(*unit);
            format!("{}.{} {name}", tenths / 10, tenths % 10)
        }
        None => format!("{bytes} bytes"),
    }
}
