//! The effect of an event: the resources that it touched, the things that it opened there, and the things
//! that it closed. Each thing has names, under which one event closes what another has opened.

/// A resource that an event touched.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Target {
    /// The id, name or ARN as the event has it; empty for the account.
    pub id: String,
    /// `AwsCloudTrailTrail` where only the event shows what kind of resource a bare name belongs to.
    pub kind: &'static str,
    /// The subset of the event's checks that applies; `None` for all of them.
    pub only: Option<&'static [&'static str]>,
    /// The things that were opened, each with all the names under which it may be closed again.
    pub opens: Vec<Vec<String>>,
}

/// The effect of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Did {
    /// The event touched these resources, and closed the things with these names.
    Touched(Vec<Target>, Vec<String>),
    /// The event opened nothing, for this reason; it closed the things with these names, and links these ids
    /// to their resources.
    Harmless(&'static str, Vec<String>, Vec<(String, String)>),
    /// The event does not contain the resource that it touched, for this reason.
    Missing(&'static str),
}

/// Returns the name under which the existence of a resource is opened and closed.
pub fn exists(id: &str) -> String {
    format!("exists/{id}")
}

/// The reason for which nothing is made of an event without an id.
pub const NO_ID: &str = "the event does not name the resource that it made or touched";

/// Returns that a resource was made, or changed so that it is looked at.
pub fn made(id: &str) -> Did {
    if id.is_empty() { Did::Missing(NO_ID) } else { Did::Touched(vec![target(id)], Vec::new()) }
}

/// Returns a resource that is open for as long as it exists.
pub fn target(id: &str) -> Target {
    Target { id: id.to_owned(), opens: vec![vec![exists(id)]], ..Target::default() }
}

/// Returns a resource at which something of this name is open for as long as the resource exists.
pub fn with_open(id: &str, name: String) -> Target {
    Target { id: id.to_owned(), opens: vec![vec![name, exists(id)]], ..Target::default() }
}
