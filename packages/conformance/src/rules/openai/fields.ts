import { answerOf, bodyJson, objectAt, objectsIn } from '../../reading/body.ts';
import { viewOf } from '../../reading/stream-view.ts';
import type { Exchange } from '../../wire/exchange.ts';
import {
  asksToStream,
  excerpt,
  isObject,
  judgeEach,
  named,
  notApplicable,
  type Opinion,
  overLimit,
  statusOf,
} from '../judging.ts';
import type { Rule } from '../rule.ts';

const fields = { set: 'openai', group: 'fields' } as const;

/** A rule that a request is answered. */
function accepts(
  probe: 'neutral-values' | 'content-parts' | 'developer-role' | 'tool-result',
  words: Pick<Rule, 'severity' | 'expects' | 'why'>,
): Rule {
  return {
    ...fields,
    id: probe,
    ...words,
    probes: ['plain', probe],
    judge: judgeEach(named(probe), 'it was not asked for', (exchange, recording) => {
      if (exchange.response?.status === 200) return undefined;
      const limited = overLimit(exchange);
      if (limited !== undefined) return limited;
      // Where nothing is answered, that is the finding, and not this field.
      if (recording.get('plain')?.response?.status !== 200)
        return notApplicable('plain requests are not answered');
      return { seen: `${statusOf(exchange)}: ${excerpt(bodyJson(exchange))}` };
    }),
  };
}

export const fieldRules: readonly Rule[] = [
  accepts('neutral-values', {
    severity: 'failure',
    expects:
      'Values that ask for nothing are accepted: n: 1, penalties 0, tools: [], logprobs: false, stop: null.',
    why: 'LangChain, Open WebUI and LibreChat send them with every request.',
  }),
  accepts('content-parts', {
    severity: 'failure',
    expects: 'content may be a list of text parts.',
    why: 'The AI SDK, LangChain and Cline send texts in this form.',
  }),
  accepts('developer-role', {
    severity: 'warning',
    expects: 'A message may have the role developer.',
    why: 'The AI SDK and the OpenAI Agents SDK send instructions with it to models that they take for reasoning ones.',
  }),
  accepts('tool-result', {
    severity: 'failure',
    expects: 'A conversation with a call (content: null beside it) and its result is answered.',
    why: 'Every agent sends it as the second step; openai-python and openai-node hand back content: null.',
  }),
  {
    ...fields,
    id: 'choices',
    severity: 'failure',
    expects: 'n: 2 gives two choices, or is refused with status 400.',
    why: 'A client that samples several answers (LangChain’s n, evals) goes on with one and does not notice.',
    probes: ['choices'],
    judge: judgeEach(named('choices'), 'it was not asked for', (exchange) => {
      if (exchange.response?.status !== 200) return honestRefusal(exchange);
      const { choices, errors } = viewOf(exchange);
      if (errors.length > 0) return notApplicable('the stream ended with an error');
      return choices.length === 2
        ? undefined
        : { seen: `choices ${choices.map(({ index }) => index).join(', ')}` };
    }),
  },
  {
    ...fields,
    id: 'logprobs',
    severity: 'failure',
    expects:
      'logprobs: true gives logprobs.content with token, logprob and top_logprobs, streaming and not, or is refused with status 400.',
    why: 'Classifiers and evals read them; where they are dropped in silence, `logprobs.content` raises.',
    probes: ['logprobs'],
    judge: judgeEach(named('logprobs/stream', 'logprobs/whole'), 'they were not asked for', (exchange) => {
      if (exchange.response?.status !== 200) return honestRefusal(exchange);
      const tokens = choicesOf(exchange).flatMap((choice) =>
        objectsIn(objectAt(choice, 'logprobs')['content']),
      );
      if (tokens.length === 0) return { seen: 'no choice has logprobs.content' };
      return tokens
        .filter(({ token, logprob, top_logprobs: top }) => {
          return typeof token !== 'string' || typeof logprob !== 'number' || !Array.isArray(top);
        })
        .map((token) => ({ seen: excerpt(token) }));
    }),
  },
];

/** A refusal is an honest answer where it blames the request. */
function honestRefusal(exchange: Exchange): Opinion {
  const status = exchange.response?.status ?? 0;
  return status >= 400 && status < 500
    ? notApplicable(`the endpoint refuses it with status ${status}`)
    : { seen: `${statusOf(exchange)}: ${excerpt(bodyJson(exchange))}` };
}

function choicesOf(exchange: Exchange) {
  if (!asksToStream(exchange)) return objectsIn(answerOf(exchange)['choices']);
  return viewOf(exchange).chunks.flatMap(({ json }) => objectsIn(isObject(json) ? json['choices'] : []));
}
