// SPDX-License-Identifier: Apache-2.0

//! The library in the process: compiled paths, the log, what it describes.
use std::collections::HashMap;
use std::ffi::CStr;
use std::mem::{size_of, zeroed};
use std::os::raw::{c_char, c_int, c_void};
use std::ptr;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use dataflow_sys as sys;

use crate::error::{c_text, guarded, locked, Error, Result, Status};

/// How much a line of the log matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum Level {
    Error = sys::DF_LOG_ERROR as isize,
    Warn = sys::DF_LOG_WARN as isize,
    Info = sys::DF_LOG_INFO as isize,
    Debug = sys::DF_LOG_DEBUG as isize,
}

type Log = dyn Fn(Level, &str) + Send + Sync;

/// How the library behaves in this process.
#[derive(Default)]
pub struct EnvOptions {
    /// Called from any thread; it must not block, and must not use the env.
    pub log: Option<Box<Log>>,
    /// None: warnings.
    pub log_level: Option<Level>,
    /// Folders of connector modules, colon between; None: beside the library.
    pub module_path: Option<String>,
}

/// What env, pipelines and callbacks share; it ends with the last of them.
pub(crate) struct Shared {
    handle: Mutex<*mut sys::df_env>,
    paths: RwLock<HashMap<String, CompiledPath>>,
    log: *mut Box<Log>,
}

struct CompiledPath(*mut sys::df_path);

/// So many are kept: a program that makes paths of its records' values takes no more memory for ever new ones.
const MOST_PATHS: usize = 1000;

/// A compiled path for one call.
pub(crate) struct PathRef {
    path: *mut sys::df_path,
    kept: bool, // by the env
}

impl PathRef {
    pub fn get(&self) -> *mut sys::df_path {
        self.path
    }
}

impl Drop for PathRef {
    fn drop(&mut self) {
        if !self.kept {
            // SAFETY: nobody else has it, and values that were read by it do not need it.
            unsafe { sys::df_path_free(self.path) }
        }
    }
}

// SAFETY: the handle is used under its lock; a path is immutable and may be shared by threads; the log is Sync.
unsafe impl Send for Shared {}
unsafe impl Sync for Shared {}
unsafe impl Send for CompiledPath {}
unsafe impl Sync for CompiledPath {}

impl Shared {
    /// A call on the env, in turn; its error is read in the same turn.
    pub fn call<T>(&self, call: impl FnOnce(*mut sys::df_env) -> std::result::Result<T, c_int>) -> Result<T> {
        let env = locked(&self.handle);
        // SAFETY: the text is the env's own and copied before another call.
        call(*env).map_err(|rc| unsafe { Error::of(rc, sys::df_env_errmsg(*env)) })
    }

    /// Compiled once, or, of one too many, for this call.
    pub fn path(&self, text: &str) -> Result<PathRef> {
        if let Some(known) = self.paths.read().unwrap_or_else(PoisonError::into_inner).get(text) {
            return Ok(PathRef { path: known.0, kept: true });
        }
        let name = no_nul(text)?;
        let mut paths = self.paths.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = paths.get(text) {
            return Ok(PathRef { path: known.0, kept: true });
        }
        // SAFETY: the env is used in turn.
        let made = self.call(|env| match unsafe { sys::df_path_new(env, name.as_ptr()) } {
            path if path.is_null() => Err(sys::DF_EINVAL),
            path => Ok(path),
        })?;
        let kept = paths.len() < MOST_PATHS;
        if kept {
            paths.insert(text.to_string(), CompiledPath(made));
        }
        Ok(PathRef { path: made, kept })
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        let env = *locked(&self.handle);
        // SAFETY: pipelines and ports hold this, so there is none; paths go before their env, the log after it.
        unsafe {
            for path in self.paths.get_mut().unwrap_or_else(PoisonError::into_inner).values() {
                sys::df_path_free(path.0);
            }
            sys::df_env_free(env);
            if !self.log.is_null() {
                let log = Box::from_raw(self.log);
                let _ = guarded(move || {
                    drop(log);
                    Ok(())
                });
            }
        }
    }
}

/// The library in the process: its connectors, and the transforms, sources and sinks of the program. One for a process is
/// enough. A clone is the same env; it ends with the last clone and pipeline.
#[derive(Clone)]
pub struct Env(pub(crate) Arc<Shared>);

impl Default for Env {
    fn default() -> Self {
        Env::new()
    }
}

impl Env {
    /// Opens no module and starts no thread. Panics when there is no memory.
    pub fn new() -> Self {
        Env::with(EnvOptions::default())
    }

    /// The same with options.
    pub fn with(options: EnvOptions) -> Self {
        let path = options.module_path.map(c_text);
        let log = options.log.map_or(ptr::null_mut(), |log| Box::into_raw(Box::new(log)));
        // SAFETY: zero is a default of each member; the options are copied.
        let env = unsafe {
            let mut o: sys::df_env_options = zeroed();
            o.size = size_of::<sys::df_env_options>();
            o.log_level = options.log_level.map_or(0, |level| level as c_int);
            o.module_path = path.as_ref().map_or(ptr::null(), |path| path.as_ptr());
            if !log.is_null() {
                o.log = Some(on_log);
                o.user = log as *mut c_void;
            }
            sys::df_env_new(&o)
        };
        assert!(!env.is_null(), "no memory for an env of dataflow");
        Env(Arc::new(Shared { handle: Mutex::new(env), paths: RwLock::default(), log }))
    }

    /// Opens a plug-in: a shared object with connectors or transforms.
    pub fn load_plugin(&self, path: &str) -> Result<()> {
        let path = no_nul(path)?;
        // SAFETY: the path is copied.
        self.0.call(|env| done(unsafe { sys::df_env_load_plugin(env, path.as_ptr()) }))
    }

    /// Every connector and transform with its options, as JSON.
    pub fn describe(&self) -> Result<String> {
        let mut text = Vec::new();
        // SAFETY: `append` gets the vector for the time of the call.
        self.0
            .call(|env| done(unsafe { sys::df_env_describe(env, Some(append), &mut text as *mut _ as *mut c_void) }))?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }

    /// Metrics of all pipelines in the text format of Prometheus.
    pub fn metrics(&self) -> Result<String> {
        let mut text = Vec::new();
        // SAFETY: as in describe.
        self.0
            .call(|env| done(unsafe { sys::df_env_metrics(env, Some(append), &mut text as *mut _ as *mut c_void) }))?;
        Ok(String::from_utf8_lossy(&text).into_owned())
    }
}

/// Version of the library in use: "0.1.0".
pub fn version() -> &'static str {
    // SAFETY: static storage, ASCII.
    unsafe { CStr::from_ptr(sys::df_version_string()) }.to_str().unwrap_or("")
}

/// A text that C takes as a whole.
pub(crate) fn no_nul(text: &str) -> Result<std::ffi::CString> {
    std::ffi::CString::new(text).map_err(|_| Error::new(Status::EINVAL, "a NUL in a name or a path"))
}

pub(crate) fn done(rc: c_int) -> std::result::Result<(), c_int> {
    if rc < 0 {
        Err(rc)
    } else {
        Ok(())
    }
}

/// A df_write_fn whose user is a `Vec<u8>`.
pub(crate) unsafe extern "C" fn append(user: *mut c_void, text: *const c_char, len: usize) -> c_int {
    (*(user as *mut Vec<u8>)).extend_from_slice(std::slice::from_raw_parts(text as *const u8, len));
    sys::DF_OK
}

pub(crate) unsafe extern "C" fn on_free<T>(user: *mut c_void) {
    let it = Box::from_raw(user as *mut T);
    let _ = guarded(move || {
        drop(it);
        Ok(())
    });
}

unsafe extern "C" fn on_log(user: *mut c_void, level: c_int, line: *const c_char) {
    let log = &*(user as *const Box<Log>);
    let level = match level {
        sys::DF_LOG_ERROR => Level::Error,
        sys::DF_LOG_WARN => Level::Warn,
        sys::DF_LOG_INFO => Level::Info,
        _ => Level::Debug,
    };
    let _ = guarded(|| {
        log(level, &CStr::from_ptr(line).to_string_lossy());
        Ok(())
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thousand_paths_are_kept() {
        let env = Env::new();
        for i in 0..3000 {
            assert_eq!(env.0.path(&format!("m{i}")).unwrap().kept, i < MOST_PATHS);
        }
        assert_eq!(env.0.paths.read().unwrap().len(), MOST_PATHS);
    }
}
