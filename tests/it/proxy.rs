//! A proxy in front of the emulator that goes wrong at a chosen request: it kills the program with SIGKILL,
//! loses or cuts the reply, resets the connection, or says 503 or 403. It knows which requests change something,
//! counts them, and keeps a log of what came and what was answered, in order.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    process::{Child, Command, ExitStatus},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The program is killed before the emulator hears of the request.
    KillBefore,
    /// The emulator has done it and has answered; the program is killed before it hears that.
    KillAfter,
    /// The emulator has done it; half of the reply arrives, then the connection ends.
    Cut,
    /// The emulator has done it; no reply arrives at all.
    Lost,
    /// The connection is reset before the emulator hears of the request.
    Reset,
    /// 503, and nothing was done.
    Busy,
    /// IAM does not allow it, and nothing was done.
    Denied,
    /// 503, although it was done.
    BusyAfter,
    /// The emulator has done it and has answered; the program is stopped (SIGSTOP) before the answer is on
    /// its way, as a machine that falls asleep, and reads it when it goes on.
    Asleep,
}

/// At which requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    /// The nth that changes something, from 1.
    Change(usize),
    /// Every nth that only reads.
    EveryRead(usize),
    /// The nth that only reads, from 1.
    Read(usize),
    /// The nth that writes a record of a journal to the store of runs, from 1.
    Record(usize),
    /// The nth that writes a record of a journal to the store of runs, from 1, and everything to do with the
    /// store from then on.
    StoreFrom(usize),
}

/// A request as it came, and what was answered.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Method and path.
    pub line: String,
    /// Without its headers.
    pub body: String,
    /// The operation by its name; `None` for S3, whose requests have none.
    pub operation: Option<String>,
    /// The change that it asks for, if it does.
    pub change: Option<String>,
    /// Whether it has to do with the store of runs.
    pub store: bool,
    /// Its place in the order of all requests and answers.
    pub came: usize,
    /// The place of the answer in the same order, and its status; `None` where the program heard nothing.
    pub answered: Option<(usize, u16)>,
}

/// What is told to the proxy, and what it tells.
#[derive(Default)]
struct State {
    upstream: String,
    fault: Mutex<Option<(At, Fault)>>,
    victim: Mutex<Option<Child>>,
    killed: AtomicBool,
    /// The program that falls asleep, and whether it does by now.
    sleeper: AtomicU32,
    asleep: AtomicBool,
    changes: Mutex<Vec<String>>,
    reads: AtomicUsize,
    faults: AtomicUsize,
    slow: Mutex<Duration>,
    /// What the path of a request to the store of runs begins with; empty where there is none.
    store: String,
    records: AtomicUsize,
    log: Mutex<Vec<Seen>>,
    moments: AtomicUsize,
}

/// The proxy. It ends with the test process.
pub struct Proxy {
    pub url: String,
    state: Arc<State>,
}

fn hold<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Proxy {
    /// A proxy in front of the server at this URL, without any fault.
    pub fn before(url: &str) -> Proxy {
        Self::with_store(url, "")
    }

    /// The same where runs are kept in a bucket: requests whose path begins so are the store's, and are no
    /// changes.
    pub fn with_store(url: &str, store: &str) -> Proxy {
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let own = format!("http://{}", listener.local_addr().expect("its address"));
        let state = Arc::new(State {
            upstream: url.trim_start_matches("http://").to_owned(),
            store: store.to_owned(),
            ..State::default()
        });
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = Arc::clone(&shared);
                // An error here is a client that went away, which is what these tests are about.
                thread::spawn(move || drop(serve(stream, &state)));
            }
        });
        Proxy { url: own, state }
    }

    /// From now on, counted from now.
    pub fn go_wrong(&self, fault: Option<(At, Fault)>) {
        hold(&self.state.changes).clear();
        self.state.reads.store(0, Ordering::SeqCst);
        self.state.records.store(0, Ordering::SeqCst);
        *hold(&self.state.fault) = fault;
    }

    /// All that came and was answered since the beginning.
    pub fn log(&self) -> Vec<Seen> {
        hold(&self.state.log).clone()
    }

    /// Every change takes this long.
    pub fn slow(&self, time: Duration) {
        *hold(&self.state.slow) = time;
    }

    /// The changes that were asked for since [`Proxy::go_wrong`], by name.
    pub fn changes(&self) -> Vec<String> {
        hold(&self.state.changes).clone()
    }

    /// Everything that was asked for, reads and changes, by name.
    pub fn asked(&self) -> Vec<String> {
        hold(&self.state.log)
            .iter()
            .map(|seen| seen.operation.clone().unwrap_or_else(|| seen.line.clone()))
            .collect()
    }

    /// Names the program that [`Fault::Asleep`] is for, and waits until it sleeps.
    pub fn sleeps(&self, pid: u32) {
        self.state.sleeper.store(pid, Ordering::SeqCst);
        let end = Instant::now() + Duration::from_secs(120);
        while !self.state.asleep.load(Ordering::SeqCst) {
            assert!(Instant::now() < end, "it never came so far");
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// How often something went wrong, in all.
    pub fn faults(&self) -> usize {
        self.state.faults.load(Ordering::SeqCst)
    }

    /// Hands over the program that is to be killed, and waits until it has ended, by the proxy's hand or its
    /// own.
    pub fn watch(&self, child: Child) -> Option<ExitStatus> {
        self.state.killed.store(false, Ordering::SeqCst);
        *hold(&self.state.victim) = Some(child);
        let end = Instant::now() + Duration::from_secs(240);
        loop {
            if self.state.killed.load(Ordering::SeqCst) {
                return None;
            }
            if let Some(child) = hold(&self.state.victim).as_mut() {
                if let Some(status) = child.try_wait().expect("the child can be waited for") {
                    return Some(status);
                }
                if Instant::now() > end {
                    let _ = child.kill();
                }
            }
            thread::sleep(Duration::from_millis(5));
        }
    }
}

/// Sends a signal to a program.
pub fn signal(name: &str, pid: u32) {
    let status =
        Command::new("kill").args([format!("-{name}"), pid.to_string()]).status().expect("kill is there");
    assert!(status.success(), "{name}");
}

/// Lets the program fall asleep, which may not have been named yet.
fn fall_asleep(state: &State) {
    while state.sleeper.load(Ordering::SeqCst) == 0 {
        thread::sleep(Duration::from_millis(1));
    }
    signal("STOP", state.sleeper.load(Ordering::SeqCst));
    state.asleep.store(true, Ordering::SeqCst);
}

/// Kills the program, which may not have been handed over yet.
fn kill(state: &State) {
    loop {
        if let Some(mut child) = hold(&state.victim).take() {
            // SIGKILL on Unix: the program has no say in it.
            child.kill().expect("the child can be killed");
            child.wait().expect("and is dead");
            state.killed.store(true, Ordering::SeqCst);
            return;
        }
        thread::sleep(Duration::from_millis(1));
    }
}

/// One request on one connection: every reply says that the connection closes.
fn serve(mut client: TcpStream, state: &State) -> std::io::Result<()> {
    let Some((request, unread)) = peek(&mut client)? else { return Ok(()) };
    let (place, due) = due(state, &request);
    if let Some(fault) = due {
        state.faults.fetch_add(1, Ordering::SeqCst);
        match fault {
            // What was received and never read makes the system reset the connection instead of closing it.
            // What was too large for that is read, and the connection closed: the program hears as little.
            Fault::Reset => return Ok(()),
            Fault::KillBefore => {
                kill(state);
                return Ok(());
            }
            _ => {}
        }
    }
    if unread {
        client.read_exact(&mut vec![0; request.len()])?;
    }
    if due == Some(Fault::Busy) {
        return answer(&mut client, BUSY, place, state);
    }
    if due == Some(Fault::Denied) {
        let (length, says) = (DENIED.len(), DENIED);
        let reply = format!(
            "HTTP/1.1 403 Forbidden\r\nContent-Type: text/xml\r\nContent-Length: {length}\r\nConnection: \
             close\r\n\r\n{says}"
        );
        return answer(&mut client, reply.as_bytes(), place, state);
    }
    let reply = forward(&state.upstream, &request)?;
    match due {
        None => answer(&mut client, &reply, place, state),
        Some(Fault::Cut) => client.write_all(&reply[..reply.len() - body_of(&reply).len().div_ceil(2)]),
        Some(Fault::BusyAfter) => answer(&mut client, BUSY, place, state),
        Some(Fault::Asleep) => {
            fall_asleep(state);
            answer(&mut client, &reply, place, state)
        }
        Some(Fault::KillAfter) => {
            kill(state);
            Ok(())
        }
        Some(_) => Ok(()),
    }
}

/// Answers. The log knows of it before the program does: whatever the program does then comes later in it.
fn answer(client: &mut TcpStream, reply: &[u8], place: usize, state: &State) -> std::io::Result<()> {
    let status =
        reply.get(9..12).and_then(|s| std::str::from_utf8(s).ok()).and_then(|s| s.parse().ok()).unwrap_or(0);
    {
        let mut log = hold(&state.log);
        let moment = state.moments.fetch_add(1, Ordering::SeqCst);
        log[place].answered = Some((moment, status));
    }
    client.write_all(reply)
}

const DENIED: &str = "<ErrorResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"><Error><Type>Sender</Type>\
    <Code>AccessDenied</Code><Message>not authorized</Message></Error><RequestId>r</RequestId></ErrorResponse>";
const BUSY: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

/// Logs and counts a request, and says what goes wrong with it.
fn due(state: &State, request: &[u8]) -> (usize, Option<Fault>) {
    let text = String::from_utf8_lossy(request);
    let (place, seen) = logged(state, &text);
    let fault = *hold(&state.fault);
    let when = |meets: &dyn Fn(At) -> bool| fault.and_then(|(at, fault)| meets(at).then_some(fault));
    let count = |counter: &AtomicUsize| counter.fetch_add(1, Ordering::SeqCst) + 1;
    let due = if seen.store {
        let record = seen.change.is_some() && seen.line.contains("/journal/");
        let n = if record { count(&state.records) } else { state.records.load(Ordering::SeqCst) };
        when(&|at| matches!(at, At::StoreFrom(from) if n >= from) || (record && at == At::Record(n)))
    } else if let Some(name) = seen.change {
        let n = {
            let mut changes = hold(&state.changes);
            changes.push(name);
            changes.len()
        };
        let slow = *hold(&state.slow);
        thread::sleep(slow);
        when(&|at| at == At::Change(n))
    } else {
        let n = count(&state.reads);
        when(&|at| at == At::Read(n) || matches!(at, At::EveryRead(every) if n.is_multiple_of(every)))
    };
    (place, due)
}

fn logged(state: &State, text: &str) -> (usize, Seen) {
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
    let line = head.lines().next().unwrap_or_default().trim_end_matches(" HTTP/1.1").to_owned();
    let store = !state.store.is_empty()
        && line.split_once(' ').is_some_and(|(_, path)| path.starts_with(&state.store));
    let mut log = hold(&state.log);
    let came = state.moments.fetch_add(1, Ordering::SeqCst);
    let seen = Seen {
        line,
        body: body.to_owned(),
        operation: operation(text),
        change: change(text),
        store,
        came,
        answered: None,
    };
    log.push(seen.clone());
    (log.len() - 1, seen)
}

/// The name of the change that a request asks for; `None` where it only reads.
pub fn change(request: &str) -> Option<String> {
    // What is only tried changes nothing.
    if request.ends_with("&DryRun=true") {
        return None;
    }
    if let Some(operation) = operation(request) {
        // A credential report is made for whoever reads it, and changes nothing else.
        let reads = ["Describe", "Get", "List", "Assume", "Generate", "Simulate"];
        return (!reads.iter().any(|read| operation.starts_with(read))).then_some(operation);
    }
    // What is left is S3.
    let mut line = request.lines().next().unwrap_or_default().split(' ');
    let (method, path) = (line.next().unwrap_or_default(), line.next().unwrap_or_default());
    matches!(method, "PUT" | "POST" | "DELETE").then(|| format!("{method} {path}"))
}

/// The name of the operation that a request names, in whichever way of AWS's.
fn operation(request: &str) -> Option<String> {
    let (head, body) = request.split_once("\r\n\r\n").unwrap_or((request, ""));
    let form = || body.split('&').find_map(|pair| pair.strip_prefix("Action=")).map(str::to_owned);
    let header = |name: &str| {
        head.lines().find_map(|l| {
            l.split_once(':').filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.trim().to_owned())
        })
    };
    let target = || header("x-amz-target").and_then(|t| t.rsplit('.').next().map(str::to_owned));
    let path = head.lines().next().unwrap_or_default().split(' ').nth(1).unwrap_or_default();
    let rpc = || path.split_once("/operation/").map(|(_, operation)| operation.to_owned());
    // Of the Recycle Bin's only operation that is posted and only reads.
    let rest = || (path == "/list-rules").then(|| "ListRules".to_owned());
    form().or_else(target).or_else(rpc).or_else(rest)
}

/// The whole request, taken out of the socket; `None` where nobody says anything.
pub fn request(client: &mut TcpStream) -> std::io::Result<Option<Vec<u8>>> {
    let Some((request, unread)) = peek(client)? else { return Ok(None) };
    if unread {
        client.read_exact(&mut vec![0; request.len()])?;
    }
    Ok(Some(request))
}

/// What a socket holds of a request at most without being read, for sure.
const FITS: usize = 32 << 10;

/// The whole request, and whether it was left in the socket, as those are that fit; `None` where nobody says
/// anything.
fn peek(client: &mut TcpStream) -> std::io::Result<Option<(Vec<u8>, bool)>> {
    client.set_read_timeout(Some(Duration::from_secs(30)))?;
    let mut buffer = vec![0; FITS];
    loop {
        let n = client.peek(&mut buffer)?;
        if n == 0 {
            return Ok(None);
        }
        if let Some(head) = buffer[..n].windows(4).position(|w| w == b"\r\n\r\n") {
            let text = String::from_utf8_lossy(&buffer[..head]).to_lowercase();
            let length: usize = text
                .lines()
                .find_map(|l| l.strip_prefix("content-length:")?.trim().parse().ok())
                .unwrap_or(0);
            let whole = head + 4 + length;
            if whole > FITS {
                buffer.resize(whole, 0);
                client.read_exact(&mut buffer)?;
                return Ok(Some((buffer, false)));
            }
            if n >= whole {
                buffer.truncate(whole);
                return Ok(Some((buffer, true)));
            }
        }
        thread::sleep(Duration::from_millis(1));
    }
}

/// Asks the emulator, and hears it out.
pub fn forward(upstream: &str, request: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut server = TcpStream::connect(upstream)?;
    let end = request.windows(2).position(|w| w == b"\r\n").map_or(0, |at| at + 2);
    server.write_all(&request[..end])?;
    server.write_all(b"Connection: close\r\n")?;
    server.write_all(&request[end..])?;
    let mut reply = Vec::new();
    server.read_to_end(&mut reply)?;
    Ok(reply)
}

fn body_of(reply: &[u8]) -> &[u8] {
    reply.windows(4).position(|w| w == b"\r\n\r\n").map_or(&[], |at| &reply[at + 4..])
}

#[test]
fn the_proxy_tells_changes_from_reads() {
    let form = |action: &str| format!("POST / HTTP/1.1\r\nHost: x\r\n\r\nAction={action}&Version=1");
    assert_eq!(change(&form("StopInstances")), Some("StopInstances".to_owned()));
    assert_eq!(change(&form("DescribeInstances")), None);
    assert_eq!(change(&format!("{}&DryRun=true", form("StopInstances"))), None);
    assert_eq!(
        change("POST / HTTP/1.1\r\nX-Amz-Target: Logs_20140328.CreateLogGroup\r\n\r\n{}"),
        Some("CreateLogGroup".to_owned())
    );
    assert_eq!(change("POST / HTTP/1.1\r\nx-amz-target: TrentService.DescribeKey\r\n\r\n{}"), None);
    assert_eq!(change("PUT /bucket?policy HTTP/1.1\r\n\r\n{}"), Some("PUT /bucket?policy".to_owned()));
    assert_eq!(change("GET /bucket?policy HTTP/1.1\r\n\r\n"), None);
    assert_eq!(change("HEAD /bucket HTTP/1.1\r\n\r\n"), None);
    assert_eq!(change("POST /list-rules HTTP/1.1\r\n\r\n{}"), None);
}
