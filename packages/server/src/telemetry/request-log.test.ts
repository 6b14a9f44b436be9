import { expect, it } from 'vitest';
import type { Log, LogFields } from './log.ts';
import { logRequest, type RequestRecord, requestLine } from './request-log.ts';

const record: RequestRecord = {
  requestId: 'req_1',
  method: 'POST',
  route: '/v1/chat/completions',
  status: 200,
  outcome: 'completed',
  keyId: 'key_1',
  model: 'default',
  target: 'engine/smollm2-135m-instruct',
  stream: true,
  ttftMs: 71.23456,
  durationMs: 1234.5678,
  promptTokens: 12,
  completionTokens: 34,
  attempts: 1,
};

it('has all that is known of a request', () => {
  expect(requestLine(record)).toEqual({
    level: 'info',
    message: 'request',
    fields: {
      method: 'POST',
      route: '/v1/chat/completions',
      status: 200,
      outcome: 'completed',
      request_id: 'req_1',
      key_id: 'key_1',
      model: 'default',
      target: 'engine/smollm2-135m-instruct',
      stream: true,
      ttft_ms: 71.2,
      duration_ms: 1234.6,
      prompt_tokens: 12,
      completion_tokens: 34,
      attempts: 1,
    },
  });
});

it('names the span of a request that is traced', () => {
  const traced = { ...record, traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331' };
  expect(requestLine(traced).fields).toMatchObject({ trace_id: traced.traceId, span_id: traced.spanId });
});

it('has the whole wording of an upstream only where the operator asked for content', () => {
  const said = { ...record, detail: 'HTTP 500', wording: 'CUDA out of memory while I read: a secret wish' };
  expect(requestLine(said).fields['detail']).toBe('HTTP 500; "CUDA out of memory …"');
  expect(requestLine(said, true).fields['detail']).toBe(`HTTP 500; "${said.wording}"`);
  expect(requestLine({ ...said, detail: undefined }).fields['detail']).toBe('"CUDA out of memory …"');
  expect(requestLine({ ...said, wording: undefined }).fields['detail']).toBe('HTTP 500');
});

it.each<readonly [Partial<RequestRecord>, string]>([
  [{ outcome: 'completed' }, 'info'],
  [{ outcome: 'cancelled' }, 'info'],
  [{ outcome: 'abandoned', status: undefined }, 'info'],
  [{ outcome: 'refused', status: 401, code: 'missing_api_key' }, 'info'],
  [{ outcome: 'refused', status: 503, code: 'overloaded' }, 'warn'],
  [{ outcome: 'failed', status: 400, code: 'context_length_exceeded' }, 'info'],
  [{ outcome: 'failed', status: 502, code: 'upstream_refused' }, 'warn'],
  [{ outcome: 'cut', status: 200, code: 'upstream_cut' }, 'warn'],
  [{ outcome: 'failed', status: 500, code: 'internal_error' }, 'error'],
])('%j is written as %s', (more, level) => {
  expect(requestLine({ ...record, ...more }).level).toBe(level);
});

it('is logged at its level', () => {
  const lines: (readonly [string, string, LogFields | undefined])[] = [];
  const note = (level: string) => (message: string, fields?: LogFields) =>
    void lines.push([level, message, fields]);
  const log: Log = { debug: note('debug'), info: note('info'), warn: note('warn'), error: note('error') };
  logRequest(log, { ...record, outcome: 'cut', code: 'upstream_cut' });
  expect(lines).toEqual([
    ['warn', 'request', expect.objectContaining({ outcome: 'cut', code: 'upstream_cut' })],
  ]);
});
