import { createDice, type Dice } from '../../packages/server/src/upstreams/testing/dice.ts';

/** What an upstream writes for one stream: everything is drawn from its number, so two runs of a number are the same. */
export interface PlannedStream {
  /** How many choices the request asks for. */
  readonly n: 1 | 2;
  /** Bytes to write, each after a pause of so many milliseconds. */
  readonly writes: readonly { readonly afterMs: number; readonly bytes: Buffer }[];
  /** `refused`: an HTTP error before any output. `broken`: the connection ends inside the body. */
  readonly ending: 'whole' | 'error' | 'broken' | 'unfinished' | 'refused';
  /** The counts that the upstream reports; undefined where it breaks off before it has reported any. */
  readonly usage: { readonly prompt: number; readonly completion: number } | undefined;
}

export function planStream(number: number): PlannedStream {
  const dice = createDice(number * 7919);
  const ending = endingOf(dice);
  const n = dice.chance(0.15) ? 2 : 1;
  const usage = { prompt: 1 + dice.below(200), completion: 1 + dice.below(500) };
  const events = n === 2 ? twoChoices(dice) : oneChoice(dice);
  const kept = ending === 'whole' ? events : [output, ...events.slice(0, 1 + dice.below(events.length))];
  const last = lastEvents(ending, n, kept.join('').includes('"tool_calls"'), usage);
  const body = [...kept, ...last].map((json) => `data: ${json}\n\n`);
  return { n, ending, usage: ending === 'whole' ? usage : undefined, writes: paced(dice, body) };
}

function endingOf(dice: Dice): PlannedStream['ending'] {
  if (dice.chance(0.84)) return 'whole';
  return dice.pick(['error', 'error', 'broken', 'broken', 'unfinished', 'refused'] as const);
}

function lastEvents(
  ending: PlannedStream['ending'],
  n: number,
  hasCalls: boolean,
  usage: { readonly prompt: number; readonly completion: number },
): string[] {
  if (ending === 'error') return [JSON.stringify({ error: { message: 'It broke.', code: 500 } })];
  if (ending !== 'whole') return [];
  const finishes = Array.from({ length: n }, (_, index) =>
    chunk(index, {}, hasCalls ? 'tool_calls' : 'stop'),
  );
  const { prompt, completion } = usage;
  const counts = { prompt_tokens: prompt, completion_tokens: completion, total_tokens: prompt + completion };
  return [...finishes, JSON.stringify({ ...envelope, choices: [], usage: counts }), '[DONE]'];
}

/** Reasoning, text and calls, each of which may be missing; at least one event. */
function oneChoice(dice: Dice): string[] {
  const events: string[] = [];
  if (dice.chance(0.4)) for (const text of texts(dice)) events.push(chunk(0, { reasoning_content: text }));
  if (dice.chance(0.85) || events.length === 0)
    for (const text of texts(dice)) events.push(chunk(0, { content: text }));
  if (dice.chance(0.25)) {
    for (let index = 0; index <= dice.below(2); index += 1) events.push(...call(dice, index));
  }
  return events.map((json) => (dice.chance(0.3) ? escaped(json) : json));
}

function twoChoices(dice: Dice): string[] {
  return texts(dice).flatMap((text) => [
    chunk(0, { content: text }),
    ...(dice.chance(0.7) ? [chunk(1, { content: [...text].reverse().join('') })] : []),
  ]);
}

function call(dice: Dice, index: number): string[] {
  const json = JSON.stringify({
    place: `Bern ${index}`,
    words: [...texts(dice).join('')].slice(0, 200).join(''),
  });
  const cut = dice.below(json.length);
  const pieces = [json.slice(0, cut), json.slice(cut)].filter((piece) => piece !== '');
  const head = { index, id: `call_${index}`, type: 'function', function: { name: 'look', arguments: '' } };
  return [
    chunk(0, { tool_calls: [head] }),
    ...pieces.map((piece) => chunk(0, { tool_calls: [{ index, function: { arguments: piece } }] })),
  ];
}

/** Few or many, mostly tiny, at times up to 60,000 characters. */
function texts(dice: Dice): string[] {
  const count = 1 + dice.below(dice.chance(0.2) ? 200 : 30);
  return Array.from({ length: count }, () => {
    const length = dice.chance(0.02)
      ? dice.below(60_000)
      : dice.chance(0.1)
        ? dice.below(800)
        : dice.below(8);
    return Array.from({ length: 1 + length }, () => dice.pick(alphabet)).join('');
  });
}

const alphabet = [
  ...'abcdefghij klmnop\n\t"\\/{}:,',
  'é',
  '日',
  '本',
  '😀',
  '\u2028',
  '\u0001',
  'data: ',
  '\n\n',
];

const envelope = { id: 'x', object: 'chat.completion.chunk', created: 1, model: 'm' };

/** Begins the streams that break off: without it they could break off before any output, for blanks alone are held back. */
const output = chunk(0, { reasoning_content: 'Well' });

function chunk(index: number, delta: object, finish: string | null = null): string {
  return JSON.stringify({ ...envelope, choices: [{ index, delta, finish_reason: finish }] });
}

function escaped(json: string): string {
  return json.replace(/[^\x20-\x7e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** Events alone, in bursts, and cut anywhere between two writes; pauses of up to some hundred milliseconds. */
function paced(dice: Dice, events: readonly string[]): PlannedStream['writes'] {
  const writes: { afterMs: number; bytes: Buffer }[] = [];
  // A stream takes a second at most, however many events it has.
  const pauses = Math.min(1, 25 / events.length);
  for (let at = 0; at < events.length; ) {
    const together = dice.chance(0.3) ? 1 + dice.below(12) : 1;
    const bytes = Buffer.from(events.slice(at, at + together).join(''));
    at += together;
    const cut = dice.chance(0.1) ? dice.below(bytes.length) : bytes.length;
    const afterMs = dice.chance(pauses) ? dice.below(dice.chance(0.15) ? 300 : 40) : 0;
    writes.push({ afterMs, bytes: bytes.subarray(0, cut) });
    if (cut < bytes.length) writes.push({ afterMs: dice.below(5), bytes: bytes.subarray(cut) });
  }
  return writes;
}
