import type { JsonValue } from '../../domain/json.ts';
import type { Fault } from '../fault.ts';
import { chunkOf, frame, inOrder } from '../healthy-stream.ts';
import { alwaysWhole, failsBeforeCommit } from '../outcomes.ts';
import { streamed } from '../play-stream.ts';

/** One choice was asked for, and its index is not 0. */

/** The index that an event with this number gets; undefined leaves it out. */
const indexes: Readonly<Record<string, (event: number) => JsonValue | undefined>> = {
  counting: (event) => event,
  one: () => 1,
  text: () => '0',
  absent: () => undefined,
  null: () => null,
  deltas: (event) => event % 3,
};

export const choices: readonly Fault[] = [
  {
    name: 'foreign-index',
    description: 'One choice, and its index is not 0.',
    parameter: {
      kind: 'word',
      words: ['counting', 'one', 'text', 'absent', 'null', 'deltas'],
      means:
        'the index: counts the chunks, always 1, the string 0, absent, null, or 0, 1 and 2 in turn with the finish at 0',
    },
    play: streamed((stream, { word }) => {
      const indexOf = indexes[word] ?? (() => 0);
      let event = -1;
      const rewrite = (text: string): string => {
        event += 1;
        const index = indexOf(event);
        return text.replace('{"index":0,', index === undefined ? '{' : `{"index":${JSON.stringify(index)},`);
      };
      return {
        pieces: inOrder({
          ...stream,
          roles: stream.roles.map(rewrite),
          deltas: stream.deltas.map(rewrite),
          finishes: word === 'deltas' ? stream.finishes : stream.finishes.map(rewrite),
        }),
        end: 'whole',
      };
    }),
    expected: alwaysWhole,
  },
  {
    name: 'two-choices',
    description: 'One choice was asked for, and each event holds two, with different texts.',
    play: streamed((stream) => {
      const [tokens = []] = stream.answer.choices.map((choice) => choice.tokens);
      const deltas = tokens.map((content) =>
        frame(
          chunkOf(
            stream.answer,
            [content, ' other'].map((text, index) => ({
              index,
              delta: { content: text },
              logprobs: null,
              finish_reason: null,
            })),
          ),
        ),
      );
      return { pieces: inOrder({ ...stream, deltas }), end: 'whole' };
    }),
    // Either of them may be the one that was asked for.
    expected: failsBeforeCommit(502, 'upstream_protocol'),
  },
];
