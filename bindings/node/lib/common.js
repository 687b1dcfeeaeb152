// SPDX-License-Identifier: Apache-2.0
// What the files of lib/ share: the addon, errors, and checks of arguments.
'use strict';
const native = require('./dataflow.node');

/** A call that failed: `code` is "DF_EIO", ..., `problems` are those of a manifest, `cause` is the program's own error. */
class DataflowError extends Error {
  constructor(code, text) {
    super(text);
    this.name = 'DataflowError';
    this.code = code;
    this.problems = [];
  }
}
native.setError(DataflowError);

/** Thrown by a transform: the record goes to the error sink. No value of it belongs in the text. */
class Reject extends Error {
  constructor(text, reason) {
    super(text);
    this.name = 'Reject';
    this.reason = reason;
  }
}

function wrong(text) {
  return new DataflowError('DF_EINVAL', text);
}

function named(what, value) {
  if (typeof value !== 'string' || value.includes('\0')) throw wrong(`${what} is a string without NUL`);
  return value;
}

// Null is a tombstone or no key, and has to be said: what is forgotten must not become one.
function bytes(what, value) {
  if (value !== null && typeof value !== 'string' && !(value instanceof Uint8Array)) throw wrong(`${what} is a Buffer, a string or null`);
  return value;
}

// What is forgotten is 0; what is no integer must not become one.
function integer(what, value) {
  if (value !== undefined && !Number.isSafeInteger(value)) throw wrong(`${what} is an integer, and no BigInt`);
}

function checkRow(row) {
  if (typeof row === 'string' || row instanceof Uint8Array) return;
  if (row === null || typeof row !== 'object') throw wrong('a record is a Buffer, a string or an object with a payload');
  bytes('a payload', row.payload);
  if (row.key !== undefined) bytes('a key', row.key);
  integer('timeUs', row.timeUs);
  integer('offset', row.offset);
  if (row.headers === undefined) return;
  if (!Array.isArray(row.headers)) throw wrong('headers are an array of [name, value]');
  for (const header of row.headers) {
    if (!Array.isArray(header)) throw wrong('headers are an array of [name, value]');
    named('the name of a header', header[0]);
    bytes('the value of a header', header[1]);
  }
}

module.exports = { native, DataflowError, Reject, bytes, checkRow, integer, named, wrong };
