// SPDX-License-Identifier: Apache-2.0
'use strict';
const assert = require('node:assert/strict');
const { execFileSync, spawnSync } = require('node:child_process');
const dns = require('node:dns');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { test } = require('node:test');
const { Worker } = require('node:worker_threads');
const { DataflowError, Env, Pipeline, Reject, version } = require('..');

const ENDS = 'source: {type: host}\ntransformations: [{type: it}]\nsink: {type: host}\n';

function text(rows) {
  return rows.map((row) => row.payload.toString());
}

async function drain(take) {
  const all = [];
  for await (const parcel of take) {
    all.push(...parcel.records);
    parcel.ack();
  }
  return all;
}

// Feeds records through a transform: what came out, the counts, the error of the run.
async function through(call, records, errors = 'errors: {policy: skip}\n') {
  const env = new Env();
  env.transform('it', call);
  const flow = Pipeline.fromYaml(ENDS + errors, { env });
  const feed = flow.feed();
  const take = flow.take();
  flow.start();
  const fed = feed.push(records).then(() => feed.close(), () => {});
  const rows = await drain(take);
  const error = await flow.wait().then(() => null, (e) => e);
  await fed;
  const stats = flow.stats();
  take.close();
  await flow.close();
  return { rows, stats, error };
}

test('feed, transform, take', async () => {
  const records = Array.from({ length: 1000 }, (_, n) => `{"n":${n},"gone":1}`);
  const { rows, stats } = await through((r) => {
    const n = r.get('n');
    if (n % 10 === 3) return false;
    if (n % 10 === 4) throw new Reject('a four', 'invalid_data');
    r.set('n', 2 * n);
    r.set('text', '');
    r.set('list', [1, { a: null }]);
    r.set('at', new Date(1000));
    r.set('f', 0.1);
    r.remove('gone');
  }, records);
  assert.equal(rows.length, 800);
  assert.equal(text(rows)[1], '{"n":2,"text":"","list":[1,{"a":null}],"at":"1970-01-01T00:00:01Z","f":0.1}');
  assert.deepEqual([stats.received, stats.sent, stats.filtered, stats.skipped, stats.inFlight], [1000, 800, 100, 100, 0]);
});

test('messages whole', async () => {
  const flow = new Pipeline('{source: {type: host}, sink: {type: host}}');
  const feed = flow.feed();
  const take = flow.take();
  flow.start();
  await feed.push([
    { payload: null, key: '', headers: [['h', 'v'], ['h', null]], timeUs: 7, offset: 9 },
    Buffer.from([0, 255]),
    Buffer.alloc(0),
  ]);
  feed.close();
  const [first, second, third] = await drain(take);
  assert.deepEqual([first.payload, first.key, first.timeUs, first.offset], [null, Buffer.alloc(0), 7, 9]);
  assert.deepEqual(first.headers, [['h', Buffer.from('v')], ['h', null]]);
  assert.deepEqual([second.payload, second.key, third.payload], [Buffer.from([0, 255]), null, Buffer.alloc(0)]);
  await flow.wait();
  assert.equal(await take.next(), null);
  await flow.close();
  take.close();
  await assert.rejects(take.next(), { code: 'DF_ESTATE' });
  assert.throws(() => flow.stats(), { code: 'DF_ESTATE' });
});

test('what is no record is refused before anything is fed', async () => {
  const flow = new Pipeline('{source: {type: host}, sink: {type: host}}');
  const feed = flow.feed();
  assert.throws(() => flow.start({ limit: '5' }), { code: 'DF_EINVAL' });
  flow.start();
  for (const row of [undefined, null, 5, {}, { payload: 5 }, { payload: 'a', key: 5 }, { payload: 'a', headers: [['h']] }, { payload: 'a', headers: { h: 1 } },
    { payload: 'a', timeUs: 1n }, { payload: 'a', timeUs: new Date() }, { payload: 'a', offset: '7' }]) {
    assert.throws(() => feed.push(['fine', row]), { code: 'DF_EINVAL' });
  }
  feed.close();
  await flow.wait();
  assert.equal(flow.stats().received, 0);
  await flow.close();
  const { error } = await through((r) => { r.payload = undefined; }, '{}', '');
  assert.equal(error.cause.code, 'DF_EINVAL');
});

test('parcels come again', async () => {
  const flow = new Pipeline('{source: {type: host}, sink: {type: host}, errors: {policy: skip}}');
  const feed = flow.feed();
  const take = flow.take();
  flow.start();
  await feed.push('1');
  (await take.next()).retry();
  const again = await take.next();
  assert.deepEqual(text(again.records), ['1']);
  assert.equal(feed.acked(), 0);
  again.reject();
  assert.throws(() => again.ack(), { code: 'DF_ESTATE' });
  feed.close();
  assert.equal(await take.next(), null);
  await flow.wait();
  assert.equal(flow.stats().skipped, 1);
  take.close();
  await flow.close();
});

test('values exact', async () => {
  let kept;
  const { rows, error } = await through((r) => {
    kept = r;
    assert.equal(r.get('n'), -9223372036854775808n);
    assert.equal(r.get('big'), 123456789012345678901234567890n);
    assert.deepEqual([r.get('f'), r.get('none'), r.get('null'), r.get('b'), r.get('s')], [1.1, undefined, null, true, 'é']);
    assert.deepEqual(r.get('list'), [1, { a: 'x' }]);
    const o = r.get('o'); // whole, as its members
    assert.deepEqual(o, { id: 9007199254740993n, t: '"9007199254740993', f: 0.12345678901234567, e: 1e22, l: [-9223372036854775808n, 9007199254740991] });
    r.set('o', { ...o, new: 18446744073709551616n });
    assert.throws(() => r.get('$['), { code: 'DF_EINVAL' });
    assert.throws(() => r.set('x', () => {}), { code: 'DF_EINVAL' });
    assert.throws(() => r.set('x', new Date(NaN)), { code: 'DF_EINVAL' });
    assert.equal(r.key, null);
    r.key = 'k';
    assert.deepEqual([r.key, r.payload.length > 10, r.meta('none')], [Buffer.from('k'), true, undefined]);
    r.set('n', 9007199254740993n);
    r.set('z', null);
  }, '{"n":-9223372036854775808,"big":123456789012345678901234567890,"f":1.10,"null":null,"b":true,"s":"é","list":[1,{"a":"x"}],"o":{"id":9007199254740993,"t":"\\"9007199254740993","f":0.12345678901234567,"e":1e22,"l":[-9223372036854775808,9007199254740991]}}', '');
  assert.equal(error, null);
  assert.equal(text(rows)[0], '{"n":9007199254740993,"big":123456789012345678901234567890,"f":1.10,"null":null,"b":true,"s":"é","list":[1,{"a":"x"}],"o":{"id":9007199254740993,"t":"\\"9007199254740993","f":0.12345678901234566,"e":1e+22,"l":[-9223372036854775808,9007199254740991],"new":18446744073709551616},"z":null}');
  assert.throws(() => kept.get('n'), { code: 'DF_ESTATE' });
});

test('problems with their place', async () => {
  const wrong = () => new Pipeline('source: {type: hots}\nsink: {type: stdio, config: {paht: x}}\n', { file: 'flow.yaml' });
  assert.throws(wrong, (error) => {
    assert(error instanceof DataflowError && error instanceof Error);
    assert.equal(error.code, 'DF_ESPEC');
    assert.equal(error.problems.length, 2);
    const [one, two] = error.problems;
    assert.deepEqual([one.severity, one.line, one.column, one.file], ['error', 1, 16, 'flow.yaml']);
    assert.match(one.text, /hots/);
    assert.match(two.hint, /path/);
    return true;
  });
  const env = new Env();
  assert.throws(() => env.transform('mask', () => {}), { code: 'DF_EEXISTS' });
  assert.throws(() => env.transform('a\0b', () => {}), { code: 'DF_EINVAL' });
  assert.throws(() => new Pipeline('{}', { stateDir: '/tmp' }), { code: 'DF_EINVAL' });
  const flow = new Pipeline('{source: {type: host}, sink: {type: host}}', { env });
  flow.check();
  assert.throws(() => flow.feed('nowhere'), { code: 'DF_ENOTFOUND' });
  await assert.rejects(flow.wait(), { code: 'DF_ESTATE' });
  assert(Array.isArray(flow.report('plan').stages) || flow.report('plan').pipeline);
  assert.match(env.metrics(), /# HELP/);
  assert(JSON.stringify(env.describe()).includes('"host"'));
  assert.match(version(), /^\d+\.\d+\.\d+$/);
  await flow.close();
});

test('ever new paths', async () => {
  const { rows, error } = await through((r) => {
    for (let i = 0; i < 3000; i++) {
      r.set(`m${i}`, i);
      assert.equal(r.get(`m${i}`), i);
      r.remove(`m${i}`);
    }
    assert.throws(() => r.get('$['), { code: 'DF_EINVAL' });
    r.set('last', { toJSON: () => r.get('n') });
  }, ['{"n":1}', '{"n":2}'], '');
  assert.equal(error, null);
  assert.deepEqual(text(rows), ['{"n":1,"last":1}', '{"n":2,"last":2}']);
});

test('what a transform throws', async () => {
  const own = new Error('card number 4111');
  for (const call of [() => { throw own; }, () => { throw null; }, async () => { throw own; }]) {
    const { error, rows } = await through(call, '{}', '');
    assert.equal(error.code, 'DF_EREJECTED');
    assert.match(error.message, /an error of the transform it/);
    assert(!error.message.includes('4111'));
    assert.equal(rows.length, 0);
  }
  assert.equal((await through(() => { throw own; }, '{}', '')).error.cause, own);
  assert.match((await through(async () => {}, '{}', '')).error.cause.message, /promise/);
  // the functions behind are called as ever
  const { rows, stats } = await through((r) => { if (r.get('$') === 2) throw own; }, ['1', '2', '3']);
  assert.deepEqual([text(rows), stats.skipped], [['1', '3'], 1]);
});

test('a cause is its own flow\'s', async () => {
  const env = new Env();
  env.transform('it', (r) => { throw new Error(`flow ${r.get('n')}`); });
  const flows = [];
  for (let n = 0; n < 3; n++) {
    const flow = new Pipeline(ENDS, { env }); // all of one name
    const feed = flow.feed();
    flow.start();
    await feed.push(`{"n":${n}}`);
    flows.push(flow);
  }
  for (const n of [2, 1, 0]) {
    const error = await flows[n].wait().then(() => null, (e) => e);
    assert.equal(error.cause.message, `flow ${n}`);
    await flows[n].close();
  }
});

test('a source and a store of the library, events, a failed sink', async () => {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'dataflow-node-'));
  const seen = [];
  const flow = new Pipeline(`{source: {type: generate, config: {count: 10, template: '{}'}}, sink: {type: stdio, config: {path: ${dir}/out}}}`,
    { name: 'events', stateDir: dir, onEvent: (event) => seen.push(event.type) });
  await flow.run({ untilExhausted: true });
  assert.equal(fs.readFileSync(`${dir}/out`, 'utf8').split('\n').length, 11);
  assert(seen.includes('state'));
  await flow.close();
  const throws = new Pipeline('{source: {type: host}, sink: {type: host}}', { onEvent: () => { throw new Error('mine'); } });
  throws.feed();
  await assert.rejects(throws.run(), { message: 'mine' });
  await throws.close();
  fs.rmSync(dir, { recursive: true });
});

test('flows that wait leave the pool of the process alone', async () => {
  const flows = Array.from({ length: 8 }, () => new Pipeline('{source: {type: host}, sink: {type: host}}'));
  const takes = flows.map((flow) => flow.take());
  const feeds = flows.map((flow) => flow.feed());
  flows.forEach((flow) => flow.start());
  const waits = takes.map((take) => take.next());
  const times = [];
  for (let i = 0; i < 20; i++) {
    const begun = performance.now();
    await fs.promises.readFile(__filename);
    await new Promise((resolve) => dns.lookup('localhost', resolve));
    times.push(performance.now() - begun);
  }
  times.sort((a, b) => a - b);
  assert(times[10] < 50, `${times[10]} ms`);
  flows.forEach((flow) => flow.stop());
  assert.deepEqual(await Promise.all(waits), Array(8).fill(null));
  await Promise.all(flows.map((flow) => flow.close()));
  [...takes, ...feeds].forEach((port) => port.close());
});

test('closed while functions wait in the queue: no deadlock', async () => {
  const env = new Env();
  env.transform('it', () => {});
  for (let i = 0; i < 50; i++) {
    const flow = new Pipeline(ENDS, { env });
    const feed = flow.feed();
    const take = flow.take();
    flow.start();
    const fed = feed.push(Array(200).fill('{"a":1}')).catch(() => {});
    if (i % 2) await new Promise((resolve) => setTimeout(resolve, 1));
    const begun = performance.now();
    await flow.close();
    assert(performance.now() - begun < 3000);
    feed.close();
    take.close();
    await fed;
  }
});

// A program of its own: what it prints.
function program(code, { timeout = 20000 } = {}) {
  const done = spawnSync(process.execPath, ['-e', `const { Env, Pipeline } = require(${JSON.stringify(path.resolve(__dirname, '..'))});\n${code}`], { timeout, encoding: 'utf8' });
  return [done.status, done.stdout.trim(), done.stderr, done.signal];
}

const RUNNING = 'const p = new Pipeline("{source: {type: host}, sink: {type: host}}"); const feed = p.feed(); p.start();';
const BUSY = `const env = new Env(); env.transform("it", () => {}); const p = new Pipeline(${JSON.stringify(ENDS)}, { env });
  const feed = p.feed(); p.start(); feed.push(Array(500).fill("{}"));`;

test('the process ends by itself', () => {
  assert.deepEqual(program('console.log("end")').slice(0, 2), [0, 'end']);
  assert.deepEqual(program(`${RUNNING} p.close().then(() => { feed.close(); console.log("end"); });`).slice(0, 2), [0, 'end']);
  assert.deepEqual(program(`${RUNNING} p.unref(); console.log("end");`).slice(0, 2), [0, 'end']);
  assert.deepEqual(program(`${RUNNING} process.exitCode = 3; process.exit();`).slice(0, 2), [3, '']);
  // functions of the program are in the queue: the end of the process takes them back
  assert.deepEqual(program(`${BUSY} setImmediate(() => process.exit(4));`).slice(0, 2), [4, '']);
  assert.deepEqual(program(`${BUSY} throw new Error("out");`)[0], 1);
  // one that runs keeps the process
  assert.equal(program(RUNNING, { timeout: 500 })[3], 'SIGTERM'); // of the time-out, not of a crash
});

// The function is called with the flow's own thread asleep; the program, or its worker, ends inside of it.
test('process.exit in a transform: no deadlock, nothing lost', () => {
  const code = (dir) => `const env = new Env(); let n = 0;
    env.transform('it', () => { if (++n === Number(process.env.AT)) process.exit(5); });
    const config = (name) => '{type: stdio, config: {path: ${dir}/' + name + '}}';
    new Pipeline('{source: ' + config('in') + ', transformations: [{type: it}], sink: ' + config('out') + '}', { env, name: 'exits', stateDir: '${dir}' })
      .run({ untilExhausted: true });`;
  const want = Array.from({ length: 20000 }, (_, n) => `{"n":${n}}`);
  for (const worker of [false, true]) {
    const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'dataflow-node-'));
    fs.writeFileSync(`${dir}/in`, `${want.join('\n')}\n`);
    const inner = `const { Env, Pipeline } = require(${JSON.stringify(path.resolve(__dirname, '..'))});\n${code(dir)}`;
    const outer = worker ? `new (require('node:worker_threads').Worker)(${JSON.stringify(inner)}, { eval: true }).on('exit', (code) => process.exit(code));` : inner;
    for (const [at, status] of [[1, 5], [9000, 5], [100, 5], [0, 0]]) {
      const done = spawnSync(process.execPath, ['-e', outer], { timeout: 60000, encoding: 'utf8', env: { ...process.env, AT: at } });
      assert.deepEqual([done.status, done.signal, done.stderr], [status, null, '']);
    }
    assert.deepEqual([...new Set(fs.readFileSync(`${dir}/out`, 'utf8').trim().split('\n'))], want);
    fs.rmSync(dir, { recursive: true });
  }
});

test('workers, and one that is terminated', async () => {
  const code = `const { parentPort } = require('node:worker_threads');
    const { Env, Pipeline } = require(${JSON.stringify(path.resolve(__dirname, '..'))});
    const env = new Env(); env.transform('it', (r) => r.set('n', r.get('n') + 1));
    const p = new Pipeline(${JSON.stringify(ENDS)}, { env }); const feed = p.feed(); const take = p.take();
    p.start();
    (async () => {
      await feed.push('{"n":1}');
      const parcel = await take.next();
      parentPort.postMessage(parcel.records[0].payload.toString());
      parcel.ack();
      for (;;) await feed.push(Array(100).fill('{"n":1}'));
    })().catch(() => {});`;
  const workers = Array.from({ length: 4 }, () => new Worker(code, { eval: true }));
  const said = await Promise.all(workers.map((worker) => new Promise((resolve) => worker.once('message', resolve))));
  assert.deepEqual(said, Array(4).fill('{"n":2}'));
  await Promise.all(workers.map((worker) => worker.terminate()));
  assert.equal((await through((r) => r.set('n', 3), '{}')).rows.length, 1); // here it goes on
});

test('what is forgotten is collected', () => {
  const code = `(async () => {
    for (let i = 0; i < 200; i++) {
      const p = new Pipeline("{source: {type: host}, sink: {type: host}}");
      p.feed(); p.take();
      if (i % 20 === 0) { global.gc(); await new Promise(setImmediate); }
    }
    global.gc(); await new Promise(setImmediate); global.gc();
    console.log(require('fs').readdirSync('/proc/self/fd').length);
  })();`;
  const out = execFileSync(process.execPath, ['--expose-gc', '-e', `const { Pipeline } = require(${JSON.stringify(path.resolve(__dirname, '..'))});\n${code}`], { encoding: 'utf8' });
  assert(Number(out) < 150, `${out} descriptors are open`);
});

test('a parcel keeps its port', () => {
  const code = `(async () => {
    const p = new Pipeline("{source: {type: host}, sink: {type: host}}");
    const feed = p.feed();
    p.start();
    await feed.push('1');
    feed.close();
    const parcel = await p.take().next();
    for (let i = 0; i < 5; i++) { global.gc(); await new Promise(setImmediate); }
    parcel.ack();
    await p.wait();
    console.log(p.stats().sent);
  })();`;
  const out = execFileSync(process.execPath, ['--expose-gc', '-e', `const { Pipeline } = require(${JSON.stringify(path.resolve(__dirname, '..'))});\n${code}`], { encoding: 'utf8', timeout: 20000 });
  assert.equal(out, '1\n');
});

test('the log', async () => {
  const lines = [];
  const env = new Env({ log: (level, line) => lines.push([level, line]), logLevel: 'debug' });
  const flow = new Pipeline("{source: {type: generate, config: {count: 1, template: '{}'}}, sink: {type: stdio, config: {path: /dev/null}}}", { env });
  await flow.run({ untilExhausted: true });
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert(lines.length > 0 && lines.every(([level]) => ['error', 'warn', 'info', 'debug'].includes(level)));
  await flow.close();
});
