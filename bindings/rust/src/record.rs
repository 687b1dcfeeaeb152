// SPDX-License-Identifier: Apache-2.0

//! One record as a transform sees it, and its values.
use std::marker::PhantomData;
use std::mem::{size_of, zeroed};
use std::os::raw::c_char;
use std::{fmt, ptr, slice, str};

use dataflow_sys as sys;

use crate::env::{no_nul, Shared};
use crate::error::{Error, Result, Status};

/// One value of a record, borrowed from it. Numbers are exact: one that is no integer of 64 bits is its text.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Value<'a> {
    /// The path leads nowhere.
    Absent,
    /// The source did not send it: a column that an update left alone. Not null.
    Unchanged,
    /// null
    Null,
    /// true, false
    Bool(bool),
    /// An integer of 64 bits.
    Int(i64),
    /// Any other number, as it is written.
    Number(&'a str),
    /// A float that a source gave as a float.
    Double(f64),
    /// Text.
    String(&'a str),
    /// Bytes that are no text.
    Bytes(&'a [u8]),
    /// µs since 1970, minutes east of UTC when it has a zone.
    Timestamp(i64, Option<i32>),
    /// Days since 1970.
    Date(i64),
    /// µs since midnight.
    Time(i64),
    /// A list.
    Array(Tree<'a>),
    /// Members by name.
    Object(Tree<'a>),
}

/// An object or array of a record.
#[derive(Clone, Copy)]
pub struct Tree<'a> {
    v: sys::df_value,
    of: PhantomData<&'a ()>,
}

impl<'a> Tree<'a> {
    /// Number of members.
    pub fn len(&self) -> usize {
        self.v.len
    }

    /// There are none.
    pub fn is_empty(&self) -> bool {
        self.v.len == 0
    }

    /// Member of an object by its name; the last one counts.
    pub fn get(&self, name: &str) -> Value<'a> {
        // SAFETY: the tree is the record's and borrowed with it.
        unsafe {
            let mut v: sys::df_value = zeroed();
            sys::df_value_member(&self.v, bytes(name.as_bytes()), &mut v);
            Value::of(&v)
        }
    }

    /// Names (of an array: "") and values, in their order.
    pub fn iter(&self) -> Members<'a> {
        // SAFETY: a walk starts zeroed.
        Members { of: *self, walk: unsafe { zeroed() } }
    }

    /// As JSON.
    pub fn json(&self) -> String {
        // SAFETY: called twice, as the header says: the second time with the length that the first one told.
        unsafe {
            let mut text = vec![0u8; sys::df_value_json(&self.v, ptr::null_mut(), 0)];
            sys::df_value_json(&self.v, text.as_mut_ptr() as *mut c_char, text.len());
            String::from_utf8_lossy(&text).into_owned()
        }
    }
}

impl fmt::Debug for Tree<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.json())
    }
}

impl PartialEq for Tree<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.json() == other.json()
    }
}

/// Walks a [`Tree`].
pub struct Members<'a> {
    of: Tree<'a>,
    walk: sys::df_walk,
}

impl<'a> Iterator for Members<'a> {
    type Item = (&'a str, Value<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        // SAFETY: the tree cannot change while it is borrowed.
        unsafe {
            if sys::df_value_walk(&self.of.v, &mut self.walk) != sys::DF_OK {
                return None;
            }
            Some((str::from_utf8(slice_of(self.walk.name).unwrap_or(b"")).unwrap_or(""), Value::of(&self.walk.value)))
        }
    }
}

impl<'a> Value<'a> {
    /// # Safety
    /// What `v` points to lives for 'a.
    pub(crate) unsafe fn of(v: &sys::df_value) -> Self {
        let text = || if v.text.is_null() { &[][..] } else { slice::from_raw_parts(v.text as *const u8, v.len) };
        let tree = Tree { v: *v, of: PhantomData };
        match v.r#type {
            sys::DF_V_UNCHANGED => Value::Unchanged,
            sys::DF_V_NULL => Value::Null,
            sys::DF_V_BOOL => Value::Bool(v.u.i != 0),
            sys::DF_V_INT => Value::Int(v.u.i),
            sys::DF_V_NUMBER => str::from_utf8(text()).map_or(Value::Null, Value::Number),
            sys::DF_V_DOUBLE => Value::Double(v.u.d),
            sys::DF_V_STRING => str::from_utf8(text()).map_or_else(|_| Value::Bytes(text()), Value::String),
            sys::DF_V_BYTES => Value::Bytes(text()),
            sys::DF_V_TIMESTAMP => Value::Timestamp(v.u.i, Some(v.zone).filter(|zone| *zone != sys::DF_ZONE_NONE)),
            sys::DF_V_DATE => Value::Date(v.u.i),
            sys::DF_V_TIME => Value::Time(v.u.i),
            sys::DF_V_ARRAY => Value::Array(tree),
            sys::DF_V_OBJECT => Value::Object(tree),
            _ => Value::Absent,
        }
    }

    /// As C has it; texts are borrowed.
    fn to_c(self) -> sys::df_value {
        // SAFETY: zero is ABSENT.
        let mut v: sys::df_value = unsafe { zeroed() };
        let (kind, bits, text): (i32, i64, Option<&[u8]>) = match self {
            Value::Absent => (sys::DF_V_ABSENT, 0, None),
            Value::Unchanged => (sys::DF_V_UNCHANGED, 0, None),
            Value::Null => (sys::DF_V_NULL, 0, None),
            Value::Bool(b) => (sys::DF_V_BOOL, b as i64, None),
            Value::Int(n) => (sys::DF_V_INT, n, None),
            Value::Double(n) => (sys::DF_V_DOUBLE, n.to_bits() as i64, None),
            Value::String(text) => (sys::DF_V_STRING, 0, Some(text.as_bytes())),
            Value::Bytes(text) => (sys::DF_V_BYTES, 0, Some(text)),
            Value::Timestamp(us, zone) => {
                v.zone = zone.unwrap_or(sys::DF_ZONE_NONE);
                (sys::DF_V_TIMESTAMP, us, None)
            }
            Value::Date(days) => (sys::DF_V_DATE, days, None),
            Value::Time(us) => (sys::DF_V_TIME, us, None),
            Value::Number(_) | Value::Array(_) | Value::Object(_) => (sys::DF_V_ABSENT, 0, None), // written as JSON
        };
        v.r#type = kind;
        v.u.i = bits;
        if let Some(text) = text {
            v.text = text.as_ptr() as *const c_char;
            v.len = text.len();
        }
        v
    }

    /// An integer of 64 bits, exactly.
    pub fn as_i64(&self) -> Option<i64> {
        match self {
            Value::Int(n) => Some(*n),
            _ => None,
        }
    }

    /// The nearest float of any number.
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Value::Int(n) => Some(*n as f64),
            Value::Number(text) => text.parse().ok(),
            Value::Double(n) => Some(*n),
            _ => None,
        }
    }

    /// true or false.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Value::Bool(b) => Some(*b),
            _ => None,
        }
    }

    /// A string.
    pub fn as_str(&self) -> Option<&'a str> {
        match self {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// There is a value at the path, null included.
    pub fn exists(&self) -> bool {
        !matches!(self, Value::Absent)
    }
}

macro_rules! from {
    ($($from:ty => |$it:ident| $to:expr,)*) => { $(
        impl<'a> From<$from> for Value<'a> {
            fn from($it: $from) -> Self { $to }
        }
    )* };
}

from! {
    bool => |it| Value::Bool(it),
    i64 => |it| Value::Int(it),
    i32 => |it| Value::Int(it.into()),
    u32 => |it| Value::Int(it.into()),
    f64 => |it| Value::Double(it),
    &'a str => |it| Value::String(it),
    &'a String => |it| Value::String(it),
    &'a [u8] => |it| Value::Bytes(it),
}

impl<'a, T: Into<Value<'a>>> From<Option<T>> for Value<'a> {
    /// None is null.
    fn from(it: Option<T>) -> Self {
        it.map_or(Value::Null, Into::into)
    }
}

/// A header; names may repeat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header<'a> {
    /// Its name.
    pub name: &'a str,
    /// None: null.
    pub value: Option<&'a [u8]>,
}

/// What a change made of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
#[non_exhaustive]
pub enum Op {
    None,
    Insert,
    Update,
    Delete,
    Truncate,
}

impl Op {
    pub(crate) fn of(op: u32) -> Self {
        match op as i32 {
            sys::DF_OP_INSERT => Op::Insert,
            sys::DF_OP_UPDATE => Op::Update,
            sys::DF_OP_DELETE => Op::Delete,
            sys::DF_OP_TRUNCATE => Op::Truncate,
            _ => Op::None,
        }
    }
}

/// Where a record comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin<'a> {
    /// "orders/3"
    pub partition: &'a str,
    /// -1: it has none.
    pub offset: i64,
    /// µs since 1970; 0: unknown.
    pub time_us: i64,
    /// Insert, update, ...
    pub op: Op,
}

/// The record that a transform works on. Values are borrowed from it until it is changed.
///
/// ```compile_fail
/// # fn f(r: &mut dataflow::Record<'_>) -> dataflow::Result<()> {
/// let name = r.get("name")?;
/// r.set("name", "other")?;
/// drop(name); // what it pointed to has changed
/// # Ok(()) }
/// ```
pub struct Record<'a> {
    r: *mut sys::df_record,
    shared: &'a Shared,
    alone: PhantomData<*mut &'a ()>, // neither Send nor Sync, and no two of them can change places
}

impl<'a> Record<'a> {
    /// # Safety
    /// `r` lives for 'a and nothing else uses it meanwhile.
    pub(crate) unsafe fn new(r: *mut sys::df_record, shared: &'a Shared) -> Self {
        Record { r, shared, alone: PhantomData }
    }

    /// The value at a path such as "price" or "$.items[0].id". A payload that is not JSON: [`Status::EDATA`].
    pub fn get(&self, path: &str) -> Result<Value<'_>> {
        let path = self.shared.path(path)?;
        // SAFETY: what it points to lives until the record changes, for which it must not be borrowed.
        unsafe {
            let mut v: sys::df_value = zeroed();
            answer(sys::df_record_get(self.r, path.get(), &mut v))?;
            Ok(Value::of(&v))
        }
    }

    /// Puts a value at a path and makes parents that are missing; [`Value::Absent`] removes.
    pub fn set<'v>(&mut self, path: &str, value: impl Into<Value<'v>>) -> Result<()> {
        let value = value.into();
        let json = match value {
            Value::Number(text) => text.to_string(),
            Value::Array(tree) | Value::Object(tree) => tree.json(),
            _ => {
                let path = self.shared.path(path)?;
                // SAFETY: strings are copied.
                return answer(unsafe { sys::df_record_set(self.r, path.get(), &value.to_c()) });
            }
        };
        self.set_json(path, &json)
    }

    /// The same with a value in JSON.
    pub fn set_json(&mut self, path: &str, json: &str) -> Result<()> {
        let path = self.shared.path(path)?;
        // SAFETY: what is parsed lies in the record's memory.
        unsafe {
            let mut v: sys::df_value = zeroed();
            answer(sys::df_value_parse(self.r, bytes(json.as_bytes()), &mut v))?;
            answer(sys::df_record_set(self.r, path.get(), &v))
        }
    }

    /// Takes away what is at a path.
    pub fn remove(&mut self, path: &str) -> Result<()> {
        self.set(path, Value::Absent)
    }

    /// The bytes; after an edit the whole value is written, so ask for it last. None: a tombstone.
    pub fn payload(&self) -> Result<Option<&[u8]>> {
        // SAFETY: as in get.
        unsafe {
            let mut b: sys::df_bytes = zeroed();
            answer(sys::df_record_payload(self.r, &mut b))?;
            Ok(slice_of(b))
        }
    }

    /// Another payload, JSON or not; None: a tombstone.
    pub fn set_payload(&mut self, payload: Option<&[u8]>) -> Result<()> {
        // SAFETY: it is copied.
        answer(unsafe { sys::df_record_set_payload(self.r, optional(payload)) })
    }

    /// None: it has none.
    pub fn key(&self) -> Option<&[u8]> {
        // SAFETY: as in get.
        unsafe {
            let mut b: sys::df_bytes = zeroed();
            sys::df_record_key(self.r, &mut b);
            slice_of(b)
        }
    }

    /// Another key.
    pub fn set_key(&mut self, key: Option<&[u8]>) -> Result<()> {
        // SAFETY: it is copied.
        answer(unsafe { sys::df_record_set_key(self.r, optional(key)) })
    }

    /// Headers in their order.
    pub fn headers(&self) -> impl Iterator<Item = Header<'_>> {
        let r = self.r;
        (0..).map_while(move |index| {
            // SAFETY: as in get.
            unsafe {
                let mut h: sys::df_header = zeroed();
                (sys::df_record_header(r, index, &mut h) == sys::DF_OK).then(|| header_of(&h))
            }
        })
    }

    /// Metadata by name: "topic", "headers.NAME".
    pub fn meta(&self, name: &str) -> Result<Value<'_>> {
        let name = no_nul(name)?;
        // SAFETY: as in get.
        unsafe {
            let mut v: sys::df_value = zeroed();
            answer(sys::df_record_meta(self.r, name.as_ptr(), &mut v))?;
            Ok(Value::of(&v))
        }
    }

    /// Sets metadata, a scalar.
    pub fn set_meta<'v>(&mut self, name: &str, value: impl Into<Value<'v>>) -> Result<()> {
        let (name, value) = (no_nul(name)?, value.into());
        if matches!(value, Value::Number(_) | Value::Array(_) | Value::Object(_)) {
            return Err(Error::new(Status::EINVAL, "metadata are texts, integers, floats and booleans"));
        }
        // SAFETY: it is copied.
        answer(unsafe { sys::df_record_set_meta(self.r, name.as_ptr(), &value.to_c()) })
    }

    /// Partition, offset, time, operation.
    pub fn origin(&self) -> Origin<'_> {
        // SAFETY: the text is borrowed like the record.
        unsafe {
            let mut info: sys::df_info = zeroed();
            info.size = size_of::<sys::df_info>();
            sys::df_record_info(self.r, &mut info);
            Origin {
                partition: str_of(info.partition),
                offset: info.offset,
                time_us: info.time_us,
                op: Op::of(info.op),
            }
        }
    }
}

fn answer(rc: i32) -> Result<()> {
    match rc {
        sys::DF_EDATA => Err(Error::new(Status::EDATA, "not JSON, or a parent is no container")),
        // SAFETY: no text.
        rc if rc < 0 => Err(unsafe { Error::of(rc, ptr::null()) }),
        _ => Ok(()),
    }
}

/// Not null, also when it is empty.
pub(crate) fn bytes(of: &[u8]) -> sys::df_bytes {
    sys::df_bytes { data: of.as_ptr() as *const _, len: of.len() }
}

pub(crate) fn optional(of: Option<&[u8]>) -> sys::df_bytes {
    of.map_or(sys::df_bytes { data: ptr::null(), len: 0 }, bytes)
}

/// # Safety
/// What it points to lives for 'a.
pub(crate) unsafe fn slice_of<'a>(b: sys::df_bytes) -> Option<&'a [u8]> {
    if b.data.is_null() {
        None
    } else {
        Some(slice::from_raw_parts(b.data as *const u8, b.len))
    }
}

/// # Safety
/// As [`slice_of`]; NULL, or a text that ends in NUL. One that is not UTF-8 is cut before the fault.
pub(crate) unsafe fn str_of<'a>(text: *const c_char) -> &'a str {
    if text.is_null() {
        return "";
    }
    let whole = std::ffi::CStr::from_ptr(text).to_bytes();
    str::from_utf8(whole).unwrap_or_else(|e| str::from_utf8(&whole[..e.valid_up_to()]).unwrap_or(""))
}

/// # Safety
/// As [`slice_of`].
pub(crate) unsafe fn header_of<'a>(h: &sys::df_header) -> Header<'a> {
    Header { name: str_of(h.name), value: slice_of(h.value) }
}
