import { failure } from '../../../domain/failure.ts';
import { dialects, type Frame, isFilled, isJson, isJsonText, type Mutation } from '../mutable-stream.ts';
import { textOf } from '../stream-bytes.ts';
import { finishesEarly, finishOf, partsOf } from './stream-parts.ts';

/**
 * Faults that destroy output. What no reader can notice is left out: a whole event that is missing, and a text that is
 * another text after its damage.
 */
export const damageMutations: readonly Mutation[] = [
  {
    name: 'the JSON of an event garbled',
    dialects,
    heals: false,
    apply(stream, dice) {
      const frames = stream.frames.filter(({ data }) => isJson(data));
      if (frames.length === 0) return false;
      const frame = dice.pick(frames);
      const text = textOf(frame.data, stream.framing);
      const at = dice.below(text.length);
      const other = dice.pick(['', '"', '\\', '}', '{', ',', '\u0000', '\n', '\n\n', 'x']);
      const changed = text.slice(0, at) + other + text.slice(at + dice.below(2) + (other === '' ? 1 : 0));
      const splits = stream.form === 'stream' && changed.includes('\n');
      if (splits ? isJsonInLines(changed) : isJsonText(changed)) return false;
      frame.data = splits ? Buffer.from(changed) : changed;
      return true;
    },
  },
  {
    name: 'the rest of an event lost',
    dialects,
    heals: false,
    apply(stream, dice) {
      const frames = stream.frames.filter(({ data }) => isJson(data));
      if (frames.length === 0) return false;
      const frame = dice.pick(frames);
      const text = textOf(frame.data, stream.framing);
      const end = 1 + dice.below(text.length - 1);
      frame.data = dice.chance(0.3) ? text.slice(end) : text.slice(0, end);
      return !isJsonText(String(frame.data));
    },
  },
  {
    name: 'bytes that are not UTF-8',
    dialects,
    heals: false,
    apply(stream, dice) {
      const frames = stream.frames.filter(({ data }) => isJson(data));
      if (frames.length === 0) return false;
      const frame = dice.pick(frames);
      if (stream.form !== 'stream') return false;
      const bytes = Buffer.from(textOf(frame.data, stream.framing).replaceAll('\n', ' '));
      const at = dice.below(bytes.length);
      const bad = Buffer.from(dice.pick([[0xff], [0xc3], [0xe4, 0xb8], [0x80], [0xed, 0xa0, 0xbd]]));
      frame.data = Buffer.concat([bytes.subarray(0, at), bad, bytes.subarray(at)]);
      return true;
    },
  },
  {
    name: 'the name of a field garbled',
    dialects,
    heals: false,
    apply(stream, dice) {
      if (stream.form !== 'stream') return false;
      const at = dice.below(stream.frames.length);
      const frame = stream.frames[at];
      if (!isJson(frame?.data)) return false;
      const name = dice.pick(['ata: ', 'dat: ', 'data ', 'xdata: ', ' data: ', 'Data: ', '']);
      const text = textOf(frame.data, {
        json: stream.framing.json === 'lines' ? 'plain' : stream.framing.json,
      });
      stream.damage = (bytes) => {
        const place = bytes.indexOf(`data: ${text}`);
        if (place < 0) return undefined;
        const after = bytes.subarray(place + Buffer.byteLength(`data: ${text}`));
        return Buffer.concat([bytes.subarray(0, place), Buffer.from(`${name}${text}`), after]);
      };
      return true;
    },
  },
  {
    name: 'bytes of several events lost',
    dialects,
    heals: false,
    apply(stream) {
      if (stream.framing.json === 'lines' || stream.form !== 'stream' || finishesEarly(stream)) return false;
      stream.damage = (bytes, dice) => {
        const from = dice.below(bytes.length);
        const to = from + 1 + dice.below(dice.chance(0.5) ? 3 : bytes.length - from);
        const left = Buffer.concat([bytes.subarray(0, from), bytes.subarray(to)]);
        return isNoticed(bytes, left) && tearsOutput(bytes, from, to) ? left : undefined;
      };
      return true;
    },
  },
  {
    name: 'the body cut',
    dialects,
    heals: false,
    apply(stream, dice) {
      if (finishesEarly(stream)) return false;
      stream.end = dice.pick<typeof stream.end>([
        'ends',
        failure('upstream_cut', 'The connection was reset.'),
      ]);
      stream.damage = (bytes, more) => bytes.subarray(0, more.below(bytes.length));
      return true;
    },
  },
  {
    name: 'an error between events',
    dialects,
    heals: false,
    apply(stream, dice) {
      if (stream.form !== 'stream') return false;
      const error = dice.pick<unknown>([
        { message: 'Overloaded', type: 'overloaded_error', code: 529 },
        { message: 'x', type: 'server_error', code: '500' },
        { code: 503, status: 'UNAVAILABLE', message: 'x' },
        { type: 'invalid_request_error', code: 'context_length_exceeded', message: 'too long' },
      ]);
      const data = stream.dialect === 'anthropic' ? { type: 'error', error } : { error };
      const frame: Frame =
        dice.chance(0.3) || stream.dialect === 'anthropic' ? { name: 'error', data } : { data };
      stream.frames.splice(dice.below(stream.frames.length), 0, frame);
      return true;
    },
  },
  {
    name: 'output of another type',
    dialects: ['openai'],
    heals: false,
    apply(stream, dice) {
      const fields = ['content', 'reasoning_content', 'tool_calls', 'refusal', 'delta'];
      const parts = partsOf(stream).filter(({ hasOutput }) => hasOutput);
      if (parts.length === 0) return false;
      const part = dice.pick(parts);
      const delta = part.holder[part.holder['message'] === undefined ? 'delta' : 'message'];
      const field = dice.pick(fields);
      const wrong = dice.pick<unknown>([5, true, { a: 'b' }, 'text', [5], [[5]], { text: 5 }]);
      if (!isJson(delta) || finishOf(stream, part) !== undefined) return false;
      // An object in its place would be a delta with other output.
      if (field === 'delta') part.holder['delta'] = isJson(wrong) ? [wrong] : wrong;
      else if (isFilled(delta[field]) && typeof delta[field] !== typeof wrong && typeof wrong !== 'string')
        delta[field] = wrong;
      else return false;
      return true;
    },
  },
];

/** Whether what is left of a text behind its line ends can be read: then it is another text. */
function isJsonInLines(text: string): boolean {
  return isJsonText(text.replaceAll('\n', ' ')) || isJsonText(text.split('\n\n')[0] ?? '');
}

/** Whether the bytes that are left hold a line that was not there and that cannot be read as an event. */
function isNoticed(bytes: Buffer, left: Buffer): boolean {
  const before = new Set(linesOf(bytes));
  const added = linesOf(left).filter((line) => !before.has(line) && line !== '');
  return added.some((line) => !/^data:/.test(line) || !isJsonText(line.slice('data:'.length)));
}

/** So many characters of a line show what it was. */
const leastLeft = 48;

/**
 * Whether a line with output is torn. Where only whole events are lost, or only lines without output are torn, no reader can
 * notice it.
 */
function tearsOutput(bytes: Buffer, from: number, to: number): boolean {
  const text = bytes.toString('latin1');
  const begin = Math.max(text.lastIndexOf('\n', from - 1), text.lastIndexOf('\r', from - 1)) + 1;
  const rest = /^[^\r\n]*/.exec(text.slice(to))?.[0] ?? '';
  const head = text.slice(begin, from);
  const headLine = head + (/^[^\r\n]*/.exec(text.slice(from))?.[0] ?? '');
  const tailLine =
    text.slice(Math.max(text.lastIndexOf('\n', to - 1), text.lastIndexOf('\r', to - 1)) + 1, to) + rest;
  return (hasWords(headLine) && head.length >= leastLeft) || (hasWords(tailLine) && rest.length >= leastLeft);
}

function hasWords(line: string): boolean {
  return /^data:.*(?:"content":(?!\[\]|null|"")|"reasoning|tool_calls|"text":|"thinking":|"partial_json":|functionCall|"content_block":)/.test(
    line,
  );
}

function linesOf(bytes: Buffer): readonly string[] {
  return bytes.toString('latin1').split(/\r\n|\r|\n/);
}
