/* What rules are made of: which exchanges a rule looks at, and what it says of each. */
import type { ProbeName } from '../probes/probe-names.ts';
import { askedFields, isObject } from '../reading/body.ts';
import { type StreamView, viewOf } from '../reading/stream-view.ts';
import { type Exchange, headerOf, type Recording } from '../wire/exchange.ts';
import type { Evidence, Judgement } from './rule.ts';

/** A place where the rule is broken. */
export interface Finding {
  readonly event?: number;
  readonly seen: string;
}

/** The rule says nothing of this exchange, and why. */
export interface NotApplicable {
  readonly notApplicable: string;
}

/** Undefined: the rule holds. */
export type Opinion = Finding | readonly Finding[] | NotApplicable | undefined;

export function notApplicable(reason: string): NotApplicable {
  return { notApplicable: reason };
}

/** At most so many places of one exchange are kept. */
const maxFindings = 3;

/** Asks for an opinion on each exchange; `none`: what is said where there is no such exchange. */
export function judgeEach(
  select: (recording: Recording) => readonly Exchange[],
  none: string,
  opinionOn: (exchange: Exchange, recording: Recording) => Opinion,
): (recording: Recording) => Judgement {
  return (recording) => {
    const broken: Evidence[] = [];
    const reasons: string[] = [];
    let held = 0;
    for (const exchange of select(recording)) {
      const opinion = opinionOn(exchange, recording);
      if (opinion !== undefined && 'notApplicable' in opinion) {
        reasons.push(opinion.notApplicable);
        continue;
      }
      const findings: readonly Finding[] =
        opinion === undefined ? [] : 'seen' in opinion ? [opinion] : opinion;
      if (findings.length === 0) held += 1;
      broken.push(...findings.slice(0, maxFindings).map((one) => ({ exchange: exchange.name, ...one })));
    }
    if (broken.length > 0 || held > 0) return { broken, held };
    return { broken, held, notApplicable: reasons[0] ?? none };
  };
}

/** The recorded exchanges of these names. */
export function named(...names: readonly string[]): (recording: Recording) => readonly Exchange[] {
  return (recording) => names.flatMap((name) => recording.get(name) ?? []);
}

/** The probes that ask for streams. */
export const streamProbes: readonly ProbeName[] = [
  'stream',
  'stream-with-usage',
  'length',
  'stop',
  'tools',
  'json-object',
  'json-schema',
  'max-completion-tokens',
  'unicode',
  'choices',
  'logprobs',
  'accept-json',
  'http-1.0',
  'parallel',
  'disconnect',
  'slow-reader',
  'cancel',
  'resume',
];

export function asksToStream(exchange: Exchange): boolean {
  return askedFields(exchange)['stream'] === true;
}

/** Answers with status 200 to requests that ask for a stream; those that are read again after a cut are not among them. */
export function streams(recording: Recording): readonly Exchange[] {
  return [...recording.values()].filter((one) => asksToStream(one) && one.response?.status === 200);
}

export const noStream = 'no request was answered with a stream';

/** An opinion on each stream. */
export function judgeStreams(
  opinionOn: (view: StreamView, exchange: Exchange) => Opinion,
): (recording: Recording) => Judgement {
  return judgeEach(streams, noStream, (exchange) => opinionOn(viewOf(exchange), exchange));
}

/** An opinion on each stream that the server has ended, and not with an error. */
export function judgeEndedStreams(
  opinionOn: (view: StreamView, exchange: Exchange) => Opinion,
): (recording: Recording) => Judgement {
  return judgeStreams((view, exchange) => {
    if (exchange.end === 'left') return notApplicable('the check left this stream itself');
    if (view.errors.length > 0) return notApplicable('the stream ended with an error');
    return opinionOn(view, exchange);
  });
}

/** Answers with status 200 to requests that ask for no stream. */
export function wholeAnswers(recording: Recording): readonly Exchange[] {
  return [...recording.values()].filter(
    (one) =>
      one.request.method === 'POST' &&
      one.request.path.endsWith('/chat/completions') &&
      !asksToStream(one) &&
      one.response?.status === 200 &&
      !mistakes.includes(one.name),
  );
}

/** Requests with a mistake, each of which an endpoint has to refuse. */
export const mistakes: readonly string[] = [
  'bad-model/whole',
  'bad-model/stream',
  'bad-json',
  'bad-type/whole',
  'bad-type/stream',
  'bad-type/role',
  'missing-messages',
];
export const mistakeProbes = ['bad-model', 'bad-json', 'bad-type', 'missing-messages'] as const;

/** Answers with an error status, but for those that say that the endpoint lacks a feature. */
export function refusals(recording: Recording): readonly Exchange[] {
  return [...recording.values()].filter(
    ({ response, request, name }) =>
      response !== undefined &&
      response.status >= 400 &&
      request.path.includes('/chat/completions') &&
      !name.startsWith('resume/') &&
      !name.endsWith('/status') &&
      !name.endsWith('/order'),
  );
}

/** Why an exchange that needs a feature cannot be judged; undefined where it was answered with status 200. */
export function refusedFeature(exchange: Exchange): NotApplicable | undefined {
  const { response } = exchange;
  if (response?.status === 200) return undefined;
  return notApplicable(`the endpoint does not answer this request: ${statusOf(exchange)}`);
}

/** Why an answer with status 429 says nothing of what was asked; undefined for any other. */
export function overLimit({ response }: Exchange): NotApplicable | undefined {
  return response?.status === 429
    ? notApplicable('the endpoint’s limit of requests was reached: status 429')
    : undefined;
}

/** `status 400`, or why there is none. */
export function statusOf({ response, problem, end }: Exchange): string {
  if (response !== undefined) return `status ${response.status}`;
  return problem === undefined ? `no answer (${end})` : `no answer (${problem})`;
}

export function contentType({ response }: Exchange): string {
  return response === undefined ? '' : (headerOf(response, 'content-type') ?? '');
}

/** A value as JSON of at most 160 characters. */
export function excerpt(value: unknown): string {
  const text = JSON.stringify(value) ?? 'undefined';
  return text.length > 160 ? `${text.slice(0, 159)}…` : text;
}

/** The finish reason that a client ends with. */
export function lastFinish(view: StreamView, index = 0): unknown {
  return view.choices.find((choice) => choice.index === index)?.finishes.at(-1)?.reason;
}

/** The deltas that carry output. */
export function carriesOutput(delta: { readonly [key: string]: unknown }): boolean {
  return Object.entries(delta).some(([field, value]) => {
    if (field === 'role' || value === null || value === undefined || value === '') return false;
    return !(typeof value === 'object' && Object.keys(value).length === 0);
  });
}

export { isObject };
