// SPDX-License-Identifier: Apache-2.0
// Compiles the addon with the C compiler, pkg-config and Node's own headers; needs no node-gyp and no network.
'use strict';
const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');

function fail(what, todo) {
  console.error(`dataflow: ${what}\n  what to do: ${todo}`);
  process.exit(1);
}

function flags(...words) {
  try {
    const text = execFileSync(process.env.PKG_CONFIG || 'pkg-config', [...words, 'libdataflow >= 0.1'], { encoding: 'utf8' });
    return text.trim().split(/\s+/).filter(Boolean);
  } catch {
    return fail('libdataflow is not installed', 'install libdataflow-dev (libdataflow-devel) and pkg-config, or name the folder of libdataflow.pc in PKG_CONFIG_PATH');
  }
}

const prefix = path.resolve(fs.realpathSync(process.execPath), '../..');
const folders = [process.env.NODE_INCLUDE, path.join(prefix, 'include/node'), '/usr/include/node'];
const headers = folders.find((folder) => folder && fs.existsSync(path.join(folder, 'node_api.h')));
if (!headers) fail('the headers of Node are not there', 'install libnode-dev, or name their folder in NODE_INCLUDE');

const sources = fs.readdirSync(path.join(__dirname, 'src')).filter((name) => name.endsWith('.c')).map((name) => path.join(__dirname, 'src', name));
const output = path.join(__dirname, 'lib/dataflow.node');
const words = ['-std=c11', '-D_GNU_SOURCE', '-O2', '-g', '-Wall', '-Wextra', '-fPIC', '-shared', '-fvisibility=hidden', '-pthread', ...(process.env.CFLAGS || '').split(/\s+/).filter(Boolean)];
try {
  execFileSync(process.env.CC || 'cc', [...words, '-isystem', headers, ...flags('--cflags'), '-o', output, ...sources, ...flags('--libs')], { stdio: 'inherit' });
} catch {
  fail('the addon does not compile', 'see what the compiler said');
}
