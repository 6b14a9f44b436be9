import { describe, expect, test } from 'vitest';
import { gaugeTotal, waitingInHeader } from './load-text.ts';

describe('a gauge in a page of metrics', () => {
  const page = [
    '# HELP vllm:num_requests_waiting Number of requests waiting.',
    '# TYPE vllm:num_requests_waiting gauge',
    'vllm:num_requests_waiting{engine="0",model_name="a}b"} 3.0',
    'vllm:num_requests_waiting{engine="1",model_name="a"} 2.0 1795000000000',
    'vllm:num_requests_waiting_long 40',
    'llamacpp:requests_deferred 7\r',
    'sglang:num_queue_reqs{model_name="x"} NaN',
  ].join('\n');

  test.each([
    ['vllm:num_requests_waiting', 5],
    ['llamacpp:requests_deferred', 7],
    ['sglang:num_queue_reqs', undefined],
    ['vllm:num_requests_running', undefined],
  ])('%s is %s, over all its label sets', (gauge, total) => {
    expect(gaugeTotal(page, gauge)).toBe(total);
  });
});

test.each([
  ['TEXT named_metrics.kv_cache_usage_perc=0.4, named_metrics.num_requests_waiting=6', 6],
  ['JSON {"named_metrics": {"num_requests_waiting": 2}}', 2],
  ['JSON {"named_metrics": {"num_requests_waiting": "2"}}', undefined],
  ['JSON {', undefined],
  ['TEXT cpu_utilization=0.4', undefined],
  ['TEXT named_metrics.num_requests_waiting=-1', undefined],
  ['BIN CgA=', undefined],
])('by the header %s, the number of waiting requests is %s', (header, waiting) => {
  expect(waitingInHeader(header)).toBe(waiting);
});
