import { type MutableStream, type Mutation, objectsOf } from '../mutable-stream.ts';
import { finishOf, partsOf } from './stream-parts.ts';

/** Indexes that the request did not ask for (contract, section 3: with `n: 1` every index means choice 0). */
export const indexMutations: readonly Mutation[] = [
  {
    name: 'choice index foreign',
    dialects: ['openai', 'gemini'],
    heals: true,
    apply(stream, dice) {
      const parts = partsOf(stream);
      if (stream.choices !== 1 || hasSeveral(stream)) return false;
      const shift = 1 + dice.below(4);
      const odd = dice.pick<unknown>(['0', '1', null, undefined, -1, 1.5, true, 'a', {}]);
      let count = 0;
      const kind = dice.pick(['shift', 'count', 'count from', 'odd', 'finish elsewhere', 'drawn'] as const);
      // In one JSON text several choices with output are several answers.
      if (stream.form === 'json-list' && kind !== 'shift' && kind !== 'odd') return false;
      for (const { holder } of parts) {
        switch (kind) {
          case 'shift':
            holder['index'] = shift;
            break;
          case 'count':
            holder['index'] = count;
            break;
          case 'count from':
            holder['index'] = count + shift;
            break;
          case 'odd':
            holder['index'] = odd;
            break;
          case 'finish elsewhere':
            holder['index'] = finishOf(stream, { holder }) === undefined ? count % 3 : 0;
            break;
          case 'drawn':
            holder['index'] = dice.below(4);
        }
        count += 1;
      }
      return parts.length > 0;
    },
  },
  {
    name: 'block index foreign',
    dialects: ['anthropic'],
    heals: true,
    apply(stream, dice) {
      const shift = dice.below(3);
      const spell = dice.pick<(index: number) => unknown>([
        (index) => index + 1 + shift,
        (index) => 2 * index + shift,
        () => shift,
        (index) => String(index),
      ]);
      let found = false;
      for (const { json } of partsOf(stream)) {
        if (typeof json['index'] !== 'number') continue;
        json['index'] = spell(json['index']);
        found = true;
      }
      return found;
    },
  },
];

/** Whether one event has several choices, which then need their indexes. */
function hasSeveral(stream: MutableStream): boolean {
  return partsOf(stream).some(
    ({ json }) => objectsOf(json['choices']).length > 1 || objectsOf(json['candidates']).length > 1,
  );
}
