import { answerOf, askedFields, objectsIn } from '../../reading/body.ts';
import { viewOf } from '../../reading/stream-view.ts';
import type { Exchange, Recording } from '../../wire/exchange.ts';
import {
  asksToStream,
  carriesOutput,
  excerpt,
  type Finding,
  judgeEach,
  judgeEndedStreams,
  judgeStreams,
  lastFinish,
  named,
  notApplicable,
  type Opinion,
  refusedFeature,
  streamProbes,
  streams,
  wholeAnswers,
} from '../judging.ts';
import type { Rule } from '../rule.ts';

const endings = { set: 'openai', group: 'endings' } as const;
const reasons: readonly unknown[] = ['stop', 'length', 'tool_calls', 'content_filter', 'function_call'];

export const endingRules: readonly Rule[] = [
  {
    ...endings,
    id: 'finish',
    severity: 'failure',
    expects: 'Every choice of a stream that ends without an error has a finish_reason.',
    why: 'openai-node, openai-python and LangChain take an end without one for success: half an answer passes for whole.',
    probes: streamProbes,
    judge: judgeEndedStreams((view) => {
      if (view.choices.length === 0) return { event: view.events.length, seen: 'no choice at all' };
      return view.choices
        .filter(({ finishes }) => finishes.length === 0)
        .map(({ index }) => ({ event: view.events.length, seen: `choice ${index} never finishes` }));
    }),
  },
  {
    ...endings,
    id: 'finish-known',
    severity: 'failure',
    expects: 'finish_reason is stop, length, tool_calls, content_filter or function_call.',
    why: 'Agents decide by it: the AI SDK maps others to “unknown” and stops; typed clients fail to decode.',
    probes: [...streamProbes, 'plain'],
    judge: judgeEach(
      (recording) => [...wholeAnswers(recording), ...streams(recording)],
      'nothing was answered',
      (exchange) =>
        finishesOf(exchange)
          .filter(({ reason }) => !reasons.includes(reason))
          .map(({ reason, ...place }) => ({ ...place, seen: `finish_reason is ${excerpt(reason)}` })),
    ),
  },
  {
    ...endings,
    id: 'finish-once',
    severity: 'warning',
    expects: 'A choice finishes once.',
    why: 'Clients that stop to read at the first finish lose what follows; those that take the last one see another reason.',
    probes: streamProbes,
    judge: judgeStreams((view) =>
      view.choices.flatMap(({ index, finishes }) =>
        finishes.slice(1).map(({ event, reason }) => ({
          event,
          seen: `choice ${index} finishes again with ${excerpt(reason)}`,
        })),
      ),
    ),
  },
  {
    ...endings,
    id: 'after-finish',
    severity: 'failure',
    expects: 'No output of a choice comes after its finish.',
    why: 'LangChain.js and many programs leave their loop at the finish: what comes after it is lost.',
    probes: streamProbes,
    judge: judgeStreams((view) =>
      view.choices.flatMap(({ index, finishes }): readonly Finding[] => {
        const finished = finishes[0]?.event ?? Number.POSITIVE_INFINITY;
        const late = view.deltas.find(
          (one) => one.index === index && one.event > finished && carriesOutput(one.delta),
        );
        return late === undefined
          ? []
          : [{ event: late.event, seen: `after the finish: ${excerpt(late.delta)}` }];
      }),
    ),
  },
  {
    ...endings,
    id: 'length',
    severity: 'failure',
    expects: 'An answer that max_tokens ends has finish_reason "length", streaming and not.',
    why: 'Programs continue or warn by it; with "stop" half a sentence passes for the whole answer.',
    probes: ['length'],
    judge: judgeEach(named('length/stream', 'length/whole'), 'it was not asked for', (exchange) =>
      finishesWith(exchange, 'length'),
    ),
  },
  {
    ...endings,
    id: 'max-completion-tokens',
    severity: 'failure',
    expects: 'max_completion_tokens ends an answer as max_tokens does.',
    why: 'Newer SDKs, the AI SDK and LangChain send only this name: where it is ignored, the answer has no bound and its cost neither.',
    probes: ['max-completion-tokens'],
    judge: judgeEach(named('max-completion-tokens'), 'it was not asked for', (exchange) =>
      finishesWith(exchange, 'length'),
    ),
  },
  {
    ...endings,
    id: 'stop-string',
    severity: 'failure',
    expects: 'A stop string ends the answer before it, and the text before it is whole.',
    why: 'ReAct agents of LangChain read up to their stop string: with it in the text, or text missing, they take a wrong step.',
    probes: ['stream', 'stop'],
    judge: judgeEach(named('stop'), 'no stop string could be taken from the stream before', stopString),
  },
];

function finishesOf(exchange: Exchange): readonly { readonly event?: number; readonly reason: unknown }[] {
  if (asksToStream(exchange)) return viewOf(exchange).choices.flatMap(({ finishes }) => finishes);
  // A missing one is the finding of `whole-shape`.
  return objectsIn(answerOf(exchange)['choices']).flatMap(({ finish_reason: reason }) =>
    typeof reason === 'string' ? [{ reason }] : [],
  );
}

function finishesWith(exchange: Exchange, wanted: string): Opinion {
  const refused = refusedFeature(exchange);
  if (refused !== undefined) return refused;
  if (asksToStream(exchange)) {
    const view = viewOf(exchange);
    if (view.errors.length > 0) return notApplicable('the stream ended with an error');
    const seen = lastFinish(view);
    return seen === wanted
      ? undefined
      : { event: view.events.length, seen: `finish_reason is ${excerpt(seen)}` };
  }
  const seen = objectsIn(answerOf(exchange)['choices'])[0]?.['finish_reason'];
  return seen === wanted ? undefined : { seen: `finish_reason is ${excerpt(seen)}` };
}

function stopString(exchange: Exchange, recording: Recording): Opinion {
  const refused = refusedFeature(exchange);
  if (refused !== undefined) return refused;
  const asked = askedFields(exchange)['stop'];
  const stop = Array.isArray(asked) ? String(asked[0]) : '';
  const view = viewOf(exchange);
  const text = view.choices[0]?.content ?? '';
  if (text.includes(stop)) return { seen: `the text has ${excerpt(stop)}: ${excerpt(text)}` };
  const before = recording.get('stream');
  const whole = before === undefined ? '' : (viewOf(before).choices[0]?.content ?? '');
  const due = whole.slice(0, whole.indexOf(stop));
  if (lastFinish(view) !== 'stop')
    return notApplicable('the model wrote another text, without the stop string');
  if (text === due) return undefined;
  if (due.startsWith(text))
    return {
      seen: `the text before ${excerpt(stop)} ends too early: ${excerpt(text.slice(-40))} of ${excerpt(due.slice(-40))}`,
    };
  return notApplicable('the model wrote another text');
}
