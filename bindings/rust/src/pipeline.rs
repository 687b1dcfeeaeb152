// SPDX-License-Identifier: Apache-2.0

//! A flow: loaded from a manifest, run once, watched and stopped.
use std::mem::{forget, size_of, zeroed};
use std::os::raw::{c_char, c_int, c_void};
use std::os::unix::io::{AsRawFd, RawFd};
use std::ptr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dataflow_sys as sys;

use crate::env::{append, done, no_nul, Env, Shared};
use crate::error::{locked, text_of, Causes, Error, Problem, Result, Status};
use crate::port::{milliseconds, Feed, Take};

/// Of one pipeline; `Options::default()` is fine.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Label of metrics, key of positions; None: the manifest's.
    pub name: Option<String>,
    /// Name of the manifest in messages.
    pub file: Option<String>,
    /// Folder of positions when no sink and no system of the source holds them; needs a name.
    pub state_dir: Option<String>,
    /// `${env:NAME}` and `${file:PATH}` of the manifest are this process's; else they are refused.
    pub resolve: bool,
    /// Bytes; 0: the manifest's.
    pub memory_limit: u64,
    /// Values of records in texts.
    pub show_values: bool,
    /// "sink.config.table=orders", in place of what the manifest says.
    pub set: Vec<String>,
}

/// How far a run goes; `RunOptions::default()`: until it is stopped.
#[derive(Clone, Copy, Debug, Default)]
pub struct RunOptions {
    /// Records to read; 0: no limit.
    pub limit: u64,
    /// Ends when all that exists at the start was delivered.
    pub until_exhausted: bool,
    /// Stored positions are forgotten first.
    pub from_start: bool,
    /// Sinks accept and forget, nothing is committed or stored.
    pub dry: bool,
}

/// How a run is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// What was read is delivered and saved, for at most stopTimeout.
    Drain,
    /// What is not delivered is read again next time.
    Now,
}

/// Something that happened while a flow ran.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// What it is.
    pub kind: EventKind,
    /// Of a retry or a refusal; None: done.
    pub status: Option<Status>,
    /// "": of the whole pipeline.
    pub stage: String,
    /// One line for people.
    pub text: String,
}

/// What an [`Event`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
#[non_exhaustive]
pub enum EventKind {
    State,
    Retry,
    Recovered,
    Reject,
    /// Older events were not read and are gone.
    Lost,
}

/// Counts of a run, a consistent cut: received + expanded = sent + left_out + filtered + errored + skipped + abandoned +
/// in_flight. docs/metrics.md says what each is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
#[non_exhaustive]
pub struct Stats {
    pub received: u64,
    pub expanded: u64,
    pub sent: u64,
    pub left_out: u64,
    pub filtered: u64,
    pub errored: u64,
    pub skipped: u64,
    pub abandoned: u64,
    pub in_flight: u64,
    pub retries: u64,
    pub bytes_in: u64,
    pub bytes_out: u64,
}

struct Handle(Mutex<*mut sys::df_pipeline>);

// SAFETY: what is called through it may be called on any thread, and not once the pipeline is gone: then it is NULL.
unsafe impl Send for Handle {}
unsafe impl Sync for Handle {}

/// Stops a pipeline from any thread; a clone is the same. It does nothing once the pipeline is gone.
#[derive(Clone)]
pub struct Stopper(Arc<Handle>);

impl Stopper {
    /// Asks the run to end and returns at once.
    pub fn stop(&self, how: Stop) {
        let p = locked(&self.0 .0);
        if !p.is_null() {
            // SAFETY: the lock keeps it alive.
            unsafe { sys::df_pipeline_stop(*p, how_of(how)) }
        }
    }
}

fn how_of(how: Stop) -> c_int {
    match how {
        Stop::Drain => sys::DF_STOP_DRAIN,
        Stop::Now => sys::DF_STOP_NOW,
    }
}

/// A flow, which runs once. One thread at a time has it; others may hold its [`Stopper`]. Its drop stops it now.
///
/// ```compile_fail
/// fn sync<T: Sync>() {}
/// sync::<dataflow::Pipeline>();
/// ```
pub struct Pipeline {
    p: *mut sys::df_pipeline,
    handle: Arc<Handle>,
    causes: Arc<Causes>,
    shared: Arc<Shared>,
}

// SAFETY: the handle may be used by any thread, one at a time.
unsafe impl Send for Pipeline {}

impl Pipeline {
    /// Loads a manifest, in YAML or JSON. [`Status::ESPEC`]: all faults of it are in [`Error::problems`].
    pub fn from_yaml(env: &Env, manifest: &str) -> Result<Self> {
        Pipeline::load(env, manifest, &Options::default())
    }

    /// The same with options.
    pub fn load(env: &Env, manifest: &str, options: &Options) -> Result<Self> {
        let set = options.set.iter().map(|one| no_nul(one)).collect::<Result<Vec<_>>>()?;
        let rows: Vec<_> = set.iter().map(|one| one.as_ptr()).chain([ptr::null()]).collect();
        let made = Pipeline::new(env, options, &rows)?;
        let file = options.file.as_deref().map(no_nul).transpose()?;
        let text = sys::df_text {
            size: size_of::<sys::df_text>(),
            file: file.as_ref().map_or(ptr::null(), |file| file.as_ptr()),
            text: manifest.as_ptr() as *const c_char,
            len: manifest.len(),
        };
        // SAFETY: the text is copied; a load may use the env, so it has its turn. It is the last to look at `set`.
        let rc = made.shared.call(|_| Ok(unsafe { sys::df_pipeline_load(made.p, &text) }))?;
        made.need(rc)?;
        Ok(made)
    }

    /// An empty one; `set` is borrowed until a manifest was loaded.
    fn new(env: &Env, options: &Options, set: &[*const c_char]) -> Result<Self> {
        let name = options.name.as_deref().map(no_nul).transpose()?;
        let state = options.state_dir.as_deref().map(no_nul).transpose()?;
        if state.is_some() && name.is_none() {
            return Err(Error::new(Status::EINVAL, "a pipeline with a state_dir needs a name"));
        }
        let name = name.as_ref().map_or(ptr::null(), |name| name.as_ptr());
        let causes = Arc::new(Causes::default());
        // SAFETY: all other texts are copied.
        let p = env.0.call(|env| unsafe {
            let mut o: sys::df_pipeline_options = zeroed();
            let mut store: sys::df_store = zeroed();
            if let Some(dir) = &state {
                store.size = size_of::<sys::df_store>();
                done(sys::df_store_file(env, dir.as_ptr(), name, &mut store))?;
                o.store = &store;
            }
            o.size = size_of::<sys::df_pipeline_options>();
            o.name = name;
            o.memory_limit = options.memory_limit;
            o.resolve = if options.resolve { Some(sys::df_resolve_process) } else { None };
            o.show_values = options.show_values as c_int;
            o.set = set.as_ptr();
            o.user = Arc::as_ptr(&causes) as *mut c_void;
            match sys::df_pipeline_new(env, &o) {
                p if p.is_null() => Err(sys::DF_ENOMEM),
                p => Ok(p),
            }
        })?;
        Ok(Pipeline { p, handle: Arc::new(Handle(Mutex::new(p))), causes, shared: env.0.clone() })
    }

    fn need(&self, rc: c_int) -> Result<c_int> {
        if rc >= 0 {
            return Ok(rc);
        }
        // SAFETY: the text is the handle's own and copied.
        let error = unsafe { Error::of(rc, sys::df_pipeline_errmsg(self.p)) };
        let problems = if error.status() == Status::ESPEC { self.problems() } else { Vec::new() };
        Err(error.with(problems, None))
    }

    /// Of the end of a run: what a function of the program said may be why.
    fn ended(&self, rc: c_int) -> Result<c_int> {
        self.need(rc).map_err(|error| {
            let (cause, problems) = (self.causes.of(error.status()), error.problems().to_vec());
            error.with(problems, cause)
        })
    }

    /// The problems found so far, warnings too.
    pub fn problems(&self) -> Vec<Problem> {
        // SAFETY: texts are copied before the next call.
        (0..)
            .map_while(|index| unsafe {
                let mut row: sys::df_problem = zeroed();
                row.size = size_of::<sys::df_problem>();
                (sys::df_pipeline_problem_at(self.p, index, &mut row) == sys::DF_OK).then(|| Problem {
                    warning: row.severity == sys::DF_WARNING,
                    line: row.line as u32,
                    column: row.column as u32,
                    file: text_of(row.file),
                    field: text_of(row.field),
                    text: text_of(row.text),
                    hint: text_of(row.hint),
                })
            })
            .collect()
    }

    /// Looks at the whole flow without connecting anything.
    pub fn check(&mut self) -> Result<()> {
        // SAFETY: here and below: the handle is this thread's.
        self.need(unsafe { sys::df_pipeline_check(self.p) }).map(drop)
    }

    /// Runs it to its end: until a [`Stopper`] stops it, or it fails.
    pub fn run(&mut self) -> Result<()> {
        self.run_with(&RunOptions::default())
    }

    /// The same with options.
    pub fn run_with(&mut self, options: &RunOptions) -> Result<()> {
        self.start(options)?;
        self.wait()
    }

    /// Begins the run and returns. Sources and sinks connect later: their failure is the result of [`Pipeline::wait`].
    pub fn start(&mut self, options: &RunOptions) -> Result<()> {
        // SAFETY: options are copied.
        let rc = unsafe {
            let mut run: sys::df_run_options = zeroed();
            run.size = size_of::<sys::df_run_options>();
            run.limit = options.limit;
            run.until_exhausted = options.until_exhausted as c_int;
            run.from_start = options.from_start as c_int;
            run.dry = options.dry as c_int;
            sys::df_pipeline_start(self.p, &run)
        };
        self.ended(rc).map(drop)
    }

    /// Waits for the end of the run.
    pub fn wait(&mut self) -> Result<()> {
        self.ended(unsafe { sys::df_pipeline_wait(self.p, -1) }).map(drop)
    }

    /// The same for some time. true: it has ended well.
    pub fn wait_for(&mut self, time: Duration) -> Result<bool> {
        Ok(self.ended(unsafe { sys::df_pipeline_wait(self.p, milliseconds(time)) })? != sys::DF_AGAIN)
    }

    /// Asks the run to end and returns at once.
    pub fn stop(&mut self, how: Stop) {
        unsafe { sys::df_pipeline_stop(self.p, how_of(how)) }
    }

    /// For other threads.
    pub fn stopper(&self) -> Stopper {
        Stopper(self.handle.clone())
    }

    /// The next event that waits; None: none now. The descriptor says when there are some.
    pub fn next_event(&mut self) -> Option<Event> {
        // SAFETY: texts are copied before the next call.
        unsafe {
            let mut e: sys::df_event = zeroed();
            e.size = size_of::<sys::df_event>();
            if sys::df_pipeline_next_event(self.p, &mut e) != sys::DF_OK {
                return None;
            }
            let kind = match e.r#type {
                sys::DF_EVENT_RETRY => EventKind::Retry,
                sys::DF_EVENT_RECOVERED => EventKind::Recovered,
                sys::DF_EVENT_REJECT => EventKind::Reject,
                sys::DF_EVENT_LOST => EventKind::Lost,
                _ => EventKind::State,
            };
            let status = (e.status < 0).then_some(Status(e.status));
            Some(Event { kind, status, stage: text_of(e.stage), text: text_of(e.text) })
        }
    }

    /// Counts of the whole run.
    pub fn stats(&self) -> Result<Stats> {
        // SAFETY: any thread.
        unsafe {
            let mut s: sys::df_stats = zeroed();
            s.size = size_of::<sys::df_stats>();
            self.need(sys::df_pipeline_stats(self.p, ptr::null(), &mut s))?;
            Ok(Stats {
                received: s.received,
                expanded: s.expanded,
                sent: s.sent,
                left_out: s.left_out,
                filtered: s.filtered,
                errored: s.errored,
                skipped: s.skipped,
                abandoned: s.abandoned,
                in_flight: s.in_flight,
                retries: s.retries,
                bytes_in: s.bytes_in,
                bytes_out: s.bytes_out,
            })
        }
    }

    /// What `dfproc explain` shows, as JSON: stages, guarantee, memory.
    pub fn plan(&self) -> Result<String> {
        self.report(sys::DF_REPORT_PLAN)
    }

    /// State and counts of each stage, as JSON.
    pub fn status(&self) -> Result<String> {
        self.report(sys::DF_REPORT_STATUS)
    }

    fn report(&self, what: c_int) -> Result<String> {
        let mut text = Vec::new();
        // SAFETY: `append` gets the vector for the time of the call.
        self.need(unsafe { sys::df_pipeline_report(self.p, what, Some(append), &mut text as *mut _ as *mut c_void) })?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }

    /// The end of a source of type `host`: "source" in a manifest.
    pub fn feed(&mut self, stage: &str) -> Result<Feed> {
        Ok(Feed::new(self.port(stage, sys::DF_FEED)?, self.shared.clone()))
    }

    /// The end of a sink of type `host`: "sink" in a manifest.
    pub fn take(&mut self, stage: &str) -> Result<Take> {
        Ok(Take::new(self.port(stage, sys::DF_TAKE)?, self.shared.clone()))
    }

    /// Watches what leaves a stage; it never slows the flow, and loses what does not fit.
    pub fn tap(&mut self, stage: &str) -> Result<Take> {
        Ok(Take::new(self.port(stage, sys::DF_TAP)?, self.shared.clone()))
    }

    fn port(&mut self, stage: &str, mode: c_int) -> Result<*mut sys::df_port> {
        let stage = no_nul(stage)?;
        let mut port = ptr::null_mut();
        // SAFETY: the name is copied.
        let rc = unsafe {
            let o = sys::df_port_options {
                size: size_of::<sys::df_port_options>(),
                stage: stage.as_ptr(),
                mode,
                queue_bytes: 0,
            };
            sys::df_port_open(self.p, &o, &mut port)
        };
        self.need(rc)?;
        Ok(port)
    }
}

impl AsRawFd for Pipeline {
    /// Readable while events wait.
    fn as_raw_fd(&self) -> RawFd {
        unsafe { sys::df_pipeline_fd(self.p) }
    }
}

impl Drop for Pipeline {
    fn drop(&mut self) {
        *locked(&self.handle.0) = ptr::null_mut();
        // SAFETY: nobody else has it any more. A thread that was left behind may still use what the env has.
        unsafe {
            let mut s: sys::df_stats = zeroed();
            s.size = size_of::<sys::df_stats>();
            sys::df_pipeline_stop(self.p, sys::DF_STOP_NOW);
            sys::df_pipeline_wait(self.p, -1); // ends: the library bounds it
            sys::df_pipeline_stats(self.p, ptr::null(), &mut s);
            sys::df_pipeline_free(self.p);
            if s.left > 0 {
                forget((self.shared.clone(), self.causes.clone()));
            }
        }
    }
}
