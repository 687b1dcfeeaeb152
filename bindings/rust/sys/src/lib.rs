// SPDX-License-Identifier: Apache-2.0

//! The C interface of libdataflow (dataflow.h, dataflow_record.h, dataflow_ext.h, dataflow_manage.h) as Rust sees it, and nothing more:
//! what each item means stands in those headers. The tests let the C compiler compare every constant, struct and
//! function here with them. Left out are functions with the arguments of printf.
#![allow(non_camel_case_types)]

mod constants;
pub use constants::*;

use std::os::raw::{c_char, c_int, c_short, c_uint, c_void};

/// Version of the headers that this crate was written for: 10203 is 1.2.3.
pub const DF_VERSION: c_int = 100;
pub const DF_ZONE_NONE: i32 = i32::MIN;
pub const DF_UNSET: i64 = i64::MIN;

macro_rules! opaque {
    ($($name:ident,)*) => { $(
        /// Seen by pointer alone; the library says what thread may use it.
        #[repr(C)]
        pub struct $name {
            _private: [u8; 0],
            _pinned: std::marker::PhantomData<(*mut u8, std::marker::PhantomPinned)>,
        }
    )* };
}

opaque! {
    df_env,
    df_pipeline,
    df_port,
    df_parcel,
    df_batch,
    df_record,
    df_path,
    df_answer,
    df_stage,
    df_condition,
    df_columns,
    df_schema,
    df_partition,
    df_secret,
    df_decoder,
}

pub type df_free_fn = Option<unsafe extern "C" fn(user: *mut c_void)>;
pub type df_write_fn = Option<unsafe extern "C" fn(user: *mut c_void, text: *const c_char, len: usize) -> c_int>;
pub type df_resolve_fn =
    Option<unsafe extern "C" fn(user: *mut c_void, r#ref: *const df_ref, answer: *mut df_answer) -> c_int>;
pub type df_transform_fn = Option<unsafe extern "C" fn(r: *mut df_record, user: *mut c_void) -> c_int>;
pub type df_offset_fn = Option<unsafe extern "C" fn(user: *mut c_void, row: *const df_offset)>;
pub type df_expired_fn = Option<unsafe extern "C" fn(user: *mut c_void, row: *const df_expired)>;
pub type df_leftover_fn = Option<unsafe extern "C" fn(user: *mut c_void, row: *const df_leftover)>;
pub type df_probe_fn = Option<unsafe extern "C" fn(user: *mut c_void, row: *const df_probe)>;

#[repr(C)]
#[derive(Clone, Copy)]
pub struct df_bytes {
    pub data: *const c_void,
    pub len: usize,
}

/// The union in a `df_value`, which has no name in C.
#[repr(C)]
#[derive(Clone, Copy)]
pub union df_value_u {
    pub i: i64,
    pub d: f64,
    pub node: *const c_void,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct df_value {
    pub r#type: i32,
    pub zone: i32,
    pub u: df_value_u,
    pub text: *const c_char,
    pub len: usize,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct df_header {
    pub name: *const c_char,
    pub value: df_bytes,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct df_ref {
    pub size: usize,
    pub kind: c_int,
    pub space: *const c_char,
    pub name: *const c_char,
    pub key: *const c_char,
    pub field: *const c_char,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct df_state {
    pub size: usize,
    pub stage: *const c_char,
    pub partition: *const c_char,
    pub data: df_bytes,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct df_store {
    pub size: usize,
    pub load: Option<
        unsafe extern "C" fn(
            user: *mut c_void,
            stage: *const c_char,
            partition: *const c_char,
            answer: *mut df_answer,
        ) -> c_int,
    >,
    pub save: Option<unsafe extern "C" fn(user: *mut c_void, rows: *const df_state, count: usize) -> c_int>,
    pub user: *mut c_void,
    pub user_free: df_free_fn,
    pub min_interval_ms: c_int,
    pub list: Option<
        unsafe extern "C" fn(
            user: *mut c_void,
            each: Option<unsafe extern "C" fn(ctx: *mut c_void, row: *const df_state) -> c_int>,
            ctx: *mut c_void,
        ) -> c_int,
    >,
    pub errmsg: Option<unsafe extern "C" fn(user: *mut c_void) -> *const c_char>,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct df_env_options {
    pub size: usize,
    pub realloc: Option<unsafe extern "C" fn(user: *mut c_void, old: *mut c_void, len: usize) -> *mut c_void>,
    pub log: Option<unsafe extern "C" fn(user: *mut c_void, level: c_int, line: *const c_char)>,
    pub now_us: Option<unsafe extern "C" fn(user: *mut c_void) -> i64>,
    pub thread: Option<unsafe extern "C" fn(user: *mut c_void, started: c_int, name: *const c_char) -> c_int>,
    pub user: *mut c_void,
    pub log_level: c_int,
    pub module_path: *const c_char,
    pub clock_us: Option<unsafe extern "C" fn(user: *mut c_void) -> i64>,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct df_text {
    pub size: usize,
    pub file: *const c_char,
    pub text: *const c_char,
    pub len: usize,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct df_pipeline_options {
    pub size: usize,
    pub space: *const c_char,
    pub name: *const c_char,
    pub memory_limit: u64,
    pub resolve: df_resolve_fn,
    pub resolve_user: *mut c_void,
    pub store: *const df_store,
    pub files: *const c_char,
    pub env_prefix: *const c_char,
    pub show_values: c_int,
    pub work_dir: *const c_char,
    pub set: *const *const c_char,
    pub user: *mut c_void,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct df_stage_def {
    pub size: usize,
    pub role: c_int,
    pub name: *const c_char,
    pub kind: *const c_char,
    pub config: *const c_char,
    pub replace: c_int,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct df_problem {
    pub size: usize,
    pub severity: c_int,
    pub line: c_int,
    pub column: c_int,
    pub file: *const c_char,
    pub field: *const c_char,
    pub text: *const c_char,
    pub hint: *const c_char,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct df_run_options {
    pub size: usize,
    pub limit: u64,
    pub until_exhausted: c_int,
    pub dry: c_int,
    pub detached: c_int,
    pub from_start: c_int,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct df_stats {
    pub size: usize,
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
    pub budget_used: u64,
    pub budget_limit: u64,
    pub uncommitted: u64,
    pub lag_records: i64,
    pub lag_us: i64,
    pub last_progress_us: i64,
    pub connected: c_int,
    pub ready: c_int,
    pub left: u64,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct df_event {
    pub size: usize,
    pub r#type: c_int,
    pub status: c_int,
    pub stage: *const c_char,
    pub text: *const c_char,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct df_input {
    pub size: usize,
    pub payload: df_bytes,
    pub key: df_bytes,
    pub headers: *const df_header,
    pub header_count: usize,
    pub time_us: i64,
    pub offset: i64,
    pub partition: u32,
    pub op: u32,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct df_port_options {
    pub size: usize,
    pub stage: *const c_char,
    pub mode: c_int,
    pub queue_bytes: u32,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct df_port_info {
    pub size: usize,
    pub records: u64,
    pub dropped: u64,
    pub queued_bytes: u64,
    pub error: *const c_char,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct df_info {
    pub size: usize,
    pub time_us: i64,
    pub offset: i64,
    pub op: u32,
    pub partition: *const c_char,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct df_output {
    pub size: usize,
    pub payload: df_bytes,
    pub key: df_bytes,
    pub headers: *const df_header,
    pub header_count: usize,
    pub time_us: i64,
    pub offset: i64,
    pub partition: *const c_char,
    pub op: u32,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct df_function {
    pub size: usize,
    pub name: *const c_char,
    pub doc: *const c_char,
    pub apply: df_transform_fn,
    pub user: *mut c_void,
    pub user_free: df_free_fn,
    pub parallel: c_int,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct df_walk {
    pub at: [*const c_void; 4],
    pub index: usize,
    pub name: df_bytes,
    pub value: df_value,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct df_field {
    pub size: usize,
    pub name: *const c_char,
    pub r#type: c_int,
    pub item: c_int,
    pub zone: i32,
    pub precision: c_int,
    pub scale: c_int,
    pub flags: c_uint,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct df_position {
    pub size: usize,
    pub partition: u32,
    pub name: *const c_char,
    pub data: df_bytes,
    pub seq: u64,
    pub epoch: u64,
    pub owner: df_bytes,
    pub begun: df_bytes,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct df_lag {
    pub size: usize,
    pub records: i64,
    pub newest_us: i64,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct df_offset {
    pub size: usize,
    pub partition: *const c_char,
    pub stored: i64,
    pub first: i64,
    pub end: i64,
    pub at_time: i64,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct df_source_ops {
    pub size: usize,
    pub check: Option<unsafe extern "C" fn(self_: *mut c_void, st: *mut df_stage) -> c_int>,
    pub open: Option<unsafe extern "C" fn(self_: *mut c_void, st: *mut df_stage) -> c_int>,
    pub read: Option<
        unsafe extern "C" fn(self_: *mut c_void, st: *mut df_stage, into: *mut df_batch, timeout_ms: c_int) -> c_int,
    >,
    pub ack: Option<
        unsafe extern "C" fn(self_: *mut c_void, st: *mut df_stage, rows: *const df_position, count: usize) -> c_int,
    >,
    pub seek: Option<unsafe extern "C" fn(self_: *mut c_void, st: *mut df_stage, to: *const df_position) -> c_int>,
    pub close: Option<unsafe extern "C" fn(self_: *mut c_void, st: *mut df_stage)>,
    pub before:
        Option<unsafe extern "C" fn(self_: *mut c_void, r: *const df_record, buf: *mut c_char, len: usize) -> usize>,
    pub ended: Option<unsafe extern "C" fn(self_: *mut c_void, st: *mut df_stage, part: *mut df_partition) -> c_int>,
    pub probe: Option<unsafe extern "C" fn(self_: *mut c_void, st: *mut df_stage) -> c_int>,
    pub offsets: Option<
        unsafe extern "C" fn(
            self_: *mut c_void,
            st: *mut df_stage,
            time_us: i64,
            each: df_offset_fn,
            user: *mut c_void,
        ) -> c_int,
    >,
    pub set_offsets: Option<
        unsafe extern "C" fn(self_: *mut c_void, st: *mut df_stage, rows: *const df_offset, count: usize) -> c_int,
    >,
    pub release: Option<unsafe extern "C" fn(self_: *mut c_void, st: *mut df_stage) -> c_int>,
    pub decode: Option<unsafe extern "C" fn(self_: *mut c_void, st: *mut df_stage, r: *mut df_record) -> c_int>,
    pub reread: Option<unsafe extern "C" fn(self_: *mut c_void, st: *mut df_stage, table: *const c_char) -> c_int>,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct df_sink_ops {
    pub size: usize,
    pub check: Option<unsafe extern "C" fn(self_: *mut c_void, st: *mut df_stage) -> c_int>,
    pub open: Option<unsafe extern "C" fn(self_: *mut c_void, st: *mut df_stage) -> c_int>,
    pub write: Option<unsafe extern "C" fn(self_: *mut c_void, st: *mut df_stage, parcel: *mut df_parcel) -> c_int>,
    pub poll: Option<unsafe extern "C" fn(self_: *mut c_void, st: *mut df_stage, timeout_ms: c_int) -> c_int>,
    pub flush: Option<unsafe extern "C" fn(self_: *mut c_void, st: *mut df_stage, timeout_ms: c_int) -> c_int>,
    pub claim:
        Option<unsafe extern "C" fn(self_: *mut c_void, st: *mut df_stage, partition: *mut df_position) -> c_int>,
    pub resolve: Option<unsafe extern "C" fn(self_: *mut c_void, st: *mut df_stage, parcel: *mut df_parcel) -> c_int>,
    pub close: Option<unsafe extern "C" fn(self_: *mut c_void, st: *mut df_stage)>,
    pub probe: Option<unsafe extern "C" fn(self_: *mut c_void, st: *mut df_stage) -> c_int>,
    pub leftovers: Option<
        unsafe extern "C" fn(
            self_: *mut c_void,
            st: *mut df_stage,
            age_us: i64,
            each: df_leftover_fn,
            user: *mut c_void,
        ) -> c_int,
    >,
    pub expire: Option<
        unsafe extern "C" fn(
            self_: *mut c_void,
            st: *mut df_stage,
            how: *const df_expiry,
            each: df_expired_fn,
            user: *mut c_void,
        ) -> c_int,
    >,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct df_expiry {
    pub size: usize,
    pub age_us: i64,
    pub keep: i64,
    pub apply: c_int,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct df_expired {
    pub size: usize,
    pub name: *const c_char,
    pub is_file: c_int,
    pub bytes: i64,
    pub time_us: i64,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct df_leftover {
    pub size: usize,
    pub name: *const c_char,
    pub bytes: i64,
    pub time_us: i64,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct df_metric {
    pub size: usize,
    pub name: *const c_char,
    pub help: *const c_char,
    pub r#type: c_int,
    pub label: *const c_char,
    pub start: f64,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct df_option {
    pub name: *const c_char,
    pub r#type: c_int,
    pub of: c_int,
    pub flags: c_uint,
    pub offset: usize,
    pub def: *const c_char,
    pub doc: *const c_char,
    pub choices: *const *const c_char,
    pub min: i64,
    pub max: i64,
    pub block: *const df_options,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct df_options {
    pub size: usize,
    pub row_size: usize,
    pub count: usize,
    pub rows: *const df_option,
    pub struct_size: usize,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct df_connector {
    pub size: usize,
    pub name: *const c_char,
    pub doc: *const c_char,
    pub source_size: usize,
    pub sink_size: usize,
    pub source_flags: c_uint,
    pub sink_flags: c_uint,
    pub source_options: *const df_options,
    pub sink_options: *const df_options,
    pub source: *const df_source_ops,
    pub sink: *const df_sink_ops,
    pub metrics: *const df_metric,
    pub version: *const c_char,
    pub user: *mut c_void,
    pub user_free: df_free_fn,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct df_transform {
    pub size: usize,
    pub name: *const c_char,
    pub doc: *const c_char,
    pub self_size: usize,
    pub options: *const df_options,
    pub check: Option<unsafe extern "C" fn(self_: *mut c_void, st: *mut df_stage) -> c_int>,
    pub open: Option<unsafe extern "C" fn(self_: *mut c_void, st: *mut df_stage) -> c_int>,
    pub apply: Option<unsafe extern "C" fn(self_: *mut c_void, st: *mut df_stage, batch: *mut df_batch) -> c_int>,
    pub expand: Option<
        unsafe extern "C" fn(self_: *mut c_void, st: *mut df_stage, r#in: *mut df_batch, out: *mut df_batch) -> c_int,
    >,
    pub close: Option<unsafe extern "C" fn(self_: *mut c_void, st: *mut df_stage)>,
    pub example: *const c_char,
    pub user: *mut c_void,
    pub user_free: df_free_fn,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct df_probe {
    pub size: usize,
    pub stage: *const c_char,
    pub kind: *const c_char,
    pub role: c_int,
    pub status: c_int,
    pub reason: *const c_char,
    pub text: *const c_char,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct df_plugin {
    pub size: usize,
    pub version: c_int,
    pub init: Option<unsafe extern "C" fn(env: *mut df_env) -> c_int>,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct df_stage_info {
    pub size: usize,
    pub space: *const c_char,
    pub pipeline: *const c_char,
    pub stage: *const c_char,
    pub kind: *const c_char,
    pub bounded: c_int,
    pub exactly_once: c_int,
    pub dry: c_int,
    pub is_error_sink: c_int,
    pub memory_share: u64,
    pub show_values: c_int,
    pub stops_at_refused: c_int,
    pub work_dir: *const c_char,
    pub position_holder: c_int,
    pub varied_by: *const c_char,
    pub source_identity: *const c_char,
    pub user: *mut c_void,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct df_limits {
    pub size: usize,
    pub min_interval_ms: i64,
    pub good_bytes: u64,
    pub max_bytes: u64,
    pub max_rows: u64,
    pub rows: i64,
    pub interval_ms: i64,
    pub commit_interval_ms: i64,
    pub commit_bytes: u64,
}

#[repr(C)]
#[derive(Clone, Copy)]
pub struct df_range {
    pub size: usize,
    pub partition: u32,
    pub name: *const c_char,
    pub first: i64,
    pub last: i64,
    pub records: u64,
    pub first_index: usize,
    pub end_index: usize,
}

extern "C" {
    pub fn df_version() -> c_int;
    pub fn df_version_string() -> *const c_char;
    pub fn df_status_name(status: c_int) -> *const c_char;
    pub fn df_status_text(status: c_int) -> *const c_char;
    pub fn df_status_fate(status: c_int) -> c_int;
    pub fn df_status_at(index: usize, ret_status: *mut c_int) -> c_int;
    pub fn df_answer_set(answer: *mut df_answer, data: *const c_void, len: usize) -> c_int;
    pub fn df_resolve_process(user: *mut c_void, r#ref: *const df_ref, answer: *mut df_answer) -> c_int;
    pub fn df_store_file(
        env: *mut df_env,
        dir: *const c_char,
        pipeline: *const c_char,
        ret_store: *mut df_store,
    ) -> c_int;
    pub fn df_env_new(options: *const df_env_options) -> *mut df_env;
    pub fn df_env_free(env: *mut df_env);
    pub fn df_env_errmsg(env: *const df_env) -> *const c_char;
    pub fn df_env_load_plugin(env: *mut df_env, path: *const c_char) -> c_int;
    pub fn df_env_describe(env: *mut df_env, write: df_write_fn, user: *mut c_void) -> c_int;
    pub fn df_env_metrics(env: *mut df_env, write: df_write_fn, user: *mut c_void) -> c_int;
    pub fn df_env_format(env: *mut df_env, r#in: *const df_text, write: df_write_fn, user: *mut c_void) -> c_int;
    pub fn df_pipeline_new(env: *mut df_env, options: *const df_pipeline_options) -> *mut df_pipeline;
    pub fn df_pipeline_free(p: *mut df_pipeline);
    pub fn df_pipeline_load(p: *mut df_pipeline, spec: *const df_text) -> c_int;
    pub fn df_pipeline_add(p: *mut df_pipeline, def: *const df_stage_def) -> c_int;
    pub fn df_pipeline_link(p: *mut df_pipeline, from: *const c_char, exit: *const c_char, to: *const c_char) -> c_int;
    pub fn df_pipeline_check(p: *mut df_pipeline) -> c_int;
    pub fn df_pipeline_problem_at(p: *const df_pipeline, index: usize, ret: *mut df_problem) -> c_int;
    pub fn df_pipeline_report(p: *mut df_pipeline, what: c_int, write: df_write_fn, user: *mut c_void) -> c_int;
    pub fn df_pipeline_run(p: *mut df_pipeline, run: *const df_run_options) -> c_int;
    pub fn df_pipeline_start(p: *mut df_pipeline, run: *const df_run_options) -> c_int;
    pub fn df_pipeline_wait(p: *mut df_pipeline, timeout_ms: c_int) -> c_int;
    pub fn df_pipeline_fd(p: *const df_pipeline) -> c_int;
    pub fn df_pipeline_next_event(p: *mut df_pipeline, ret: *mut df_event) -> c_int;
    pub fn df_pipeline_stop(p: *mut df_pipeline, how: c_int);
    pub fn df_pipeline_refresh(p: *mut df_pipeline);
    pub fn df_pipeline_stats(p: *const df_pipeline, stage: *const c_char, ret: *mut df_stats) -> c_int;
    pub fn df_pipeline_errmsg(p: *const df_pipeline) -> *const c_char;
    pub fn df_port_open(p: *mut df_pipeline, options: *const df_port_options, ret_port: *mut *mut df_port) -> c_int;
    pub fn df_port_close(port: *mut df_port);
    pub fn df_port_push(port: *mut df_port, rows: *const df_input, count: usize, ret_taken: *mut usize) -> c_int;
    pub fn df_port_acked(port: *mut df_port, ret_count: *mut u64) -> c_int;
    pub fn df_port_take(port: *mut df_port, timeout_ms: c_int, ret_parcel: *mut *mut df_parcel) -> c_int;
    pub fn df_port_settle(port: *mut df_port, parcel: *mut df_parcel, status: c_int) -> c_int;
    pub fn df_port_fd(port: *const df_port) -> c_int;
    pub fn df_port_stats(port: *const df_port, ret: *mut df_port_info) -> c_int;
    pub fn df_parcel_count(parcel: *const df_parcel) -> usize;
    pub fn df_parcel_at(parcel: *const df_parcel, index: usize) -> *const df_record;
    pub fn df_parcel_payload(parcel: *mut df_parcel, index: usize, ret: *mut df_bytes) -> c_int;
    pub fn df_parcel_get(parcel: *mut df_parcel, index: usize, path: *const df_path, ret: *mut df_value) -> c_int;
    pub fn df_parcel_rows(
        parcel: *mut df_parcel,
        from: usize,
        rows: *mut df_output,
        count: usize,
        ret_filled: *mut usize,
    ) -> c_int;
    pub fn df_record_info(r: *const df_record, ret: *mut df_info) -> c_int;
    pub fn df_record_key(r: *const df_record, ret: *mut df_bytes) -> c_int;
    pub fn df_record_payload(r: *mut df_record, ret: *mut df_bytes) -> c_int;
    pub fn df_record_header(r: *const df_record, index: usize, ret: *mut df_header) -> c_int;
    pub fn df_record_meta(r: *const df_record, name: *const c_char, ret: *mut df_value) -> c_int;
    pub fn df_record_set_meta(r: *mut df_record, name: *const c_char, value: *const df_value) -> c_int;
    pub fn df_record_get(r: *mut df_record, path: *const df_path, ret: *mut df_value) -> c_int;
    pub fn df_record_set(r: *mut df_record, path: *const df_path, value: *const df_value) -> c_int;
    pub fn df_record_fail(r: *mut df_record, status: c_int, text: *const c_char) -> c_int;
    pub fn df_path_new(env: *mut df_env, text: *const c_char) -> *mut df_path;
    pub fn df_path_free(path: *mut df_path);
    pub fn df_transform_register_fn(env: *mut df_env, r#fn: *const df_function) -> c_int;
    pub fn df_value_walk(container: *const df_value, walk: *mut df_walk) -> c_int;
    pub fn df_value_member(object: *const df_value, name: df_bytes, ret: *mut df_value) -> c_int;
    pub fn df_value_int(v: *const df_value, ret: *mut i64) -> c_int;
    pub fn df_value_double(v: *const df_value, ret: *mut f64) -> c_int;
    pub fn df_value_text(v: *const df_value, buf: *mut c_char, len: usize) -> usize;
    pub fn df_value_json(v: *const df_value, buf: *mut c_char, len: usize) -> usize;
    pub fn df_value_is_json(v: *const df_value) -> c_int;
    pub fn df_record_root(r: *mut df_record, ret: *mut df_value) -> c_int;
    pub fn df_path_each(path: *const df_path, r: *mut df_record, walk: *mut df_walk) -> c_int;
    pub fn df_path_is_single(path: *const df_path) -> c_int;
    pub fn df_path_leaf(path: *const df_path) -> df_bytes;
    pub fn df_path_text(path: *const df_path) -> df_bytes;
    pub fn df_condition_test(c: *const df_condition, r: *mut df_record) -> c_int;
    pub fn df_meta_walk(r: *const df_record, walk: *mut df_walk) -> c_int;
    pub fn df_record_set_root(r: *mut df_record, value: *const df_value) -> c_int;
    pub fn df_record_set_payload(r: *mut df_record, payload: df_bytes) -> c_int;
    pub fn df_record_set_key(r: *mut df_record, key: df_bytes) -> c_int;
    pub fn df_record_set_headers(r: *mut df_record, headers: *const df_header, count: usize) -> c_int;
    pub fn df_record_set_op(r: *mut df_record, op: u32) -> c_int;
    pub fn df_record_set_time(r: *mut df_record, time_us: i64) -> c_int;
    pub fn df_value_new(r: *mut df_record, from: *const df_value, ret: *mut df_value) -> c_int;
    pub fn df_value_parse(r: *mut df_record, json: df_bytes, ret: *mut df_value) -> c_int;
    pub fn df_value_put(r: *mut df_record, container: *mut df_value, name: df_bytes, value: *const df_value) -> c_int;
    pub fn df_value_rename(r: *mut df_record, object: *mut df_value, from: df_bytes, to: df_bytes) -> c_int;
    pub fn df_walk_set(r: *mut df_record, walk: *mut df_walk, value: *const df_value) -> c_int;
    pub fn df_record_drop(r: *mut df_record);
    pub fn df_record_route(r: *mut df_record, exit: c_int, label: *const c_char) -> c_int;
    pub fn df_record_reject(r: *mut df_record, status: c_int, reason: *const c_char, text: *const c_char) -> c_int;
    pub fn df_record_json_only(r: *mut df_record, hint: *const c_char);
    pub fn df_batch_count(b: *const df_batch) -> usize;
    pub fn df_batch_at(b: *mut df_batch, index: usize) -> *mut df_record;
    pub fn df_record_live(r: *const df_record) -> c_int;
    pub fn df_batch_emit(out: *mut df_batch, parent: *mut df_record, ret_child: *mut *mut df_record) -> c_int;
    pub fn df_batch_pass(out: *mut df_batch, r: *mut df_record) -> c_int;
    pub fn df_batch_cursor(r#in: *mut df_batch) -> *mut u64;
    pub fn df_schema_new(st: *mut df_stage, fields: *const df_field, count: usize, ret: *mut *mut df_schema) -> c_int;
    pub fn df_schema_hold(schema: *const df_schema) -> *mut df_schema;
    pub fn df_schema_free(schema: *mut df_schema);
    pub fn df_schema_fields(schema: *const df_schema, ret_count: *mut usize) -> *const df_field;
    pub fn df_schema_field(schema: *const df_schema, name: df_bytes) -> *const df_field;
    pub fn df_record_set_row(r: *mut df_record, schema: *const df_schema, values: *const df_value) -> c_int;
    pub fn df_record_set_schema(r: *mut df_record, schema: *const df_schema) -> c_int;
    pub fn df_record_schema(r: *const df_record) -> *const df_schema;
    pub fn df_record_set_before(r: *mut df_record, object: *const df_value) -> c_int;
    pub fn df_record_before(r: *const df_record, ret: *mut df_value) -> c_int;
    pub fn df_columns_new(st: *mut df_stage, names: *const *const c_char, count: usize) -> *mut df_columns;
    pub fn df_parcel_root(parcel: *mut df_parcel, index: usize, ret: *mut df_value) -> c_int;
    pub fn df_parcel_row(
        parcel: *mut df_parcel,
        index: usize,
        columns: *mut df_columns,
        ret_values: *mut df_value,
        ret_unknown: *mut usize,
    ) -> c_int;
    pub fn df_parcel_error(parcel: *const df_parcel) -> *const c_char;
    pub fn df_parcel_reject(parcel: *mut df_parcel, index: usize, reason: *const c_char, text: *const c_char) -> c_int;
    pub fn df_parcel_rejected(parcel: *const df_parcel, index: usize) -> c_int;
    pub fn df_parcel_is_error(parcel: *const df_parcel, index: usize) -> c_int;
    pub fn df_parcel_left_out(parcel: *mut df_parcel, count: usize);
    pub fn df_parcel_return(
        parcel: *mut df_parcel,
        record: *const df_input,
        reason: *const c_char,
        text: *const c_char,
    ) -> c_int;
    pub fn df_decoder_open(p: *mut df_pipeline, ret: *mut *mut df_decoder) -> c_int;
    pub fn df_decoder_read(d: *mut df_decoder, r: *mut df_record) -> c_int;
    pub fn df_decoder_close(d: *mut df_decoder);
    pub fn df_connector_register(env: *mut df_env, r#type: *const df_connector) -> c_int;
    pub fn df_transform_register(env: *mut df_env, r#type: *const df_transform) -> c_int;
    pub fn df_pipeline_probe(p: *mut df_pipeline, timeout_ms: c_int, each: df_probe_fn, user: *mut c_void) -> c_int;
    pub fn df_pipeline_offsets(p: *mut df_pipeline, time_us: i64, each: df_offset_fn, user: *mut c_void) -> c_int;
    pub fn df_pipeline_set_offsets(p: *mut df_pipeline, rows: *const df_offset, count: usize) -> c_int;
    pub fn df_pipeline_release(p: *mut df_pipeline) -> c_int;
    pub fn df_pipeline_reread(p: *mut df_pipeline, table: *const c_char) -> c_int;
    pub fn df_pipeline_expire(
        p: *mut df_pipeline,
        how: *const df_expiry,
        each: df_expired_fn,
        user: *mut c_void,
    ) -> c_int;
    pub fn df_pipeline_leftovers(p: *mut df_pipeline, age_us: i64, each: df_leftover_fn, user: *mut c_void) -> c_int;
    pub fn df_stage_describe(st: *const df_stage, ret: *mut df_stage_info) -> c_int;
    pub fn df_stage_user(st: *const df_stage) -> *mut c_void;
    pub fn df_stage_limits(st: *mut df_stage, limits: *const df_limits) -> c_int;
    pub fn df_stage_traits(st: *mut df_stage, set: c_uint, clear: c_uint) -> c_int;
    pub fn df_stage_connected(st: *mut df_stage, connected: c_int);
    pub fn df_stage_waits(st: *mut df_stage, what: *const c_char);
    pub fn df_stage_fail(st: *mut df_stage, status: c_int, reason: *const c_char, text: *const c_char) -> c_int;
    pub fn df_stage_problem(st: *mut df_stage, severity: c_int, option: *const c_char, text: *const c_char) -> c_int;
    pub fn df_stage_path(st: *mut df_stage, option: *const c_char, text: df_bytes) -> *const df_path;
    pub fn df_stage_parents(
        st: *mut df_stage,
        path: *const df_path,
        ret_paths: *mut *mut *const df_path,
        ret_count: *mut usize,
    ) -> c_int;
    pub fn df_stage_value(st: *mut df_stage, option: *const c_char, text: df_bytes, ret: *mut df_value) -> c_int;
    pub fn df_stage_route(st: *const df_stage, exit: c_int) -> *const c_char;
    pub fn df_stage_retry_after(st: *mut df_stage, delay_ms: c_int);
    pub fn df_stage_log(st: *mut df_stage, level: c_int, text: *const c_char);
    pub fn df_stage_stopping(st: *const df_stage) -> c_int;
    pub fn df_stage_wait(st: *mut df_stage, fd: c_int, events: c_short, timeout_ms: c_int) -> c_int;
    pub fn df_stage_wake(st: *mut df_stage);
    pub fn df_stage_alloc(st: *mut df_stage, size: usize) -> *mut c_void;
    pub fn df_stage_realloc(st: *mut df_stage, old: *mut c_void, len: usize) -> *mut c_void;
    pub fn df_stage_now(st: *const df_stage) -> i64;
    pub fn df_stage_clock_us(st: *const df_stage) -> i64;
    pub fn df_stage_metric(st: *mut df_stage, index: usize, value: f64);
    pub fn df_stage_metric_of(st: *mut df_stage, index: usize, of: *const c_char, value: f64);
    pub fn df_stage_charge(st: *mut df_stage, bytes: i64);
    pub fn df_secret_get(secret: *mut df_secret, st: *mut df_stage, ret: *mut df_bytes) -> c_int;
    pub fn df_stage_file(st: *mut df_stage, path: *const c_char) -> c_int;
    pub fn df_stage_hide(st: *mut df_stage, text: df_bytes) -> c_int;
    pub fn df_partition_open(st: *mut df_stage, name: *const c_char, ret: *mut *mut df_partition) -> c_int;
    pub fn df_partition_number(part: *const df_partition) -> u32;
    pub fn df_partition_position(part: *const df_partition, ret: *mut df_position) -> c_int;
    pub fn df_partition_meta(part: *mut df_partition, name: *const c_char, value: *const df_value) -> c_int;
    pub fn df_partition_schema(part: *mut df_partition, schema: *const df_schema);
    pub fn df_partition_end(st: *mut df_stage, part: *mut df_partition) -> c_int;
    pub fn df_partition_owner(part: *mut df_partition, token: df_bytes) -> c_int;
    pub fn df_partition_lag(part: *mut df_partition, lag: *const df_lag);
    pub fn df_partition_close(st: *mut df_stage, part: *mut df_partition, how: c_int) -> c_int;
    pub fn df_batch_room(b: *const df_batch) -> usize;
    pub fn df_batch_add(b: *mut df_batch, r#in: *const df_input, ret_record: *mut *mut df_record) -> c_int;
    pub fn df_batch_mark(b: *mut df_batch, part: *const df_partition, position: df_bytes) -> c_int;
    pub fn df_batch_alloc(b: *mut df_batch, size: usize) -> *mut c_void;
    pub fn df_parcel_attempt(parcel: *const df_parcel) -> c_int;
    pub fn df_parcel_positions(parcel: *const df_parcel, ret_count: *mut usize) -> *const df_position;
    pub fn df_parcel_range(parcel: *mut df_parcel, ret_count: *mut usize) -> *const df_range;
    pub fn df_parcel_alloc(parcel: *mut df_parcel, size: usize) -> *mut c_void;
    pub fn df_parcel_slot(parcel: *mut df_parcel) -> *mut *mut c_void;
    pub fn df_stage_settle(st: *mut df_stage, parcel: *mut df_parcel, status: c_int);
    pub fn df_stage_current(st: *mut df_stage, parcel: *const df_parcel) -> c_int;
}
