//! The signed statement of a run, which binds its plan and every record of its journal. Pure; signing is done
//! elsewhere.

use sha2::{Digest, Sha256};

use super::{RunFolder, StoreError, Story};

/// The first line of a statement.
const FORMAT: &str = "redress.signed-run/1";

/// The state of a run, as it is signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    run: String,
    plan: String,
    /// The number of records in its journal.
    pub records: u64,
    journal: String,
}

impl Statement {
    /// Returns the statement of a run as its files stand now, and the state that they record.
    ///
    /// # Errors
    /// When its journal cannot be read or is damaged.
    pub fn of(folder: &RunFolder) -> Result<(Self, Story), StoreError> {
        let (mut digest, mut records, mut story) = (Sha256::new(), 0, Story::default());
        folder.each(&mut |record| {
            // The digest covers exactly the parsed content of a record, which is what redress acts on.
            digest.update(serde_json::to_vec(record).unwrap_or_default());
            digest.update(b"\n");
            records += 1;
            story.apply(record.at, &record.event);
        })?;
        let journal = digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        Ok((Self { run: story.head.run.clone(), plan: folder.plan.digest.clone(), records, journal }, story))
    }

    /// Returns the text that is signed.
    pub fn text(&self) -> String {
        format!(
            "{FORMAT}\nrun {}\nplan {}\nrecords {}\njournal {}\n",
            self.run, self.plan, self.records, self.journal
        )
    }

    /// Explains the difference between another statement and the run as it stands.
    pub fn unlike(&self, other: &str) -> String {
        let signed: Option<u64> = other.lines().find_map(|line| line.strip_prefix("records ")?.parse().ok());
        match signed {
            Some(records) if records < self.records => {
                format!("its journal has grown by {} since it was signed", self.records - records)
            }
            _ => "its plan or its journal is not what was signed".to_owned(),
        }
    }
}
