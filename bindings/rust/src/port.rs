// SPDX-License-Identifier: Apache-2.0

//! The ends of a pipeline in this program: records go in by a feed and come out by a take.
use std::cell::Cell;
use std::ffi::CString;
use std::marker::PhantomData;
use std::mem::{size_of, zeroed, ManuallyDrop};
use std::os::raw::{c_int, c_short};
use std::os::unix::io::{AsRawFd, RawFd};
use std::sync::Arc;
use std::time::Duration;
use std::{ptr, slice};

use dataflow_sys as sys;

use crate::env::{no_nul, Shared};
use crate::error::{Error, Result, Status};
use crate::record::{header_of, optional, slice_of, str_of, Header, Op, Value};
use crate::stage::value_of;

/// A record that goes in. Everything is copied.
#[derive(Clone, Copy, Debug, Default)]
pub struct Message<'a> {
    /// None: a tombstone.
    pub payload: Option<&'a [u8]>,
    /// None: no key.
    pub key: Option<&'a [u8]>,
    /// In their order.
    pub headers: &'a [Header<'a>],
    /// µs since 1970; 0: now.
    pub time_us: i64,
    /// None: it has none.
    pub offset: Option<i64>,
}

impl<'a> From<&'a [u8]> for Message<'a> {
    fn from(payload: &'a [u8]) -> Self {
        Message { payload: Some(payload), ..Message::default() }
    }
}

impl<'a> From<&'a str> for Message<'a> {
    fn from(payload: &'a str) -> Self {
        payload.as_bytes().into()
    }
}

impl<'a> From<&'a String> for Message<'a> {
    fn from(payload: &'a String) -> Self {
        payload.as_bytes().into()
    }
}

/// The headers of a message, as C has them.
pub(crate) struct Raw {
    rows: Vec<sys::df_header>,
    _names: Vec<CString>, // what the rows point to
}

impl Raw {
    pub fn of(message: &Message<'_>) -> Result<Self> {
        let names = message.headers.iter().map(|h| no_nul(h.name)).collect::<Result<Vec<_>>>()?;
        let row = |(h, name): (&Header<'_>, &CString)| sys::df_header { name: name.as_ptr(), value: optional(h.value) };
        Ok(Raw { rows: message.headers.iter().zip(&names).map(row).collect(), _names: names })
    }

    /// Borrowed from both.
    pub fn row(&self, message: &Message<'_>) -> sys::df_input {
        sys::df_input {
            size: size_of::<sys::df_input>(),
            payload: optional(message.payload),
            key: optional(message.key),
            headers: self.rows.as_ptr(),
            header_count: self.rows.len(),
            time_us: message.time_us,
            offset: message.offset.unwrap_or(-1),
            partition: 0,
            op: 0,
        }
    }
}

struct Port {
    port: *mut sys::df_port,
    _shared: Arc<Shared>, // the env stays
}

// SAFETY: one thread at a time; types with it are not Sync, since it is a pointer.
unsafe impl Send for Port {}

impl Port {
    fn need(&self, rc: c_int) -> Result<c_int> {
        if rc >= 0 {
            return Ok(rc);
        }
        // SAFETY: the text is the port's own and copied.
        unsafe {
            let mut info: sys::df_port_info = zeroed();
            info.size = size_of::<sys::df_port_info>();
            sys::df_port_stats(self.port, &mut info);
            Err(Error::of(rc, info.error))
        }
    }
}

impl AsRawFd for Port {
    fn as_raw_fd(&self) -> RawFd {
        // SAFETY: the port is open.
        unsafe { sys::df_port_fd(self.port) }
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        // SAFETY: it is open, and its parcels are gone: they borrow it.
        unsafe { sys::df_port_close(self.port) }
    }
}

/// Pushes records into a source of type `host`. Its drop is the end of the input.
pub struct Feed(Port);

const ROWS: usize = 64;

impl Feed {
    pub(crate) fn new(port: *mut sys::df_port, shared: Arc<Shared>) -> Self {
        Feed(Port { port, _shared: shared })
    }

    /// Hands a record over; waits for room. [`Status::ESTATE`]: the pipeline has ended.
    pub fn push<'m>(&mut self, message: impl Into<Message<'m>>) -> Result<()> {
        self.push_rows(&[message.into()])
    }

    /// The same with many of them, in order, and faster.
    pub fn push_all<'m, M: Into<Message<'m>>>(&mut self, messages: impl IntoIterator<Item = M>) -> Result<()> {
        let mut rows = Vec::with_capacity(ROWS);
        for message in messages {
            rows.push(message.into());
            if rows.len() == ROWS {
                self.push_rows(&rows)?;
                rows.clear();
            }
        }
        self.push_rows(&rows)
    }

    fn push_rows(&mut self, mut messages: &[Message<'_>]) -> Result<()> {
        while !messages.is_empty() {
            match self.try_push(messages)? {
                0 => readable(self.as_raw_fd()),
                taken => messages = &messages[taken..],
            }
        }
        Ok(())
    }

    /// How many of them found room now. When it is 0, the descriptor says when there is some.
    pub fn try_push(&mut self, messages: &[Message<'_>]) -> Result<usize> {
        let raws = messages.iter().take(ROWS).map(Raw::of).collect::<Result<Vec<_>>>()?;
        let rows: Vec<_> = raws.iter().zip(messages).map(|(raw, message)| raw.row(message)).collect();
        let mut taken = 0;
        // SAFETY: everything is copied.
        match self.0.need(unsafe { sys::df_port_push(self.0.port, rows.as_ptr(), rows.len(), &mut taken) })? {
            sys::DF_DONE => Err(Error::new(Status::ESTATE, "the pipeline has ended")),
            sys::DF_OK => Ok(taken),
            _ => Ok(0),
        }
    }

    /// How many records, counted from the first one pushed, are delivered without a gap.
    pub fn acked(&self) -> Result<u64> {
        let mut count = 0;
        // SAFETY: the port is open.
        self.0.need(unsafe { sys::df_port_acked(self.0.port, &mut count) })?;
        Ok(count)
    }
}

impl AsRawFd for Feed {
    /// Readable while there is room, and once the pipeline has ended.
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

/// Takes parcels out of a sink of type `host`, or watches a stage (tap). `for parcel in &take` ends with the pipeline.
pub struct Take {
    port: Port,
    shared: Arc<Shared>,
    ended: Cell<bool>,
}

impl Take {
    pub(crate) fn new(port: *mut sys::df_port, shared: Arc<Shared>) -> Self {
        Take { port: Port { port, _shared: shared.clone() }, shared, ended: Cell::new(false) }
    }

    /// The next parcel; several may be out at once. None: none came in time, or ([`Take::ended`]) none will.
    pub fn take(&self, timeout: Duration) -> Result<Option<Parcel<'_>>> {
        self.take_ms(milliseconds(timeout))
    }

    fn take_ms(&self, timeout_ms: c_int) -> Result<Option<Parcel<'_>>> {
        let mut parcel = ptr::null_mut();
        // SAFETY: the port is open.
        let rc = self.port.need(unsafe { sys::df_port_take(self.port.port, timeout_ms, &mut parcel) })?;
        self.ended.set(rc == sys::DF_DONE);
        Ok((rc == sys::DF_OK).then(|| Parcel { parcel, from: self }))
    }

    /// The pipeline has ended and no parcel is left.
    pub fn ended(&self) -> bool {
        self.ended.get()
    }
}

impl AsRawFd for Take {
    /// Readable while a parcel is there, and once the pipeline has ended.
    fn as_raw_fd(&self) -> RawFd {
        self.port.as_raw_fd()
    }
}

impl<'t> IntoIterator for &'t Take {
    type Item = Result<Parcel<'t>>;
    type IntoIter = Parcels<'t>;

    fn into_iter(self) -> Parcels<'t> {
        Parcels(Some(self))
    }
}

/// Parcels until the pipeline ends.
pub struct Parcels<'t>(Option<&'t Take>);

impl<'t> Iterator for Parcels<'t> {
    type Item = Result<Parcel<'t>>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.0?.take_ms(-1).transpose();
        if !matches!(next, Some(Ok(_))) {
            self.0 = None;
        }
        next
    }
}

/// Records that are settled together. A drop gives them back, to be delivered again.
///
/// ```compile_fail
/// # fn f(take: &dataflow::Take) -> dataflow::Result<()> {
/// let parcel = take.take(std::time::Duration::ZERO)?.unwrap();
/// let rows = parcel.rows()?;
/// parcel.ack()?;
/// rows[0].payload(); // the parcel is gone
/// # Ok(()) }
/// ```
pub struct Parcel<'t> {
    parcel: *mut sys::df_parcel,
    from: &'t Take,
}

impl Parcel<'_> {
    /// How many records.
    pub fn len(&self) -> usize {
        // SAFETY: it is not settled.
        unsafe { sys::df_parcel_count(self.parcel) }
    }

    /// None, in a parcel that only brings positions.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All of them, borrowed from the parcel.
    pub fn rows(&self) -> Result<Vec<Row<'_>>> {
        // SAFETY: they live until it is settled, for which it must not be borrowed.
        unsafe { rows_of(self.parcel) }
    }

    /// The value at a path in a record.
    pub fn get(&self, index: usize, path: &str) -> Result<Value<'_>> {
        // SAFETY: as rows.
        unsafe { value_of(self.parcel, &self.from.shared, index, path) }
    }

    /// The records are durable: the source's position may move over them.
    pub fn ack(self) -> Result<()> {
        self.settle(sys::DF_OK)
    }

    /// Once more, please; what a drop does too.
    pub fn retry(self) -> Result<()> {
        self.settle(sys::DF_EIO)
    }

    /// All of them go to the error sink.
    pub fn reject(self) -> Result<()> {
        self.settle(sys::DF_EDATA)
    }

    fn settle(self, status: c_int) -> Result<()> {
        let it = ManuallyDrop::new(self);
        // SAFETY: settled once: this takes it.
        it.from.port.need(unsafe { sys::df_port_settle(it.from.port.port, it.parcel, status) }).map(drop)
    }
}

impl Drop for Parcel<'_> {
    fn drop(&mut self) {
        // SAFETY: settled once: settle forgets it.
        unsafe { sys::df_port_settle(self.from.port.port, self.parcel, sys::DF_EIO) };
    }
}

/// One record that comes out, borrowed from its parcel.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub struct Row<'p> {
    row: sys::df_output,
    of: PhantomData<&'p ()>,
}

impl<'p> Row<'p> {
    /// None: a tombstone.
    pub fn payload(&self) -> Option<&'p [u8]> {
        // SAFETY: here and below: what the row points to lives for 'p.
        unsafe { slice_of(self.row.payload) }
    }

    /// None: no key.
    pub fn key(&self) -> Option<&'p [u8]> {
        unsafe { slice_of(self.row.key) }
    }

    /// Headers in their order.
    pub fn headers(&self) -> impl Iterator<Item = Header<'p>> {
        let rows = match self.row.header_count {
            0 => &[][..],
            count => unsafe { slice::from_raw_parts(self.row.headers, count) },
        };
        rows.iter().map(|h| unsafe { header_of(h) })
    }

    /// µs since 1970; 0: unknown.
    pub fn time_us(&self) -> i64 {
        self.row.time_us
    }

    /// -1: it has none.
    pub fn offset(&self) -> i64 {
        self.row.offset
    }

    /// "orders/3"
    pub fn partition(&self) -> &'p str {
        unsafe { str_of(self.row.partition) }
    }

    /// Insert, update, ...
    pub fn op(&self) -> Op {
        Op::of(self.row.op)
    }
}

/// # Safety
/// The parcel is not settled for 'p.
pub(crate) unsafe fn rows_of<'p>(parcel: *mut sys::df_parcel) -> Result<Vec<Row<'p>>> {
    let count = sys::df_parcel_count(parcel);
    let blank = Row { row: zeroed(), of: PhantomData };
    let mut rows = vec![blank; count];
    if count == 0 {
        return Ok(rows);
    }
    let mut filled = 0;
    rows[0].row.size = size_of::<Row<'p>>();
    // SAFETY: a Row is the struct of C and nothing else.
    match sys::df_parcel_rows(parcel, 0, rows.as_mut_ptr() as *mut sys::df_output, count, &mut filled) {
        rc if rc < 0 => Err(Error::of(rc, ptr::null())),
        _ => {
            rows.truncate(filled);
            Ok(rows)
        }
    }
}

/// Rounded up, so that a short wait is one.
pub(crate) fn milliseconds(time: Duration) -> c_int {
    c_int::try_from((time.as_nanos() + 999_999) / 1_000_000).unwrap_or(c_int::MAX)
}

#[repr(C)]
struct PollFd {
    fd: c_int,
    events: c_short,
    revents: c_short,
}

extern "C" {
    fn poll(fds: *mut PollFd, count: std::os::raw::c_ulong, timeout_ms: c_int) -> c_int;
}

/// Waits until the descriptor is readable, or a signal came.
fn readable(fd: RawFd) {
    const POLLIN: c_short = 1;
    let mut one = PollFd { fd, events: POLLIN, revents: 0 };
    // SAFETY: one row, for the time of the call.
    unsafe { poll(&mut one, 1, -1) };
}
