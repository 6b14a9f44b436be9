import { recordBytes } from '../record.ts';

/** Protocols of the bench's upstream, by the names that a configuration has for them. */
export type Kind = 'openai' | 'anthropic' | 'gemini';

/** What one protocol sends, in chunks of HTTP/1.1. */
export interface Dialect {
  /** Before the first record. */
  readonly begin: string;
  /** Around the text of each record, which has a fixed length. */
  readonly before: string;
  readonly after: string;
  /** Behind the last record, the end of the body included. */
  end(records: number): string;
}

const framed = (text: string): string => `${text.length.toString(16)}\r\n${text}\r\n`;

function dialect(begin: string, word: (text: string) => string, end: (records: number) => string): Dialect {
  const placeholder = '#'.repeat(recordBytes);
  const [before = '', after = ''] = word(placeholder).split(placeholder);
  return { begin, before, after, end: (records) => `${end(records)}0\r\n\r\n` };
}

const chunkOf = (delta: string, finish = 'null', more = ''): string =>
  framed(
    `data: {"id":"chatcmpl-bench","object":"chat.completion.chunk","created":1700000000,"model":"bench",` +
      `"system_fingerprint":"fp_bench","choices":[{"index":0,"delta":${delta},"logprobs":null,` +
      `"finish_reason":${finish}}]${more}}\n\n`,
  );
const openai = dialect(
  chunkOf('{"role":"assistant","content":""}'),
  (text) => chunkOf(`{"content":"${text}"}`),
  (records) =>
    chunkOf(
      '{}',
      '"stop"',
      `,"usage":{"prompt_tokens":1,"completion_tokens":${records},"total_tokens":${records + 1}}`,
    ) + framed('data: [DONE]\n\n'),
);

const eventOf = (type: string, rest: string): string =>
  framed(`event: ${type}\ndata: {"type":"${type}"${rest}}\n\n`);
const anthropic = dialect(
  eventOf(
    'message_start',
    ',"message":{"id":"msg_bench","type":"message","role":"assistant","model":"bench","content":[],' +
      '"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":1,"output_tokens":1}}',
  ) + eventOf('content_block_start', ',"index":0,"content_block":{"type":"text","text":""}'),
  (text) => eventOf('content_block_delta', `,"index":0,"delta":{"type":"text_delta","text":"${text}"}`),
  (records) =>
    eventOf('content_block_stop', ',"index":0') +
    eventOf(
      'message_delta',
      `,"delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":${records}}`,
    ) +
    eventOf('message_stop', ''),
);

const responseOf = (text: string, records: number, more = ''): string =>
  framed(
    `data: {"candidates":[{"content":{"parts":[{"text":"${text}"}],"role":"model"},"index":0${more}}],` +
      `"usageMetadata":{"promptTokenCount":1,"candidatesTokenCount":${records},"totalTokenCount":${records + 1}},` +
      `"modelVersion":"bench","responseId":"bench"}\r\n\r\n`,
  );
const gemini = dialect(
  '',
  (text) => responseOf(text, 1),
  (records) => responseOf('', records, ',"finishReason":"STOP"'),
);

export const dialects: Readonly<Record<Kind, Dialect>> = { openai, anthropic, gemini };
