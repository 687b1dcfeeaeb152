// SPDX-License-Identifier: Apache-2.0

//! Options of transforms, sources and sinks of the program.
use std::ffi::{CStr, CString};
use std::mem::size_of;
use std::os::raw::{c_char, c_int, c_void};
use std::ptr;
use std::time::Duration;

use dataflow_sys as sys;

use crate::env::no_nul;
use crate::error::{c_text, guarded, stage_text, Failure, Result};
use crate::record::slice_of;

/// One option of a kind of the program: a member of `config` in the manifest.
#[derive(Clone, Debug)]
pub struct Opt {
    name: String,
    kind: c_int,
    default: Option<String>,
    doc: Option<String>,
    required: bool,
}

macro_rules! types {
    ($($(#[$doc:meta])* $name:ident $kind:ident,)*) => { impl Opt { $(
        $(#[$doc])*
        pub fn $name(name: &str) -> Self {
            Opt { name: name.to_string(), kind: sys::$kind, default: None, doc: None, required: false }
        }
    )* } };
}

types! {
    /// A text.
    text DF_OPT_TEXT,
    /// true or false.
    flag DF_OPT_BOOL,
    /// An integer of 64 bits.
    int DF_OPT_INT,
    /// A number.
    float DF_OPT_DOUBLE,
    /// Bytes: 64Mi. [`Config::int`] has it.
    size DF_OPT_SIZE,
    /// A time: 30s, 1m30s; a plain number is seconds.
    duration DF_OPT_DURATION,
    /// Anything, as JSON.
    json DF_OPT_ANY,
}

impl Opt {
    /// What it is when the manifest does not say it, as the manifest would.
    pub fn default(mut self, text: impl ToString) -> Self {
        self.default = Some(text.to_string());
        self
    }

    /// One sentence about it.
    pub fn doc(mut self, text: impl Into<String>) -> Self {
        self.doc = Some(text.into());
        self
    }

    /// A manifest without it is wrong.
    pub fn required(mut self) -> Self {
        self.required = true;
        self
    }
}

/// The options of one instance. Asked for a name that is not among the kind's, it panics.
pub struct Config<'a> {
    options: &'a [Opt],
    slots: *const [u64; 2],
}

impl<'a> Config<'a> {
    fn slot(&self, name: &str, kinds: &[c_int]) -> *const [u64; 2] {
        let index = self.options.iter().position(|option| option.name == name && kinds.contains(&option.kind));
        let index = index.unwrap_or_else(|| panic!("there is no option {name} of that type"));
        // SAFETY: the core has allocated one for each option.
        unsafe { self.slots.add(index) }
    }

    fn number(&self, name: &str, kinds: &[c_int]) -> Option<i64> {
        // SAFETY: options of these types are filled with an int64_t.
        Some(unsafe { *(self.slot(name, kinds) as *const i64) }).filter(|n| *n != sys::DF_UNSET)
    }

    fn words(&self, name: &str, kind: c_int) -> Option<&'a str> {
        // SAFETY: options of these types are filled with a df_bytes that lives as long as the instance.
        let text = unsafe { slice_of(*(self.slot(name, &[kind]) as *const sys::df_bytes)) };
        text.and_then(|text| std::str::from_utf8(text).ok())
    }

    /// A text.
    pub fn text(&self, name: &str) -> Option<&'a str> {
        self.words(name, sys::DF_OPT_TEXT)
    }

    /// JSON.
    pub fn json(&self, name: &str) -> Option<&'a str> {
        self.words(name, sys::DF_OPT_ANY)
    }

    /// true or false.
    pub fn flag(&self, name: &str) -> bool {
        // SAFETY: filled with an int.
        unsafe { *(self.slot(name, &[sys::DF_OPT_BOOL]) as *const c_int) != 0 }
    }

    /// An integer, or a size in bytes.
    pub fn int(&self, name: &str) -> Option<i64> {
        self.number(name, &[sys::DF_OPT_INT, sys::DF_OPT_SIZE])
    }

    /// A number.
    pub fn float(&self, name: &str) -> Option<f64> {
        // SAFETY: filled with a double.
        Some(unsafe { *(self.slot(name, &[sys::DF_OPT_DOUBLE]) as *const f64) }).filter(|n| !n.is_nan())
    }

    /// A time.
    pub fn duration(&self, name: &str) -> Option<Duration> {
        self.number(name, &[sys::DF_OPT_DURATION]).map(|us| Duration::from_micros(us.max(0) as u64))
    }
}

type Answer<T> = std::result::Result<T, Failure>;

/// How instances of a kind are made of their options.
pub(crate) struct Maker<T> {
    options: Vec<Opt>,
    #[allow(clippy::type_complexity)]
    make: Box<dyn Fn(&Config<'_>) -> Answer<T> + Send + Sync>,
}

/// What the core allocates for one instance: a pointer of ours, zero at first, and the options behind it.
#[repr(C)]
struct Instance {
    it: *mut c_void,
    slots: [[u64; 2]; 0],
}

/// # Safety
/// `it` is an instance of a table of this crate, whose pointer is to a T or null.
pub(crate) unsafe fn instance<'a, T>(it: *mut c_void) -> &'a mut *mut T {
    &mut *(it as *mut *mut T)
}

impl<T> Maker<T> {
    pub fn new(
        options: impl IntoIterator<Item = Opt>,
        make: impl Fn(&Config<'_>) -> Answer<T> + Send + Sync + 'static,
    ) -> Self {
        Maker { options: options.into_iter().collect(), make: Box::new(make) }
    }

    /// # Safety
    /// `it` is an instance of a table with these options.
    pub unsafe fn made(&self, it: *mut c_void) -> Answer<T> {
        let slots = ptr::addr_of!((*(it as *const Instance)).slots) as *const [u64; 2];
        (self.make)(&Config { options: &self.options, slots })
    }

    /// A kind whose options may be refused says so when the manifest is checked.
    pub fn checks(&self) -> bool {
        !self.options.is_empty()
    }

    /// # Safety
    /// As [`Maker::made`], in `check`. Before the start the value of a reference is not known, and the option is empty:
    /// named, the problem is asked about again then.
    pub unsafe fn check(&self, it: *mut c_void, st: *mut sys::df_stage) -> c_int {
        let failure = match guarded(|| self.made(it).map(drop)) {
            Ok(()) => return sys::DF_OK,
            Err(failure) => failure,
        };
        let slots = ptr::addr_of!((*(it as *const Instance)).slots) as *const sys::df_bytes;
        let unknown = self.options.iter().enumerate().find(|(index, option)| {
            let text = *slots.add(*index);
            option.kind == sys::DF_OPT_TEXT && !text.data.is_null() && text.len == 0
        });
        let name = unknown.map(|(_, option)| c_text(option.name.as_str()));
        let name = name.as_ref().map_or(ptr::null(), |name| name.as_ptr());
        sys::df_stage_problem(st, sys::DF_ERROR, name, stage_text(&failure).as_ptr())
    }

    /// Bytes of one instance.
    pub fn size(&self) -> usize {
        size_of::<Instance>() + self.options.len() * size_of::<[u64; 2]>()
    }

    /// The table for the library, for the time of the call.
    pub fn table<R>(&self, call: impl FnOnce(*const sys::df_options) -> R) -> Result<R> {
        let mut texts: Vec<CString> = Vec::new();
        let mut rows = Vec::new();
        for (index, option) in self.options.iter().enumerate() {
            let mut keep = |text: &str| -> Result<*const c_char> {
                texts.push(no_nul(text)?);
                Ok(CStr::as_ptr(&texts[texts.len() - 1])) // where it is on the heap
            };
            rows.push(sys::df_option {
                name: keep(&option.name)?,
                r#type: option.kind,
                of: 0,
                flags: if option.required { sys::DF_OPT_REQUIRED as _ } else { 0 },
                offset: size_of::<Instance>() + index * size_of::<[u64; 2]>(),
                def: option.default.as_deref().map_or(Ok(ptr::null()), &mut keep)?,
                doc: keep(option.doc.as_deref().unwrap_or(&option.name))?,
                choices: ptr::null(),
                min: 0,
                max: 0,
                block: ptr::null(),
            });
        }
        Ok(call(&sys::df_options {
            size: size_of::<sys::df_options>(),
            row_size: size_of::<sys::df_option>(),
            count: rows.len(),
            rows: rows.as_ptr(),
            struct_size: self.size(),
        }))
    }
}
