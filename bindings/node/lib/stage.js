// SPDX-License-Identifier: Apache-2.0
// Sources and sinks of the program. A thread of the library tells what is to be done (see src/stage.c) and sleeps until
// it has an answer; what one object is asked runs one after the other, however long its promises take.
'use strict';
const { native, DataflowError, Reject, bytes, checkRow, named, wrong } = require('./common');

const OPEN = 1, READ = 2, ACK = 3, SEEK = 4, WRITE = 5, CLOSE = 6, WAKE = 7, PARTITION = 8; // as in src/stage.c
const DONE = Symbol('DONE'), AGAIN = Symbol('AGAIN');
// DF_OPT_... and traits of dataflow_ext.h
const TYPES = { text: 1, bool: 3, int: 4, double: 5, size: 6, duration: 7, any: 14 };
const CAN_REPLAY = 1, IS_IDEMPOTENT = 4, IS_LINE = 16;

/** Thrown by a source or a sink: its connection is lost. It is closed; after a pause a new object is opened. */
class Retry extends Error {
  constructor(text, options) {
    super(text, options);
    this.name = 'Retry';
  }
}

/** A source: `open(stage)`, `read(batch, timeout)`, `ack(positions)`, `seek(partition, position)`, `close()`, all but read
 * may be left out, each may answer a promise. With `seek` it can go back; `static line = true`: it has no positions. */
class Source {
  constructor(options) {
    Object.assign(this, options);
  }
}

/** A sink: `open(stage)`, `write(parcel)`, `close()`. `static idempotent = true`: the same record twice is once. */
class Sink {
  constructor(options) {
    Object.assign(this, options);
  }
}

/** One ordered part of a source; `position`: where to go on, a Buffer, or null at the first start. */
class Partition {
  constructor(name, index, position) {
    this.name = name;
    this.index = index;
    this.position = position;
  }
}

/** What a source or a sink knows of the flow around it. */
class Stage {
  #work;
  constructor(work) {
    this.#work = work;
  }
  /** Opens a partition, in open or in read. */
  partition(name) {
    return this.#work.partition(named('the name of a partition', name));
  }
  /** So many milliseconds, or less: the flow has something else for it, which comes when it returns. */
  wait(milliseconds) {
    return this.#work.wait(milliseconds);
  }
}

/** Where a read puts its records; they are taken over when it has returned. */
class Batch {
  items = [];
  /** Bytes that are still welcome; 0: add nothing more. */
  room;
  constructor(room) {
    this.room = room;
  }
  add(partition, record) {
    checkRow(record);
    this.items.push([partition.index, record]);
    const { payload = record, key } = typeof record === 'object' ? record : {};
    this.room = Math.max(0, this.room - (payload?.length ?? 0) - (key?.length ?? 0));
  }
  /** Resuming at this position reads nothing again that was added to the partition so far. */
  mark(partition, position) {
    if (position === null) throw wrong('a position is a Buffer or a string');
    this.items.push([partition.index, undefined, bytes('a position', position)]);
  }
}

/** The records of a write: copies. */
class Given {
  #work;
  #turn;
  constructor(work, turn, records) {
    this.#work = work;
    this.#turn = turn;
    this.records = records;
  }
  /** The record of that index can never pass: it goes to the error sink. No value of it belongs in the text. */
  reject(index, text) {
    if (!Number.isInteger(index) || index < 0 || index >= this.records.length) throw wrong(`there is no record ${index}`);
    native.stageReject(this.#work.task, this.#turn, index, String(text));
  }
}

// What a failure is for the flow: the name of a status, the text, a reason.
function failure(error) {
  if (error instanceof Reject) return ['DF_EDATA', error.message, error.reason];
  if (error instanceof Retry || typeof error?.syscall === 'string') return ['DF_EIO', error.message];
  if (error instanceof DataflowError) return [error.code, error.message];
  return ['DF_EINTERNAL', String(error)];
}

// One object of a class of the program, and what it was asked.
class Work {
  task;
  #kind;
  #failed;
  #pipeline;
  #options;
  #it = null;
  #stage = new Stage(this);
  #tail = Promise.resolve();
  #opens = Promise.resolve(); // partitions, one after the other
  #turn = 0; // the one that runs
  #opened = null;
  #waits = new Set(); // what ends a wait
  #ends = false;
  constructor(kind, failed, { task, pipeline, options }) {
    this.task = task;
    this.#kind = kind;
    this.#failed = failed;
    this.#pipeline = pipeline;
    this.#options = options;
  }
  // ---- for the stage ----
  partition(name) {
    const turn = this.#turn;
    const mine = this.#opens.then(() => new Promise((resolve, reject) => {
      this.#opened = ({ index, position }) => resolve(new Partition(name, index, position));
      this.#opened.fails = () => reject(new DataflowError('DF_ECANCELED', 'the partition cannot be opened now'));
      if (this.#ends || !native.stagePartition(this.task, turn, name)) this.#opened.fails();
    }));
    this.#opens = mine.catch(() => {});
    return mine;
  }
  wait(milliseconds) {
    if (this.#ends) return Promise.resolve();
    return new Promise((resolve) => {
      const over = () => {
        clearTimeout(timer);
        this.#waits.delete(over);
        resolve();
      };
      const timer = setTimeout(over, milliseconds);
      this.#waits.add(over);
    });
  }
  // ---- for the library ----
  told(op, turn, about) {
    if (op === WAKE) this.#wake();
    else if (op === PARTITION) this.#opened?.(about);
    else {
      if (op === CLOSE) this.#end();
      this.#tail = this.#tail.then(() => this.#answer(op, turn, about));
    }
  }
  // What waits for the library waits no more.
  #end() {
    this.#ends = true;
    this.#opened?.fails();
    this.#wake();
  }
  #wake() {
    for (const over of this.#waits) over();
  }
  async #answer(op, turn, about) {
    this.#turn = turn;
    try {
      native.stageAnswer(this.task, turn, await this.#run(op, turn, about));
    } catch (error) {
      const said = failure(error);
      if (op !== ACK && op !== CLOSE && said[0] !== 'DF_EIO') this.#failed(this.#pipeline, said[0], error);
      native.stageAnswer(this.task, turn, ...said);
    }
  }
  async #run(op, turn, about) {
    switch (op) {
      case OPEN:
        this.#it = new this.#kind(this.#options);
        return this.#nothing(await this.#it.open?.(this.#stage));
      case READ: {
        const batch = new Batch(about.room);
        try {
          return this.#word(await this.#it.read(batch, about.timeout), DONE);
        } finally { // what came before a failure, too
          native.stageAdd(this.task, turn, batch.items);
        }
      }
      case ACK:
        return this.#nothing(await this.#it.ack?.(about));
      case SEEK:
        return this.#nothing(await this.#it.seek(about[0].partition, about[0].position));
      case WRITE:
        return this.#word(await this.#it.write(new Given(this, turn, about)), null);
      default:
        return this.#nothing(await this.#it?.close?.());
    }
  }
  #nothing() {}
  #word(said, done) {
    if (said === undefined) return undefined;
    if (said === AGAIN) return false;
    if (said === done) return true;
    throw new TypeError(`it answered ${typeof said}: nothing${done ? ', DONE' : ''} or AGAIN is expected`);
  }
}

// { name: 'int' } or { name: { type, default, doc, required } } as rows for the library.
function rows(options) {
  const names = Object.keys(options);
  if (names.length > 32) throw wrong('a class has at most 32 options');
  return names.map((name) => {
    const option = typeof options[name] === 'string' ? { type: options[name] } : options[name];
    const type = TYPES[option.type];
    if (type === undefined) throw wrong(`option ${name}: its type is one of ${Object.keys(TYPES).join(', ')}`);
    return [name, type, option.default === undefined ? undefined : String(option.default), option.doc || name, Boolean(option.required)];
  });
}

// Makes a class known to the env; `failed` gets what an operation threw that is not tried again.
function connector(env, name, kind, sink, failed) {
  if (typeof kind.prototype[sink ? 'write' : 'read'] !== 'function') throw wrong(`${name} has no ${sink ? 'write' : 'read'}`);
  const options = rows(kind.options || {});
  const json = options.filter(([, type]) => type === TYPES.any).map(([option]) => option);
  let flags = kind.prototype.seek ? CAN_REPLAY : 0;
  if (sink) flags = kind.idempotent ? IS_IDEMPOTENT : 0;
  else if (kind.line) flags = IS_LINE;
  const works = new Map();
  native.stageKind(env, { name, doc: kind.doc || 'A class of the program.', sink, options, flags }, (key, op, turn, about) => {
    if (op === OPEN) {
      for (const option of json) if (about.options[option] !== undefined) about.options[option] = JSON.parse(about.options[option]);
      works.set(key, new Work(kind, failed, about));
    }
    const work = works.get(key);
    if (!work) return false;
    work.told(op, turn, about);
    if (op === CLOSE) works.delete(key);
    return true;
  });
}

module.exports = { AGAIN, DONE, Retry, Sink, Source, connector };
