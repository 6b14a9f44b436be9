import { askedFields, isCount, objectsIn } from '../../reading/body.ts';
import type { StreamView } from '../../reading/stream-view.ts';
import { viewOf } from '../../reading/stream-view.ts';
import {
  excerpt,
  type Finding,
  isObject,
  judgeEach,
  judgeStreams,
  named,
  notApplicable,
  refusedFeature,
  streamProbes,
} from '../judging.ts';
import type { Rule } from '../rule.ts';

const chunks = { set: 'openai', group: 'chunks', probes: streamProbes } as const;

/** The places where a field of the chunks changes. */
function changes(view: StreamView, field: string): readonly Finding[] {
  const first = view.chunks[0]?.json?.[field];
  return view.chunks
    .filter(({ json }) => json?.[field] !== first)
    .map(({ number, json }) => ({
      event: number,
      seen: `${field} ${excerpt(json?.[field])} after ${excerpt(first)}`,
    }));
}

export const chunkRules: readonly Rule[] = [
  {
    ...chunks,
    id: 'chunk-fields',
    severity: 'failure',
    expects: 'A chunk has id, object "chat.completion.chunk", created, model and choices, each of its type.',
    why: 'openai-python’s helper drops chunks of another object; typed clients (Go, Rust, Java) fail to decode.',
    judge: judgeStreams((view) =>
      view.chunks.flatMap(({ number, json = {} }): readonly Finding[] => {
        const { id, object, created, model, choices: list } = json;
        const right =
          typeof id === 'string' &&
          id !== '' &&
          object === 'chat.completion.chunk' &&
          isCount(created) &&
          typeof model === 'string' &&
          Array.isArray(list);
        return right ? [] : [{ event: number, seen: excerpt({ id, object, created, model, choices: list }) }];
      }),
    ),
  },
  {
    ...chunks,
    id: 'chunk-id',
    severity: 'failure',
    expects: 'All chunks of a stream have the same id.',
    why: 'openai-node takes another id for another completion; LangChain merges messages by it.',
    judge: judgeStreams((view) => changes(view, 'id')),
  },
  {
    ...chunks,
    id: 'chunk-created',
    severity: 'warning',
    expects: 'All chunks of a stream have the same created.',
    why: 'OpenAI’s reference says so; logs that group by it split one answer.',
    judge: judgeStreams((view) => changes(view, 'created')),
  },
  {
    ...chunks,
    id: 'chunk-model',
    severity: 'warning',
    expects: 'All chunks of a stream have the same model.',
    why: 'Cost meters (Langfuse, LiteLLM) price an answer by the model of one chunk.',
    judge: judgeStreams((view) => changes(view, 'model')),
  },
  {
    ...chunks,
    id: 'choice-fields',
    severity: 'failure',
    expects: 'Each choice of a chunk has an index and a delta; finish_reason is null or a text.',
    why: 'openai-python and LangChain read `choice.delta.content` on every chunk: a missing delta raises.',
    judge: judgeStreams((view) =>
      view.chunks.flatMap(({ number, json }) => {
        const list = json?.['choices'];
        return (Array.isArray(list) ? list : [])
          .filter((choice) => {
            if (!isObject(choice)) return true;
            const reason = choice['finish_reason'] ?? null;
            return (
              !isCount(choice['index']) ||
              !isObject(choice['delta']) ||
              (reason !== null && typeof reason !== 'string')
            );
          })
          .map((choice): Finding => ({ event: number, seen: `a choice is ${excerpt(choice)}` }));
      }),
    ),
  },
  {
    ...chunks,
    id: 'choices-empty',
    severity: 'failure',
    expects: 'choices is empty only on a usage chunk, and only where include_usage was asked for.',
    why: 'Most programs read `chunk.choices[0].delta` on every chunk: an empty list raises IndexError or TypeError.',
    judge: judgeStreams((view, exchange) => {
      const options = askedFields(exchange)['stream_options'];
      const asked = isObject(options) && options['include_usage'] === true;
      return view.chunks
        .filter(({ json }) => Array.isArray(json?.['choices']) && objectsIn(json['choices']).length === 0)
        .filter(({ json }) => !asked || !isObject(json?.['usage']))
        .map(({ number, data }) => ({ event: number, seen: excerpt(data) }));
    }),
  },
  {
    ...chunks,
    id: 'delta-types',
    severity: 'failure',
    expects: 'content is a text or null; tool_calls, where it is, is a list or null.',
    why: 'openai-python’s helper adds pieces of equal type and raises on others; the AI SDK refuses the chunk.',
    judge: judgeStreams((view) =>
      view.deltas
        .filter(({ delta }) => {
          const { content = null, tool_calls: calls = null } = delta;
          return (
            (content !== null && typeof content !== 'string') || (calls !== null && !Array.isArray(calls))
          );
        })
        .map(({ event, delta }) => ({ event, seen: `delta is ${excerpt(delta)}` })),
    ),
  },
  {
    ...chunks,
    id: 'role-first',
    severity: 'failure',
    expects: 'The first delta of each choice has role "assistant".',
    why: 'openai-node’s helper ends with “missing role”; LangChain makes a generic message without it.',
    judge: judgeStreams((view) =>
      view.choices.flatMap(({ index }): readonly Finding[] => {
        const first = view.deltas.find((one) => one.index === index);
        if (first === undefined || first.delta['role'] === 'assistant') return [];
        return [
          { event: first.event, seen: `the first delta of choice ${index} is ${excerpt(first.delta)}` },
        ];
      }),
    ),
  },
  {
    ...chunks,
    id: 'role-once',
    severity: 'warning',
    expects: 'The role comes once a choice.',
    why: 'openai-python’s helper joins repeated texts: "assistantassistant".',
    judge: judgeStreams((view) =>
      view.choices.flatMap(({ index }) =>
        view.deltas
          .filter((one) => one.index === index && typeof one.delta['role'] === 'string')
          .slice(1)
          .map(({ event, delta }) => ({ event, seen: `again ${excerpt(delta)}` })),
      ),
    ),
  },
  {
    ...chunks,
    id: 'choice-order',
    severity: 'failure',
    expects: 'With n > 1 the choices open in order: 0, then 1.',
    why: 'openai-python’s helper adds choices to a list by position and mixes up answers that open in another order.',
    probes: ['choices'],
    judge: judgeEach(named('choices'), 'two choices were not asked for', (exchange) => {
      const view = viewOf(exchange);
      const opened = [...new Set(view.deltas.map(({ index }) => index))];
      if (opened.length < 2) return refusedFeature(exchange) ?? notApplicable('there was only one choice');
      return opened.every((index, at) => index === at)
        ? undefined
        : { seen: `choices open as ${opened.join(', ')}` };
    }),
  },
  {
    ...chunks,
    id: 'characters-whole',
    severity: 'failure',
    expects: 'No delta has half a character: no lone surrogate, no U+FFFD.',
    why: 'A token may end inside of a character. A server that does not wait for the rest shows “�” in every client.',
    judge: judgeStreams((view) => {
      const texts = view.deltas.flatMap(({ event, delta }) =>
        typeof delta['content'] === 'string' ? [{ event, content: delta['content'] }] : [],
      );
      if (texts.length === 0) return notApplicable('there was no text');
      return texts
        .filter(({ content }) => !content.isWellFormed() || content.includes('\u{fffd}'))
        .map(({ event, content }) => ({ event, seen: `content is ${excerpt(content)}` }));
    }),
  },
];
