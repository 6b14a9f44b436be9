import type { Dice } from '../dice.ts';
import { dialects, type Frame, type Framing, type MutableStream, type Mutation } from '../mutable-stream.ts';

/** Other ways to write the same events as bytes (contract, section 7; WHATWG HTML, section 9.2.6). */
export const framingMutations: readonly Mutation[] = [
  framing('other ends of lines', (to, dice) => {
    to.lineEnds = dice.pick([['\r\n'], ['\r'], ['\n', '\r\n'], ['\n', '\r\n', '\r']]);
  }),
  framing('events parted by one end of line', (to, dice) => {
    to.gaps = dice.pick(['none', 'some']);
  }),
  framing('fields spelled otherwise', (to, dice) => {
    to.spaces = dice.pick([[''], ['  '], ['', ' '], [' \t']]);
  }),
  framing('lines that are no data', (to, dice) => {
    to.extraLines = dice.pick([['id: 7'], ['retry: 1'], ['id:', 'id: 8', ': hm'], [':']]);
  }),
  framing('a byte order mark', (to) => {
    to.mark = true;
  }),
  framing('JSON spelled otherwise', (to, dice) => {
    to.json = dice.pick(['escaped', 'spaced']);
  }),
  framing('JSON over several lines', (to) => {
    to.json = 'lines';
  }),
  framing('no gap at the end', (to, dice) => {
    to.ending = dice.pick(['line', 'nothing']);
  }),
  inserted('heartbeats that are no JSON', (dice) => {
    const text = dice.pick(['ping', 'heartbeat', 'keep-alive', '', ': still here', '-', 'PING 15']);
    return dice.pick<Frame>([
      { data: text },
      { name: 'ping', data: text },
      { data: undefined, comment: ' beat' },
    ]);
  }),
  inserted('JSON that is no object', (dice) => ({
    data: dice.pick(['17', '"text"', 'null', 'true', '[]', '-1.5']),
  })),
  {
    name: 'no end mark',
    dialects: ['openai', 'anthropic'],
    heals: true,
    apply(stream) {
      const isMark = ({ data }: Frame): boolean =>
        data === '[DONE]' || (typeof data === 'object' && 'type' in data && data['type'] === 'message_stop');
      const kept = stream.frames.filter((frame) => !isMark(frame));
      const found = kept.length < stream.frames.length;
      stream.frames = kept;
      return found;
    },
  },
  {
    name: 'an end mark that the dialect has not',
    dialects: ['anthropic', 'gemini'],
    heals: true,
    apply(stream) {
      if (stream.form !== 'stream') return false;
      stream.frames.push({ data: '[DONE]' });
      return true;
    },
  },
  {
    name: 'names of events',
    dialects: ['openai', 'gemini'],
    heals: true,
    apply(stream, dice) {
      if (stream.form !== 'stream') return false;
      for (const frame of stream.frames)
        if (dice.chance(0.7)) frame.name ??= dice.pick(['message', 'chunk', 'delta']);
      return true;
    },
  },
  {
    name: 'no names of events',
    dialects: ['anthropic'],
    heals: true,
    apply(stream) {
      for (const frame of stream.frames) delete frame.name;
      return true;
    },
  },
];

function framing(name: string, change: (framing: Framing, dice: Dice) => void): Mutation {
  return {
    name,
    dialects,
    heals: true,
    apply(stream, dice) {
      // White space of one JSON text is another matter than lines.
      if (stream.form !== 'stream') return false;
      change(stream.framing, dice);
      stream.mayFail ||= isTornApart(stream.framing);
      return true;
    },
  };
}

/** JSON over several lines needs a blank line after it. A CR and an LF, drawn for two ends, are one end. */
function isTornApart({ json, gaps, lineEnds, ending }: Framing): boolean {
  const losesGaps = gaps !== 'all' || (lineEnds.includes('\r') && lineEnds.length > 1) || ending !== 'gap';
  return json === 'lines' && losesGaps;
}

function inserted(name: string, make: (dice: Dice) => Frame): Mutation {
  return {
    name,
    dialects,
    heals: true,
    apply(stream: MutableStream, dice) {
      if (stream.form !== 'stream') return false;
      for (let count = 1 + dice.below(8); count > 0; count -= 1) {
        stream.frames.splice(dice.below(stream.frames.length + 1), 0, make(dice));
      }
      return true;
    },
  };
}
