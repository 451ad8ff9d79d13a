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
