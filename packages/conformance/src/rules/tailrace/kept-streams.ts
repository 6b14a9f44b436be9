/* Cancelling, resuming, and reading a kept stream as the Durable Streams protocol does: contract, section 6. */
import { answerOf, bodyJson, objectAt } from '../../reading/body.ts';
import { viewOf } from '../../reading/stream-view.ts';
import { type Exchange, headerOf, type Recording } from '../../wire/exchange.ts';
import {
  excerpt,
  type Finding,
  isObject,
  judgeEach,
  named,
  notApplicable,
  type Opinion,
  statusOf,
} from '../judging.ts';
import type { Rule } from '../rule.ts';

const resume = { set: 'tailrace', group: 'resume', severity: 'failure', probes: ['resume'] } as const;
const notOffered = 'the endpoint offers no resumable streams';

function eventData(exchange: Exchange | undefined): readonly string[] {
  return exchange === undefined ? [] : viewOf(exchange).events.map(({ data }) => data);
}

export const keptStreamRules: readonly Rule[] = [
  {
    ...resume,
    id: 'cancel',
    expects:
      'A cancelled stream ends with the error event completion_cancelled, without finish and [DONE]; the order is answered with id and status.',
    why: 'A stop button must not make half an answer look whole.',
    probes: ['stream', 'cancel'],
    judge: judgeEach(named('cancel'), 'the endpoint has no route to cancel', (exchange, recording) => {
      const view = viewOf(exchange);
      const order = recording.get('cancel/order');
      if (view.done !== undefined) return notApplicable('the answer had ended before the order came');
      const { id, status } = order === undefined ? {} : answerOf(order);
      const findings: Finding[] = [];
      if (order?.response?.status !== 200 || status !== 'cancelled' || id !== view.chunks[0]?.json?.['id'])
        findings.push({
          seen: `the order: ${order === undefined ? 'none' : `${statusOf(order)} ${excerpt(bodyJson(order))}`}`,
        });
      const last = view.events.at(-1);
      if (objectAt(last?.json, 'error')['code'] !== 'completion_cancelled')
        findings.push({ event: view.events.length, seen: `the last event is ${excerpt(last?.data)}` });
      return findings;
    }),
  },
  {
    ...resume,
    id: 'resume-rest',
    expects: 'What was read before a cut and what is read after it join to the stream, event for event.',
    why: 'A resuming client shows a token twice, or loses one.',
    judge: judgeEach(named('resume/rest'), notOffered, (exchange, recording) => {
      const whole = eventData(recording.get('resume/again'));
      const joined = [...eventData(recording.get('resume')), ...eventData(exchange)];
      if (exchange.response?.status === 204 && joined.join('\n') === whole.join('\n')) return undefined;
      if (exchange.response?.status !== 200) return { seen: statusOf(exchange) };
      const at = joined.findIndex((data, index) => data !== whole[index]);
      if (at < 0 && joined.length === whole.length) return undefined;
      const from = at < 0 ? Math.min(joined.length, whole.length) : at;
      return {
        event: from + 1,
        seen: `${excerpt(joined[from])} where the whole has ${excerpt(whole[from])}`,
      };
    }),
  },
  {
    ...resume,
    id: 'resume-beyond',
    expects: 'A number beyond the last event is refused with status 400.',
    why: 'A client with a wrong cursor would wait for ever.',
    judge: judgeEach(named('resume/beyond'), notOffered, (exchange) =>
      exchange.response?.status === 400 ? undefined : { seen: statusOf(exchange) },
    ),
  },
  {
    ...resume,
    id: 'stream-url',
    expects: 'The head of a resumable stream has tailrace-stream-url, absolute and signed.',
    why: 'A page without the key reads on by it.',
    judge: judgeEach(named('resume'), notOffered, ({ response }) => {
      const url = response === undefined ? undefined : headerOf(response, 'tailrace-stream-url');
      if (url === undefined && response?.headers.every(([name]) => !name.startsWith('tailrace-')) !== false)
        return notApplicable(notOffered);
      return /^https?:\/\/\S+\?.*signature=[0-9a-f]+/.test(url ?? '') ? undefined : { seen: excerpt(url) };
    }),
  },
  {
    ...resume,
    id: 'durable-read',
    expects:
      'GET /streams/{id} gives the chunks as one JSON array, with Stream-Next-Offset, Stream-Up-To-Date and Stream-Closed; HEAD the same without a body.',
    why: 'Clients of the Durable Streams protocol read kept streams unchanged.',
    judge: judgeEach(named('resume/durable'), notOffered, durableRead),
  },
];

function durableRead(exchange: Exchange, recording: Recording): Opinion {
  const { response } = exchange;
  const messages = bodyJson(exchange);
  const whole = eventData(recording.get('resume/again')).filter((data) => data !== '[DONE]');
  if (response?.status !== 200 || !Array.isArray(messages))
    return { seen: `${statusOf(exchange)}: ${excerpt(messages)}` };
  const findings: Finding[] = [];
  const odd = messages.findIndex(
    (message, at) => JSON.stringify(message) !== JSON.stringify(JSON.parse(whole[at] ?? '0')),
  );
  if (odd >= 0 || messages.length !== whole.length || !messages.every(isObject))
    findings.push({
      seen: `${messages.length} messages for ${whole.length} chunks: ${excerpt(messages[Math.max(0, odd)])}`,
    });
  const head = recording.get('resume/durable-head')?.response;
  for (const [name, where] of [
    ['GET', response],
    ['HEAD', head],
  ] as const) {
    const missing = ['stream-next-offset', 'stream-closed'].filter(
      (header) => where === undefined || headerOf(where, header) === undefined,
    );
    if (missing.length > 0) findings.push({ seen: `${name} without ${missing.join(', ')}` });
  }
  return findings;
}
