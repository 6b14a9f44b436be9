import type { StreamView } from '../../reading/stream-view.ts';
import { excerpt, judgeEndedStreams, judgeStreams, notApplicable, streamProbes } from '../judging.ts';
import type { Rule } from '../rule.ts';

const framing = { set: 'openai', group: 'framing', probes: streamProbes } as const;

/** Deltas that must not all come at once. */
const manyDeltas = 8;
/** Chunks that are written one after the other within this time may arrive in one read, though nothing has held them back. */
const fastMs = 100;

export const framingRules: readonly Rule[] = [
  {
    ...framing,
    id: 'body-whole',
    severity: 'failure',
    expects:
      'The HTTP body of a stream ends as its framing says: with the last chunk, or the announced length.',
    why: 'A cut connection raises in the middle of an answer: httpx (openai-python) RemoteProtocolError, fetch “terminated”.',
    judge: judgeStreams((_view, exchange) => {
      if (exchange.end === 'left') return notApplicable('the check left this stream itself');
      return exchange.end === 'whole' ? undefined : { seen: exchange.problem ?? exchange.end };
    }),
  },
  {
    ...framing,
    id: 'utf8',
    severity: 'failure',
    expects: 'The bytes of a stream are UTF-8.',
    why: 'openai-python raises UnicodeDecodeError in mid-stream; fetch shows replacement characters.',
    judge: judgeStreams((view) =>
      view.items
        .filter(({ type }) => type === 'malformed')
        .map((item) => ({
          seen: item.type === 'malformed' ? excerpt(item.data) : '',
        })),
    ),
  },
  {
    ...framing,
    id: 'bom',
    severity: 'failure',
    expects: 'A stream does not begin with a byte order mark.',
    why: 'openai-python and openai-node take it for a part of the first field’s name and lose the first event.',
    judge: judgeStreams(({ bytes }) =>
      bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf
        ? { event: 1, seen: 'the body begins with EF BB BF' }
        : undefined,
    ),
  },
  {
    ...framing,
    id: 'data-json',
    severity: 'failure',
    expects: 'The data of each event is one JSON object, or [DONE].',
    why: 'openai-python and openai-node raise on any other data; LangChain and the AI SDK with them.',
    judge: judgeStreams((view) =>
      view.events
        .filter(({ json, data }) => json === undefined && data.trim() !== '[DONE]')
        .map(({ number, data }) => ({ event: number, seen: excerpt(data) })),
    ),
  },
  {
    ...framing,
    id: 'events-whole',
    severity: 'failure',
    expects: 'Each event ends with a blank line, the last one too.',
    why: 'An event that the end of the body cuts is dropped by every client: usage, finish or [DONE] are lost.',
    judge: judgeEndedStreams((view) =>
      view.items
        .filter((item) => item.type === 'incomplete' || item.type === 'too-large')
        .map((item) => ({
          event: view.events.length + 1,
          seen: item.type === 'incomplete' ? `the body ends in ${excerpt(item.data)}` : 'an event over 1 MiB',
        })),
    ),
  },
  {
    ...framing,
    id: 'data-in-each-block',
    severity: 'failure',
    expects: 'A block with a field line (event, id, retry) has a data line too.',
    why: 'A named event without data crashes openai-python and openai-node; so does a lone retry or id line in openai-python.',
    judge: judgeStreams((view) =>
      blocksOf(view)
        .filter(({ lines }) => lines.some((line) => /^(event|id|retry)\b/.test(line)))
        .filter(({ lines }) => !lines.some((line) => /^data\b/.test(line)))
        .map(({ lines, event }) => ({ event, seen: excerpt(lines.join('\n')) })),
    ),
  },
  {
    ...framing,
    id: 'named-events',
    severity: 'warning',
    expects: 'Events have no name.',
    why: 'OpenAI’s chat completions have none; openai-node and openai-python treat some names as another API’s events.',
    judge: judgeStreams((view) =>
      view.events
        .filter(({ event }) => event !== 'message')
        .map(({ number, event }) => ({ event: number, seen: `event: ${event}` })),
    ),
  },
  {
    ...framing,
    id: 'comment-text',
    severity: 'warning',
    expects: 'Comments, where there are any, do not say “ping”.',
    why: 'Continue drops the rest of the stream after `: ping`.',
    judge: judgeStreams((view) => {
      const comments = view.items.filter((item) => item.type === 'comment');
      if (comments.length === 0) return notApplicable('no stream had a comment: none was silent for long');
      return comments
        .filter(({ text }) => /^\s*ping\b/i.test(text))
        .map(({ text }) => ({ seen: excerpt(`:${text}`) }));
    }),
  },
  {
    ...framing,
    id: 'incremental',
    severity: 'warning',
    expects: 'A stream of many deltas arrives in pieces, not at once.',
    why: 'A proxy or a compressor buffers the answer: every client waits for the whole of it.',
    judge: judgeEndedStreams((view, { response }) => {
      if (view.deltas.length < manyDeltas) return notApplicable('no stream had many deltas');
      const pieces = response?.pieces ?? [];
      const reads = new Set(pieces.map(({ read }) => read));
      if (reads.size === 1 && pieces.length > 1 && (response?.endMs ?? 0) < fastMs)
        return notApplicable('no stream took long enough to see whether it comes in pieces');
      return reads.size > 1 ? undefined : { seen: `${view.deltas.length} deltas in one read` };
    }),
  },
  {
    ...framing,
    id: 'done',
    severity: 'failure',
    expects: 'The last event of a stream is exactly `data: [DONE]`.',
    why: 'openai-node and openai-python parse anything else as JSON and raise; clients that wait for it (LiteLLM, one-api) take the answer for cut.',
    judge: judgeEndedStreams((view) => {
      const last = view.events.at(-1);
      if (view.done === undefined)
        return { event: view.events.length, seen: `the last event is ${excerpt(last?.data)}` };
      if (view.done !== last)
        return { event: view.done.number + 1, seen: `after [DONE]: ${excerpt(last?.data)}` };
      return view.done.data === '[DONE]'
        ? undefined
        : { event: view.done.number, seen: excerpt(view.done.data) };
    }),
  },
];

/** The blocks between blank lines, with the number of the event that each is or precedes. */
function blocksOf({ bytes }: StreamView): readonly { lines: readonly string[]; event: number }[] {
  const text = new TextDecoder().decode(bytes).replaceAll(/\r\n?/g, '\n');
  let event = 1;
  return text.split('\n\n').map((block) => {
    const lines = block.split('\n').filter((line) => line !== '');
    const found = { lines, event };
    if (lines.some((line) => /^data\b/.test(line))) event += 1;
    return found;
  });
}
