//! The journal of a run: events, the state machine that they drive, and the store that keeps them. Events and
//! state are pure; only [`store`] touches files. No event, no call: see `docs/architecture.md`, law 2.

pub mod closing;
pub mod document;
pub mod down;
pub mod event;
mod legal;
pub mod line;
pub mod log;
mod signed;
pub mod state;
pub mod store;
pub mod story;
pub mod timeline;

pub use document::{ChangeState, RunDocument, RunState};
pub use event::{Decision, Event, Outcome, Record, Signed, StepResult};
pub use legal::IllegalEvent;
pub use log::{Journal, Log, MemoryLog, StoreError};
pub use signed::Statement;
pub use state::{Claim, Holder, LONGEST_BESIDE, Lock, RunFolder, Source, Store};
pub use store::StateDir;
pub use story::{ChangeStory, Phase, Resumption, StepState, StepStory, Story, Told};
pub use timeline::TimelineEntry;
