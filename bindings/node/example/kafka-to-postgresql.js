// Kafka, the function below, PostgreSQL. SPDX-License-Identifier: Apache-2.0
'use strict';
const fs = require('node:fs');
const path = require('node:path');
const { Env, Pipeline, Reject } = require('..'); // 'dataflow' in a program of yours

const env = new Env();
env.transform('with_total', (record) => {
  const quantity = record.get('quantity');
  if (!(quantity > 0)) throw new Reject('no quantity');
  record.set('total', record.get('price') * quantity);
});

const manifest = fs.readFileSync(path.join(__dirname, 'flow.yaml'), 'utf8');
new Pipeline(manifest, { env, name: 'orders', resolve: true }).run({ untilExhausted: true });
