import type { Dice } from './dice.ts';

/** Values that stand where another was expected. The long ones test bounds, the unusual ones decoders. */
function oddValue(dice: Dice): unknown {
  const kinds: readonly (() => unknown)[] = [
    () => null,
    () => true,
    () => dice.pick([0, -1, 1.5, 1e300, -0, 2 ** 53, 1e15]),
    () => '',
    () => dice.text(dice.size(2_000)),
    () => dice.text(dice.size(300_000)),
    () => dice.pick(['null', '[]', '{}', '{"a":', '[DONE]', '\ud83d', '__proto__', '<think>', '</think>']),
    () => [],
    () => ({}),
    () => Array.from({ length: dice.size(2_000) }, () => 0),
    () => Array.from({ length: dice.size(300) }, () => ({ text: 'x', type: 'text', index: 0 })),
    () => nested(dice.size(3_000)),
    () => Object.fromEntries(Array.from({ length: dice.size(2_000) }, (_, at) => [`k${at}`, at])),
    () => ({
      ['__proto__']: { role: 'tool', tool_calls: [5] },
      constructor: 1,
      toString: 'x',
      error: { message: 'x' },
    }),
  ];
  return dice.pick(kinds)();
}

function nested(depth: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < depth; level += 1) value = level % 2 === 0 ? [value] : { a: value };
  return value;
}

/** A copy of the value with one place in it changed: replaced, removed, doubled, renamed or wrapped. */
export function mutateJson(dice: Dice, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || dice.oneIn(6)) return oddValue(dice);
  if (Array.isArray(value)) {
    const at = dice.int(0, value.length);
    const copy: unknown[] = [...value];
    const change = dice.int(0, 4);
    if (change === 0) copy.splice(at, 1);
    else if (change === 1) copy.splice(at, 0, copy[at] ?? oddValue(dice));
    else if (change === 2) copy.reverse();
    else copy[Math.min(at, Math.max(0, copy.length - 1))] = mutateJson(dice, copy[at]);
    return copy;
  }
  const entries: [string, unknown][] = Object.entries(value);
  if (entries.length === 0) return { [dice.text(dice.size(40))]: oddValue(dice) };
  const at = dice.int(0, entries.length - 1);
  const [key, inner] = entries[at] ?? ['', undefined];
  const change = dice.int(0, 6);
  if (change === 0) entries.splice(at, 1);
  else if (change === 1) entries[at] = [dice.pick(['error', 'type', 'delta', dice.text(8)]), inner];
  else if (change === 2) entries.push([dice.text(dice.size(30)), oddValue(dice)]);
  else entries[at] = [key, mutateJson(dice, inner)];
  return Object.fromEntries(entries);
}

/** Bytes with a few places changed: flipped, cut out, doubled, or with random bytes inserted. */
export function mutateBytes(dice: Dice, bytes: Buffer, changes: number): Buffer {
  let made = Buffer.from(bytes);
  for (let change = 0; change < changes && made.length > 0; change += 1) {
    const at = dice.int(0, made.length - 1);
    const length = Math.min(made.length - at, 1 + dice.size(64));
    const [before, piece, after] = [
      made.subarray(0, at),
      made.subarray(at, at + length),
      made.subarray(at + length),
    ];
    switch (dice.int(0, 4)) {
      case 0:
        made[at] = dice.int(0, 255);
        break;
      case 1:
        made = Buffer.concat([before, after]);
        break;
      case 2:
        made = Buffer.concat([before, piece, piece, after]);
        break;
      case 3:
        made = Buffer.concat([before, Buffer.from(dice.text(length), 'utf8'), piece, after]);
        break;
      default:
        made = Buffer.concat([
          before,
          Buffer.from(
            dice.pick(['\r\n', '\n\n', '\r', '\0', '\ufeff', ': ', 'data: ', '\u2028', '0\r\n\r\n']),
          ),
          piece,
          after,
        ]);
    }
  }
  return made;
}
