/* The rules of `@tailrace/protocol`'s checker, each as a rule of a report. */
import {
  checkStream,
  type StreamCheckOptions,
  type StreamReport,
  type StreamRule,
  streamRules,
} from '@tailrace/protocol';
import { askedFields, bodyBytes } from '../../reading/body.ts';
import { type StreamView, viewOf } from '../../reading/stream-view.ts';
import type { Exchange, Recording } from '../../wire/exchange.ts';
import { isObject, judgeEach, noStream, notApplicable, streamProbes, streams } from '../judging.ts';
import type { Rule, RuleGroup } from '../rule.ts';

/** The group of each rule, and what a client meets where it is broken. */
const meanings: Readonly<Record<StreamRule, readonly [group: RuleGroup, why: string]>> = {
  'framing-bom': ['framing', 'openai-python and openai-node lose the first event.'],
  'framing-cr': [
    'framing',
    'Programs that split the body at "\\n\\n" by hand never find the end of an event.',
  ],
  'framing-ascii': [
    'framing',
    'A client that decodes each read by itself cuts characters in two; ASCII cannot be cut.',
  ],
  'framing-utf8': ['framing', 'openai-python raises UnicodeDecodeError in mid-stream.'],
  'framing-line': ['framing', 'Programs that read the body line by line know `data:` only.'],
  'framing-separator': ['framing', 'Programs that split the body at blank lines by hand meet empty events.'],
  'framing-incomplete': ['framing', 'Every client drops an event that the end of the body cuts.'],
  'framing-too-large': ['framing', 'Clients with a bound on events (curl wrappers, gateways) break off.'],
  'comment-text': [
    'framing',
    'Continue drops the rest of the stream after `: ping`; the one comment is known to be harmless.',
  ],
  'event-id': ['framing', 'A browser’s EventSource and resuming clients continue after the wrong event.'],
  'data-json': ['framing', 'openai-python and openai-node raise.'],
  'chunk-fields': [
    'chunks',
    'openai-python’s helper drops chunks of another object; typed clients fail to decode.',
  ],
  'chunk-constant': ['chunks', 'openai-node takes another id for another completion.'],
  'choices-empty': ['chunks', 'Programs read `chunk.choices[0]` on every chunk.'],
  'choice-fields': ['chunks', 'A missing delta raises in openai-python and LangChain.'],
  'choice-index': ['chunks', 'openai-python’s helper raises IndexError.'],
  logprobs: ['chunks', 'Clients show or store what they did not ask for.'],
  'role-chunk': [
    'chunks',
    'Some front ends take the first delta for the role and lose text that rides on it.',
  ],
  'role-first': [
    'chunks',
    'openai-python’s helper adds choices by position; openai-node’s ends with “missing role”.',
  ],
  'delta-empty': ['chunks', 'Each costs an event and a render for nothing.'],
  'delta-text': ['chunks', 'openai-python’s helper raises on types that change.'],
  'text-cut': ['chunks', 'Half a surrogate pair shows as “�” in every client.'],
  'tool-call-start': ['tools', 'The AI SDK and openai-node’s helper refuse a call that begins otherwise.'],
  'tool-call-piece': ['tools', 'openai-python joins repeated ids and names: "call_1call_1".'],
  'tool-call-order': [
    'tools',
    'openai-python’s helper raises on gaps; LangChain mixes up calls that take turns.',
  ],
  'tool-call-arguments': ['tools', 'Every agent parses the joined arguments.'],
  'tool-call-finish': ['tools', 'Agent loops run the tools only after "tool_calls".'],
  'finish-reason': ['endings', 'Programs decide by it; the AI SDK maps others to “unknown”.'],
  'finish-delta': ['endings', 'Programs that stop at the finish lose text that rides on it.'],
  'after-finish': ['endings', 'Programs that leave their loop at the finish lose what follows.'],
  'finish-missing': ['endings', 'openai-node, openai-python and LangChain take half an answer for whole.'],
  'usage-fields': ['usage', 'Bills are made of these numbers.'],
  'usage-place': [
    'usage',
    'LangChain for Python adds up the usage of all chunks; openai-python keeps the last value.',
  ],
  'usage-missing': ['usage', 'Meters count zero.'],
  'usage-null': ['usage', 'OpenAI’s reference says null; typed clients tell the last chunk by it.'],
  'error-fields': ['errors', 'SDKs raise with the message, and programs decide by the code.'],
  'error-code': ['errors', 'Programs decide by the code.'],
  'error-after-finish': ['errors', 'A whole answer becomes an exception.'],
  'done-missing': [
    'endings',
    'Clients that wait for [DONE] take a whole answer for cut, and a cut one looks like it.',
  ],
  'after-end': ['endings', 'No client reads it.'],
};

/** Rules about the end of a stream: they say nothing of one that the check left. */
const endRules: ReadonlySet<StreamRule> = new Set([
  'framing-incomplete',
  'finish-missing',
  'usage-missing',
  'done-missing',
]);

export const streamFormRules: readonly Rule[] = Object.entries(meanings).map(([id, [group, why]]) => ({
  set: 'tailrace',
  group,
  id,
  severity: 'failure',
  expects: sentence(streamRules[id as StreamRule]),
  why,
  probes: streamProbes,
  judge: judgeEach(numberedToo, noStream, (exchange, recording) => {
    const { violations, summary } = reportOf(exchange, recording);
    const error = summary.error !== undefined;
    if (/^error-/.test(id) && !error) return notApplicable('no stream had an error');
    if (/^tool-call-/.test(id) && !exchange.name.startsWith('tools/'))
      return notApplicable('the endpoint streams no tool call');
    if (exchange.end === 'left' && endRules.has(id as StreamRule))
      return notApplicable('the check left this stream itself');
    return violations
      .filter(({ rule }) => rule === id)
      .map(({ message, eventNumber }) => ({ event: eventNumber, seen: message }));
  }),
}));

function sentence(words: string): string {
  return `${words.charAt(0).toUpperCase()}${words.slice(1)}.`;
}

/** Streams, and those that are read again. */
function numberedToo(recording: Recording): readonly Exchange[] {
  const again = ['resume/rest', 'resume/again'].flatMap((name) => recording.get(name) ?? []);
  return [...streams(recording), ...again.filter(({ response }) => response?.status === 200)];
}

const reports = new WeakMap<Exchange, StreamReport>();

function reportOf(exchange: Exchange, recording: Recording): StreamReport {
  const known = reports.get(exchange);
  if (known !== undefined) return known;
  const report = checkStream(bodyBytes(exchange) ?? Buffer.alloc(0), optionsFor(exchange, recording));
  reports.set(exchange, report);
  return report;
}

function optionsFor(exchange: Exchange, recording: Recording): StreamCheckOptions {
  const fields = askedFields(exchange);
  const options = isObject(fields['stream_options']) ? fields['stream_options'] : {};
  const after = /[?&]after=(\d+)/.exec(exchange.request.path)?.[1];
  // An endpoint that offers no resumable streams ignores the header, and sends an ordinary stream.
  const asksForIds = exchange.request.headers['tailrace-resumable'] !== undefined;
  const numbered =
    asksForIds && viewOf(exchange).items.some((item) => item.type === 'event' && item.lastEventId !== '');
  return {
    choices: typeof fields['n'] === 'number' ? fields['n'] : 1,
    usage: usageForm(viewOf(exchange), options['include_usage'] === true, recording),
    logprobs: fields['logprobs'] === true,
    ...(after === undefined ? {} : { resumedFrom: Number(after) + 1 }),
    ...(numbered ? { resumedFrom: 1 } : {}),
  };
}

/** The contract has two forms of usage, and leaves the choice to the endpoint. */
function usageForm(view: StreamView, asked: boolean, recording: Recording): 'inline' | 'separate' | 'absent' {
  if (asked) return isSeparate(view) ? 'separate' : 'inline';
  const other = recording.get('stream-with-usage');
  const separate = other !== undefined && isSeparate(viewOf(other));
  return separate && view.usages.length === 0 ? 'absent' : 'inline';
}

function isSeparate({ chunks }: StreamView): boolean {
  return chunks.some(({ json }) => Array.isArray(json?.['choices']) && json['choices'].length === 0);
}
