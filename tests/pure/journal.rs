//! How long a journal takes to read: `-- journal 1000000` makes a run with so many records on the disk and
//! reads it as `redress runs` and `redress show` do. What is counted is processor time; the memory is the
//! most that the process ever had.

use std::{env, fs, io::Write, process, time::Instant};

use redress::journal::{Event, Outcome, StateDir, Store, line};

use crate::{edits, worked::worked};

pub fn long(records: u64) {
    let folder = env::temp_dir().join(format!("redress-journal-{}", process::id()));
    let (plan, events) = edits::whole();
    let store = StateDir::open(&folder).unwrap();
    let Some(Event::RunStarted { run, .. }) = events.first().map(|(_, event)| event) else {
        panic!("a run begins")
    };
    drop(store.create(run, plan).unwrap());
    let path = folder.join("runs").join(run).join("journal.jsonl");
    let mut file = std::io::BufWriter::new(fs::File::create(&path).unwrap());
    let (mut sum, change) = (String::new(), plan.changes[0].id.clone());
    let looked = |n: u64| Event::CheckedAgain {
        change: change.clone(),
        outcome: Outcome::Verified,
        reason: format!("looked at for the {n}th time, and it is as it was before"),
        awaiting: Vec::new(),
    };
    let at = events.last().unwrap().0;
    let all = events.iter().cloned().chain((1..).map(|n| (at, looked(n))));
    for ((at, event), seq) in all.zip(1..=records) {
        let record = line::next(&sum, seq, at, event);
        sum.clone_from(&record.sum);
        writeln!(file, "{}", serde_json::to_string(&record).unwrap()).unwrap();
    }
    file.flush().unwrap();
    println!("{records} records, {} MB", fs::metadata(&path).unwrap().len() >> 20);
    let time = |what: &str, does: &mut dyn FnMut()| {
        let begun = Instant::now();
        let before = worked(begun);
        does();
        println!("{what}: {:.1} s", (worked(begun) - before).as_secs_f64());
    };
    time("opened, as for `redress runs`", &mut || drop(store.open_run(run).unwrap()));
    time("opened and told, as for `redress show`", &mut || {
        let folder = store.open_run(run).unwrap();
        assert!(folder.story().ended && !folder.moments().unwrap().is_empty());
    });
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    println!("{}", status.lines().find(|l| l.starts_with("VmHWM")).unwrap_or("VmHWM: not known here"));
    fs::remove_dir_all(&folder).unwrap();
}
