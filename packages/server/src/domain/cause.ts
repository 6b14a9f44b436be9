import type { Failure } from './failure.ts';

/** Why something failed, for the log: in our words, and in those of another side. */
export type Cause = Pick<Failure, 'detail' | 'wording'>;

export function causeOf({ detail, wording }: Failure): Cause {
  return { ...(detail === undefined ? {} : { detail }), ...(wording === undefined ? {} : { wording }) };
}

/** A frame of V8: a function, and a file with line and column. */
const frame = /^ {4}at (?:[\w.<>#$ [\]]{1,100} \()?[^\s()]{1,300}:\d+:\d+\)?$/;
const maxFrames = 12;

/**
 * What was thrown: its name and where. Its message is another side's wording, for it may quote what was at hand when
 * it was thrown: `JSON.parse` quotes its text.
 */
export function causeOfBug(thrown: unknown): Cause {
  if (!(thrown instanceof Error)) return { detail: `a thrown ${typeof thrown}`, wording: String(thrown) };
  const { name, message, stack = '' } = thrown;
  const head = `${name}: ${message}`;
  const behind = stack.startsWith(head) ? stack.slice(head.length) : stack;
  const frames = behind.split('\n').filter((line) => frame.test(line));
  const title = /^[A-Za-z]{1,40}$/.test(name) ? name : 'Error';
  return { detail: [title, ...frames.slice(0, maxFrames)].join('\n'), wording: message };
}
