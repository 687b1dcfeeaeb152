// SPDX-License-Identifier: Apache-2.0

//! Statuses, what a failed call tells, and what a function of the program answers when it fails.
use std::any::Any;
use std::ffi::CStr;
use std::fmt;
use std::os::raw::{c_char, c_int};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use dataflow_sys as sys;

/// Result of a call of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// An error of the program.
pub type Cause = Arc<dyn std::error::Error + Send + Sync>;

/// A code of the library; docs/errors.md has what each of them means.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Status(pub(crate) c_int);

macro_rules! statuses {
    ($($name:ident = $code:ident,)*) => {
        #[allow(missing_docs)]
        impl Status {
            $(pub const $name: Status = Status(sys::$code);)*
        }
    };
}

statuses! {
    EIO = DF_EIO,
    ETIMEOUT = DF_ETIMEOUT,
    EUNKNOWN = DF_EUNKNOWN,
    EDATA = DF_EDATA,
    ETOOBIG = DF_ETOOBIG,
    EREWIND = DF_EREWIND,
    EFENCED = DF_EFENCED,
    EAUTH = DF_EAUTH,
    ENOMEM = DF_ENOMEM,
    EINVAL = DF_EINVAL,
    ESTATE = DF_ESTATE,
    ENOTFOUND = DF_ENOTFOUND,
    EEXISTS = DF_EEXISTS,
    ESPEC = DF_ESPEC,
    ENOTSUP = DF_ENOTSUP,
    ECANCELED = DF_ECANCELED,
    EREJECTED = DF_EREJECTED,
    ETEMPORARY = DF_ETEMPORARY,
    EINTERNAL = DF_EINTERNAL,
}

impl Status {
    /// The code as C writes it: "DF_EIO".
    pub fn name(self) -> &'static str {
        // SAFETY: static storage, ASCII.
        unsafe { CStr::from_ptr(sys::df_status_name(self.0)) }.to_str().unwrap_or("")
    }

    /// One line for people.
    pub fn text(self) -> &'static str {
        // SAFETY: static storage, ASCII.
        unsafe { CStr::from_ptr(sys::df_status_text(self.0)) }.to_str().unwrap_or("")
    }
}

impl fmt::Debug for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One fault of a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Does not keep the flow from running.
    pub warning: bool,
    /// From 1; 0: unknown.
    pub line: u32,
    /// From 1; 0: unknown.
    pub column: u32,
    /// As [`Options::file`](crate::Options::file).
    pub file: String,
    /// "spec.sink.config.tabel"
    pub field: String,
    /// What is wrong.
    pub text: String,
    /// "did you mean \"table\"?"; "": none.
    pub hint: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}: {}", self.file, self.line, self.column, self.field, self.text)?;
        if self.hint.is_empty() {
            return Ok(());
        }
        write!(f, " ({})", self.hint)
    }
}

/// A call that failed.
#[derive(Clone, Debug)]
pub struct Error {
    status: Status,
    text: String,
    problems: Vec<Problem>,
    cause: Option<Cause>,
}

impl Error {
    pub(crate) fn new(status: Status, text: impl Into<String>) -> Self {
        Error { status, text: text.into(), problems: Vec::new(), cause: None }
    }

    /// The error of a call that just answered `rc`, with the text of its handle ("" and NULL: that of the status).
    ///
    /// # Safety
    /// `text` is NULL or a text that ends in NUL.
    pub(crate) unsafe fn of(rc: c_int, text: *const c_char) -> Self {
        let text = match text_of(text) {
            text if text.is_empty() => Status(rc).text().to_string(),
            text => text,
        };
        Error::new(Status(rc), text)
    }

    pub(crate) fn with(mut self, problems: Vec<Problem>, cause: Option<Cause>) -> Self {
        self.problems = problems;
        self.cause = cause;
        self
    }

    /// The code, which decides what to do.
    pub fn status(&self) -> Status {
        self.status
    }

    /// Of a manifest that is wrong ([`Status::ESPEC`]): all of its faults at once.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Error {
    /// What a function of the program answered, or a [`Panic`], that ended the run.
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.cause.as_ref().map(|cause| &**cause as _)
    }
}

/// A panic of a function of the program: it ends there, as an error of the stage.
#[derive(Debug)]
pub struct Panic(String);

impl fmt::Display for Panic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "panic: {}", self.0)
    }
}

impl std::error::Error for Panic {}

/// Why a function of the program failed. `?` makes one of any error: in a transform it refuses the record, with the
/// text of that error left out, since it may hold values of the record; in a source or a sink it ends the run, but for
/// an [`Error`] of this crate, which keeps its status.
#[derive(Debug)]
pub struct Failure {
    pub(crate) status: Status,
    pub(crate) text: Option<String>, // None: only its cause has one
    pub(crate) reason: Option<String>,
    pub(crate) cause: Option<Cause>,
}

impl Failure {
    /// The record, or the parcel of a sink, can never pass: it goes to the error sink. No value of a record belongs in
    /// the text.
    pub fn reject(text: impl Into<String>) -> Self {
        Failure::new(Status::EDATA, text)
    }

    /// Of a source or a sink: the connection is gone; it is closed, opened after a while, and goes on.
    pub fn retry(text: impl Into<String>) -> Self {
        Failure::new(Status::EIO, text)
    }

    /// Any other status.
    pub fn new(status: Status, text: impl Into<String>) -> Self {
        let status = if status.0 < 0 { status } else { Status::EINTERNAL };
        Failure { status, text: Some(text.into()), reason: None, cause: None }
    }

    /// A word for metrics: docs/errors.md.
    pub fn reason(mut self, word: impl Into<String>) -> Self {
        self.reason = Some(word.into());
        self
    }

    fn panicked(payload: Box<dyn Any + Send>) -> Self {
        let text = match (payload.downcast_ref::<&str>(), payload.downcast_ref::<String>()) {
            (Some(text), _) => text.to_string(),
            (_, Some(text)) => text.clone(),
            _ => "of a value that is no text".to_string(),
        };
        if !payload.is::<&str>() && !payload.is::<String>() {
            std::mem::forget(payload); // its drop may panic
        }
        Failure { status: Status::EINTERNAL, text: None, reason: None, cause: Some(Arc::new(Panic(text))) }
    }

    /// For those who may read it: what a source or a sink says.
    fn told(&self) -> String {
        match (&self.text, &self.cause) {
            (Some(text), _) => text.clone(),
            (None, Some(cause)) => guarded(|| Ok(cause.to_string())).unwrap_or_default(),
            (None, None) => String::new(),
        }
    }
}

impl<E: std::error::Error + Send + Sync + 'static> From<E> for Failure {
    fn from(error: E) -> Self {
        let ours = (&error as &dyn Any).downcast_ref::<Error>().map(|e| (e.status, e.text.clone()));
        let (status, text) = match ours {
            Some((status, text)) => (status, Some(text)),
            None => (Status::EINTERNAL, None),
        };
        Failure { status, text, reason: None, cause: Some(Arc::new(error)) }
    }
}

/// Runs a function of the program; no panic passes into the library.
pub(crate) fn guarded<T>(call: impl FnOnce() -> std::result::Result<T, Failure>) -> std::result::Result<T, Failure> {
    match std::panic::catch_unwind(std::panic::AssertUnwindSafe(call)) {
        Ok(answer) => answer,
        Err(payload) => Err(Failure::panicked(payload)),
    }
}

/// What made the functions of one pipeline fail, for the error of its run.
#[derive(Default)]
pub(crate) struct Causes {
    refused: Mutex<Option<Cause>>,          // the first record that a function refused
    failed: Mutex<Option<(Status, Cause)>>, // the first source or sink that ended the run
}

impl Causes {
    pub fn refused(&self, cause: Option<Cause>) {
        let mut first = locked(&self.refused);
        if first.is_none() {
            *first = cause;
        }
    }

    fn failed(&self, status: Status, cause: Option<Cause>) {
        let mut first = locked(&self.failed);
        if let (None, Some(cause)) = (&*first, cause) {
            *first = Some((status, cause));
        }
    }

    /// Of a run that ended with this status.
    pub fn of(&self, status: Status) -> Option<Cause> {
        if status == Status::EREJECTED {
            return locked(&self.refused).clone();
        }
        locked(&self.failed).as_ref().filter(|(failed, _)| *failed == status).map(|(_, cause)| cause.clone())
    }
}

/// The causes of the pipeline that a stage is of.
///
/// # Safety
/// `st` is the stage of a running operation, of a pipeline of this crate; what comes back lives as long.
pub(crate) unsafe fn causes<'a>(st: *mut sys::df_stage) -> Option<&'a Causes> {
    let mut info: sys::df_stage_info = std::mem::zeroed();
    info.size = std::mem::size_of_val(&info);
    sys::df_stage_describe(st, &mut info);
    (info.user as *const Causes).as_ref()
}

/// Tells the core how an operation of a source or a sink failed.
///
/// # Safety
/// As [`causes`].
pub(crate) unsafe fn stage_failed(st: *mut sys::df_stage, failure: Failure) -> c_int {
    let (text, reason) = (c_text(failure.told()), failure.reason.map(c_text));
    if failure.status == Status::EDATA {
        if let Some(causes) = causes(st) {
            causes.refused(failure.cause);
        }
    } else if failure.status != Status::EIO && failure.status != Status::ETIMEOUT {
        if let Some(causes) = causes(st) {
            causes.failed(failure.status, failure.cause);
        }
    }
    let reason = reason.as_ref().map_or(std::ptr::null(), |word| word.as_ptr());
    sys::df_stage_fail(st, failure.status.0, reason, text.as_ptr())
}

/// What those may read who may read the text of a source or a sink.
pub(crate) fn stage_text(failure: &Failure) -> std::ffi::CString {
    c_text(failure.told())
}

/// A text for C; what follows a NUL is cut.
pub(crate) fn c_text(text: impl Into<Vec<u8>>) -> std::ffi::CString {
    let mut bytes = text.into();
    if let Some(end) = bytes.iter().position(|b| *b == 0) {
        bytes.truncate(end);
    }
    std::ffi::CString::new(bytes).unwrap_or_default()
}

/// # Safety
/// `text` is NULL or ends in NUL.
pub(crate) unsafe fn text_of(text: *const c_char) -> String {
    if text.is_null() {
        return String::new();
    }
    CStr::from_ptr(text).to_string_lossy().into_owned()
}

/// What a panic left half done is a cache or a list of ours, which has no half.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
