//! CloudTrail's event history as a small server, since the emulator has none: it answers LookupEvents as
//! documented (<https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html>) and
//! hands all else on to the emulator. It writes down what it was asked, when, and under which name. It must
//! not know what the program ought to ask.

use std::{
    collections::{BTreeMap, BTreeSet},
    io::Write,
    net::{TcpListener, TcpStream},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::Instant,
};

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::proxy::{forward, request};

/// One LookupEvents call.
#[derive(Debug, Clone)]
pub struct Asked {
    pub at: Instant,
    pub region: String,
    pub input: Value,
}

#[derive(Default)]
struct State {
    upstream: String,
    events: Mutex<BTreeMap<String, Vec<Value>>>,
    denied: Mutex<BTreeSet<String>>,
    /// So many more calls are throttled.
    throttle: AtomicUsize,
    asked: Mutex<Vec<Asked>>,
    agents: Mutex<Vec<String>>,
}

/// The server. It ends with the test process.
pub struct History {
    pub url: String,
    state: Arc<State>,
}

fn hold<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl History {
    /// A history in front of the emulator at this URL, in which nothing has happened.
    pub fn before(url: &str) -> History {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let own = format!("http://{}", listener.local_addr().expect("its address"));
        let state =
            Arc::new(State { upstream: url.trim_start_matches("http://").to_owned(), ..State::default() });
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = Arc::clone(&shared);
                thread::spawn(move || drop(serve(stream, &state)));
            }
        });
        History { url: own, state }
    }

    /// This has happened in a region: events as log files have them, with `eventTime` and `readOnly`.
    pub fn happened(&self, region: &str, events: impl IntoIterator<Item = Value>) {
        let mut all = hold(&self.state.events);
        let of = all.entry(region.to_owned()).or_default();
        of.extend(events);
        // AWS gives the newest first.
        of.sort_by_key(|event| std::cmp::Reverse(event["eventTime"].as_str().unwrap().to_owned()));
    }

    /// Nobody may look into this region from now on.
    pub fn deny(&self, region: &str) {
        hold(&self.state.denied).insert(region.to_owned());
    }

    /// So many calls are throttled from now on.
    pub fn throttle(&self, calls: usize) {
        self.state.throttle.store(calls, Ordering::SeqCst);
    }

    /// The calls so far.
    pub fn asked(&self) -> Vec<Asked> {
        hold(&self.state.asked).clone()
    }

    /// What every request so far, LookupEvents or not, said in `User-Agent`.
    pub fn agents(&self) -> Vec<String> {
        hold(&self.state.agents).clone()
    }
}

fn serve(mut client: TcpStream, state: &State) -> std::io::Result<()> {
    let Some(request) = request(&mut client)? else { return Ok(()) };
    let text = String::from_utf8_lossy(&request).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let header = |name: &str| {
        head.lines().find_map(|l| {
            l.split_once(':').filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.trim().to_owned())
        })
    };
    hold(&state.agents).push(header("user-agent").unwrap_or_default());
    if header("x-amz-target").is_none_or(|target| target != "CloudTrail_20131101.LookupEvents") {
        return client.write_all(&forward(&state.upstream, &request)?);
    }
    // Credential=KEY/DATE/REGION/SERVICE/aws4_request
    let region =
        header("authorization").and_then(|a| a.split('/').nth(2).map(str::to_owned)).unwrap_or_default();
    let input: Value = serde_json::from_str(body).unwrap_or_default();
    hold(&state.asked).push(Asked { at: Instant::now(), region: region.clone(), input: input.clone() });
    let (status, reply) = match answer(state, &region, &input) {
        Ok(page) => ("200 OK", page),
        Err((code, message)) => ("400 Bad Request", json!({ "__type": code, "message": message })),
    };
    let reply = reply.to_string();
    let length = reply.len();
    write!(
        client,
        "HTTP/1.1 {status}\r\nContent-Type: application/x-amz-json-1.1\r\nContent-Length: \
         {length}\r\nConnection: close\r\n\r\n{reply}"
    )
}

type Refused = (&'static str, &'static str);

fn answer(state: &State, region: &str, input: &Value) -> Result<Value, Refused> {
    if hold(&state.denied).contains(region) {
        return Err(("AccessDeniedException", "User is not authorized to perform: cloudtrail:LookupEvents"));
    }
    if state.throttle.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1)).is_ok() {
        return Err(("ThrottlingException", "Rate exceeded"));
    }
    let attributes = input["LookupAttributes"].as_array().cloned().unwrap_or_default();
    if attributes.len() > 1 {
        return Err(("InvalidLookupAttributesException", "only one attribute can be given"));
    }
    let most = input["MaxResults"].as_u64().unwrap_or(50);
    if !(1..=50).contains(&most) {
        return Err(("InvalidMaxResultsException", "between 1 and 50"));
    }
    let (from, to) =
        (input["StartTime"].as_f64().unwrap_or(0.0), input["EndTime"].as_f64().unwrap_or(f64::MAX));
    if from > to {
        return Err(("InvalidTimeRangeException", "the start lies after the end"));
    }
    // A token holds only for the very question that it came from.
    let mut question = input.clone();
    question.as_object_mut().unwrap().remove("NextToken");
    let question = question.to_string();
    let begin: usize =
        match input["NextToken"].as_str().map(|token| token.split_once('|').unwrap_or_default()) {
            None => 0,
            Some((at, of)) if of == question => at.parse().unwrap(),
            Some(_) => return Err(("InvalidNextTokenException", "the token is of another question")),
        };
    let seconds =
        |event: &Value| event["eventTime"].as_str().unwrap().parse::<Timestamp>().unwrap().as_second();
    let read_only = |event: &Value| event["readOnly"].as_bool().unwrap_or(false).to_string();
    let name = |event: &Value| {
        let who = &event["userIdentity"];
        let session = who["arn"].as_str().and_then(|arn| arn.rsplit('/').next());
        who["userName"].as_str().or(session).unwrap_or("ci-118").to_owned()
    };
    let value = |event: &Value, key: &str| match key {
        "ReadOnly" => read_only(event),
        "AccessKeyId" => event["userIdentity"]["accessKeyId"].as_str().unwrap_or_default().to_owned(),
        "Username" => name(event),
        other => panic!("the tests know no attribute {other}"),
    };
    let fits = |event: &&Value| {
        let attribute = attributes.first().is_none_or(|a| {
            a["AttributeValue"] == value(event, a["AttributeKey"].as_str().unwrap()).as_str()
        });
        attribute && (from..=to).contains(&(seconds(event) as f64))
    };
    let all = hold(&state.events).get(region).cloned().unwrap_or_default();
    let fitting: Vec<&Value> = all.iter().filter(fits).collect();
    let page = fitting.iter().skip(begin).take(most as usize);
    let page: Vec<Value> = page
        .map(|e| {
            json!({ "EventId": e["eventID"], "EventName": e["eventName"], "ReadOnly": read_only(e),
                "EventTime": seconds(e),
                "EventSource": e["eventSource"], "Username": name(e), "Resources": [],
                "CloudTrailEvent": e.to_string() })
        })
        .collect();
    let end = begin + page.len();
    let mut reply = json!({ "Events": page });
    if end < fitting.len() {
        reply["NextToken"] = format!("{end}|{question}").into();
    }
    Ok(reply)
}
