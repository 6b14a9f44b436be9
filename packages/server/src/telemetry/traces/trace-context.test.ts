import { describe, expect, it } from 'vitest';
import { readBaggage, readRemoteTrace, spanOfTraceparent, traceHeaders } from './trace-context.ts';

const trace = '0af7651916cd43dd8448eb211c80319c';
const span = 'b7ad6b7169203331';
const valid = `00-${trace}-${span}-01`;
const read = (traceparent: readonly string[], tracestate?: readonly string[]) =>
  readRemoteTrace({ traceparent, tracestate, baggage: undefined });

describe('traceparent', () => {
  it.each([
    ['sampled', valid, true],
    ['not sampled', `00-${trace}-${span}-00`, false],
    ['with other flags', `00-${trace}-${span}-03`, true],
    ['of a later version, with more behind it', `cc-${trace}-${span}-01-what-comes`, true],
  ])('is read %s', (_name, text, sampled) => {
    expect(read([text])).toEqual({ traceId: trace, spanId: span, sampled, tracestate: undefined });
  });

  it.each([
    ['empty', ''],
    ['with capitals', valid.toUpperCase()],
    ['of the version that is none', `ff-${trace}-${span}-01`],
    ['with more behind it in version 00', `${valid}-more`],
    ['without a trace', `00-${'0'.repeat(32)}-${span}-01`],
    ['without a span', `00-${trace}-${'0'.repeat(16)}-01`],
    ['too short', `00-${trace}-${span}`],
    ['endless', `cc-${trace}-${span}-01-${'x'.repeat(1_000)}`],
  ])('is as if it had not come where it is %s', (_name, text) => {
    expect(read([text])).toBeUndefined();
  });

  it('is as if it had not come where there are two of them', () => {
    expect(read([valid, valid])).toBeUndefined();
    expect(read([])).toBeUndefined();
  });

  it('of a span is read back as the same span', () => {
    const written = traceHeaders({ traceId: trace, spanId: span, sampled: true }, undefined, undefined);
    expect(written).toEqual({ traceparent: valid });
    expect(spanOfTraceparent(written.traceparent)).toMatchObject({ traceId: trace, spanId: span });
  });
});

describe('tracestate', () => {
  it('is joined from several headers and sent on', () => {
    const remote = read([valid], ['a=1', ' b@c=two , ']);
    expect(remote?.tracestate).toBe('a=1,b@c=two');
    const headers = traceHeaders(
      { traceId: trace, spanId: span, sampled: true },
      remote?.tracestate,
      undefined,
    );
    expect(headers).toEqual({ traceparent: valid, tracestate: 'a=1,b@c=two' });
  });

  it.each([
    ['longer than 512 characters', `a=${'x'.repeat(250)},b=${'x'.repeat(250)},c=${'x'.repeat(50)}`],
    ['with more than 32 members', Array.from({ length: 33 }, (_, at) => `k${at}=v`).join(',')],
    ['with a member that is none', 'a=1,what?'],
    ['with a line end', 'a=1\r\nx: y'],
  ])('is dropped whole where it is one %s', (_name, text) => {
    expect(read([valid], [text])).toMatchObject({ traceId: trace, tracestate: undefined });
  });
});

describe('baggage', () => {
  const names = new Set(['tenant', 'plan']);

  it('is passed on by the names that the operator lists', () => {
    const values = ['tenant=acme;p=1, secret=x', 'plan = gold '];
    expect(readBaggage(values, names)).toBe('tenant=acme;p=1,plan = gold');
  });

  it.each([
    ['no name is listed', ['tenant=acme'], new Set<string>()],
    ['none came', undefined, names],
    ['none is listed', ['secret=x'], names],
    ['it is too long', [`tenant=${'x'.repeat(9_000)}`], names],
    ['it would break the head of a request', ['tenant=a\r\nx: y'], names],
  ])('is not passed on where %s', (_name, values, listed) => {
    expect(readBaggage(values, listed)).toBeUndefined();
  });
});
