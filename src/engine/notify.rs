//! Reports to Security Hub which of its findings a run has resolved: journal first, one request at a time. No
//! resource is changed. The content of the reports was determined beforehand ([`crate::journal::closing`]);
//! nothing here decides it.

use std::time::Duration;

use super::{Engine, EngineError, ledger::SharedJournal};
use crate::{
    calls::{CallError, ErrorClass, Notice, Refusal},
    journal::{Event, Journal},
};

/// The maximum number of times that a notice is sent. A repeated report that a finding is resolved has no
/// further effect.
const TRIES: u32 = 4;

impl Engine<'_> {
    /// Sends the notices in their order. One that is refused as a whole does not keep the others from being
    /// sent.
    ///
    /// # Errors
    /// When the journal cannot be written, the credentials end, or a stop was requested; the journal records
    /// the notices that were sent.
    pub async fn notify(&self, notices: &[Notice], journal: &mut Journal) -> Result<(), EngineError> {
        let journal = SharedJournal::new(journal);
        for notice in notices {
            self.tell_hub(notice, &journal).await?;
        }
        Ok(())
    }

    async fn tell_hub(&self, notice: &Notice, journal: &SharedJournal<'_>) -> Result<(), EngineError> {
        for tries in 1..=TRIES {
            if self.stop.soon() {
                return Err(EngineError::Stopped("before Security Hub was notified".to_owned()));
            }
            let said = Event::Notifying {
                region: notice.region.clone(),
                findings: notice.findings.clone(),
                note: notice.note.clone(),
            };
            journal.write(self.account.now(), said)?;
            journal.may_call()?;
            let answer = self.account.notify(notice).await;
            journal.write(self.account.now(), notified(notice, &answer))?;
            match answer {
                Err(error) if error.class == ErrorClass::Credentials => {
                    return Err(EngineError::Credentials(error.code));
                }
                Err(error) if error.class.passes() && tries < TRIES => {
                    self.account.pause(Duration::from_secs(1 << tries)).await
                }
                _ => return Ok(()),
            }
        }
        Ok(())
    }
}

/// Builds the event that records the answer.
fn notified(notice: &Notice, answer: &Result<Vec<Refusal>, CallError>) -> Event {
    let region = notice.region.clone();
    match answer {
        Ok(refused) => Event::Notified {
            region,
            resolved: notice.findings.len().saturating_sub(refused.len()),
            refused: refused.clone(),
            error: None,
        },
        Err(error) => {
            Event::Notified { region, resolved: 0, refused: Vec::new(), error: Some(error.clone()) }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use async_trait::async_trait;
    use jiff::Timestamp;

    use super::*;
    use crate::{
        account::{Account, Identity},
        calls::{Call, HubFinding, Outcome},
        engine::{Silent, Stop},
        inventory::{Caller, Inventory, Scope},
        journal::{Log, StoreError, Story},
        plan::{Stage, again::Today},
        resource::Owner,
    };

    /// An account that only receives notices.
    struct Ear {
        identity: Identity,
        heard: Mutex<Vec<Notice>>,
        answers: Mutex<Vec<Result<Vec<Refusal>, CallError>>>,
    }

    #[async_trait]
    impl Account for Ear {
        fn identity(&self) -> &Identity {
            &self.identity
        }
        async fn read(&self, _: &Scope) -> Inventory {
            unreachable!("notifying reads nothing")
        }
        async fn call(&self, _: &Call) -> Outcome {
            unreachable!("notifying changes no resource")
        }
        async fn notify(&self, notice: &Notice) -> Result<Vec<Refusal>, CallError> {
            self.heard.lock().unwrap().push(notice.clone());
            self.answers.lock().unwrap().pop().unwrap_or_else(|| Ok(Vec::new()))
        }
        fn now(&self) -> Timestamp {
            Timestamp::UNIX_EPOCH
        }
        async fn pause(&self, _: Duration) {}
    }

    /// A log that keeps so many events.
    struct Kept(usize);

    impl Log for Kept {
        fn append(&mut self, _: Timestamp, _: &Event) -> Result<(), StoreError> {
            let Some(left) = self.0.checked_sub(1) else {
                return Err(StoreError::Io {
                    path: "journal".to_owned(),
                    what: "write",
                    error: std::io::Error::other("full"),
                });
            };
            self.0 = left;
            Ok(())
        }
    }

    fn no_stage(_: Inventory) -> Box<dyn Stage> {
        unreachable!("nothing is tried")
    }

    /// Sends notices for two regions, with room for so many events and these answers, the last first. Returns
    /// the number of notices that arrived, the result, and the story.
    async fn told(
        room: usize,
        answers: Vec<Result<Vec<Refusal>, CallError>>,
    ) -> (usize, Result<(), EngineError>, Story) {
        let owner = Owner { partition: "aws".to_owned(), account: "123456789012".to_owned() };
        let caller = Caller {
            arn: "arn:aws:iam::123456789012:user/robin".to_owned(),
            host: crate::inventory::Fact::Absent,
        };
        let identity = Identity { owner, caller, endpoint: "aws".to_owned() };
        let ear = Ear { identity, heard: Mutex::default(), answers: Mutex::new(answers) };
        let engine = Engine {
            account: &ear,
            talk: &Silent,
            stop: &Stop::default(),
            stage: &no_stage,
            today: &Today::default(),
            lag: Duration::ZERO,
            jobs: 1,
            stop_at_once: 1,
        };
        let finding = HubFinding { id: "f".to_owned(), product: "p".to_owned() };
        let notice = |region: &str| Notice {
            region: region.to_owned(),
            findings: vec![finding.clone()],
            note: "n".to_owned(),
        };
        let mut story = Story::default();
        story.head.run = "r".to_owned();
        let mut journal = Journal::new(story, Box::new(Kept(room)));
        let result = engine.notify(&[notice("eu-west-1"), notice("us-east-1")], &mut journal).await;
        let heard = ear.heard.lock().unwrap().len();
        (heard, result, journal.story)
    }

    fn error(class: ErrorClass) -> Result<Vec<Refusal>, CallError> {
        Err(CallError { class, code: "Code".to_owned(), message: "message".to_owned() })
    }

    #[tokio::test]
    async fn nothing_is_said_that_is_not_written_down_before() {
        for room in 0..4 {
            let (heard, result, _) = told(room, Vec::new()).await;
            assert!(result.is_err());
            assert_eq!(heard, room.div_ceil(2), "with room for {room} records");
        }
        assert_eq!(told(4, Vec::new()).await.0, 2);
    }

    #[tokio::test]
    async fn a_region_that_refuses_does_not_keep_the_next_from_being_told() {
        let (heard, result, story) = told(99, vec![error(ErrorClass::Denied)]).await;
        assert!(result.is_ok());
        assert_eq!((heard, story.told.len()), (2, 2));
        assert_eq!(
            (story.told[0].resolved, story.told[0].error.is_some(), story.told[1].resolved),
            (Some(0), true, Some(1))
        );
    }

    #[tokio::test]
    async fn patience_is_had_and_has_an_end() {
        let (heard, ..) = told(99, vec![error(ErrorClass::Throttled)]).await;
        assert_eq!(heard, 3);
        let (heard, result, _) = told(99, (0..99).map(|_| error(ErrorClass::Transient)).collect()).await;
        assert!(result.is_ok());
        assert_eq!(heard, 2 * TRIES as usize);
    }

    #[tokio::test]
    async fn credentials_that_have_ended_end_it() {
        let (heard, result, _) = told(99, vec![error(ErrorClass::Credentials)]).await;
        assert!(matches!(result, Err(EngineError::Credentials(_))));
        assert_eq!(heard, 1);
    }
}
