import { answerOf, objectAt, objectsIn, parseJson } from '../../reading/body.ts';
import { viewOf } from '../../reading/stream-view.ts';
import type { Exchange } from '../../wire/exchange.ts';
import {
  asksToStream,
  excerpt,
  isObject,
  judgeEach,
  lastFinish,
  named,
  notApplicable,
  type Opinion,
  refusedFeature,
} from '../judging.ts';
import type { Rule } from '../rule.ts';

const structured = { set: 'openai', group: 'structured', severity: 'failure' } as const;

export const structuredRules: readonly Rule[] = [
  {
    ...structured,
    id: 'json-object',
    expects: 'With response_format json_object the joined text of a stream is one JSON object.',
    why: 'Programs parse it without a net: a fence of ```json or a sentence before it raises.',
    probes: ['json-object'],
    judge: judgeEach(named('json-object'), 'JSON was not asked for', (exchange) =>
      judgeText(exchange, (value) => isObject(value)),
    ),
  },
  {
    ...structured,
    id: 'json-schema',
    expects: 'With response_format json_schema the text is valid against the schema, streaming and not.',
    why: 'openai-python’s parse(), LangChain’s with_structured_output and Zod in the AI SDK raise where it is not.',
    probes: ['json-schema'],
    judge: judgeEach(
      named('json-schema/stream', 'json-schema/whole'),
      'no schema was asked for',
      (exchange) => judgeText(exchange, isPlace),
    ),
  },
];

function judgeText(exchange: Exchange, isRight: (value: unknown) => boolean): Opinion {
  const refused = refusedFeature(exchange);
  if (refused !== undefined) return refused;
  const { text, finish } = textOf(exchange);
  if (finish === 'length') return notApplicable('max_tokens ended the answer');
  if (asksToStream(exchange) && viewOf(exchange).errors.length > 0)
    return notApplicable('the stream ended with an error');
  return isRight(parseJson(text)) ? undefined : { seen: `the text is ${excerpt(text)}` };
}

function textOf(exchange: Exchange): { readonly text: string; readonly finish: unknown } {
  if (asksToStream(exchange)) {
    const view = viewOf(exchange);
    return { text: view.choices[0]?.content ?? '', finish: lastFinish(view) };
  }
  const choice = objectsIn(answerOf(exchange)['choices'])[0];
  return { text: String(objectAt(choice, 'message')['content'] ?? ''), finish: choice?.['finish_reason'] };
}

/** Whether a value is valid against `placeSchema`. */
function isPlace(value: unknown): boolean {
  if (!isObject(value) || Object.keys(value).sort().join() !== 'city,large') return false;
  return (value['city'] === 'Oslo' || value['city'] === 'Paris') && typeof value['large'] === 'boolean';
}
