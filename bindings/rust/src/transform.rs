// SPDX-License-Identifier: Apache-2.0

//! Transforms of the program: functions that edit a record, or make several of one.
use std::mem::{size_of, zeroed};
use std::os::raw::{c_int, c_void};
use std::ptr;
use std::sync::Arc;

use dataflow_sys as sys;

use crate::env::{done, no_nul, on_free, Env, Shared};
use crate::error::{c_text, causes, guarded, stage_failed, Error, Failure, Result, Status};
use crate::options::{instance, Config, Maker, Opt};
use crate::record::Record;

type Answer<T> = std::result::Result<T, Failure>;

/// What a transform does with the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It goes on.
    Keep,
    /// It is left out, and counts as filtered.
    Drop,
}

/// One of the records that an expansion makes of another one, whose key, headers, metadata and time it has.
pub struct Child(Inner);

enum Inner {
    Payload(Option<Vec<u8>>),
    #[allow(clippy::type_complexity)]
    Edit(Box<dyn FnOnce(&mut Record<'_>) -> Answer<()> + Send>),
}

impl Child {
    /// The record once more.
    pub fn same() -> Self {
        Child::edit(|_| Ok(()))
    }

    /// The record once more, as the function edits it.
    pub fn edit(function: impl FnOnce(&mut Record<'_>) -> Answer<()> + Send + 'static) -> Self {
        Child(Inner::Edit(Box::new(function)))
    }

    /// With another payload; None: a tombstone.
    pub fn payload(payload: Option<Vec<u8>>) -> Self {
        Child(Inner::Payload(payload))
    }

    fn fill(self, record: &mut Record<'_>) -> Answer<()> {
        match self.0 {
            Inner::Payload(payload) => Ok(record.set_payload(payload.as_deref())?),
            Inner::Edit(function) => function(record),
        }
    }
}

impl From<String> for Child {
    fn from(payload: String) -> Self {
        Child::payload(Some(payload.into_bytes()))
    }
}

impl From<&str> for Child {
    fn from(payload: &str) -> Self {
        Child::payload(Some(payload.as_bytes().to_vec()))
    }
}

impl From<Vec<u8>> for Child {
    fn from(payload: Vec<u8>) -> Self {
        Child::payload(Some(payload))
    }
}

impl<C: Into<Child>> From<Answer<C>> for Child {
    /// Err: the record is refused; the children before it go on.
    fn from(child: Answer<C>) -> Self {
        match child {
            Ok(child) => child.into(),
            Err(failure) => Child(Inner::Edit(Box::new(|_| Err(failure)))),
        }
    }
}

impl Env {
    /// Makes `- type: NAME` of manifests a function of this program, which edits the record. Several threads may call it
    /// at once. What it refuses goes to the error sink; a panic refuses the record too.
    ///
    /// ```compile_fail
    /// let mut seen = 0; // a function outlives this one, and may run on many threads
    /// dataflow::Env::new().transform("count", |_| { seen += 1; Ok(dataflow::Verdict::Keep) });
    /// ```
    ///
    /// ```compile_fail
    /// let seen = std::rc::Rc::new(0);
    /// dataflow::Env::new().transform("count", move |_| { let _ = *seen; Ok(dataflow::Verdict::Keep) });
    /// ```
    pub fn transform<F>(&self, name: &str, function: F) -> Result<()>
    where
        F: Fn(&mut Record<'_>) -> Answer<Verdict> + Send + Sync + 'static,
    {
        let function = Arc::new(function);
        self.transform_with(name, [], move |_| {
            let function = function.clone();
            Ok(move |record: &mut Record<'_>| function(record))
        })
    }

    /// The same with options: `make` gets them and answers the function, one for each thread that transforms. A failure of
    /// it is a problem of the manifest.
    ///
    /// ```
    /// use dataflow::{Env, Opt, Pipeline, Verdict};
    ///
    /// let env = Env::new();
    /// env.transform_with("scale", [Opt::int("factor").default(2)], |config| {
    ///     let factor = config.int("factor").unwrap_or(1);
    ///     Ok(move |r: &mut dataflow::Record<'_>| {
    ///         let n = r.get("n")?.as_i64().unwrap_or(0);
    ///         r.set("n", n * factor)?;
    ///         Ok(Verdict::Keep)
    ///     })
    /// })?;
    /// let manifest = "source: {type: host}\ntransformations: [{type: scale, config: {factor: 3}}]\nsink: {type: host}\n";
    /// Pipeline::from_yaml(&env, manifest)?.check()?;
    /// # Ok::<(), dataflow::Error>(())
    /// ```
    pub fn transform_with<F>(
        &self,
        name: &str,
        options: impl IntoIterator<Item = Opt>,
        make: impl Fn(&Config<'_>) -> Answer<F> + Send + Sync + 'static,
    ) -> Result<()>
    where
        F: FnMut(&mut Record<'_>) -> Answer<Verdict> + Send + 'static,
    {
        self.function(name, Maker::new(options, make), |t| {
            t.open = Some(on_open::<F>);
            t.apply = Some(on_apply::<F>);
            t.close = Some(on_close::<F>);
        })
    }

    /// Makes `- type: NAME` of manifests a function that makes any number of records of one: a `Vec`, or an iterator that
    /// is asked as far as there is memory for them. The record itself goes on only as one of its children
    /// ([`Child::same`]).
    ///
    /// ```
    /// use dataflow::{Env, Value};
    ///
    /// let env = Env::new();
    /// env.expand("items", |r| match r.get("items")? {
    ///     Value::Array(items) => Ok(items.iter().filter_map(|(_, item)| Some(item.as_str()?.to_string())).collect()),
    ///     _ => Ok(vec![]),
    /// })?;
    /// # Ok::<(), dataflow::Error>(())
    /// ```
    pub fn expand<F, I>(&self, name: &str, function: F) -> Result<()>
    where
        F: Fn(&mut Record<'_>) -> Answer<I> + Send + Sync + 'static,
        I: IntoIterator,
        I::Item: Into<Child>,
        I::IntoIter: Send + 'static,
    {
        let function = Arc::new(function);
        self.expand_with(name, [], move |_| {
            let function = function.clone();
            Ok(move |record: &mut Record<'_>| function(record))
        })
    }

    /// The same with options, as [`Env::transform_with`].
    pub fn expand_with<F, I>(
        &self,
        name: &str,
        options: impl IntoIterator<Item = Opt>,
        make: impl Fn(&Config<'_>) -> Answer<F> + Send + Sync + 'static,
    ) -> Result<()>
    where
        F: FnMut(&mut Record<'_>) -> Answer<I> + Send + 'static,
        I: IntoIterator,
        I::Item: Into<Child>,
        I::IntoIter: Send + 'static,
    {
        let make = move |config: &Config<'_>| Ok(Expanding { call: make(config)?, children: None });
        self.function::<Expanding<F, I::IntoIter>>(name, Maker::new(options, make), |t| {
            t.open = Some(on_open::<Expanding<F, I::IntoIter>>);
            t.expand = Some(on_expand::<F, I>);
            t.close = Some(on_close::<Expanding<F, I::IntoIter>>);
        })
    }

    fn function<T: 'static>(
        &self,
        name: &str,
        maker: Maker<T>,
        fill: impl FnOnce(&mut sys::df_transform),
    ) -> Result<()> {
        let (c_name, doc) = (no_nul(name)?, c_text("A function of the program."));
        let function = Box::new(Function { shared: Arc::as_ptr(&self.0), name: name.to_string(), maker });
        // SAFETY: the table is copied; the library frees `user` exactly once, also when the call fails.
        self.0.call(|env| unsafe {
            let function = Box::into_raw(function);
            let mut t: sys::df_transform = zeroed();
            t.size = size_of::<sys::df_transform>();
            t.name = c_name.as_ptr();
            t.doc = doc.as_ptr();
            t.self_size = (*function).maker.size();
            t.check = if (*function).maker.checks() { Some(on_check::<T>) } else { None };
            fill(&mut t);
            t.user = function as *mut c_void;
            t.user_free = Some(on_free::<Function<T>>);
            let registered = (*function).maker.table(|options| {
                t.options = options;
                sys::df_transform_register(env, &t)
            });
            match registered {
                Ok(rc) => done(rc),
                Err(error) => {
                    drop(Box::from_raw(function));
                    Err(error.status().0)
                }
            }
        })
    }
}

struct Function<T> {
    shared: *const Shared, // outlives it: the env frees its functions
    name: String,
    maker: Maker<T>,
}

/// A function and the children that it has still to give of the record at the cursor.
struct Expanding<F, C> {
    call: F,
    children: Option<C>,
}

// What the core calls: one instance on one thread at a time.

unsafe fn function<'a, T>(st: *mut sys::df_stage) -> &'a Function<T> {
    &*(sys::df_stage_user(st) as *const Function<T>)
}

unsafe extern "C" fn on_check<T>(it: *mut c_void, st: *mut sys::df_stage) -> c_int {
    function::<T>(st).maker.check(it, st)
}

unsafe extern "C" fn on_open<T>(it: *mut c_void, st: *mut sys::df_stage) -> c_int {
    match guarded(|| function::<T>(st).maker.made(it)) {
        Ok(made) => {
            *instance(it) = Box::into_raw(Box::new(made));
            sys::DF_OK
        }
        Err(failure) => stage_failed(st, failure),
    }
}

pub(crate) unsafe extern "C" fn on_close<T>(it: *mut c_void, _st: *mut sys::df_stage) {
    let opened = std::mem::replace(instance::<T>(it), ptr::null_mut());
    if !opened.is_null() {
        on_free::<T>(opened as *mut c_void);
    }
}

unsafe extern "C" fn on_apply<F>(it: *mut c_void, st: *mut sys::df_stage, batch: *mut sys::df_batch) -> c_int
where
    F: FnMut(&mut Record<'_>) -> Answer<Verdict> + Send + 'static,
{
    let function = function::<F>(st);
    let call = &mut **instance::<F>(it);
    for index in 0..sys::df_batch_count(batch) {
        let r = sys::df_batch_at(batch, index);
        if sys::df_record_live(r) == 0 {
            continue;
        }
        let mut record = Record::new(r, &*function.shared);
        match guarded(|| call(&mut record)) {
            Ok(Verdict::Keep) => {}
            Ok(Verdict::Drop) => sys::df_record_drop(r),
            Err(failure) if failure.status == Status::ENOMEM => return sys::DF_ENOMEM,
            Err(failure) => refuse(st, r, &function.name, failure),
        }
    }
    sys::DF_OK
}

unsafe extern "C" fn on_expand<F, I>(
    it: *mut c_void,
    st: *mut sys::df_stage,
    from: *mut sys::df_batch,
    out: *mut sys::df_batch,
) -> c_int
where
    F: FnMut(&mut Record<'_>) -> Answer<I> + Send + 'static,
    I: IntoIterator,
    I::Item: Into<Child>,
    I::IntoIter: Send + 'static,
{
    let function = function::<Expanding<F, I::IntoIter>>(st);
    let expanding = &mut **instance::<Expanding<F, I::IntoIter>>(it);
    let cursor = &mut *sys::df_batch_cursor(from);
    while *cursor < sys::df_batch_count(from) as u64 {
        let r = sys::df_batch_at(from, *cursor as usize);
        if sys::df_batch_room(out) == 0 {
            return sys::DF_MORE;
        }
        if sys::df_record_live(r) == 0 {
            match sys::df_batch_pass(out, r) {
                rc if rc < 0 => return rc,
                _ => *cursor += 1,
            }
            continue;
        }
        match guarded(|| children_of(expanding, out, r, &*function.shared)) {
            Ok(false) => return sys::DF_MORE,
            Ok(true) => {}
            Err(failure) if failure.status == Status::ENOMEM => return sys::DF_ENOMEM,
            Err(failure) => refuse(st, r, &function.name, failure),
        }
        let rest = expanding.children.take();
        let _ = guarded(move || {
            drop(rest);
            Ok(())
        });
        *cursor += 1;
    }
    sys::DF_OK
}

/// Gives children of the record while there is room; true: those were all.
unsafe fn children_of<F, I>(
    expanding: &mut Expanding<F, I::IntoIter>,
    out: *mut sys::df_batch,
    r: *mut sys::df_record,
    shared: &Shared,
) -> Answer<bool>
where
    F: FnMut(&mut Record<'_>) -> Answer<I>,
    I: IntoIterator,
    I::Item: Into<Child>,
{
    if expanding.children.is_none() {
        expanding.children = Some((expanding.call)(&mut Record::new(r, shared))?.into_iter());
    }
    let children = expanding.children.as_mut().expect("it was set above");
    while sys::df_batch_room(out) > 0 {
        match children.next() {
            None => return Ok(true),
            Some(child) => give(out, r, child.into(), shared)?,
        }
    }
    Ok(false)
}

unsafe fn give(out: *mut sys::df_batch, parent: *mut sys::df_record, child: Child, shared: &Shared) -> Answer<()> {
    let mut r = ptr::null_mut();
    if let Err(rc) = done(sys::df_batch_emit(out, parent, &mut r)) {
        return Err(Error::of(rc, ptr::null()).into());
    }
    let given = guarded(|| child.fill(&mut Record::new(r, shared)));
    if given.is_err() {
        sys::df_record_drop(r); // it has its parent's payload, which nobody asked for
    }
    given
}

unsafe fn refuse(st: *mut sys::df_stage, r: *mut sys::df_record, name: &str, failure: Failure) {
    let text = c_text(failure.text.unwrap_or_else(|| match &failure.cause {
        Some(cause) if cause.is::<crate::Panic>() => format!("the transform {name} panicked"),
        _ => format!("an error of the transform {name}"),
    }));
    let reason = failure.reason.map(c_text);
    let reason = reason.as_ref().map_or(ptr::null(), |word| word.as_ptr());
    sys::df_record_reject(r, sys::DF_EDATA, reason, text.as_ptr());
    if let Some(causes) = causes(st) {
        causes.refused(failure.cause);
    }
}
