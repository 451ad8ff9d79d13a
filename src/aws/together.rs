//! Starts of instances that wait for the same turn go out as one request: AWS grants few requests of
//! `StartInstances`, and one request starts many instances
//! (<https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_StartInstances.html>). Each caller has
//! journaled its own intent before, and receives its own outcome. A call is never held back for longer than
//! its turn would take, and a request contains nothing but what was asked for.

use std::{
    collections::HashMap,
    future::Future,
    sync::{Mutex, MutexGuard, PoisonError},
};

use serde_json::{Value, json};
use tokio::sync::oneshot;

use crate::calls::{Call, ErrorClass, Outcome};

/// The member that lists the instances of a request.
const LIST: &str = "InstanceIds";

/// The calls that wait, by region: behind the one that came first and makes the request for all.
#[derive(Debug, Default)]
pub struct Together(Mutex<HashMap<String, Vec<Waiting>>>);

/// A call whose outcome another caller sends; when the sender is dropped, the call is made by itself.
#[derive(Debug)]
struct Waiting {
    call: Call,
    tell: oneshot::Sender<Outcome>,
}

/// Returns whether a call can be joined with others: a start of instances without any other member.
pub fn fits(call: &Call) -> bool {
    let only_list = call
        .input
        .as_object()
        .is_some_and(|members| members.len() == 1 && members.get(LIST).is_some_and(Value::is_array));
    (call.service.as_str(), call.operation.as_str()) == ("ec2", "StartInstances") && only_list
}

/// The place of the first: when it is given up, every call that still waits behind it goes on by itself.
struct First<'a> {
    together: &'a Together,
    region: &'a str,
    over: bool,
}

impl First<'_> {
    /// Takes the calls that wait behind it. A caller that comes later is a first of its own.
    fn take(mut self) -> Vec<Waiting> {
        self.over = true;
        self.together.hold().remove(self.region).unwrap_or_default()
    }
}

impl Drop for First<'_> {
    fn drop(&mut self) {
        if !self.over {
            self.together.hold().remove(self.region);
        }
    }
}

impl Together {
    /// Makes a call that [`fits`], with those that have come in the meantime. `turn` waits for the turn of a
    /// request, `send` makes it.
    pub async fn call<T: Future<Output = ()>, S: Future<Output = Outcome>>(
        &self,
        call: &Call,
        turn: impl Fn() -> T,
        send: impl Fn(Call) -> S,
    ) -> Outcome {
        if let Some(told) = self.behind(call) {
            if let Ok(outcome) = told.await {
                return outcome;
            }
            turn().await;
            return send(call.clone()).await;
        }
        let first = First { together: self, region: &call.region, over: false };
        turn().await;
        let others = first.take();
        if others.is_empty() {
            return send(call.clone()).await;
        }
        let outcome = send(joined(call, &others)).await;
        if outcome.as_ref().is_err_and(|error| speaks_of_one(error.class)) {
            // The error does not name the instance: each call is made by itself, and receives its own
            // outcome.
            drop(others);
            turn().await;
            return send(call.clone()).await;
        }
        for other in others {
            // A receiver that was dropped needs no answer.
            let _ = other.tell.send(outcome.clone());
        }
        outcome
    }

    /// Takes a place behind the first of the region, or becomes the first.
    fn behind(&self, call: &Call) -> Option<oneshot::Receiver<Outcome>> {
        let mut regions = self.hold();
        let Some(waiting) = regions.get_mut(&call.region) else {
            regions.insert(call.region.clone(), Vec::new());
            return None;
        };
        let (tell, told) = oneshot::channel();
        waiting.push(Waiting { call: call.clone(), tell });
        Some(told)
    }

    fn hold(&self) -> MutexGuard<'_, HashMap<String, Vec<Waiting>>> {
        // Every change of it is whole: a thread that died left nothing half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns whether an error may be about a single one of several instances. The other errors are about the
/// request as a whole; where their effect is not known, the engine looks up each instance.
fn speaks_of_one(class: ErrorClass) -> bool {
    !matches!(class, ErrorClass::Throttled | ErrorClass::Transient | ErrorClass::Credentials)
}

/// Joins these calls into one.
fn joined(first: &Call, others: &[Waiting]) -> Call {
    let mut ids: Vec<Value> = Vec::new();
    for id in std::iter::once(first)
        .chain(others.iter().map(|w| &w.call))
        .filter_map(|c| c.input[LIST].as_array())
        .flatten()
    {
        if !ids.contains(id) {
            ids.push(id.clone());
        }
    }
    Call { input: json!({ LIST: ids }), ..first.clone() }
}

#[cfg(test)]
mod tests {
    use std::{cell::RefCell, future::ready, time::Duration};

    use futures::future::join_all;

    use super::*;
    use crate::calls::{CallError, Outputs};

    fn start(id: &str) -> Call {
        Call::new("ec2", "eu-west-1", "StartInstances", json!({ "InstanceIds": [id] }))
    }

    /// Starts these at the same time; `say` answers each request. Returns the requests, and the outcome of
    /// each call.
    async fn all(calls: &[Call], say: impl Fn(&[String]) -> Outcome) -> (Vec<Vec<String>>, Vec<Outcome>) {
        let (together, requests) = (Together::default(), RefCell::new(Vec::new()));
        let turn = || tokio::time::sleep(Duration::from_millis(20));
        let send = |call: Call| {
            let ids: Vec<String> = serde_json::from_value(call.input[LIST].clone()).unwrap();
            let said = say(&ids);
            requests.borrow_mut().push(ids);
            ready(said)
        };
        let heard = join_all(calls.iter().map(|call| together.call(call, turn, &send))).await;
        assert!(together.hold().is_empty(), "nothing is left waiting");
        (requests.into_inner(), heard)
    }

    fn fails(class: ErrorClass) -> Outcome {
        Err(CallError { class, code: format!("{class:?}"), message: String::new() })
    }

    #[tokio::test]
    async fn what_waits_for_the_same_turn_is_one_request_and_another_region_is_another() {
        let calls = [
            start("i-1"),
            start("i-2"),
            Call { region: "us-east-1".to_owned(), ..start("i-3") },
            start("i-2"),
        ];
        let (requests, heard) = all(&calls, |_| Ok(Outputs::new())).await;
        assert_eq!(requests, [vec!["i-1", "i-2"], vec!["i-3"]]);
        assert!(heard.iter().all(Result::is_ok));
    }

    #[tokio::test]
    async fn a_refusal_of_one_is_not_the_refusal_of_the_others() {
        for class in [
            ErrorClass::Semantic,
            ErrorClass::Denied,
            ErrorClass::Capacity,
            ErrorClass::Consistency,
            ErrorClass::Quota,
        ] {
            let bad = |ids: &[String]| {
                if ids.iter().any(|id| id == "i-2") { fails(class) } else { Ok(Outputs::new()) }
            };
            let (requests, heard) = all(&[start("i-1"), start("i-2"), start("i-3")], bad).await;
            assert_eq!(requests.len(), 4, "together, and then each by itself: {requests:?}");
            assert_eq!(heard.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, false, true], "{class:?}");
        }
    }

    #[tokio::test]
    async fn what_befell_the_request_as_a_whole_befell_all_and_is_not_repeated_here() {
        for class in [ErrorClass::Throttled, ErrorClass::Transient, ErrorClass::Credentials] {
            let (requests, heard) = all(&[start("i-1"), start("i-2")], |_| fails(class)).await;
            assert_eq!(requests, [["i-1", "i-2"]], "the engine alone repeats calls");
            assert!(heard.iter().all(|h| h.as_ref().is_err_and(|e| e.class == class)));
        }
    }

    #[tokio::test]
    async fn when_the_first_is_given_up_those_behind_it_go_on_by_themselves() {
        let (together, sent) = (Together::default(), RefCell::new(Vec::new()));
        let (one, two) = (start("i-1"), start("i-2"));
        let send = |call: Call| {
            sent.borrow_mut().push(call);
            ready(Ok(Outputs::new()))
        };
        let mut never = Box::pin(together.call(&one, std::future::pending::<()>, &send));
        assert!(futures::poll!(&mut never).is_pending());
        let mut behind = Box::pin(together.call(&two, || ready(()), &send));
        assert!(futures::poll!(&mut behind).is_pending());
        drop(never);
        assert!(behind.await.is_ok());
        assert_eq!(*sent.borrow(), [two]);
    }

    #[test]
    fn nothing_else_is_put_together() {
        assert!(fits(&start("i-1")));
        assert!(!fits(&Call { operation: "StopInstances".to_owned(), ..start("i-1") }));
        assert!(
            !fits(&Call { input: json!({ "InstanceIds": ["i-1"], "DryRun": true }), ..start("i-1") }),
            "what it would drop"
        );
    }
}
