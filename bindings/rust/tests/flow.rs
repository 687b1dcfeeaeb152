// SPDX-License-Identifier: Apache-2.0

//! Flows through this program: ports, transforms, values, errors, threads.
use std::error::Error as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use dataflow::*;

const ENDS: &str = "source: {type: host}\ntransformations: [{type: it}]\nsink: {type: host}\n";

/// Feeds texts through a transform and answers what came out, with the counts of the run.
fn through(
    errors: &str,
    fed: &[&str],
    it: impl Fn(&mut Record<'_>) -> std::result::Result<Verdict, Failure> + Send + Sync + 'static,
) -> (Vec<String>, Stats, Result<()>) {
    let env = Env::new();
    env.transform("it", it).unwrap();
    let mut flow = Pipeline::from_yaml(&env, &format!("{ENDS}{errors}")).unwrap();
    let (mut feed, take) = (flow.feed("source").unwrap(), flow.take("sink").unwrap());
    flow.start(&RunOptions::default()).unwrap();
    let _ = feed.push_all(fed.iter().copied());
    drop(feed);
    let mut out = Vec::new();
    for parcel in &take {
        let parcel = parcel.unwrap();
        out.extend(
            parcel.rows().unwrap().iter().map(|row| String::from_utf8(row.payload().unwrap().to_vec()).unwrap()),
        );
        parcel.ack().unwrap();
    }
    let end = flow.wait();
    (out, flow.stats().unwrap(), end)
}

#[test]
fn feed_transform_take() {
    let rows: Vec<String> = (0..1000).map(|n| format!("{{\"n\":{n},\"gone\":1}}")).collect();
    let fed: Vec<&str> = rows.iter().map(String::as_str).collect();
    let (out, stats, end) = through("errors: {policy: skip}", &fed, |r| {
        let n = r.get("n")?.as_i64().unwrap();
        match n % 10 {
            3 => return Ok(Verdict::Drop),
            4 => return Err(Failure::reject("a four").reason("invalid_data")),
            _ => {}
        }
        r.set("n", 2 * n)?;
        r.set("text", "")?;
        r.set_json("list", "[1,2]")?;
        r.set("at", Value::Timestamp(1_000_000, Some(0)))?;
        r.remove("gone")?;
        Ok(Verdict::Keep)
    });
    end.unwrap();
    assert_eq!(out.len(), 800);
    assert_eq!(out[1], r#"{"n":2,"text":"","list":[1,2],"at":"1970-01-01T00:00:01Z"}"#);
    assert_eq!((stats.received, stats.sent, stats.filtered, stats.skipped), (1000, 800, 100, 100));
}

#[test]
fn messages_whole() {
    let env = Env::new();
    let mut flow = Pipeline::from_yaml(&env, "{source: {type: host}, sink: {type: host}}").unwrap();
    let (mut feed, take) = (flow.feed("source").unwrap(), flow.take("sink").unwrap());
    flow.start(&RunOptions::default()).unwrap();
    let headers = [Header { name: "h", value: Some(b"v") }, Header { name: "h", value: None }];
    feed.push(Message { payload: None, key: Some(b""), headers: &headers, time_us: 7, offset: Some(9) }).unwrap();
    feed.push(&[0u8, 255][..]).unwrap();
    let mut got = 0;
    while got < 2 {
        let parcel = take.take(Duration::from_secs(20)).unwrap().expect("a parcel");
        for row in parcel.rows().unwrap() {
            match got {
                0 => {
                    assert_eq!((row.payload(), row.key(), row.time_us(), row.offset()), (None, Some(&b""[..]), 7, 9));
                    assert_eq!(row.headers().collect::<Vec<_>>(), headers);
                    assert_eq!(row.op(), Op::None);
                }
                _ => assert_eq!((row.payload(), row.key()), (Some(&[0u8, 255][..]), None)),
            }
            got += 1;
        }
        parcel.ack().unwrap();
    }
    let begun = Instant::now();
    while feed.acked().unwrap() < 2 {
        assert!(begun.elapsed() < Duration::from_secs(20), "acked {}", feed.acked().unwrap());
        std::thread::yield_now();
    }
    assert!(take.take(Duration::ZERO).unwrap().is_none() && !take.ended());
    flow.stop(Stop::Drain);
    flow.wait().unwrap();
    assert!(take.take(Duration::ZERO).unwrap().is_none() && take.ended());
    assert_eq!(feed.push("late").unwrap_err().status(), Status::ESTATE);
}

#[test]
fn parcels_come_again() {
    let env = Env::new();
    let mut flow =
        Pipeline::from_yaml(&env, "{source: {type: host}, sink: {type: host}, errors: {policy: skip}}").unwrap();
    let (mut feed, take) = (flow.feed("source").unwrap(), flow.take("sink").unwrap());
    flow.start(&RunOptions::default()).unwrap();
    feed.push("1").unwrap();
    drop(take.take(Duration::from_secs(20)).unwrap().unwrap()); // gives it back
    let again = take.take(Duration::from_secs(20)).unwrap().unwrap();
    assert_eq!(again.rows().unwrap()[0].payload(), Some(&b"1"[..]));
    again.retry().unwrap();
    let again = take.take(Duration::from_secs(20)).unwrap().unwrap();
    assert_eq!(again.get(0, "$").unwrap(), Value::Int(1));
    again.reject().unwrap();
    drop(feed);
    assert!(take.into_iter().next().is_none());
    flow.wait().unwrap();
    assert_eq!(flow.stats().unwrap().skipped, 1);
}

#[test]
fn values_exact() {
    let json = r#"{"big":123456789012345678901234567890.10,"n":-9223372036854775808,"null":null,"list":[1,"a"],"o":{"x":true},"s":"é"}"#;
    let (out, _, end) = through("", &[json], |r| {
        assert_eq!(r.get("big")?, Value::Number("123456789012345678901234567890.10"));
        assert_eq!(r.get("big")?.as_f64(), Some(123456789012345678901234567890.10));
        assert_eq!(r.get("n")?, Value::Int(i64::MIN));
        assert_eq!((r.get("none")?, r.get("null")?), (Value::Absent, Value::Null));
        assert!(!r.get("none")?.exists() && r.get("null")?.exists());
        assert_eq!((r.get("s")?.as_str(), r.get("n")?.as_str()), (Some("é"), None));
        match (r.get("list")?, r.get("o")?) {
            (Value::Array(list), Value::Object(object)) => {
                assert_eq!((list.len(), list.json().as_str()), (2, r#"[1,"a"]"#));
                assert_eq!(list.iter().map(|(_, v)| v).collect::<Vec<_>>(), [Value::Int(1), Value::String("a")]);
                assert_eq!(object.iter().collect::<Vec<_>>(), [("x", Value::Bool(true))]);
                assert_eq!((object.get("x").as_bool(), object.get("y")), (Some(true), Value::Absent));
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(r.get("$[").unwrap_err().status(), Status::EINVAL);
        let whole = r.payload()?.unwrap().to_vec();
        assert_eq!(r.origin().op, Op::None);
        r.set_meta("m", 5)?;
        assert_eq!(r.meta("m")?, Value::Int(5));
        assert_eq!(r.set_meta("m", Value::Number("1.0")).unwrap_err().status(), Status::EINVAL);
        r.set_key(Some(b"k"))?;
        assert_eq!((r.key(), r.headers().count()), (Some(&b"k"[..]), 0));
        r.set_payload(Some(&whole))?;
        let big = match r.get("big")? {
            Value::Number(text) => text.to_string(),
            other => panic!("{other:?}"),
        };
        r.set("copy", Value::Number(&big))?;
        r.set("f", 0.1)?;
        r.set("b", true)?;
        r.set("z", None::<i64>)?;
        r.remove("list")?;
        Ok(Verdict::Keep)
    });
    end.unwrap();
    let want = r#"{"big":123456789012345678901234567890.10,"n":-9223372036854775808,"null":null,"o":{"x":true},"s":"é","copy":123456789012345678901234567890.10,"f":0.1,"b":true,"z":null}"#;
    assert_eq!(out, [want]);
}

#[test]
fn problems_with_their_place() {
    let env = Env::new();
    let options = Options { file: Some("flow.yaml".into()), ..Options::default() };
    let text = "source: {type: hots}\nsink: {type: stdio, config: {paht: x}}\n";
    let error = Pipeline::load(&env, text, &options).err().expect("a failure");
    assert_eq!(error.status(), Status::ESPEC);
    assert_eq!(error.status().name(), "DF_ESPEC");
    assert_eq!(error.problems().len(), 2, "{:?}", error.problems());
    let one = &error.problems()[0];
    assert_eq!((one.line, one.column, one.file.as_str(), one.warning), (1, 16, "flow.yaml", false), "{one}");
    assert!(one.text.contains("hots") && error.problems()[1].hint.contains("path"), "{error} {:?}", error.problems());

    assert_eq!(env.transform("mask", |_| Ok(Verdict::Keep)).unwrap_err().status(), Status::EEXISTS);
    assert_eq!(env.transform("a\0b", |_| Ok(Verdict::Keep)).unwrap_err().status(), Status::EINVAL);
    let stateless = Options { state_dir: Some("/tmp".into()), ..Options::default() };
    assert_eq!(Pipeline::load(&env, "{}", &stateless).err().unwrap().status(), Status::EINVAL);
    let mut flow = Pipeline::from_yaml(&env, "{source: {type: host}, sink: {type: host}}").unwrap();
    assert_eq!(flow.feed("nowhere").err().unwrap().status(), Status::ENOTFOUND);
    flow.check().unwrap();
    flow.start(&RunOptions::default()).unwrap();
    assert_eq!(flow.start(&RunOptions::default()).unwrap_err().status(), Status::ESTATE);
    assert!(flow.plan().unwrap().starts_with('{') && flow.status().unwrap().starts_with('{'));
    assert!(env.describe().unwrap().contains("\"kafka\"") || env.describe().unwrap().contains("\"host\""));
    assert!(env.metrics().unwrap().contains("# HELP"));
    assert!(!version().is_empty());
    let set = Options { set: vec!["source.config.count=x".into()], ..Options::default() };
    let error = Pipeline::load(&env, "{source: {type: generate}, sink: {type: host}}", &set).err().unwrap();
    assert!(error.problems()[0].file.starts_with("--set"), "{:?}", error.problems());
}

#[derive(Debug)]
struct Own(i32);

impl std::fmt::Display for Own {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "card number 4111 of {}", self.0)
    }
}

impl std::error::Error for Own {}

/// The error of a run that ends at a refused record, and the cause of it.
fn refused(it: impl Fn(&mut Record<'_>) -> std::result::Result<Verdict, Failure> + Send + Sync + 'static) -> Error {
    through("", &["{}"], it).2.unwrap_err()
}

#[test]
fn errors_and_panics_of_a_transform() {
    let error = refused(|_| Err(Own(7).into()));
    assert_eq!(error.status(), Status::EREJECTED);
    assert_eq!(error.source().unwrap().downcast_ref::<Own>().unwrap().0, 7);
    assert!(
        error.to_string().contains("an error of the transform it") && !error.to_string().contains("4111"),
        "{error}"
    );

    let error = refused(|_| panic!("card number {}", 4111));
    assert_eq!(error.source().unwrap().downcast_ref::<Panic>().unwrap().to_string(), "panic: card number 4111");
    assert!(error.to_string().contains("the transform it panicked") && !error.to_string().contains("4111"), "{error}");

    let error = refused(|_| std::panic::panic_any(Own(1)));
    assert!(error.source().unwrap().is::<Panic>());

    let error = refused(|r| r.get("$[").map(|_| Verdict::Keep).map_err(Failure::from));
    assert_eq!(error.source().unwrap().downcast_ref::<Error>().unwrap().status(), Status::EINVAL);

    let error = refused(|_| Err(Failure::reject("no quantity")));
    assert!(error.to_string().contains("no quantity") && error.source().is_none(), "{error}");

    // The lock of a function is not poisoned for the records behind.
    let (out, stats, end) = through("errors: {policy: skip}", &["1", "2", "3"], |r| {
        assert_ne!(r.get("$")?.as_i64(), Some(2));
        Ok(Verdict::Keep)
    });
    assert_eq!((out, stats.skipped, end.is_ok()), (vec!["1".to_string(), "3".to_string()], 1, true));
}

#[test]
fn ever_new_paths() {
    let (out, _, end) = through("", &[r#"{"n":1}"#, r#"{"n":2}"#], |r| {
        for i in 0..3000 {
            let path = format!("m{i}");
            r.set(&path, i)?;
            assert_eq!(r.get(&path)?.as_i64(), Some(i64::from(i)));
            r.remove(&path)?;
        }
        assert_eq!(r.get("$[").unwrap_err().status(), Status::EINVAL);
        Ok(Verdict::Keep)
    });
    end.unwrap();
    assert_eq!(out, [r#"{"n":1}"#, r#"{"n":2}"#]);
}

#[test]
fn a_cause_is_its_pipelines_own() {
    let env = Env::new();
    env.transform("it", |r| Err(Own(r.get("n")?.as_i64().unwrap() as i32).into())).unwrap();
    let flows = (0..4).map(|n| {
        let mut flow = Pipeline::from_yaml(&env, ENDS).unwrap(); // all of one name
        let mut feed = flow.feed("source").unwrap();
        flow.start(&RunOptions::default()).unwrap();
        feed.push(&format!("{{\"n\":{n}}}")).unwrap();
        (n, flow, feed)
    });
    for (n, mut flow, _feed) in flows.collect::<Vec<_>>().into_iter().rev() {
        assert_eq!(flow.wait().unwrap_err().source().unwrap().downcast_ref::<Own>().unwrap().0, n);
    }
}

#[test]
fn stop_from_another_thread() {
    let env = Env::new();
    let mut flow = Pipeline::from_yaml(&env, "{source: {type: host}, sink: {type: host}}").unwrap();
    let _feed = flow.feed("source").unwrap();
    let stopper = flow.stopper();
    std::thread::scope(|s| {
        let run = s.spawn(|| flow.run());
        let begun = Instant::now();
        while !run.is_finished() {
            assert!(begun.elapsed() < Duration::from_secs(20), "it does not end");
            stopper.stop(Stop::Drain); // before the start it does nothing
            std::thread::sleep(Duration::from_millis(5));
        }
        run.join().unwrap().unwrap();
    });
    assert!(std::iter::from_fn(|| flow.next_event()).any(|e| e.kind == EventKind::State));
    assert!(flow.wait_for(Duration::ZERO).unwrap());
    drop(flow);
    stopper.stop(Stop::Now); // nothing is there any more
}

#[test]
fn anything_is_dropped_in_any_order() {
    let logged = Arc::new(Mutex::new(Vec::new()));
    let lines = logged.clone();
    let log: Box<dyn Fn(Level, &str) + Send + Sync> = Box::new(move |_, line| {
        lines.lock().unwrap().push(line.to_string());
        panic!("in the log");
    });
    let env = Env::with(EnvOptions { log: Some(log), log_level: Some(Level::Debug), module_path: None });
    let mut flow = Pipeline::from_yaml(&env, "{source: {type: host}, sink: {type: host}}").unwrap();
    let (mut feed, take) = (flow.feed("source").unwrap(), flow.take("sink").unwrap());
    flow.start(&RunOptions::default()).unwrap();
    feed.push("1").unwrap();
    let parcel = take.take(Duration::from_secs(20)).unwrap().unwrap();
    drop(env);
    drop(flow);
    assert_eq!(parcel.rows().unwrap()[0].payload(), Some(&b"1"[..]));
    drop(parcel);
    drop(take);
    assert!(feed.push("2").is_err());
    drop(feed);
    assert_eq!(Arc::strong_count(&logged), 1, "the log function is gone with its env");
    assert!(!logged.lock().unwrap().is_empty());
}

#[test]
fn a_function_is_freed_once() {
    struct Counted(Arc<AtomicUsize>);
    impl Drop for Counted {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::SeqCst);
            panic!("in a drop");
        }
    }
    let freed = Arc::new(AtomicUsize::new(0));
    let env = Env::new();
    for status in [None, Some(Status::EEXISTS)] {
        let counted = Counted(freed.clone());
        let done = env.transform("it", move |_| {
            let _ = &counted.0;
            Ok(Verdict::Keep)
        });
        assert_eq!(done.err().map(|e| e.status()), status);
    }
    assert_eq!(freed.load(Ordering::SeqCst), 1);
    drop(env);
    assert_eq!(freed.load(Ordering::SeqCst), 2);
}

#[test]
fn types_say_what_a_thread_may_use() {
    fn send<T: Send>() {}
    fn sync<T: Sync>() {}
    send::<Env>();
    sync::<Env>();
    send::<Pipeline>();
    send::<Stopper>();
    sync::<Stopper>();
    send::<Feed>();
    send::<Take>();
    send::<Error>();
    sync::<Error>();
}
