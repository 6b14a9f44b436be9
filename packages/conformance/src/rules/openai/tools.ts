import { weatherTool } from '../../probes/questions.ts';
import { answerOf, isCount, objectAt, objectsIn, parseJson } from '../../reading/body.ts';
import { callPieces, type StreamView, viewOf } from '../../reading/stream-view.ts';
import type { Exchange } from '../../wire/exchange.ts';
import {
  excerpt,
  type Finding,
  isObject,
  judgeEach,
  lastFinish,
  named,
  notApplicable,
  type Opinion,
  refusedFeature,
} from '../judging.ts';
import type { Rule } from '../rule.ts';

const tools = { set: 'openai', group: 'tools', severity: 'failure', probes: ['tools'] } as const;
const notAsked = 'no tool call was asked for';
const wanted = weatherTool.function.name;

/** An opinion on the streamed call, where there is one. */
function judgeCalls(opinionOn: (view: StreamView) => Opinion): Rule['judge'] {
  return judgeEach(named('tools/stream'), notAsked, (exchange) => {
    const view = viewOf(exchange);
    const refused = refusedFeature(exchange);
    if (refused !== undefined) return refused;
    return callPieces(view.deltas).length === 0
      ? notApplicable('the stream has no tool call')
      : opinionOn(view);
  });
}

export const toolRules: readonly Rule[] = [
  {
    ...tools,
    id: 'tool-called',
    expects: 'A tool that tool_choice names is called, streaming and not.',
    why: 'Structured output by tools (LangChain’s with_structured_output, Instructor) finds nothing where the model answers with text.',
    judge: judgeEach(named('tools/stream', 'tools/whole'), notAsked, (exchange) => {
      const refused = refusedFeature(exchange);
      if (refused !== undefined) return refused;
      const names = namesOf(exchange);
      return names.length > 0 && names.every((name) => name === wanted)
        ? undefined
        : {
            seen: `${names.length === 0 ? 'no call' : `calls of ${names.join(', ')}`}: ${contentOf(exchange)}`,
          };
    }),
  },
  {
    ...tools,
    id: 'tool-start',
    expects: 'The first piece of a call has index, id, type "function" and function.name.',
    why: 'The AI SDK raises “Expected id to be a string”; openai-node’s helper ends with “missing tool_calls[0].id”.',
    judge: judgeCalls((view) => {
      const seen = new Set<unknown>();
      return callPieces(view.deltas).flatMap(({ event, piece, fn }): readonly Finding[] => {
        const { index, id, type } = piece;
        if (seen.has(index)) return [];
        seen.add(index);
        const right =
          isCount(index) &&
          typeof id === 'string' &&
          id !== '' &&
          type === 'function' &&
          typeof fn['name'] === 'string' &&
          fn['name'] !== '';
        return right ? [] : [{ event, seen: excerpt(piece) }];
      });
    }),
  },
  {
    ...tools,
    id: 'tool-said-once',
    expects: 'id and name come once a call.',
    why: 'openai-python joins them: "call_1call_1". It fails on name: null.',
    judge: judgeCalls((view) => {
      const seen = new Set<unknown>();
      return callPieces(view.deltas).flatMap(({ event, piece, fn }): readonly Finding[] => {
        if (!seen.has(piece['index'])) {
          seen.add(piece['index']);
          return [];
        }
        const again = (value: unknown) => typeof value === 'string' && value !== '';
        const odd = again(piece['id']) || again(fn['name']) || fn['name'] === null;
        return odd ? [{ event, seen: excerpt(piece) }] : [];
      });
    }),
  },
  {
    ...tools,
    id: 'tool-index',
    expects: 'Indexes of calls are dense from 0.',
    why: 'openai-python’s helper raises IndexError on a gap; Vercel’s AI SDK leaves holes in its list.',
    judge: judgeCalls((view) => {
      const indexes = [...new Set(callPieces(view.deltas).map(({ piece }) => piece['index']))];
      return indexes.every((index, at) => index === at) ? undefined : { seen: `indexes ${excerpt(indexes)}` };
    }),
  },
  {
    ...tools,
    id: 'tool-arguments',
    expects: 'The pieces of a call’s arguments join to one JSON object.',
    why: 'Every agent parses the joined text; cumulative or repeated pieces make it no JSON.',
    judge: judgeCalls((view) => {
      if (lastFinish(view) === 'length') return notApplicable('max_tokens ended the call');
      return (view.choices[0]?.calls ?? [])
        .filter((call) => !isObject(parseJson(call.arguments)))
        .map((call) => ({ seen: `arguments are ${excerpt(call.arguments)}` }));
    }),
  },
  {
    ...tools,
    id: 'tool-finish',
    expects: 'A stream with calls finishes with "tool_calls" (a call that was asked for by name: or "stop").',
    why: 'Agent loops (OpenAI Agents SDK, LangGraph, AI SDK) run the tools only then.',
    judge: judgeCalls((view) => {
      const reason = lastFinish(view);
      if (reason === 'length') return notApplicable('max_tokens ended the call');
      return reason === 'tool_calls' || reason === 'stop'
        ? undefined
        : { event: view.events.length, seen: `finish_reason is ${excerpt(reason)}` };
    }),
  },
  {
    ...tools,
    id: 'tool-whole',
    expects:
      'A call in an answer without a stream has id, type "function", and function with name and arguments, a text of JSON.',
    why: 'openai-python and LangChain call json.loads on the arguments: an object instead of a text raises.',
    judge: judgeEach(named('tools/whole'), notAsked, (exchange) => {
      const calls = callsOf(exchange);
      if (calls.length === 0) return refusedFeature(exchange) ?? notApplicable('the answer has no tool call');
      const finish = objectsIn(answerOf(exchange)['choices'])[0]?.['finish_reason'];
      return calls
        .filter((call) => {
          const { name, arguments: args } = objectAt(call, 'function');
          const parsed = typeof args === 'string' && (finish === 'length' || isObject(parseJson(args)));
          const { id, type } = call;
          return !parsed || typeof name !== 'string' || typeof id !== 'string' || type !== 'function';
        })
        .map((call) => ({ seen: excerpt(call) }));
    }),
  },
];

function callsOf(exchange: Exchange) {
  return objectsIn(objectAt(objectsIn(answerOf(exchange)['choices'])[0], 'message')['tool_calls']);
}

function namesOf(exchange: Exchange): readonly unknown[] {
  if (exchange.name === 'tools/whole')
    return callsOf(exchange).map((call) => objectAt(call, 'function')['name']);
  return viewOf(exchange).choices.flatMap(({ calls }) => calls.map(({ name }) => name));
}

function contentOf(exchange: Exchange): string {
  if (exchange.name === 'tools/whole') return excerpt(answerOf(exchange)['choices']);
  return excerpt(viewOf(exchange).choices[0]?.content);
}
