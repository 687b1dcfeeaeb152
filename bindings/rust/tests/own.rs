// SPDX-License-Identifier: Apache-2.0

//! Sources and sinks of this program.
use std::error::Error as _;
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dataflow::*;

type Answer<T> = std::result::Result<T, Failure>;

/// Counts up to `end`; loses its connection once.
struct Count {
    end: u64,
    next: u64,
    part: Option<Partition>,
    fails: Arc<AtomicUsize>,
    acked: Arc<Mutex<Vec<u64>>>,
}

impl Count {
    fn new(end: u64) -> Self {
        Count { end, next: 0, part: None, fails: Arc::default(), acked: Arc::default() }
    }
}

fn number(position: &[u8]) -> u64 {
    std::str::from_utf8(position).unwrap().parse().unwrap_or(0)
}

impl Source for Count {
    const POSITIONS: Positions = Positions::Replay;

    fn open(&mut self, stage: &mut Stage<'_>) -> Answer<()> {
        let part = stage.partition("numbers")?;
        self.next = part.resume().map_or(0, number);
        self.part = Some(part);
        Ok(())
    }

    fn read(&mut self, batch: &mut Batch<'_>, _: Duration) -> Answer<Read> {
        let part = self.part.as_ref().unwrap();
        while batch.room() > 0 && self.next < self.end {
            batch.add(part, &self.next.to_string())?;
            self.next += 1;
            batch.mark(part, self.next.to_string().as_bytes())?;
            if self.next % 100 == 0 && self.fails.fetch_add(1, Ordering::SeqCst) == 0 {
                return Err(Failure::retry("the counter fell down"));
            }
        }
        Ok(if self.next < self.end { Read::Some } else { Read::Done })
    }

    fn ack(&mut self, partition: &str, position: &[u8]) -> Answer<()> {
        assert_eq!(partition, "numbers");
        self.acked.lock().unwrap().push(number(position));
        Ok(())
    }

    fn seek(&mut self, _: &str, position: &[u8]) -> Answer<()> {
        self.next = number(position);
        Ok(())
    }
}

/// Keeps what it gets; `refuses` is a payload that it cannot write.
#[derive(Clone, Default)]
struct Keep {
    got: Arc<Mutex<Vec<String>>>,
    calls: Arc<AtomicUsize>,
    refuses: Option<&'static str>,
}

impl Sink for Keep {
    fn write(&mut self, records: &mut Records<'_>) -> Answer<()> {
        if self.calls.fetch_add(1, Ordering::SeqCst) == 0 {
            return Err(Failure::retry("not yet"));
        }
        let mut got = self.got.lock().unwrap();
        for (index, row) in records.rows()?.iter().enumerate() {
            let text = std::str::from_utf8(row.payload().unwrap()).unwrap();
            if Some(text) == self.refuses {
                records.reject(index, "not this one")?;
            } else {
                got.push(text.to_string());
            }
        }
        if !records.is_empty() {
            assert!(records.get(0, "$")?.as_i64().is_some());
        }
        Ok(())
    }
}

fn run(env: &Env, manifest: &str, options: &Options) -> Result<Stats> {
    let mut flow = Pipeline::load(env, manifest, options)?;
    flow.run_with(&RunOptions { until_exhausted: true, ..RunOptions::default() })?;
    flow.stats()
}

#[test]
fn a_source_and_a_sink() {
    let env = Env::new();
    let kept = Keep { refuses: Some("7"), ..Keep::default() };
    let (sink, acked, fails) = (kept.clone(), Arc::default(), Arc::default());
    let (acks, falls): (Arc<Mutex<Vec<u64>>>, Arc<AtomicUsize>) = (Arc::clone(&acked), fails);
    env.source("count", move || Count { fails: falls.clone(), acked: acks.clone(), ..Count::new(1000) }).unwrap();
    env.sink("keep", move || sink.clone()).unwrap();
    let stats =
        run(&env, "{source: {type: count}, sink: {type: keep}, errors: {policy: skip}}", &Options::default()).unwrap();
    let want: Vec<String> = (0..1000).filter(|n| *n != 7).map(|n| n.to_string()).collect();
    assert_eq!(*kept.got.lock().unwrap(), want);
    assert_eq!((stats.sent, stats.skipped, stats.in_flight), (999, 1, 0));
    assert!(stats.retries >= 1);
    assert_eq!(acked.lock().unwrap().last(), Some(&1000));
}

#[test]
fn a_source_resumes() {
    let dir = std::env::temp_dir().join(format!("dataflow-rust-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let env = Env::new();
    let end = Arc::new(AtomicUsize::new(50));
    let now = end.clone();
    let kept = Keep::default();
    let sink = kept.clone();
    env.source("count", move || Count::new(now.load(Ordering::SeqCst) as u64)).unwrap();
    env.sink("keep", move || sink.clone()).unwrap();
    let options =
        Options { name: Some("resumes".into()), state_dir: Some(dir.to_str().unwrap().into()), ..Options::default() };
    let manifest = "{source: {type: count}, sink: {type: keep}}";
    assert_eq!(run(&env, manifest, &options).unwrap().received, 50);
    end.store(60, Ordering::SeqCst);
    assert_eq!(run(&env, manifest, &options).unwrap().received, 10);
    assert_eq!(kept.got.lock().unwrap().len(), 60);
    std::fs::remove_dir_all(&dir).unwrap();
}

/// What cannot be read twice: it fails after its third line.
struct Lines(Arc<AtomicUsize>, Option<Partition>);

impl Source for Lines {
    fn open(&mut self, stage: &mut Stage<'_>) -> Answer<()> {
        self.1 = Some(stage.partition("")?);
        Ok(())
    }

    fn read(&mut self, batch: &mut Batch<'_>, _: Duration) -> Answer<Read> {
        if batch.room() == 0 {
            return Ok(Read::Nothing);
        }
        let n = self.0.fetch_add(1, Ordering::SeqCst);
        if n == 9 {
            return Ok(Read::Done);
        }
        batch.add(self.1.as_ref().unwrap(), &n.to_string())?;
        if n == 3 {
            return Err(Failure::retry("gone for a moment"));
        }
        Ok(Read::Some)
    }
}

#[test]
fn a_line_loses_nothing() {
    let env = Env::new();
    let (kept, at) = (Keep::default(), Arc::new(AtomicUsize::new(0)));
    let sink = kept.clone();
    env.source("lines", move || Lines(at.clone(), None)).unwrap();
    env.sink("keep", move || sink.clone()).unwrap();
    run(&env, "{source: {type: lines}, sink: {type: keep}}", &Options::default()).unwrap();
    assert_eq!(kept.got.lock().unwrap().join(""), "012345678");
}

enum Way {
    Error,
    Status,
    Panic,
    Refuse,
}

struct Fails(Way);

impl Fails {
    fn now(&self) -> Answer<()> {
        match self.0 {
            Way::Error => Err(io::Error::new(io::ErrorKind::Other, "the disk burns").into()),
            Way::Status => Err(Failure::new(Status::ENOTSUP, "not that")),
            Way::Panic => panic!("the sink burns"),
            Way::Refuse => Err(Failure::reject("none of them")),
        }
    }
}

impl Sink for Fails {
    fn write(&mut self, _: &mut Records<'_>) -> Answer<()> {
        self.now()
    }
}

impl Drop for Fails {
    fn drop(&mut self) {
        panic!("in a drop");
    }
}

#[test]
fn failures_end_the_run() {
    for (way, status, text, cause) in [
        ((|| Way::Error) as fn() -> Way, Status::EINTERNAL, "the disk burns", Some("the disk burns")),
        (|| Way::Status, Status::ENOTSUP, "not that", None),
        (|| Way::Panic, Status::EINTERNAL, "panic: the sink burns", Some("panic: the sink burns")),
        (|| Way::Refuse, Status::EREJECTED, "none of them", None),
    ] {
        let env = Env::new();
        env.source("count", || Count::new(3)).unwrap();
        env.sink("fails", move || Fails(way())).unwrap();
        let error = run(&env, "{source: {type: count}, sink: {type: fails}}", &Options::default()).unwrap_err();
        assert_eq!(error.status(), status, "{error}");
        assert!(error.to_string().contains(text), "{error}");
        assert_eq!(error.source().map(|cause| cause.to_string()).as_deref(), cause);
    }
}

#[test]
fn a_factory_that_panics() {
    let env = Env::new();
    env.source::<Count>("count", || panic!("no counter")).unwrap();
    env.sink("keep", Keep::default).unwrap();
    let error = run(&env, "{source: {type: count}, sink: {type: keep}}", &Options::default()).unwrap_err();
    assert_eq!(error.status(), Status::EINTERNAL);
    assert!(error.source().unwrap().is::<Panic>(), "{error}");
}
