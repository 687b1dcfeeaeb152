// SPDX-License-Identifier: Apache-2.0
// libdataflow for Node: see README.md. src/ makes calls that never wait; here they become promises and iterators.
'use strict';
const { randomUUID } = require('node:crypto');
const { native, DataflowError, Reject, bytes, checkRow, integer, named, wrong } = require('./common');
const { AGAIN, DONE, Retry, Sink, Source, connector } = require('./stage');

const LEVELS = { error: 1, warn: 2, info: 3, debug: 4 };
const FEED = 1, TAKE = 2, TAP = 3;
const MOST_PATHS = 1000;
const REPORTS = { plan: 1, status: 2, refs: 3, positions: 4 };

// JSON with integers of any size: those that a number does not have exactly are a BigInt. In the text that JSON.parse and
// JSON.stringify see they are strings that begin with MARK, which nobody else can know.
const MARK = randomUUID();
const TOKEN = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
const MARKED = new RegExp(`"${MARK}(-?\\d+)"`, 'g');

function parse(text) {
  if (!/\d{16}/.test(text)) return JSON.parse(text);
  const mark = (token) => (/^-?\d{16,}$/.test(token) && !Number.isSafeInteger(Number(token)) ? `"${MARK}${token}"` : token);
  return JSON.parse(text.replace(TOKEN, mark), (_, value) => (typeof value === 'string' && value.startsWith(MARK) ? BigInt(value.slice(MARK.length)) : value));
}

function stringify(value) {
  let marked = false;
  const text = JSON.stringify(value, (_, v) => {
    if (typeof v !== 'bigint') return v;
    marked = true;
    return `${MARK}${v}`;
  });
  return marked ? text.replace(MARKED, '$1') : text;
}

// A descriptor of the library: the promise of `wait` ends when it is readable.
class Watch {
  #watch;
  #resolve = null;
  #closed = false;
  #wake = () => {
    const resolve = this.#resolve;
    this.#resolve = null;
    if (resolve) resolve();
  };
  constructor(fd) {
    this.#watch = native.watchNew(fd, this.#wake);
  }
  wait() { // one waits at a time
    if (this.#closed) return Promise.resolve();
    return new Promise((resolve) => {
      this.#resolve = resolve;
      native.watchStart(this.#watch);
    });
  }
  hold(on) {
    native.watchRef(this.#watch, on);
  }
  close() {
    this.#closed = true;
    native.watchClose(this.#watch);
    this.#wake();
  }
}

/** The record of a transform, as long as its function runs. */
class Record {
  #env;
  #cursor;
  constructor(env, cursor) {
    this.#env = env;
    this.#cursor = cursor;
  }
  static end(record) {
    record.#cursor = null;
  }
  #use() {
    if (!this.#cursor) throw new DataflowError('DF_ESTATE', 'the record is used after its transform returned');
    return this.#cursor;
  }
  get(path) {
    const cursor = this.#use();
    return this.#env.path(path, (compiled) => native.recordGet(cursor, compiled, parse));
  }
  set(path, value) {
    const cursor = this.#use();
    this.#env.path(path, (compiled) => this.#put(cursor, compiled, value));
  }
  #put(cursor, compiled, value) {
    switch (typeof value) {
      case 'bigint':
        return native.recordSetJson(cursor, compiled, value.toString());
      case 'number':
      case 'string':
      case 'undefined':
        return native.recordSet(cursor, compiled, value);
      case 'object':
        if (value instanceof Date || value instanceof Uint8Array) return native.recordSet(cursor, compiled, value);
    }
    const json = stringify(value);
    if (json === undefined) throw wrong('a function or a symbol is no value');
    return native.recordSetJson(cursor, compiled, json);
  }
  remove(path) {
    const cursor = this.#use();
    this.#env.path(path, (compiled) => native.recordSet(cursor, compiled, undefined));
  }
  meta(name) {
    return native.recordMeta(this.#use(), named('a name of metadata', name));
  }
  get payload() {
    return native.recordBytes(this.#use(), 0);
  }
  set payload(value) {
    native.recordSetBytes(this.#use(), 0, bytes('a payload', value));
  }
  get key() {
    return native.recordBytes(this.#use(), 1);
  }
  set key(value) {
    native.recordSetBytes(this.#use(), 1, bytes('a key', value));
  }
}

/** The library in this thread: its connectors, the functions of the program, its log. */
class Env {
  #env;
  #paths = new Map();
  #refused = new Map(); // number of a pipeline: the first error of a function in it
  #failed = new Map(); // the same of an operation of a source or a sink, with its status
  #last = 0;
  constructor({ log, logLevel = 'warn', modulePath } = {}) {
    if (!(logLevel in LEVELS)) throw wrong(`logLevel is one of ${Object.keys(LEVELS).join(', ')}`);
    const names = Object.keys(LEVELS);
    this.#env = native.envNew(LEVELS[logLevel], modulePath, log && ((level, line) => log(names[level - 1], line)));
  }
  /** Makes `- type: NAME` of manifests a function of this program. */
  transform(name, call) {
    if (typeof call !== 'function') throw wrong('a transform is a function');
    const refuse = (cursor, id, error) => {
      if (error instanceof Reject) {
        native.recordReject(cursor, String(error.message), error.reason === undefined ? undefined : String(error.reason));
        return;
      }
      native.recordReject(cursor, `an error of the transform ${name}`); // its text may hold values of the record
      if (this.#refused.get(id) === undefined) this.#refused.set(id, error);
    };
    native.transform(this.#env, named('the name of a transform', name), (cursor, id) => {
      while (native.recordNext(cursor)) {
        const record = new Record(this, cursor);
        try {
          const answer = call(record);
          if (answer === false) native.recordDrop(cursor);
          else if (answer && typeof answer.then === 'function') {
            Promise.resolve(answer).catch(() => {});
            throw new TypeError(`the transform ${name} answers a promise: it has to be done when it returns`);
          }
        } catch (error) {
          refuse(cursor, id, error);
        } finally {
          Record.end(record);
        }
      }
    });
  }
  /** Makes `source: {type: NAME}` of manifests a class of this program. */
  source(name, kind) {
    if (!(kind?.prototype instanceof Source)) throw wrong('a source is a class that extends Source');
    this.#connector(name, kind, false);
  }
  /** The same of sinks. */
  sink(name, kind) {
    if (!(kind?.prototype instanceof Sink)) throw wrong('a sink is a class that extends Sink');
    this.#connector(name, kind, true);
  }
  #connector(name, kind, sink) {
    connector(this.#env, named('the name of a source or a sink', name), kind, sink, (id, code, error) => {
      if (!this.#failed.has(id)) this.#failed.set(id, { code, error });
    });
  }
  // Compiled once, or, of one too many, for this call: paths that a program makes of its records' values take no more
  // memory for ever new ones.
  path(text, use) {
    const known = this.#paths.get(text);
    if (known) return use(known);
    const made = native.pathNew(this.#env, named('a path', text));
    if (this.#paths.size < MOST_PATHS) {
      this.#paths.set(text, made);
      return use(made);
    }
    try {
      return use(made);
    } finally {
      native.pathFree(this.#env, made);
    }
  }
  /** Every connector and transform with its options. */
  describe() {
    return JSON.parse(native.describe(this.#env));
  }
  /** Metrics of all pipelines in the text format of Prometheus. */
  metrics() {
    return native.metrics(this.#env);
  }
  // For Pipeline.
  open(options) {
    const id = ++this.#last;
    return [id, native.pipelineNew(this.#env, { ...options, id })];
  }
  takeCause(id, code) {
    const failed = this.#failed.get(id);
    const cause = failed && failed.code === code ? failed.error : code === 'DF_EREJECTED' ? this.#refused.get(id) : undefined;
    this.#refused.delete(id);
    this.#failed.delete(id);
    return cause;
  }
}

let shared;
function defaultEnv() {
  return (shared ??= new Env());
}

const running = new Set(); // flows that run are not collected

/** A flow, which runs once. */
class Pipeline {
  #env;
  #id;
  #pipeline;
  #watch = null;
  #ended = null;
  #onEvent;
  constructor(manifest, { env = defaultEnv(), name, file, stateDir, resolve = false, memoryLimit = 0, showValues = false, onEvent } = {}) {
    if (stateDir !== undefined && name === undefined) throw wrong('a pipeline with a stateDir needs a name');
    for (const text of [name, file, stateDir]) if (text !== undefined) named('an option', text);
    integer('memoryLimit', memoryLimit);
    this.#env = env;
    this.#onEvent = onEvent;
    [this.#id, this.#pipeline] = env.open({ name, stateDir, resolve, memoryLimit, showValues });
    try {
      this.#call(() => native.pipelineLoad(this.#pipeline, String(manifest), file));
    } catch (error) {
      native.pipelineFree(this.#pipeline);
      throw error;
    }
  }
  /** Loads a manifest, in YAML or JSON; the error of a wrong one has all its problems. */
  static fromYaml(manifest, options) {
    return new Pipeline(manifest, options);
  }
  #use() {
    if (!this.#pipeline) throw new DataflowError('DF_ESTATE', 'the pipeline is closed');
    return this.#pipeline;
  }
  #call(call) {
    try {
      return call();
    } catch (error) {
      if (error.code === 'DF_ESPEC') error.problems = native.pipelineProblems(this.#pipeline);
      throw error;
    }
  }
  /** Looks at the whole flow without connecting anything. */
  check() {
    this.#use();
    this.#call(() => native.pipelineCheck(this.#pipeline));
  }
  /** Starts it and waits for its end. */
  async run(options) {
    this.start(options);
    return this.wait();
  }
  /** Begins the run; sources and sinks connect later, and their failure is the result of wait(). */
  start(options = {}) {
    this.#use();
    integer('limit', options.limit);
    this.#call(() => native.pipelineStart(this.#pipeline, options));
    this.#watch = new Watch(native.pipelineFd(this.#pipeline));
    running.add(this);
    this.#ended = this.#follow();
    this.#ended.catch(() => {}); // told to those who wait
  }
  async #follow() {
    let failed = null; // an onEvent that throws stops the run and is its error
    try {
      for (;;) {
        const event = native.pipelineEvent(this.#pipeline);
        if (event === null) break;
        if (event === undefined) await this.#watch.wait();
        else if (this.#onEvent && !failed) {
          try {
            this.#onEvent(event);
          } catch (error) {
            failed = error ?? wrong('onEvent threw nothing');
            native.pipelineStop(this.#pipeline, false);
          }
        }
      }
      native.pipelineResult(this.#pipeline);
      if (failed) throw failed;
    } catch (error) {
      const cause = this.#env.takeCause(this.#id, error.code);
      if (cause !== undefined && error instanceof DataflowError) error.cause = cause;
      throw error;
    } finally {
      this.#env.takeCause(this.#id);
      this.#watch.close();
      running.delete(this);
    }
  }
  /** The end of the run. */
  wait() {
    if (!this.#ended) return Promise.reject(new DataflowError('DF_ESTATE', 'the pipeline was not started'));
    return this.#ended;
  }
  /** Asks the run to end and returns at once; `now`: what is not delivered is read again next time. */
  stop({ now = false } = {}) {
    if (this.#pipeline) native.pipelineStop(this.#pipeline, now);
  }
  /** Whether a run keeps the process, as it does at first. */
  ref() {
    this.#watch?.hold(true);
    return this;
  }
  unref() {
    this.#watch?.hold(false);
    return this;
  }
  /** Stops it now when it runs, and frees it. */
  async close() {
    if (!this.#pipeline) return;
    this.stop({ now: true });
    await this.#ended?.catch(() => {});
    if (this.#pipeline) native.pipelineFree(this.#pipeline);
    this.#pipeline = null;
  }
  stats() {
    return native.pipelineStats(this.#use());
  }
  /** "plan", "status", "refs", "positions": as `dfproc explain` and `status` have them. */
  report(what) {
    if (!(what in REPORTS)) throw wrong(`a report is one of ${Object.keys(REPORTS).join(', ')}`);
    return JSON.parse(native.report(this.#use(), REPORTS[what]));
  }
  /** The end of a source of type `host`. */
  feed(stage = 'source') {
    return new Feed(native.portOpen(this.#use(), named('a stage', stage), FEED));
  }
  /** The end of a sink of type `host`. */
  take(stage = 'sink') {
    return new Take(native.portOpen(this.#use(), named('a stage', stage), TAKE));
  }
  /** Watches what leaves a stage; it never slows the flow, and loses what does not fit. */
  tap(stage) {
    return new Take(native.portOpen(this.#use(), named('a stage', stage), TAP));
  }
}

// One end of a pipeline: calls of it take turns, and those that wait hold the process.
class Port {
  port;
  #watch;
  #turn = Promise.resolve();
  constructor(port) {
    this.port = port;
    this.#watch = new Watch(native.portFd(port));
  }
  open() {
    if (!this.port) throw new DataflowError('DF_ESTATE', 'the port is closed');
    return this.port;
  }
  readable() {
    return this.#watch.wait();
  }
  inTurn(call) {
    const mine = this.#turn.then(call);
    this.#turn = mine.catch(() => {});
    return mine;
  }
  /** The end of it. */
  close() {
    if (!this.port) return;
    this.#watch.close();
    native.portClose(this.port);
    this.port = null;
  }
}

/** Pushes records into a pipeline. */
class Feed extends Port {
  /** Hands over one record or an array of them, in order, and waits for room. A record is a Buffer, a string, or
   * {payload, key, headers: [[name, value]], timeUs, offset}. */
  push(records) {
    const rows = Array.isArray(records) ? [...records] : [records];
    rows.forEach(checkRow);
    return this.inTurn(async () => {
      for (let at = 0; at < rows.length;) {
        const taken = native.portPush(this.open(), rows, at);
        if (taken === null) throw new DataflowError('DF_ESTATE', 'the pipeline has ended');
        at += taken;
        if (!taken) await this.readable();
      }
    });
  }
  /** How many records, counted from the first one, are delivered without a gap. */
  acked() {
    return native.portAcked(this.open());
  }
}

/** Records that are settled together. */
class Parcel {
  #parcel;
  #from; // collected, it would be closed, and this given back
  constructor(from, parcel, records) {
    this.#from = from;
    this.#parcel = parcel;
    this.records = records;
  }
  /** They are durable: the source's position may move over them. */
  ack() {
    native.parcelSettle(this.#parcel, 0);
  }
  /** Once more, please. */
  retry() {
    native.parcelSettle(this.#parcel, 1);
  }
  /** All of them go to the error sink. */
  reject() {
    native.parcelSettle(this.#parcel, 2);
  }
}

/** Takes records out of a pipeline: `for await (const parcel of take)`. */
class Take extends Port {
  /** The next parcel; null: the pipeline has ended. */
  next() {
    return this.inTurn(async () => {
      for (;;) {
        const taken = native.portTake(this.open());
        if (taken === null) return null;
        if (taken !== undefined) return new Parcel(this, ...taken);
        await this.readable();
      }
    });
  }
  async *[Symbol.asyncIterator]() {
    for (let parcel; (parcel = await this.next()) !== null;) yield parcel;
  }
}

module.exports = { AGAIN, DONE, DataflowError, Env, Pipeline, Reject, Retry, Sink, Source, version: native.version };
