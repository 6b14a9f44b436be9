import type { Failure } from './failure.ts';

/** Why something failed, for the log: `detail` in our own words, `wording` in the words of another side. */
export type Cause = Pick<Failure, 'detail' | 'wording'>;

/** The cause of a failure, for the log. */
export function causeOf({ detail, wording }: Failure): Cause {
  return { ...(detail === undefined ? {} : { detail }), ...(wording === undefined ? {} : { wording }) };
}

/** A frame in a stack of V8: a function, and a file with line and column. */
const frame = /^ {4}at (?:[\w.<>#$ [\]]{1,100} \()?[^\s()]{1,300}:\d+:\d+\)?$/;
const maxFrames = 12;

/**
 * The cause of a thrown error: its name and its stack are the detail. Its message counts as another side's wording, because
 * it may quote data: `JSON.parse` quotes its text.
 */
export function causeOfBug(thrown: unknown): Cause {
  if (!(thrown instanceof Error)) return { detail: `a thrown ${typeof thrown}`, wording: String(thrown) };
  const { name, message, stack = '' } = thrown;
  const head = `${name}: ${message}`;
  const afterHead = stack.startsWith(head) ? stack.slice(head.length) : stack;
  const frames = afterHead.split('\n').filter((line) => frame.test(line));
  const title = /^[A-Za-z]{1,40}$/.test(name) ? name : 'Error';
  return { detail: [title, ...frames.slice(0, maxFrames)].join('\n'), wording: message };
}
