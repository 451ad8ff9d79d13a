//! A proxy in front of the emulator that goes wrong at a chosen request: it kills the program with SIGKILL, loses or cuts
//! the reply, resets the connection, or says 503. It knows which requests change something, and counts them.

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
    process::{Child, ExitStatus},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
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
    /// 503, although it was done.
    BusyAfter,
}

/// At which requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    /// The nth that changes something, from 1.
    Change(usize),
    /// Every nth that only reads.
    EveryRead(usize),
}

/// What is told to the proxy, and what it tells.
#[derive(Default)]
struct State {
    upstream: String,
    fault: Mutex<Option<(At, Fault)>>,
    victim: Mutex<Option<Child>>,
    killed: AtomicBool,
    changes: Mutex<Vec<String>>,
    asked: Mutex<Vec<String>>,
    reads: AtomicUsize,
    faults: AtomicUsize,
    slow: Mutex<Duration>,
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
        let listener = TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
        let own = format!("http://{}", listener.local_addr().expect("its address"));
        let state = Arc::new(State { upstream: url.trim_start_matches("http://").to_owned(), ..State::default() });
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
        *hold(&self.state.fault) = fault;
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
        hold(&self.state.asked).clone()
    }

    /// How often something went wrong, in all.
    pub fn faults(&self) -> usize {
        self.state.faults.load(Ordering::SeqCst)
    }

    /// Hands over the program that is to be killed, and waits until it has ended, by the proxy's hand or its own.
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
    let Some(request) = peek(&client)? else { return Ok(()) };
    let due = due(state, &request);
    if let Some(fault) = due {
        state.faults.fetch_add(1, Ordering::SeqCst);
        match fault {
            // What was received and never read makes the system reset the connection instead of closing it.
            Fault::Reset => return Ok(()),
            Fault::KillBefore => {
                kill(state);
                return Ok(());
            }
            _ => {}
        }
    }
    client.read_exact(&mut vec![0; request.len()])?;
    if due == Some(Fault::Busy) {
        return client.write_all(BUSY);
    }
    let reply = forward(&state.upstream, &request)?;
    match due {
        None => client.write_all(&reply),
        Some(Fault::Cut) => client.write_all(&reply[..reply.len() - body_of(&reply).len().div_ceil(2)]),
        Some(Fault::BusyAfter) => client.write_all(BUSY),
        Some(Fault::KillAfter) => {
            kill(state);
            Ok(())
        }
        Some(_) => Ok(()),
    }
}

const BUSY: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";

/// Counts a request, and says what goes wrong with it.
fn due(state: &State, request: &[u8]) -> Option<Fault> {
    let text = String::from_utf8_lossy(request);
    let fault = *hold(&state.fault);
    hold(&state.asked).push(asked(&text));
    match change(&text) {
        Some(name) => {
            let n = {
                let mut changes = hold(&state.changes);
                changes.push(name);
                changes.len()
            };
            let slow = *hold(&state.slow);
            thread::sleep(slow);
            fault.and_then(|(at, fault)| (at == At::Change(n)).then_some(fault))
        }
        None => {
            let n = state.reads.fetch_add(1, Ordering::SeqCst) + 1;
            fault.and_then(|(at, fault)| matches!(at, At::EveryRead(every) if n.is_multiple_of(every)).then_some(fault))
        }
    }
}

/// The name of what a request asks for; S3 has only methods and paths.
fn asked(request: &str) -> String {
    let (head, body) = request.split_once("\r\n\r\n").unwrap_or((request, ""));
    let mut line = head.lines().next().unwrap_or_default().split(' ');
    let (method, path) = (line.next().unwrap_or_default(), line.next().unwrap_or_default());
    let form = || body.split('&').find_map(|pair| pair.strip_prefix("Action=")).map(str::to_owned);
    let header = |name: &str| head.lines().find_map(|l| l.split_once(':').filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.trim().to_owned()));
    let target = || header("x-amz-target").and_then(|t| t.rsplit('.').next().map(str::to_owned));
    let rpc = || path.split_once("/operation/").map(|(_, operation)| operation.to_owned());
    form().or_else(target).or_else(rpc).unwrap_or_else(|| format!("{method} {path}"))
}

/// The name of the change that a request asks for; `None` where it only reads.
pub fn change(request: &str) -> Option<String> {
    let asked = asked(request);
    let reads = ["Describe", "Get", "List", "Assume", "GET ", "HEAD "].iter().any(|read| asked.starts_with(read));
    (!reads).then_some(asked)
}

/// The whole request, left in the socket; `None` where nobody says anything.
pub fn peek(client: &TcpStream) -> std::io::Result<Option<Vec<u8>>> {
    client.set_read_timeout(Some(Duration::from_secs(30)))?;
    let mut buffer = vec![0; 1 << 20];
    loop {
        let n = client.peek(&mut buffer)?;
        if n == 0 {
            return Ok(None);
        }
        if let Some(head) = buffer[..n].windows(4).position(|w| w == b"\r\n\r\n") {
            let text = String::from_utf8_lossy(&buffer[..head]).to_lowercase();
            let length: usize = text.lines().find_map(|l| l.strip_prefix("content-length:")?.trim().parse().ok()).unwrap_or(0);
            if n >= head + 4 + length {
                buffer.truncate(head + 4 + length);
                return Ok(Some(buffer));
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
    assert_eq!(change("POST / HTTP/1.1\r\nX-Amz-Target: Logs_20140328.CreateLogGroup\r\n\r\n{}"), Some("CreateLogGroup".to_owned()));
    assert_eq!(change("POST / HTTP/1.1\r\nx-amz-target: TrentService.DescribeKey\r\n\r\n{}"), None);
    assert_eq!(change("PUT /bucket?policy HTTP/1.1\r\n\r\n{}"), Some("PUT /bucket?policy".to_owned()));
    assert_eq!(change("GET /bucket?policy HTTP/1.1\r\n\r\n"), None);
    assert_eq!(change("HEAD /bucket HTTP/1.1\r\n\r\n"), None);
}
