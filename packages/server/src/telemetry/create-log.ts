import { asciiJson } from '@tailrace/protocol';
import type { Log, LogFields, LogLevel } from './log.ts';
import { printable } from './printable.ts';
import { createRedact, type Redact } from './redact.ts';

/** A log whose threshold can change while the server runs. */
export interface ServerLog extends Log {
  /** Masks what the log masks. */
  readonly redact: Redact;
  setLevel(level: LogLevel): void;
}

export interface LogOptions {
  /** The least important level that is written. */
  readonly level: LogLevel;
  /** `auto`: pretty where the stream is a terminal, else one JSON object a line. */
  readonly format: 'auto' | 'pretty' | 'json';
  readonly stream: NodeJS.WritableStream & { readonly isTTY?: boolean };
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Colours in the pretty form; off by default. */
  readonly colour?: boolean;
  /** Fields of every line. Default: none. */
  readonly always?: LogFields;
  /** Applied to every text; by default what is shaped like a key. */
  readonly redact?: Redact;
}

const weights: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3 };
const colours: Readonly<Record<LogLevel, number>> = { debug: 90, info: 32, warn: 33, error: 31 };

/** Bytes that wait where standard error is not read; beyond them lines are dropped and counted. */
const maxWaitingBytes = 1024 ** 2;
const maxTextLength = 32 * 1024;
const unfinishedWord = /(?<=\s)[\x21-\x7e]{1,200}$/;

/**
 * The log of the process: one line a call, written to `stream`, which the caller keeps and closes. It never throws: while
 * the stream is closed or full, lines are lost, and the first line after that says how many.
 */
export function createLog({
  level,
  format,
  stream,
  now,
  colour = false,
  redact = createRedact(),
  always,
}: LogOptions): ServerLog {
  let threshold = weights[level];
  let dropped = 0;
  const pretty = format === 'pretty' || (format === 'auto' && stream.isTTY === true);
  const clean = (text: string): string => {
    if (text.length <= maxTextLength) return redact(text);
    // Masked before it is cut, and cut between words: a key at the cut would have lost the end that shows its shape.
    const masked = redact(text.slice(0, maxTextLength), true);
    return `${masked.replace(unfinishedWord, '')}… (${text.length} characters)`;
  };
  // EPIPE, ENOSPC and the like: this error could only go to the log, which cannot be written.
  stream.on('error', () => {});

  const line = (at: LogLevel, message: string, fields: LogFields): string =>
    pretty
      ? prettyLine(now(), at, message, fields, clean, colour)
      : jsonLine(now(), at, message, fields, clean);

  const write = (at: LogLevel, message: string, own: LogFields = {}): void => {
    if (weights[at] < threshold) return;
    const fields = always === undefined ? own : { ...always, ...own };
    if (!stream.writable || ('writableLength' in stream && Number(stream.writableLength) > maxWaitingBytes)) {
      dropped += 1;
      return;
    }
    const lost = dropped;
    dropped = 0;
    const lines = [line(at, message, fields)];
    if (lost > 0)
      lines.unshift(line('warn', "log lines were lost: the log's reader was too slow", { lines: lost }));
    try {
      stream.write(`${lines.join('\n')}\n`);
    } catch {
      dropped = lost + 1;
    }
  };
  return {
    debug: (message, fields) => write('debug', message, fields),
    info: (message, fields) => write('info', message, fields),
    warn: (message, fields) => write('warn', message, fields),
    error: (message, fields) => write('error', message, fields),
    redact,
    setLevel(next) {
      threshold = weights[next];
    },
  };
}

type Clean = (text: string) => string;

function jsonLine(nowMs: number, level: LogLevel, message: string, fields: LogFields, clean: Clean): string {
  const own = { time: new Date(nowMs).toISOString(), level, msg: clean(message) };
  // One copy, in which nearly no member changes: a record that grows member by member takes twice the time.
  const record: Record<string, LogFields[string]> = { ...own, ...fields };
  for (const name of Object.keys(fields)) {
    const value = fields[name];
    if (typeof value !== 'string') continue;
    const shown = clean(value);
    if (shown !== value) record[name] = shown;
  }
  return asciiJson(Object.assign(record, own));
}

function prettyLine(
  nowMs: number,
  level: LogLevel,
  message: string,
  fields: LogFields,
  clean: Clean,
  colour: boolean,
): string {
  const paint = (code: number, text: string): string => (colour ? `\u001b[${code}m${text}\u001b[0m` : text);
  const pairs = Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => ` ${paint(2, `${printable(name)}=`)}${prettyValue(value, clean)}`);
  const time = localTime(nowMs);
  return `${paint(2, time)} ${paint(colours[level], level.padEnd(5))} ${printable(clean(message))}${pairs.join('')}`;
}

function prettyValue(value: LogFields[string], clean: Clean): string {
  if (typeof value !== 'string') return `${value}`;
  const text = printable(clean(value));
  return /^[^\s="]+$/.test(text) ? text : `"${text.replaceAll('"', '\\"')}"`;
}

function localTime(nowMs: number): string {
  const at = new Date(nowMs);
  const two = (value: number): string => `${value}`.padStart(2, '0');
  const milliseconds = `${at.getMilliseconds()}`.padStart(3, '0');
  return `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}.${milliseconds}`;
}
