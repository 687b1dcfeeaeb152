// SPDX-License-Identifier: Apache-2.0

//! Functions that make many records of one, and options of this program's kinds.
use std::error::Error as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dataflow::*;

type Answer<T> = std::result::Result<T, Failure>;

/// Feeds texts through the transform `it` with its config: what came out, the counts, the end of the run.
fn through(env: &Env, config: &str, errors: &str, fed: &[&str]) -> (Vec<String>, Stats, Result<()>) {
    let manifest = format!(
        "source: {{type: host}}\ntransformations: [{{type: it, config: {config}}}]\nsink: {{type: host}}\n{errors}"
    );
    let options = Options { memory_limit: 16 << 20, ..Options::default() };
    let mut flow = Pipeline::load(env, &manifest, &options).unwrap();
    let (mut feed, take) = (flow.feed("source").unwrap(), flow.take("sink").unwrap());
    flow.start(&RunOptions::default()).unwrap();
    feed.push_all(fed.iter().copied()).unwrap();
    drop(feed);
    let mut out = Vec::new();
    for parcel in &take {
        let parcel = parcel.unwrap();
        out.extend(
            parcel.rows().unwrap().iter().map(|row| String::from_utf8_lossy(row.payload().unwrap()).into_owned()),
        );
        parcel.ack().unwrap();
    }
    let end = flow.wait();
    (out, flow.stats().unwrap(), end)
}

const SKIP: &str = "errors: {policy: skip}";

#[test]
fn one_becomes_many_or_none() {
    let env = Env::new();
    env.expand("it", |r| {
        let n = r.get("n")?.as_i64().ok_or_else(|| Failure::reject("no n"))?;
        Ok((0..n).map(move |i| format!("{n}.{i}")))
    })
    .unwrap();
    let (out, stats, end) = through(&env, "{}", SKIP, &[r#"{"n":2}"#, r#"{"n":0}"#, r#"{"m":1}"#, r#"{"n":3}"#]);
    end.unwrap();
    assert_eq!(out, ["2.0", "2.1", "3.0", "3.1", "3.2"]);
    assert_eq!((stats.received, stats.expanded, stats.sent, stats.filtered, stats.skipped), (4, 3, 5, 1, 1));
}

#[test]
fn more_than_there_is_memory_for() {
    let env = Env::new();
    let given = Arc::new(AtomicUsize::new(0));
    let count = given.clone();
    env.expand("it", move |_| {
        let count = count.clone();
        Ok((0..200_000).map(move |i| {
            count.fetch_add(1, Ordering::SeqCst);
            format!("{i:0200}")
        }))
    })
    .unwrap();
    let (out, stats, end) = through(&env, "{}", "", &["{}", "{}"]); // 80 MB of payload, 16 MiB of memory
    end.unwrap();
    assert_eq!((stats.sent, out.len(), given.load(Ordering::SeqCst)), (400_000, 400_000, 400_000));
    assert!(out.iter().enumerate().all(|(at, text)| text.parse() == Ok(at % 200_000)));
}

#[test]
fn children_are_records() {
    let env = Env::new();
    env.expand("it", |r| {
        r.set("seen", true)?;
        Ok(vec![
            Child::same(),
            Child::edit(|child| {
                assert_eq!(child.get("n")?.as_i64(), Some(1));
                child.remove("n")?;
                Ok(child.set("second", 2)?)
            }),
            "text".into(),
            vec![b'b'].into(),
        ])
    })
    .unwrap();
    let (out, _, end) = through(&env, "{}", "", &[r#"{"n":1}"#]);
    end.unwrap();
    assert_eq!(out, [r#"{"n":1,"seen":true}"#, r#"{"seen":true,"second":2}"#, "text", "b"]);
}

struct Panics;

impl Iterator for Panics {
    type Item = &'static str;

    fn next(&mut self) -> Option<&'static str> {
        panic!("no child");
    }
}

impl Drop for Panics {
    fn drop(&mut self) {
        panic!("in a drop");
    }
}

#[test]
fn what_fails_on_the_way_refuses_the_record() {
    let env = Env::new();
    env.expand("it", |r| {
        let fails = r.get("n")?.as_i64() == Some(2);
        Ok(["first", "second"].into_iter().map(move |text| -> Answer<&str> {
            match text {
                "second" if fails => Err(Failure::reject("the second of two")),
                text => Ok(text),
            }
        }))
    })
    .unwrap();
    let (out, stats, end) = through(&env, "{}", SKIP, &[r#"{"n":1}"#, r#"{"n":2}"#, r#"{"n":3}"#]);
    end.unwrap();
    assert_eq!((out.len(), stats.skipped), (5, 1)); // the child before it goes on
    let env = Env::new();
    env.expand("it", |_| Ok(Panics)).unwrap();
    let (out, _, end) = through(&env, "{}", "", &["{}"]);
    let error = end.unwrap_err();
    assert_eq!((out.len(), error.status()), (0, Status::EREJECTED));
    assert!(error.to_string().contains("the transform it panicked"), "{error}");
    assert_eq!(error.source().unwrap().to_string(), "panic: no child");
}

#[test]
fn options_of_a_transform() {
    let env = Env::new();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let see = seen.clone();
    let options = [
        Opt::text("text").required().doc("A text."),
        Opt::text("none"),
        Opt::flag("flag").default(true),
        Opt::int("n").default(5),
        Opt::int("unset"),
        Opt::float("f"),
        Opt::size("size"),
        Opt::duration("for"),
        Opt::json("json"),
    ];
    env.transform_with("it", options, move |c| {
        if c.text("text") == Some("wrong") {
            return Err(Failure::reject("that text is wrong"));
        }
        let all = (c.text("text").map(String::from), c.text("none").is_none(), c.flag("flag"), c.int("n"));
        let numbers =
            (c.int("unset"), c.float("f"), c.int("size"), c.duration("for"), c.json("json").map(String::from));
        *see.lock().unwrap() = vec![format!("{all:?} {numbers:?}")];
        let mut calls = 0; // a state of its own
        Ok(move |r: &mut Record<'_>| {
            calls += 1;
            r.set("call", calls)?;
            Ok(Verdict::Keep)
        })
    })
    .unwrap();
    let (out, _, end) = through(&env, "{text: a, f: 0.5, size: 1Ki, for: 1500ms, json: {a: 1}}", "", &["{}", "{}"]);
    end.unwrap();
    assert_eq!(out, [r#"{"call":1}"#, r#"{"call":2}"#]);
    assert_eq!(
        *seen.lock().unwrap(),
        [r#"(Some("a"), true, true, Some(5)) (None, Some(0.5), Some(1024), Some(1.5s), Some("{\"a\":1}"))"#]
    );
    let manifest = "source: {type: host}\ntransformations: [{type: it, config: {text: wrong}}]\nsink: {type: host}\n";
    let error = Pipeline::from_yaml(&env, manifest).unwrap().check().unwrap_err();
    assert_eq!((error.status(), error.problems()[0].line), (Status::ESPEC, 2));
    assert!(error.problems()[0].text.contains("that text is wrong"), "{error}");
    assert!(Pipeline::from_yaml(&env, &manifest.replace("text: wrong", "n: 1")).is_err()); // `text` is missing
    assert!(env.describe().unwrap().contains("A text."));
}

#[test]
fn options_of_an_expansion() {
    let env = Env::new();
    env.expand_with("it", [Opt::int("times").default(2)], |c| {
        let times = c.int("times").unwrap_or(0) as usize;
        Ok(move |_: &mut Record<'_>| Ok((0..times).map(|_| Child::same())))
    })
    .unwrap();
    assert_eq!(through(&env, "{}", "", &["{}"]).0.len(), 2);
    assert_eq!(through(&env, "{times: 5}", "", &["{}"]).0.len(), 5);
}

struct Count(i64, Option<Partition>);

impl Source for Count {
    fn open(&mut self, stage: &mut Stage<'_>) -> Answer<()> {
        self.1 = Some(stage.partition("")?);
        Ok(())
    }

    fn read(&mut self, batch: &mut Batch<'_>, _: Duration) -> Answer<Read> {
        if batch.room() == 0 {
            return Ok(Read::Nothing);
        }
        for n in 0..self.0 {
            batch.add(self.1.as_ref().unwrap(), &n.to_string())?;
        }
        Ok(Read::Done)
    }
}

struct Keep(String, Arc<Mutex<Vec<String>>>);

impl Sink for Keep {
    fn write(&mut self, records: &mut Records<'_>) -> Answer<()> {
        let rows = records.rows()?;
        let texts = rows.iter().map(|row| self.0.clone() + std::str::from_utf8(row.payload().unwrap()).unwrap());
        self.1.lock().unwrap().extend(texts);
        Ok(())
    }
}

#[test]
fn options_of_a_source_and_a_sink() {
    let env = Env::new();
    let kept: Arc<Mutex<Vec<String>>> = Arc::default();
    let keep = kept.clone();
    env.source_with("count", [Opt::int("end").required()], |c| Ok(Count(c.int("end").unwrap(), None))).unwrap();
    env.sink_with("keep", [Opt::text("prefix")], move |c| match c.text("prefix") {
        Some(prefix) if prefix.len() > 5 => Err(Failure::reject("the prefix is too long")),
        prefix => Ok(Keep(prefix.unwrap_or("").to_string(), keep.clone())),
    })
    .unwrap();
    let manifest = "source: {type: count, config: {end: 3}}\nsink: {type: keep, config: {prefix: n}}\n";
    Pipeline::from_yaml(&env, manifest).unwrap().run().unwrap();
    assert_eq!(*kept.lock().unwrap(), ["n0", "n1", "n2"]);
    let error =
        Pipeline::from_yaml(&env, &manifest.replace("prefix: n", "prefix: numbers")).unwrap().check().unwrap_err();
    assert!(error.problems()[0].text.contains("too long"), "{error}");
    assert_eq!(env.source("count", || Count(0, None)).unwrap_err().status(), Status::EEXISTS);
    // a name that is not among the options is a mistake of the program
    env.source_with("other", [Opt::int("end")], |c| Ok(Count(c.int("edn").unwrap(), None))).unwrap();
    let error = Pipeline::from_yaml(&env, "source: {type: other}\nsink: {type: keep}\n").unwrap().check().unwrap_err();
    assert!(error.problems()[0].text.contains("there is no option edn"), "{error}");
}
