//! The answer to whether the world reaches what a finding is about: hop by hop, with the fact of each. Data,
//! and how the answers of hops and paths add up.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The answer for a finding. The order is that of gravity: what the world reaches comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reached {
    /// Every hop of one path lets the world through.
    Reachable,
    /// A fact is missing.
    Unknown,
    /// Some hop of every path is known not to let the world through.
    NotReachable,
}

/// The answer of a hop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Answer {
    /// It lets the world through.
    Yes,
    /// A fact is missing, or has a value that redress does not know.
    Unknown,
    /// It does not.
    No,
}

/// An answer with the fact that decides it, in a sentence without a stop.
pub(super) type Because = (Answer, String);

/// A hop on the path from the internet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum At {
    /// A network interface to which the finding applies.
    Interface,
    /// A load balancer that faces the internet.
    Scheme,
    /// An address of the internet.
    Address,
    /// A security group of an interface, where the finding is about something else.
    SecurityGroup,
    /// A route to an internet gateway.
    Route,
    /// A network ACL that lets the traffic in and the replies out.
    NetworkAcl,
    /// VPC Block Public Access.
    BlockPublicAccess,
}

impl At {
    /// Returns the name for people: `network ACL`.
    pub fn words(self) -> &'static str {
        match self {
            At::Interface => "interface",
            At::Scheme => "scheme",
            At::Address => "address",
            At::SecurityGroup => "security group",
            At::Route => "route",
            At::NetworkAcl => "network ACL",
            At::BlockPublicAccess => "block public access",
        }
    }
}

/// A hop with its answer, and the fact that decides it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hop {
    /// The hop.
    pub hop: At,
    /// Its answer.
    pub answer: Answer,
    /// The fact, in a sentence without a stop.
    pub fact: String,
}

/// The reach of a finding: whether the world gets to what it is about. It is stored beside a finding and
/// never changes one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reach {
    /// The answer.
    pub verdict: Reached,
    /// The path as an example, the fact that is missing, or the hops that keep the world out.
    pub reason: String,
    /// The hops of one path: of the example, or of the path that gets furthest. Hops after one that keeps the
    /// world out are left out.
    #[serde(default)]
    pub hops: Vec<Hop>,
    /// `true` if only a plan file contains it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub claimed: bool,
}

/// One way from the internet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Path {
    /// Its hops, up to the first that keeps the world out.
    pub hops: Vec<Hop>,
    /// The example, if all hops let the world through: `eni-1 at 203.0.113.9, through igw-1`.
    pub example: String,
}

impl Path {
    /// Adds a hop, and returns whether the next one matters.
    pub fn add(&mut self, hop: At, (answer, fact): Because) -> bool {
        self.hops.push(Hop { hop, answer, fact });
        answer != Answer::No
    }

    /// Returns the answer of all hops together: the worst.
    pub fn answer(&self) -> Answer {
        self.hops.iter().map(|hop| hop.answer).max().unwrap_or(Answer::Unknown)
    }

    /// Returns the hop that decides.
    fn deciding(&self) -> Option<&Hop> {
        let answer = self.answer();
        self.hops.iter().find(|hop| hop.answer == answer)
    }

    /// Returns how far it gets, to compare it with others: the least is the furthest.
    pub fn short_of(&self) -> (Answer, std::cmp::Reverse<usize>) {
        let passed = self.hops.iter().filter(|hop| hop.answer == Answer::Yes).count();
        (self.answer(), std::cmp::Reverse(passed))
    }
}

impl Reach {
    /// Adds up paths; the first that lets the world through ends the search. `nothing` is the reason for
    /// which there is no path.
    pub(super) fn of(paths: impl IntoIterator<Item = Path>, nothing: &str) -> Self {
        let mut furthest: Option<Path> = None;
        let mut shut: BTreeMap<At, (usize, String)> = BTreeMap::new();
        for path in paths {
            if path.answer() == Answer::Yes {
                let (verdict, claimed) = (Reached::Reachable, false);
                return Self { verdict, reason: path.example, hops: path.hops, claimed };
            }
            if let Some(hop) = path.deciding().filter(|hop| hop.answer == Answer::No) {
                shut.entry(hop.hop).or_insert_with(|| (0, hop.fact.clone())).0 += 1;
            }
            if furthest.as_ref().is_none_or(|best| path.short_of() < best.short_of()) {
                furthest = Some(path);
            }
        }
        let Some(path) = furthest else {
            return Self {
                verdict: Reached::NotReachable,
                reason: nothing.to_owned(),
                hops: vec![Hop { hop: At::Interface, answer: Answer::No, fact: nothing.to_owned() }],
                claimed: false,
            };
        };
        match path.answer() {
            Answer::No => {
                let lines: Vec<String> = shut.values().map(|(count, fact)| counted(*count, fact)).collect();
                Self {
                    verdict: Reached::NotReachable,
                    reason: lines.join("; "),
                    hops: path.hops,
                    claimed: false,
                }
            }
            Answer::Yes | Answer::Unknown => {
                let reason = path.deciding().map(|hop| hop.fact.clone()).unwrap_or_default();
                Self { verdict: Reached::Unknown, reason, hops: path.hops, claimed: false }
            }
        }
    }

    /// Returns the answer where a fact is missing before there is any path.
    pub(super) fn unknown(hop: At, fact: String) -> Self {
        let hops = vec![Hop { hop, answer: Answer::Unknown, fact: fact.clone() }];
        Self { verdict: Reached::Unknown, reason: fact, hops, claimed: false }
    }

    /// Describes it in one sentence, without a stop.
    pub fn words(&self) -> String {
        let said = match self.verdict {
            Reached::Reachable => format!("the internet reaches it: {}", self.reason),
            Reached::Unknown => format!("unknown: {}", self.reason),
            Reached::NotReachable => format!("nothing on the internet reaches it: {}", self.reason),
        };
        if self.claimed { format!("according to the file: {said}") } else { said }
    }
}

fn counted(count: usize, fact: &str) -> String {
    match count {
        1 => fact.to_owned(),
        more => format!("{fact}, and {} more likewise", more - 1),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(answers: &[(At, Answer)]) -> Path {
        let hops = answers.iter().enumerate();
        let hops =
            hops.map(|(n, (hop, answer))| Hop { hop: *hop, answer: *answer, fact: format!("fact {n}") });
        Path { hops: hops.collect(), example: "the example".to_owned() }
    }

    #[test]
    fn one_path_that_is_open_is_enough_and_one_unknown_is_not_none() {
        let yes = path(&[(At::Address, Answer::Yes), (At::Route, Answer::Yes)]);
        let no = path(&[(At::Address, Answer::No)]);
        let unknown = path(&[(At::Address, Answer::Yes), (At::Route, Answer::Unknown)]);
        let of = |all: &[&Path]| Reach::of(all.iter().map(|path| (*path).clone()), "nothing").verdict;
        assert_eq!(of(&[&no, &unknown, &yes]), Reached::Reachable);
        assert_eq!(of(&[&no, &unknown]), Reached::Unknown);
        assert_eq!(of(&[&no, &no]), Reached::NotReachable);
        assert_eq!(of(&[]), Reached::NotReachable);
        // A hop that keeps the world out decides, whatever is not known beside it.
        let shut = path(&[(At::Address, Answer::Unknown), (At::NetworkAcl, Answer::No)]);
        assert_eq!(of(&[&shut]), Reached::NotReachable);
    }

    #[test]
    fn reasons_are_counted_and_unknown_names_the_missing_fact() {
        let no = path(&[(At::Address, Answer::No)]);
        let all = Reach::of(vec![no.clone(), no.clone(), no], "nothing");
        assert_eq!(all.words(), "nothing on the internet reaches it: fact 0, and 2 more likewise");
        let unknown = path(&[(At::Address, Answer::Yes), (At::Route, Answer::Unknown)]);
        assert_eq!(Reach::of([unknown], "nothing").words(), "unknown: fact 1");
        assert!(Reached::Reachable < Reached::Unknown && Reached::Unknown < Reached::NotReachable);
    }
}
