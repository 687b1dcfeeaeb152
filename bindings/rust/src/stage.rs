// SPDX-License-Identifier: Apache-2.0

//! Sources and sinks of the program.
use std::marker::PhantomData;
use std::mem::{size_of, zeroed};
use std::os::raw::{c_int, c_void};
use std::ptr;
use std::sync::Arc;
use std::time::Duration;

use dataflow_sys as sys;

use crate::env::{done, no_nul, on_free, Env, Shared};
use crate::error::{c_text, guarded, stage_failed, text_of, Error, Failure, Result, Status};
use crate::options::{instance, Config, Maker, Opt};
use crate::port::{rows_of, Message, Raw, Row};
use crate::record::{bytes, slice_of, str_of, Value};
use crate::transform::on_close;

type Answer<T> = std::result::Result<T, Failure>;

/// What a read of a [`Source`] found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Read {
    /// Records were added.
    Some,
    /// None came in the time given.
    Nothing,
    /// The input is at its end.
    Done,
}

/// Whether a source can go back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Positions {
    /// No: what was read is gone from it (a pipe, a socket).
    None,
    /// Yes: it marks positions, and reads on from one.
    Replay,
}

/// A source of the program. All calls come from one thread, which it may block in `read` for the time given.
pub trait Source: Send {
    /// With [`Positions::Replay`] it calls [`Batch::mark`] and has a `seek`.
    const POSITIONS: Positions = Positions::None;

    /// Connects, and opens its partitions with [`Stage::partition`]; one of an earlier run, or of the time before a
    /// failure, resumes at its position.
    fn open(&mut self, stage: &mut Stage<'_>) -> Answer<()>;

    /// Adds what is there while [`Batch::room`] is not used up; waits for `timeout` at most.
    fn read(&mut self, batch: &mut Batch<'_>, timeout: Duration) -> Answer<Read>;

    /// Everything up to this position is delivered.
    fn ack(&mut self, partition: &str, position: &[u8]) -> Answer<()> {
        let _ = (partition, position);
        Ok(())
    }

    /// Goes back to a position; an empty one is the beginning.
    fn seek(&mut self, partition: &str, position: &[u8]) -> Answer<()> {
        let _ = (partition, position);
        Err(Failure::new(Status::ENOTSUP, "this source has no seek"))
    }
}

/// A sink of the program. All calls come from one thread, which it may block.
pub trait Sink: Send {
    /// Connects.
    fn open(&mut self) -> Answer<()> {
        Ok(())
    }

    /// Ok: the records are durable, but for those named with [`Records::reject`]. [`Failure::retry`]: they are given
    /// again. [`Failure::reject`]: the core looks for the record at fault in ever smaller parts. Any other failure ends
    /// the run.
    fn write(&mut self, records: &mut Records<'_>) -> Answer<()>;
}

/// One ordered part of a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partition {
    index: usize,
    resume: Option<Vec<u8>>,
}

impl Partition {
    /// The position to go on from; None: nothing is known, begin as configured.
    pub fn resume(&self) -> Option<&[u8]> {
        self.resume.as_deref()
    }
}

/// What the core gives a source when it opens.
pub struct Stage<'a> {
    st: *mut sys::df_stage,
    partitions: &'a mut Vec<Part>,
}

struct Part {
    handle: *mut sys::df_partition,
    added: bool, // since the last mark
}

impl Stage<'_> {
    /// Opens a partition, or takes it up again.
    pub fn partition(&mut self, name: &str) -> Answer<Partition> {
        let name = no_nul(name)?;
        // SAFETY: in `open`, on its thread; the position is copied before the operation returns.
        unsafe {
            let mut handle = ptr::null_mut();
            match sys::df_partition_open(self.st, name.as_ptr(), &mut handle) {
                rc if rc < 0 => return Err(Failure::from(Error::of(rc, ptr::null()))),
                _ => self.partitions.push(Part { handle, added: false }),
            }
            let mut at: sys::df_position = zeroed();
            at.size = size_of::<sys::df_position>();
            let resume = match sys::df_partition_position(handle, &mut at) {
                sys::DF_OK => slice_of(at.data).map(Vec::from),
                _ => None,
            };
            Ok(Partition { index: self.partitions.len() - 1, resume })
        }
    }
}

/// Where a read puts its records.
pub struct Batch<'a> {
    b: *mut sys::df_batch,
    partitions: &'a mut Vec<Part>,
}

impl Batch<'_> {
    /// Bytes that are still welcome; 0: add nothing more.
    pub fn room(&self) -> usize {
        // SAFETY: the batch of the read that runs.
        unsafe { sys::df_batch_room(self.b) }
    }

    fn part(&mut self, partition: &Partition) -> Answer<&mut Part> {
        self.partitions
            .get_mut(partition.index)
            .ok_or_else(|| Failure::new(Status::ESTATE, "the partition was not opened since the source was"))
    }

    /// Copies a record in.
    pub fn add<'m>(&mut self, partition: &Partition, message: impl Into<Message<'m>>) -> Answer<()> {
        let (b, message) = (self.b, message.into());
        let part = self.part(partition)?;
        let raw = Raw::of(&message)?;
        // SAFETY: everything is copied.
        unsafe {
            let mut row = raw.row(&message);
            row.partition = sys::df_partition_number(part.handle);
            check(sys::df_batch_add(b, &row, ptr::null_mut()))?;
        }
        part.added = true;
        Ok(())
    }

    /// Resuming at this position reads nothing again that was added to the partition so far.
    pub fn mark(&mut self, partition: &Partition, position: &[u8]) -> Answer<()> {
        let b = self.b;
        let part = self.part(partition)?;
        // SAFETY: the position is copied.
        check(unsafe { sys::df_batch_mark(b, part.handle, bytes(position)) })?;
        part.added = false;
        Ok(())
    }
}

fn check(rc: c_int) -> Answer<()> {
    // SAFETY: no text.
    done(rc).map_err(|rc| Failure::from(unsafe { Error::of(rc, ptr::null()) }))
}

/// The records of one write of a [`Sink`].
pub struct Records<'a> {
    parcel: *mut sys::df_parcel,
    shared: &'a Shared,
    alone: PhantomData<*mut ()>,
}

impl Records<'_> {
    /// How many there are.
    pub fn len(&self) -> usize {
        // SAFETY: the parcel of the write that runs.
        unsafe { sys::df_parcel_count(self.parcel) }
    }

    /// None, in a parcel that only brings positions.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All of them, borrowed.
    pub fn rows(&self) -> Result<Vec<Row<'_>>> {
        // SAFETY: they live until the write returns.
        unsafe { rows_of(self.parcel) }
    }

    /// The value at a path in a record, borrowed until another one is asked for.
    pub fn get(&mut self, index: usize, path: &str) -> Result<Value<'_>> {
        // SAFETY: the next call needs the borrow back.
        unsafe { value_of(self.parcel, self.shared, index, path) }
    }

    /// Names a record that can never pass. No value of it belongs in the text.
    pub fn reject(&self, index: usize, text: &str) -> Result<()> {
        let text = c_text(text);
        // SAFETY: the text is copied.
        let rc = unsafe { sys::df_parcel_reject(self.parcel, index, ptr::null(), text.as_ptr()) };
        // SAFETY: no text.
        done(rc).map_err(|rc| unsafe { Error::of(rc, ptr::null()) })
    }
}

/// # Safety
/// The parcel lives, and what comes back is dropped before it may change.
pub(crate) unsafe fn value_of<'a>(
    parcel: *mut sys::df_parcel,
    shared: &Shared,
    index: usize,
    path: &str,
) -> Result<Value<'a>> {
    let path = shared.path(path)?;
    let mut v: sys::df_value = zeroed();
    match sys::df_parcel_get(parcel, index, path.get(), &mut v) {
        sys::DF_EDATA => Err(Error::new(Status::EDATA, text_of(sys::df_parcel_error(parcel)))),
        rc if rc < 0 => Err(Error::of(rc, ptr::null())),
        _ => Ok(Value::of(&v)),
    }
}

impl Env {
    /// Makes `source: {type: NAME}` of manifests a source of this program; `make` is called at each open.
    pub fn source<S: Source + 'static>(&self, name: &str, make: impl Fn() -> S + Send + Sync + 'static) -> Result<()> {
        self.source_with(name, [], move |_| Ok(make()))
    }

    /// The same with options, which `make` gets. It is called when a manifest is checked, too, so it does not connect: a
    /// failure of it then is a problem of the manifest.
    pub fn source_with<S: Source + 'static>(
        &self,
        name: &str,
        options: impl IntoIterator<Item = Opt>,
        make: impl Fn(&Config<'_>) -> Answer<S> + Send + Sync + 'static,
    ) -> Result<()> {
        let maker = Maker::new(options, make);
        // SAFETY: zero is "cannot" for each operation.
        let ops = unsafe {
            sys::df_source_ops {
                size: size_of::<sys::df_source_ops>(),
                check: if maker.checks() { Some(on_check::<S>) } else { None },
                open: Some(on_source_open::<S>),
                read: Some(on_read::<S>),
                ack: Some(on_ack::<S>),
                seek: if S::POSITIONS == Positions::Replay { Some(on_seek::<S>) } else { None },
                close: Some(on_close::<Opened<S>>),
                ..zeroed()
            }
        };
        self.connector(name, maker, |c, size, options| {
            c.source_size = size;
            c.source_options = options;
            c.source_flags = match S::POSITIONS {
                Positions::None => sys::DF_IS_LINE,
                Positions::Replay => sys::DF_CAN_REPLAY,
            } as _;
            c.source = &ops;
        })
    }

    /// Makes `sink: {type: NAME}` of manifests a sink of this program; `make` is called at each open.
    pub fn sink<S: Sink + 'static>(&self, name: &str, make: impl Fn() -> S + Send + Sync + 'static) -> Result<()> {
        self.sink_with(name, [], move |_| Ok(make()))
    }

    /// The same with options, as [`Env::source_with`].
    pub fn sink_with<S: Sink + 'static>(
        &self,
        name: &str,
        options: impl IntoIterator<Item = Opt>,
        make: impl Fn(&Config<'_>) -> Answer<S> + Send + Sync + 'static,
    ) -> Result<()> {
        let maker = Maker::new(options, make);
        // SAFETY: zero is "cannot" for each operation.
        let ops = unsafe {
            sys::df_sink_ops {
                size: size_of::<sys::df_sink_ops>(),
                check: if maker.checks() { Some(on_check::<S>) } else { None },
                open: Some(on_sink_open::<S>),
                write: Some(on_write::<S>),
                close: Some(on_close::<S>),
                ..zeroed()
            }
        };
        self.connector(name, maker, |c, size, options| {
            c.sink_size = size;
            c.sink_options = options;
            c.sink = &ops;
        })
    }

    fn connector<S: 'static>(
        &self,
        name: &str,
        maker: Maker<S>,
        fill: impl FnOnce(&mut sys::df_connector, usize, *const sys::df_options),
    ) -> Result<()> {
        let (name, doc) = (no_nul(name)?, c_text("A type of the program."));
        let kind = Box::new(Kind { shared: Arc::as_ptr(&self.0), maker });
        // SAFETY: the tables are copied; the library frees `user` exactly once, also when the call fails.
        self.0.call(|env| unsafe {
            let kind = Box::into_raw(kind);
            let mut c: sys::df_connector = zeroed();
            c.size = size_of::<sys::df_connector>();
            c.name = name.as_ptr();
            c.doc = doc.as_ptr();
            c.user = kind as *mut c_void;
            c.user_free = Some(on_free::<Kind<S>>);
            let size = (*kind).maker.size();
            let registered = (*kind).maker.table(|options| {
                fill(&mut c, size, options);
                sys::df_connector_register(env, &c)
            });
            match registered {
                Ok(rc) => done(rc),
                Err(error) => {
                    drop(Box::from_raw(kind));
                    Err(error.status().0)
                }
            }
        })
    }
}

struct Kind<S> {
    shared: *const Shared, // outlives it: the env frees its connectors
    maker: Maker<S>,
}

struct Opened<S> {
    it: S,
    partitions: Vec<Part>,
}

// What the core calls. `self` is zeroed memory for one pointer: the value of the program while the stage is open. An
// operation runs on one thread at a time.

unsafe fn kind<'a, S>(st: *mut sys::df_stage) -> &'a Kind<S> {
    &*(sys::df_stage_user(st) as *const Kind<S>)
}

/// The status of an operation of the program, which ran under guard.
unsafe fn answered(st: *mut sys::df_stage, answer: Answer<c_int>) -> c_int {
    answer.unwrap_or_else(|failure| stage_failed(st, failure))
}

unsafe extern "C" fn on_source_open<S: Source>(it: *mut c_void, st: *mut sys::df_stage) -> c_int {
    answered(
        st,
        guarded(|| {
            let opened = Box::into_raw(Box::new(Opened { it: kind::<S>(st).maker.made(it)?, partitions: Vec::new() }));
            *instance(it) = opened; // close frees it, also when open fails
            let opened = &mut *opened;
            opened.it.open(&mut Stage { st, partitions: &mut opened.partitions })?;
            Ok(sys::DF_OK)
        }),
    )
}

unsafe extern "C" fn on_read<S: Source>(
    it: *mut c_void,
    st: *mut sys::df_stage,
    b: *mut sys::df_batch,
    timeout_ms: c_int,
) -> c_int {
    let opened = &mut **instance::<Opened<S>>(it);
    let timeout = Duration::from_millis(timeout_ms.max(0) as u64);
    let partitions = &mut opened.partitions;
    let source = &mut opened.it;
    let mut answer = guarded(|| {
        Ok(match source.read(&mut Batch { b, partitions }, timeout)? {
            Read::Some => sys::DF_OK,
            Read::Nothing => sys::DF_AGAIN,
            Read::Done => sys::DF_DONE,
        })
    });
    if S::POSITIONS == Positions::None {
        // What came before a failure cannot be read again either.
        for part in opened.partitions.iter_mut().filter(|part| part.added) {
            let nowhere = sys::df_bytes { data: ptr::null(), len: 0 };
            if let Err(failure) = check(sys::df_batch_mark(b, part.handle, nowhere)) {
                answer = answer.and(Err(failure));
            }
            part.added = false;
        }
    }
    answered(st, answer)
}

unsafe extern "C" fn on_ack<S: Source>(
    it: *mut c_void,
    st: *mut sys::df_stage,
    rows: *const sys::df_position,
    count: usize,
) -> c_int {
    let opened = &mut **instance::<Opened<S>>(it);
    answered(
        st,
        guarded(|| {
            let mut row = rows as *const u8; // rows are as long as the library's struct, not as ours
            for _ in 0..count {
                let at = &*(row as *const sys::df_position);
                if let Some(position) = slice_of(at.data) {
                    opened.it.ack(str_of(at.name), position)?;
                }
                row = row.add((*rows).size);
            }
            Ok(sys::DF_OK)
        }),
    )
}

unsafe extern "C" fn on_seek<S: Source>(it: *mut c_void, st: *mut sys::df_stage, to: *const sys::df_position) -> c_int {
    let opened = &mut **instance::<Opened<S>>(it);
    answered(
        st,
        guarded(|| {
            opened.it.seek(str_of((*to).name), slice_of((*to).data).unwrap_or(b""))?;
            Ok(sys::DF_OK)
        }),
    )
}

unsafe extern "C" fn on_sink_open<S: Sink>(it: *mut c_void, st: *mut sys::df_stage) -> c_int {
    answered(
        st,
        guarded(|| {
            let opened = Box::into_raw(Box::new(kind::<S>(st).maker.made(it)?));
            *instance(it) = opened; // close frees it, also when open fails
            (*opened).open()?;
            Ok(sys::DF_OK)
        }),
    )
}

unsafe extern "C" fn on_write<S: Sink>(it: *mut c_void, st: *mut sys::df_stage, parcel: *mut sys::df_parcel) -> c_int {
    let sink = &mut **instance::<S>(it);
    let mut records = Records { parcel, shared: &*kind::<S>(st).shared, alone: PhantomData };
    answered(
        st,
        guarded(|| {
            sink.write(&mut records)?;
            Ok(sys::DF_OK)
        }),
    )
}

unsafe extern "C" fn on_check<S>(it: *mut c_void, st: *mut sys::df_stage) -> c_int {
    kind::<S>(st).maker.check(it, st)
}
