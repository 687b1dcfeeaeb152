// SPDX-License-Identifier: Apache-2.0
/// <reference types="node" />

export type Bytes = Uint8Array | string;
export type Value = null | boolean | number | bigint | string | Uint8Array | Date | undefined | object;

export interface Problem {
  severity: 'error' | 'warning';
  line: number;
  column: number;
  file: string;
  field: string;
  text: string;
  hint?: string;
}

export class DataflowError extends Error {
  readonly code: string;
  readonly problems: Problem[];
  readonly cause?: unknown;
}

export class Reject extends Error {
  constructor(text: string, reason?: string);
  readonly reason?: string;
}

/** Valid until the function of the transform returns. */
export interface Record {
  get(path: string): any;
  set(path: string, value: Value): void;
  remove(path: string): void;
  meta(name: string): any;
  get payload(): Buffer | null;
  set payload(bytes: Bytes | null);
  get key(): Buffer | null;
  set key(bytes: Bytes | null);
}

/** Of a source or a sink: the connection is lost; a new object is opened after a pause. */
export class Retry extends Error {}

export const DONE: unique symbol;
export const AGAIN: unique symbol;

export type OptionType = 'text' | 'bool' | 'int' | 'double' | 'size' | 'duration' | 'any';
export interface Option {
  type: OptionType;
  default?: string | number | boolean;
  doc?: string;
  required?: boolean;
}
export type OptionTypes = { [name: string]: OptionType | Option };

/** One ordered part of a source. */
export interface Partition {
  readonly name: string;
  readonly position: Buffer | null;
}

export interface Stage {
  partition(name: string): Promise<Partition>;
  wait(milliseconds: number): Promise<void>;
}

export interface Batch {
  readonly room: number;
  add(partition: Partition, record: Message): void;
  mark(partition: Partition, position: Bytes): void;
}

export interface Given {
  readonly records: Row[];
  reject(index: number, text: string): void;
}

export abstract class Source {
  static options?: OptionTypes;
  static doc?: string;
  static line?: boolean;
  constructor(options?: any);
  [option: string]: any;
  abstract read(batch: Batch, timeout: number): void | typeof DONE | typeof AGAIN | Promise<void | typeof DONE | typeof AGAIN>;
  open?(stage: Stage): void | Promise<void>;
  ack?(positions: { partition: string; position: Buffer }[]): void | Promise<void>;
  seek?(partition: string, position: Buffer): void | Promise<void>;
  close?(): void | Promise<void>;
}

export abstract class Sink {
  static options?: OptionTypes;
  static doc?: string;
  static idempotent?: boolean;
  constructor(options?: any);
  [option: string]: any;
  abstract write(parcel: Given): void | typeof AGAIN | Promise<void | typeof AGAIN>;
  open?(stage: Stage): void | Promise<void>;
  close?(): void | Promise<void>;
}

export interface EnvOptions {
  log?: (level: 'error' | 'warn' | 'info' | 'debug', line: string) => void;
  logLevel?: 'error' | 'warn' | 'info' | 'debug';
  modulePath?: string;
}

export class Env {
  constructor(options?: EnvOptions);
  transform(name: string, call: (record: Record) => void | boolean): void;
  source(name: string, kind: new (options?: any) => Source): void;
  sink(name: string, kind: new (options?: any) => Sink): void;
  describe(): any;
  metrics(): string;
}

export interface Event {
  type: 'state' | 'retry' | 'recovered' | 'reject' | 'lost';
  status?: string;
  stage?: string;
  text?: string;
}

export interface Options {
  env?: Env;
  name?: string;
  file?: string;
  stateDir?: string;
  resolve?: boolean;
  memoryLimit?: number;
  showValues?: boolean;
  onEvent?: (event: Event) => void;
}

export interface RunOptions {
  limit?: number;
  untilExhausted?: boolean;
  fromStart?: boolean;
  dry?: boolean;
}

export type Stats = { [name in 'received' | 'expanded' | 'sent' | 'leftOut' | 'filtered' | 'errored' | 'skipped' |
  'abandoned' | 'inFlight' | 'retries' | 'bytesIn' | 'bytesOut' | 'uncommitted']: number };

export class Pipeline {
  constructor(manifest: string, options?: Options);
  static fromYaml(manifest: string, options?: Options): Pipeline;
  check(): void;
  run(options?: RunOptions): Promise<void>;
  start(options?: RunOptions): void;
  wait(): Promise<void>;
  stop(how?: { now?: boolean }): void;
  close(): Promise<void>;
  ref(): this;
  unref(): this;
  stats(): Stats;
  report(what: 'plan' | 'status' | 'refs' | 'positions'): any;
  feed(stage?: string): Feed;
  take(stage?: string): Take;
  tap(stage: string): Take;
}

export type Message = Bytes | {
  payload: Bytes | null;
  key?: Bytes | null;
  headers?: [string, Bytes | null][];
  timeUs?: number;
  offset?: number;
};

export interface Feed {
  push(records: Message | Message[]): Promise<void>;
  acked(): number;
  close(): void;
}

export interface Row {
  payload: Buffer | null;
  key: Buffer | null;
  headers: [string, Buffer | null][];
  timeUs: number;
  offset: number;
  partition: string;
  op?: 'insert' | 'update' | 'delete' | 'truncate';
}

export interface Parcel {
  readonly records: Row[];
  ack(): void;
  retry(): void;
  reject(): void;
}

export interface Take extends AsyncIterable<Parcel> {
  next(): Promise<Parcel | null>;
  close(): void;
}

export function version(): string;
