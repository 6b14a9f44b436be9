import type { ConfigTree } from './server.ts';

/**
 * The scripted upstream for system tests that need a fault or a timing which no real model produces on
 * demand. Each script answers under `lab/<name>`.
 */
const scripts = {
  /** A short answer in five pieces. */
  plain: [{ text: ['Rivers ', 'carry ', 'water ', 'down', 'hill.'] }, { finish: 'stop' }],
  /** Pieces so far apart that each arrives in a read of its own; characters of two, three and four bytes. */
  paced: [
    { text: ['Über '] },
    { wait: '60ms' },
    { text: ['die '] },
    { wait: '60ms' },
    { text: ['Brücke 日本 '] },
    { wait: '60ms' },
    { text: ['😀\n\n'] },
    { wait: '60ms' },
    { text: ['data: [DONE]'] },
    { finish: 'stop' },
  ],
  /** Text, then an error: after the commit. */
  cut: [
    { text: ['Rivers ', 'carry '] },
    { wait: '30ms' },
    { fail: { code: 'upstream_cut', message: 'The scripted upstream stopped in mid-sentence.' } },
  ],
  /** Long pauses between pieces: keepalives. */
  silent: [
    { text: ['Still '] },
    { wait: '350ms' },
    { text: ['waters '] },
    { wait: '350ms' },
    { text: ['run deep.'] },
    { finish: 'stop' },
  ],
  /** A pause before the first word. */
  late: [{ wait: '700ms' }, { text: ['At last.'] }, { finish: 'stop' }],
  /** The same after seconds, which also a busy machine notices. */
  later: [{ wait: '3s' }, { text: ['At last.'] }, { finish: 'stop' }],
  /** A refusal after a pause: before the commit, but perhaps after the head. */
  'late-refusal': [
    { wait: '700ms' },
    { fail: { code: 'upstream_refused', message: 'The upstream refused.' } },
  ],
  /** An answer that is JSON, whatever was asked. */
  json: [{ text: ['{', '}'] }, { finish: 'stop' }],
  /** Never sends output. */
  mute: [{ hang: true }],
  /** Sends text until its client leaves, for some two minutes. */
  endless: [{ repeat: { times: 6000, steps: [{ text: ['drop '] }, { wait: '20ms' }] } }, { finish: 'stop' }],
  /** About two seconds of text, with a whole end. */
  steady: [{ repeat: { times: 20, steps: [{ text: ['drop '] }, { wait: '100ms' }] } }, { finish: 'stop' }],
  /** Twelve megabytes as fast as they are taken, more than the kernel's socket buffers hold. */
  burst: [{ repeat: { times: 12_000, steps: [{ text: ['x'.repeat(1000)] }] } }, { finish: 'length' }],
  /** A gigabyte, for readers that stop reading. */
  flood: [{ repeat: { times: 1_000_000, steps: [{ text: ['x'.repeat(1000)] }] } }, { finish: 'length' }],
  /** Plain HTTP errors: before the commit. */
  'rate-limited': [{ fail: { code: 'rate_limit_exceeded', message: 'Slow down.', retry_after: '3s' } }],
  refused: [{ fail: { code: 'upstream_refused', message: 'The upstream refused.' } }],
  stalled: [{ fail: { code: 'stall_timeout', message: 'The upstream fell silent.' } }],
} as const;

export type LabModel = keyof typeof scripts;

/** Spread into a server's `files`. */
export const labFiles: Readonly<Record<string, ConfigTree>> = {
  'answers.yaml': {
    answers: Object.entries(scripts).map(([model, steps]) => ({ when: { model }, steps })),
  },
};

/** Spread into a configuration: the upstream `lab`. */
export const labUpstreams: ConfigTree = { lab: { kind: 'scripted', script: './answers.yaml' } };

/** Spread into a configuration's `models`. */
export const labModels: ConfigTree = Object.fromEntries(
  Object.keys(scripts).map((name) => [`lab/${name}`, { targets: [{ upstream: 'lab', model: name }] }]),
);

/**
 * Spread into a configuration: one attempt a request and breakers that do not open. The scripts fail on
 * purpose, again and again; these tests check the failure itself, not what routing makes of it.
 */
export const oneAttempt: ConfigTree = {
  retry: { per_target: 1, total: 1 },
  breaker: { failures: 10_000 },
};
