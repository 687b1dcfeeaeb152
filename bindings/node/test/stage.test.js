// SPDX-License-Identifier: Apache-2.0
// Sources and sinks of the program.
'use strict';
const assert = require('node:assert/strict');
const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { test } = require('node:test');
const { Worker } = require('node:worker_threads');
const { AGAIN, DONE, DataflowError, Env, Pipeline, Reject, Retry, Sink, Source } = require('..');

/** Counts up to `end`, from where it was. */
class Count extends Source {
  static options = { end: 'int' };
  static acked = null;
  async open(stage) {
    this.stage = stage;
    this.part = await stage.partition('numbers');
    this.next = Number(this.part.position ?? 0);
  }
  async read(batch) {
    while (batch.room > 0 && this.next < this.end) {
      batch.add(this.part, { payload: String(this.next++), key: 'k', headers: [['h', 'v']] });
      batch.mark(this.part, String(this.next));
    }
    return this.next < this.end ? undefined : DONE;
  }
  ack(positions) {
    assert.equal(positions[0].partition, 'numbers');
    Count.acked = Number(positions[0].position);
  }
  seek(partition, position) {
    this.next = Number(position);
  }
}

// An env with Count, and a sink whose write is the function; its `this` is the object of the sink.
function setUp(write, more = {}) {
  const env = new Env();
  env.source('count', Count);
  class Own extends Sink {}
  Object.assign(Own.prototype, { write, ...more });
  env.sink('own', Own);
  return env;
}

function manifest(end, errors = '') {
  return `{source: {type: count, config: {end: ${end}}}, sink: {type: own}${errors}}`;
}

async function run(env, text, options = {}) {
  const flow = new Pipeline(text, { env, ...options });
  try {
    await flow.run({ untilExhausted: true });
    return flow.stats();
  } finally {
    await flow.close();
  }
}

function numbers(parcel) {
  return parcel.records.map((record) => Number(record.payload));
}

test('a source and a sink', async () => {
  const got = [], opened = [];
  let calls = 0;
  const env = setUp(async (parcel) => {
    await new Promise(setImmediate);
    calls++;
    if (calls === 1) throw new Retry('not yet');
    if (calls === 2) return AGAIN;
    assert.deepEqual([parcel.records[0].key, parcel.records[0].headers], [Buffer.from('k'), [['h', Buffer.from('v')]]]);
    numbers(parcel).forEach((n, index) => (n === 7 ? parcel.reject(index, 'not this one') : got.push(n)));
    assert.throws(() => parcel.reject(parcel.records.length, 'none'), { code: 'DF_EINVAL' });
  }, { open() { opened.push(this); }, async close() { await null; opened.push('closed'); } });
  const stats = await run(env, manifest(20000, ', errors: {policy: skip}'));
  assert.deepEqual(got, Array.from({ length: 20000 }, (_, n) => n).filter((n) => n !== 7));
  assert.deepEqual([stats.sent, stats.skipped, stats.inFlight, Count.acked], [19999, 1, 0, 20000]);
  assert.deepEqual([opened.length, opened[1], opened[3]], [4, 'closed', 'closed']);
  assert.notEqual(opened[0], opened[2]); // a new object after the failure
});

test('a source resumes', async () => {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'dataflow-node-'));
  const got = [];
  const env = setUp((parcel) => { got.push(...numbers(parcel)); });
  const options = { name: 'resumes', stateDir: dir };
  assert.equal((await run(env, manifest(50), options)).received, 50);
  assert.equal((await run(env, manifest(60), options)).received, 10);
  assert.deepEqual(got, Array.from({ length: 60 }, (_, n) => n));
  fs.rmSync(dir, { recursive: true });
});

test('a line loses nothing', async () => {
  let n = 0, opens = 0;
  class Line extends Source {
    static line = true;
    async open(stage) {
      opens++;
      this.part = await stage.partition('');
    }
    async read(batch) {
      if (n === 9) return DONE;
      batch.add(this.part, String(n++));
      if (n === 4) throw new Retry('gone for a moment'); // what was added is there all the same
      return undefined;
    }
  }
  const got = [];
  const env = setUp((parcel) => { got.push(...numbers(parcel)); });
  env.source('line', Line);
  await run(env, '{source: {type: line}, sink: {type: own}}');
  assert.deepEqual([got, opens], [[0, 1, 2, 3, 4, 5, 6, 7, 8], 2]);
});

test('what they throw', async () => {
  const own = new Error('the disk burns');
  for (const [thrown, code, message, cause] of [
    [own, 'DF_EINTERNAL', /the disk burns/, own],
    [null, 'DF_EINTERNAL', /null/, null],
    [new DataflowError('DF_ENOTSUP', 'not that'), 'DF_ENOTSUP', /not that/],
    [new Reject('none of them'), 'DF_EREJECTED', /none of them/, undefined],
  ]) {
    for (const at of ['open', 'write']) {
      if (at === 'open' && thrown instanceof Reject) continue;
      const fails = async () => { throw thrown; };
      const env = at === 'open' ? setUp(() => {}, { open: fails }) : setUp(fails);
      const error = await run(env, manifest(3)).then(() => null, (e) => e);
      assert.equal(error.code, code);
      assert.match(error.message, message);
      if (cause !== undefined) assert.equal(error.cause, cause);
    }
  }
  const wrongAnswer = await run(setUp(() => 3), manifest(3)).then(() => null, (e) => e);
  assert.match(wrongAnswer.cause.message, /AGAIN is expected/);
  // an error of the system is a lost connection
  let tries = 0;
  const env = setUp(() => {}, { async open() { if (!tries++) await fs.promises.open('/nowhere/at/all'); } });
  assert.equal((await run(env, manifest(3))).retries, 1);
  // a class that throws when it is made
  class Broken extends Source {
    constructor() { super(); throw own; }
    read() {}
  }
  env.source('broken', Broken);
  assert.equal((await run(env, '{source: {type: broken}, sink: {type: own}}').then(() => null, (e) => e)).cause, own);
});

test('options', async () => {
  let seen;
  class Takes extends Source {
    static doc = 'Has options.';
    static options = {
      text: 'text', none: 'text', yes: { type: 'bool', default: true }, n: { type: 'int', default: 5, required: false }, big: 'int', d: 'double',
      size: 'size', for: 'duration', any: 'any', must: { type: 'text', required: true },
    };
    read() {
      seen = { ...this };
      return DONE;
    }
  }
  const env = setUp(() => {});
  env.source('takes', Takes);
  const flow = (config) => `source: {type: takes, config: ${config}}\nsink: {type: own}`;
  await run(env, flow('{text: a, big: 9007199254740993, d: 0.5, size: 1Ki, for: 1500ms, any: {a: [1]}, must: b}'));
  assert.deepEqual(seen, { text: 'a', none: undefined, yes: true, n: 5, big: 9007199254740993n, d: 0.5, size: 1024, for: 1500, any: { a: [1] }, must: 'b' });
  assert.throws(() => new Pipeline(flow('{n: x, muts: b}'), { env }), (error) => error.code === 'DF_ESPEC' && error.problems.some(({ hint }) => /must/.test(hint ?? '')));
  assert(JSON.stringify(env.describe()).includes('Has options.'));
  assert.throws(() => env.source('takes', Takes), { code: 'DF_EEXISTS' });
  assert.throws(() => env.source('other', class {}), { code: 'DF_EINVAL' });
  assert.throws(() => env.source('other', class extends Source {}), { code: 'DF_EINVAL' });
  assert.throws(() => env.sink('other', class extends Sink { static options = { a: 'number' }; write() {} }), { code: 'DF_EINVAL' });
});

test('a wait is over when the flow stops', async () => {
  let reading;
  const reads = new Promise((resolve) => { reading = resolve; });
  class Waits extends Source {
    async open(stage) {
      this.stage = stage;
      this.part = await stage.partition('');
    }
    async read() {
      reading();
      await Promise.all([this.stage.wait(3600_000), this.stage.wait(3600_000), this.stage.wait(1)]);
    }
  }
  const env = setUp(() => {});
  env.source('waits', Waits);
  const flow = new Pipeline('{source: {type: waits}, sink: {type: own}}', { env });
  const ended = flow.run();
  await reads;
  flow.stop();
  await ended;
  await flow.close();
});

test('a promise that never ends holds up no end of the flow', async () => {
  let writing, late;
  const writes = new Promise((resolve) => { writing = resolve; });
  const env = setUp((parcel) => new Promise((resolve) => {
    late = () => { parcel.records.length = 0; resolve(); };
    writing(parcel);
  }));
  const flow = new Pipeline(manifest(3), { env });
  const ended = flow.run();
  const parcel = await writes;
  await flow.close();
  await ended.catch(() => {});
  assert.throws(() => parcel.reject(0, 'too late'), { code: 'DF_ESTATE' });
  late();
  await new Promise(setImmediate);
  assert.equal((await run(setUp(() => {}), manifest(3))).sent, 3);
});

test('partitions are opened one after the other', async () => {
  const seen = [];
  class Many extends Source {
    async open(stage) {
      this.parts = await Promise.all(['a', 'b', 'c'].map((name) => stage.partition(name)));
      await assert.rejects(async () => stage.partition('x\0'), { code: 'DF_EINVAL' });
    }
    read(batch) {
      for (const part of this.parts) batch.add(part, part.name);
      for (const part of this.parts) batch.mark(part, Buffer.from([0]));
      return DONE;
    }
    seek() {}
  }
  const env = setUp((parcel) => { seen.push(...parcel.records.map((record) => [record.partition, String(record.payload)])); });
  env.source('many', Many);
  await run(env, '{source: {type: many}, sink: {type: own}}');
  assert.deepEqual(seen.sort(), [['a', 'a'], ['b', 'b'], ['c', 'c']]);
});

test('what ends in the middle of one', async () => {
  const library = JSON.stringify(path.resolve(__dirname, '..'));
  const code = (end) => `const { Env, Pipeline, Sink } = require(${library});
    const env = new Env();
    env.sink('own', class extends Sink { async write() { ${end} } });
    new Pipeline("{source: {type: generate, config: {count: 100, template: '{}'}}, sink: {type: own}}", { env }).run();`;
  const done = spawnSync(process.execPath, ['-e', code('process.exit(6);')], { timeout: 20000 });
  assert.deepEqual([done.status, done.signal], [6, null]);
  const worker = new Worker(code("require('node:worker_threads').parentPort.postMessage(1); await new Promise(() => {});"), { eval: true });
  await new Promise((resolve) => worker.once('message', resolve));
  await worker.terminate();
});
