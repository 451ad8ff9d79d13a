//! Requests to stop that come from outside: Ctrl-C, SIGTERM of a job that is cancelled, SIGHUP of a
//! connection that is gone. All three mean the same. A task that can stop in good order listens; while nobody
//! does, such a signal ends the process at once.

use std::{
    fmt, fs,
    io::{IsTerminal, stdin},
    process::{Command, Stdio},
    sync::{Mutex, Once, PoisonError},
};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// A request to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// SIGINT, as Ctrl-C makes it.
    Interrupt,
    /// SIGTERM, as `kill`, CI systems and container runtimes send it.
    Terminate,
    /// SIGHUP, as a terminal or an SSH connection sends it when it closes.
    HangUp,
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Signal::Interrupt => "Ctrl-C",
            Signal::Terminate => "SIGTERM",
            Signal::HangUp => "SIGHUP",
        })
    }
}

impl Signal {
    /// Returns its number, the same on all systems (POSIX, kill(1)).
    fn number(self) -> u8 {
        match self {
            Signal::HangUp => 1,
            Signal::Interrupt => 2,
            Signal::Terminate => 15,
        }
    }

    /// Returns whether the set of ignored signals, as Linux shows it in `/proc/self/status` (proc(5)),
    /// contains this one.
    fn is_in(self, status: &str) -> bool {
        let set = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
        set.and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok())
            .is_some_and(|bits| bits >> (self.number() - 1) & 1 == 1)
    }
}

/// The current listener.
static LISTENER: Mutex<Option<UnboundedSender<Signal>>> = Mutex::new(None);

/// The right to receive requests to stop, until it is dropped.
#[derive(Debug)]
pub struct Listening(UnboundedReceiver<Signal>);

/// Starts to listen.
pub fn listen() -> Listening {
    static STARTED: Once = Once::new();
    STARTED.call_once(start);
    let (send, receive) = unbounded_channel();
    *LISTENER.lock().unwrap_or_else(PoisonError::into_inner) = Some(send);
    Listening(receive)
}

impl Listening {
    /// Returns the next request.
    pub async fn next(&mut self) -> Signal {
        match self.0.recv().await {
            Some(signal) => signal,
            // Somebody else listens now.
            None => std::future::pending().await,
        }
    }

    /// Treats all further requests as parts of one that was received: the key that asks for it may be read
    /// before its signal comes. The caller is about to end.
    pub fn enough(self) {
        std::mem::forget(self);
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// Hands a request to the listener, and returns whether there was one.
fn heard(signal: Signal) -> bool {
    LISTENER
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .as_ref()
        .is_some_and(|listener| listener.send(signal).is_ok())
}

/// Takes the signals over from the system, except those that this process was started to ignore: `nohup` and
/// shells that put a job into the background intend that.
#[cfg(unix)]
fn start() {
    use tokio::signal::unix::{SignalKind, signal};
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    for (kind, which) in [
        (SignalKind::interrupt(), Signal::Interrupt),
        (SignalKind::terminate(), Signal::Terminate),
        (SignalKind::hangup(), Signal::HangUp),
    ] {
        if which.is_in(&status) {
            continue;
        }
        if let Ok(mut stream) = signal(kind) {
            tokio::spawn(async move {
                while stream.recv().await.is_some() {
                    if !heard(which) {
                        std::process::exit(128 + i32::from(which.number()));
                    }
                }
            });
        }
    }
}

#[cfg(not(unix))]
fn start() {
    tokio::spawn(async {
        while tokio::signal::ctrl_c().await.is_ok() {
            if !heard(Signal::Interrupt) {
                std::process::exit(128 + i32::from(Signal::Interrupt.number()));
            }
        }
    });
}

/// The state of the terminal before a question, which reads keys one by one and without showing them.
#[derive(Debug)]
pub struct TerminalState(Option<String>);

impl TerminalState {
    /// Reads the current state.
    pub fn now() -> Self {
        Self(if stdin().is_terminal() { stty("-g") } else { None })
    }

    /// Restores the state after a question that was left with a signal, and shows the cursor that the
    /// question hid.
    pub fn restore(&self) {
        let _ = console::Term::stderr().show_cursor();
        if let Some(state) = &self.0 {
            let _ = stty(state);
        }
    }
}

/// Returns the answer of `stty` about the terminal that is the standard input; `None` if there is no `stty`.
fn stty(word: &str) -> Option<String> {
    ["stty", "/bin/stty", "/usr/bin/stty"].into_iter().find_map(|program| {
        let answer =
            Command::new(program).arg(word).stdin(Stdio::inherit()).stderr(Stdio::null()).output().ok()?;
        answer.status.success().then(|| String::from_utf8_lossy(&answer.stdout).trim().to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_signal_that_is_ignored_from_the_start_is_seen_in_its_bit() {
        let status = "Name:\tredress\nSigBlk:\t0000000000000000\nSigIgn:\t0000000000001001\nSigCgt:\t00000000fffffffb\n";
        assert!(Signal::HangUp.is_in(status));
        assert!(!Signal::Interrupt.is_in(status) && !Signal::Terminate.is_in(status));
        assert!(Signal::Terminate.is_in("SigIgn:\t0000000000004000\n"));
        assert!(!Signal::HangUp.is_in(""));
    }
}
