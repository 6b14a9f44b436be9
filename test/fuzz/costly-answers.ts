import type { Dice } from './dice.ts';
import type { Dialect } from './good-streams.ts';

export interface CostlyAnswer {
  readonly body: Buffer;
  readonly type: string;
}

/** An answer within its bound of bytes that costs much to read, to judge, to keep or to write. */
export function costlyAnswer(dice: Dice, dialect: Dialect): CostlyAnswer {
  const stream = (event: string, times = 1): CostlyAnswer => ({
    body: Buffer.from(`data: ${event}\n\n`.repeat(times)),
    type: 'text/event-stream',
  });
  switch (dice.int(0, 4)) {
    case 0: {
      const word = dice.pick(['exceed', 'input token count ', 'prompt ', 'context length of ', '`inputs`']);
      const message = word.repeat(Math.ceil(dice.size(1_000_000) / word.length));
      const error = JSON.stringify({
        error: { message, code: 400, type: 'invalid_request_error', status: 'constructor' },
      });
      return dice.oneIn(2) ? stream(error) : { body: Buffer.from(error), type: 'application/json' };
    }
    case 1:
      return stream(around(dialect, manyParts(dice, dice.size(1_000_000))), 1 + dice.size(8));
    case 2: {
      const body = Buffer.from(around(dialect, manyParts(dice, dice.size(17_000_000))));
      return { body, type: 'application/json' };
    }
    case 3: {
      const numbers = Array.from({ length: dice.int(1, 26) }, (_, at) => `"f${at}":1.0`).join(',');
      const details = `[${Array.from({ length: 1 + dice.size(4_000) }, () => `{"index":1.0,${numbers}}`).join(',')}]`;
      const delta = `{"content":"m","reasoning_details":${details}}`;
      return stream(`{"choices":[{"index":0,"delta":${delta}}]}`, 1 + dice.size(100));
    }
    default: {
      const text = JSON.stringify('é"\\\n'.repeat(dice.size(40_000)));
      return stream(`{"choices":[{"index":0,"delta":{"content":${text}}}]}`, 1 + dice.size(40));
    }
  }
}

/** JSON of some length: fields, empty objects, numbers to be kept as they are spelt, or levels. */
function manyParts(dice: Dice, length: number): string {
  const list = (part: (at: number) => string): string => {
    const parts: string[] = [];
    for (let at = 0, sum = 0; sum < length; at += 1) {
      const next = part(at);
      parts.push(next);
      sum += next.length + 1;
    }
    return `[${parts.join(',')}]`;
  };
  switch (dice.int(0, 3)) {
    case 0:
      return list((at) => `{"a${at}":1.0}`);
    case 1:
      return list(() => '{}');
    case 2:
      return list(() => '1.0');
    default:
      return '['.repeat(length / 2) + ']'.repeat(length / 2);
  }
}

/** `parts` in a member that is ignored, or in one that is passed on. */
function around(dialect: Dialect, parts: string): string {
  switch (dialect) {
    case 'openai':
      return `{"choices":[{"index":0,"delta":{"content":"m","reasoning_details":[{"a":${parts}}]}}],"x":0}`;
    case 'anthropic':
      return `{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"a","name":"f","input":{"x":${parts}}}}`;
    case 'gemini':
      return `{"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","args":{"x":${parts}}}}]}}]}`;
  }
}
