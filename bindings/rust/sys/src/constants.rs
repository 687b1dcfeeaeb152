// SPDX-License-Identifier: Apache-2.0

//! The enumerations of the headers.
use std::os::raw::c_int;

pub const DF_V_ABSENT: c_int = 0;
pub const DF_V_UNCHANGED: c_int = 1;
pub const DF_V_NULL: c_int = 2;
pub const DF_V_BOOL: c_int = 3;
pub const DF_V_INT: c_int = 4;
pub const DF_V_NUMBER: c_int = 5;
pub const DF_V_DOUBLE: c_int = 6;
pub const DF_V_STRING: c_int = 7;
pub const DF_V_BYTES: c_int = 8;
pub const DF_V_TIMESTAMP: c_int = 9;
pub const DF_V_DATE: c_int = 10;
pub const DF_V_TIME: c_int = 11;
pub const DF_V_ARRAY: c_int = 12;
pub const DF_V_OBJECT: c_int = 13;
pub const DF_OK: c_int = 0;
pub const DF_AGAIN: c_int = 1;
pub const DF_DONE: c_int = 2;
pub const DF_DROP: c_int = 3;
pub const DF_PENDING: c_int = 4;
pub const DF_ABSORBED: c_int = 5;
pub const DF_MORE: c_int = 6;
pub const DF_EIO: c_int = -1;
pub const DF_ETIMEOUT: c_int = -2;
pub const DF_EUNKNOWN: c_int = -3;
pub const DF_EDATA: c_int = -4;
pub const DF_ETOOBIG: c_int = -5;
pub const DF_EREWIND: c_int = -6;
pub const DF_EFENCED: c_int = -7;
pub const DF_EAUTH: c_int = -8;
pub const DF_ENOMEM: c_int = -9;
pub const DF_EINVAL: c_int = -10;
pub const DF_ESTATE: c_int = -11;
pub const DF_ENOTFOUND: c_int = -12;
pub const DF_EEXISTS: c_int = -13;
pub const DF_ESPEC: c_int = -14;
pub const DF_ENOTSUP: c_int = -15;
pub const DF_ECANCELED: c_int = -16;
pub const DF_EREJECTED: c_int = -17;
pub const DF_ETEMPORARY: c_int = -18;
pub const DF_EINTERNAL: c_int = -19;

pub const DF_FATE_NONE: c_int = 0;
pub const DF_FATE_RETRY: c_int = 1;
pub const DF_FATE_RESOLVE: c_int = 2;
pub const DF_FATE_REJECT: c_int = 3;
pub const DF_FATE_SPLIT: c_int = 4;
pub const DF_FATE_REWIND: c_int = 5;
pub const DF_FATE_RELEASE: c_int = 6;
pub const DF_FATE_STOP: c_int = 7;

pub const DF_REF_ENV: c_int = 1;
pub const DF_REF_FILE: c_int = 2;
pub const DF_REF_SECRET: c_int = 3;

pub const DF_LOG_ERROR: c_int = 1;
pub const DF_LOG_WARN: c_int = 2;
pub const DF_LOG_INFO: c_int = 3;
pub const DF_LOG_DEBUG: c_int = 4;

pub const DF_SOURCE: c_int = 1;
pub const DF_TRANSFORM: c_int = 2;
pub const DF_SINK: c_int = 3;
pub const DF_ERROR_SINK: c_int = 4;

pub const DF_ERROR: c_int = 1;
pub const DF_WARNING: c_int = 2;

pub const DF_REPORT_PLAN: c_int = 1;
pub const DF_REPORT_STATUS: c_int = 2;
pub const DF_REPORT_REFS: c_int = 3;
pub const DF_REPORT_POSITIONS: c_int = 4;

pub const DF_EVENT_STATE: c_int = 1;
pub const DF_EVENT_RETRY: c_int = 2;
pub const DF_EVENT_RECOVERED: c_int = 3;
pub const DF_EVENT_REJECT: c_int = 4;
pub const DF_EVENT_LOST: c_int = 5;

pub const DF_STOP_DRAIN: c_int = 1;
pub const DF_STOP_NOW: c_int = 2;

pub const DF_OP_NONE: c_int = 0;
pub const DF_OP_INSERT: c_int = 1;
pub const DF_OP_UPDATE: c_int = 2;
pub const DF_OP_DELETE: c_int = 3;
pub const DF_OP_TRUNCATE: c_int = 4;

pub const DF_FEED: c_int = 1;
pub const DF_TAKE: c_int = 2;
pub const DF_TAP: c_int = 3;

pub const DF_FIELD_KEY: c_int = 1;
pub const DF_FIELD_NOT_NULL: c_int = 2;

pub const DF_COUNTER: c_int = 1;
pub const DF_GAUGE: c_int = 2;
pub const DF_HISTOGRAM: c_int = 3;

pub const DF_CAN_REPLAY: c_int = 1;
pub const DF_CAN_EXACTLY_ONCE: c_int = 2;
pub const DF_IS_IDEMPOTENT: c_int = 4;
pub const DF_HOLDS_POSITION: c_int = 8;
pub const DF_IS_LINE: c_int = 16;
pub const DF_COMMITS_FOR_SOURCE: c_int = 32;
pub const DF_VARIES: c_int = 64;
pub const DF_TAKES_ERRORS: c_int = 128;
pub const DF_CAN_SLEEP: c_int = 256;
pub const DF_IS_SHARED: c_int = 512;
pub const DF_OVERLAPS: c_int = 1024;

pub const DF_HOLDER_NONE: c_int = 0;
pub const DF_HOLDER_SOURCE: c_int = 1;
pub const DF_HOLDER_STORE: c_int = 2;
pub const DF_HOLDER_SINK: c_int = 3;
pub const DF_HOLDER_SINK_FOR_SOURCE: c_int = 4;

pub const DF_PARTITION_FINISH: c_int = 1;
pub const DF_PARTITION_LOST: c_int = 2;

pub const DF_OPT_TEXT: c_int = 1;
pub const DF_OPT_SECRET: c_int = 2;
pub const DF_OPT_BOOL: c_int = 3;
pub const DF_OPT_INT: c_int = 4;
pub const DF_OPT_DOUBLE: c_int = 5;
pub const DF_OPT_SIZE: c_int = 6;
pub const DF_OPT_DURATION: c_int = 7;
pub const DF_OPT_ENUM: c_int = 8;
pub const DF_OPT_PATH: c_int = 9;
pub const DF_OPT_CONDITION: c_int = 10;
pub const DF_OPT_LIST: c_int = 11;
pub const DF_OPT_MAP: c_int = 12;
pub const DF_OPT_BLOCK: c_int = 13;
pub const DF_OPT_ANY: c_int = 14;
pub const DF_OPT_STAGE: c_int = 15;
pub const DF_OPT_REQUIRED: c_int = 1;
pub const DF_OPT_REF: c_int = 2;
pub const DF_OPT_DEPRECATED: c_int = 4;
pub const DF_OPT_LATER: c_int = 8;
pub const DF_OPT_HOST: c_int = 16;
pub const DF_OPT_IDENTITY: c_int = 32;
pub const DF_OPT_LITERAL: c_int = 64;
pub const DF_OPT_PARTS: c_int = 128;
