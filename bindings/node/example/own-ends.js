// A source and a sink of this program: squares of numbers. SPDX-License-Identifier: Apache-2.0
'use strict';
const { DONE, Env, Pipeline, Sink, Source } = require('..'); // 'dataflow' in a program of yours

const env = new Env();
env.source('count', class extends Source {
  static options = { end: { type: 'int', default: 10 } }; // config: {end: 10}
  async open(stage) {
    this.part = await stage.partition('numbers');
    this.next = Number(this.part.position ?? 0); // where the last run ended
  }
  async read(batch) {
    while (batch.room > 0 && this.next < this.end) {
      batch.add(this.part, JSON.stringify({ n: this.next++ }));
      batch.mark(this.part, String(this.next)); // resuming here reads nothing again
    }
    return this.next < this.end ? undefined : DONE;
  }
  seek(partition, position) { this.next = Number(position); }
});
env.sink('print', class extends Sink {
  async write(parcel) { for (const { payload } of parcel.records) console.log(String(payload)); } // returns: all of it is durable
});
env.transform('square', (record) => record.set('square', record.get('n') ** 2));
new Pipeline('{source: {type: count}, transformations: [{type: square}], sink: {type: print}}', { env }).run({ untilExhausted: true });
