//! The options of `redress rotations`.

use clap::Args;

use super::common::{Books, Formatted, Opens};

/// The options of `redress rotations`.
#[derive(Debug, Clone, Args)]
pub struct Rotations {
    /// The account.
    #[command(flatten)]
    pub opens: Opens,
    /// The playbooks.
    #[command(flatten)]
    pub books: Books,
    /// The format.
    #[command(flatten)]
    pub formatted: Formatted,
}
