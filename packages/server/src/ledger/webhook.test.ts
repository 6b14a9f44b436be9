import { createHmac } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { OutboxEvent, Store } from '../storage/contract.ts';
import { createWebhook, type Webhook, type WebhookState } from './webhook.ts';
import { createWebhookPoster, type WebhookPoster } from './webhook-post.ts';

const secret = 'a-secret-of-the-receiver';

interface Received {
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
  readonly event: { readonly id: string; readonly type: string; readonly data: unknown };
}

/** An outbox in memory, with the lease of a shared store. */
function fakeStore() {
  let events: OutboxEvent[] = [];
  let sequence = 0;
  let holder: string | undefined;
  let away = false;
  const store: Pick<Store, 'outbox' | 'delivered' | 'lease'> = {
    async outbox(limit) {
      if (away) throw new Error('away');
      return events.slice(0, limit);
    },
    async delivered(sequences) {
      if (away) throw new Error('away');
      events = events.filter((event) => !sequences.includes(event.sequence));
    },
    async lease(_name, asking, ttlMs) {
      if (away) throw new Error('away');
      if (holder !== undefined && holder !== asking) return false;
      holder = ttlMs === 0 ? undefined : asking;
      return true;
    },
  };
  return {
    store,
    add(id: string, type: OutboxEvent['type'] = 'record', data: unknown = { id }) {
      sequence += 1;
      events.push({ sequence, id, type, atMs: 1_764_331_200_000, data: JSON.stringify(data) });
    },
    waiting: () => events.map(({ id }) => id),
    lose: () => {
      holder = 'another';
    },
    setAway: (value: boolean) => {
      away = value;
    },
  };
}

const received: Received[] = [];
let answer: (response: ServerResponse, event: Received['event']) => void;
const receiver = createServer((request, response) => {
  let body = '';
  request.setEncoding('utf8');
  request.on('data', (piece: string) => {
    body += piece;
  });
  request.on('end', () => {
    const event = JSON.parse(body) as Received['event'];
    received.push({ headers: request.headers, body, event });
    answer(response, event);
  });
});

let outbox: ReturnType<typeof fakeStore>;
let poster: WebhookPoster;
const started: Webhook[] = [];
const logged: string[] = [];
let clockMs = 0;
let elapsedMs = 0;
/** The clock is set back by so much at the next wait. */
let goesBackMs = 0;
const waits: number[] = [];

/** Time passes only in waits, and there at once. */
function start(holder: string): Webhook {
  const note =
    (level: string) =>
    (message: string, fields: object = {}) =>
      logged.push(`${level}: ${message} ${JSON.stringify(fields)}`);
  const webhook = createWebhook({
    store: outbox.store,
    holder,
    source: 'https://ai.example.org',
    post: poster.post,
    log: { info: note('info'), warn: note('warn'), error: note('error') },
    now: () => clockMs,
    monotonic: () => elapsedMs,
    random: () => 0,
    async wait(ms, signal) {
      waits.push(ms);
      clockMs += ms - goesBackMs;
      goesBackMs = 0;
      elapsedMs += ms;
      await delay(1, undefined, { signal }).catch(() => {});
    },
  });
  started.push(webhook);
  return webhook;
}

async function until(done: () => boolean): Promise<void> {
  while (!done()) await delay(2);
}
const ids = () => received.map(({ event }) => event.id);

beforeEach(async () => {
  received.length = 0;
  logged.length = 0;
  waits.length = 0;
  clockMs = 1_764_331_260_000;
  elapsedMs = 0;
  goesBackMs = 0;
  outbox = fakeStore();
  answer = (response) => response.writeHead(204).end();
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
  const { port } = receiver.address() as AddressInfo;
  poster = createWebhookPoster({ url: `http://127.0.0.1:${port}/hook?token=in-the-url`, secret });
});
afterEach(async () => {
  for (const webhook of started.splice(0)) await webhook.close();
  await poster.close();
  receiver.closeAllConnections();
  await new Promise((resolve) => receiver.close(resolve));
});

describe('the webhook', () => {
  it('delivers each event once, in order, as a CloudEvent with the id of its record', async () => {
    outbox.add('chatcmpl-1', 'record', { id: 'chatcmpl-1', user: 'Zoë' });
    outbox.add('budget:owner:acme:2026-11:80', 'budget', { threshold: 80 });
    outbox.add('budget:owner:acme:2026-11:100', 'budget', { threshold: 100 });
    for (let index = 2; index < 120; index++) outbox.add(`chatcmpl-${index}`);
    const all = outbox.waiting();
    start('one');
    await until(() => outbox.waiting().length === 0);
    expect(ids()).toEqual(all);
    expect(received[0]?.headers['content-type']).toBe('application/cloudevents+json; charset=utf-8');
    expect(received[0]?.event).toEqual({
      specversion: '1.0',
      id: 'chatcmpl-1',
      source: 'https://ai.example.org',
      type: 'tailrace.usage.record',
      time: '2025-11-28T12:00:00.000Z',
      datacontenttype: 'application/json',
      data: { id: 'chatcmpl-1', user: 'Zoë' },
    });
    expect(received[1]?.event).toMatchObject({ type: 'tailrace.budget.threshold', data: { threshold: 80 } });
  });

  it('signs each request as Standard Webhooks say', async () => {
    outbox.add('chatcmpl-1');
    outbox.add('budget:owner:Zoë team:80', 'budget');
    start('one');
    await until(() => outbox.waiting().length === 0);
    for (const { headers, body } of received) {
      const signed = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`;
      const expected = createHmac('sha256', secret).update(signed).digest('base64');
      expect(headers['webhook-signature']).toBe(`v1,${expected}`);
    }
    expect(received[0]?.headers['webhook-id']).toBe('chatcmpl-1');
    expect(Number(received[0]?.headers['webhook-timestamp'])).toBe(1_764_331_260);
    expect(received[1]?.headers['webhook-id']).toBe('budget:owner:Zo%C3%AB%20team:80');
  });

  it('repeats an event that failed before it sends the next, ever later, and says so', async () => {
    let failures = 12;
    answer = (response, { id }) => {
      if (id === 'chatcmpl-2' && failures-- > 0) response.writeHead(503).end('not now');
      else response.writeHead(200).end('ok');
    };
    for (const id of ['chatcmpl-1', 'chatcmpl-2', 'chatcmpl-3']) outbox.add(id);
    start('one');
    await until(() => outbox.waiting().length === 0);
    expect(ids()).toEqual(['chatcmpl-1', ...Array<string>(13).fill('chatcmpl-2'), 'chatcmpl-3']);
    const retries = logged.flatMap((line) => /"retry_in_ms":(\d+)/.exec(line)?.[1] ?? []).map(Number);
    expect(retries).toEqual([
      1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000, 60_000, 60_000, 60_000,
    ]);
    expect(logged.at(-1)).toContain('info: the webhook takes events again');
    expect(logged.join()).not.toContain('in-the-url');
  });

  it.each([
    [410, 'refuses an event', 15_000],
    [400, 'refuses an event', 15_000],
    [307, 'redirects are not followed', 15_000],
    [429, 'has not taken an event', 1_000],
  ])('a status %i loses nothing', async (status, words, firstWaitMs) => {
    let failures = 2;
    answer = (response) => {
      if (failures-- > 0) response.writeHead(status, { location: 'http://127.0.0.1:1/' }).end();
      else response.writeHead(200).end();
    };
    outbox.add('chatcmpl-1');
    start('one');
    await until(() => outbox.waiting().length === 0);
    expect(ids()).toEqual(['chatcmpl-1', 'chatcmpl-1', 'chatcmpl-1']);
    expect(logged[0]).toContain(words);
    expect(logged[0]).toContain(`"retry_in_ms":${firstWaitMs}`);
  });

  it('a clock that goes back by a day holds up no retry, and leaves no lease without its renewal', async () => {
    let failures = 1;
    answer = (response) => {
      response.writeHead(failures-- > 0 ? 400 : 200).end();
    };
    goesBackMs = 86_400_000;
    outbox.add('chatcmpl-1');
    start('one');
    await until(() => outbox.waiting().length === 0);
    expect(elapsedMs).toBeLessThan(120_000);
    goesBackMs = 86_400_000;
    outbox.lose();
    // This service has waited for longer than until the renewal, and has not got the lease.
    await until(() => waits.at(-1) === 10_000);
    outbox.add('chatcmpl-2');
    const before = waits.length;
    await until(() => waits.length > before + 3);
    expect(outbox.waiting()).toEqual(['chatcmpl-2']);
  });

  it('keeps to the wait that a receiver asks for, up to five minutes', async () => {
    let asked = ['20', '999999'];
    answer = (response) => {
      const [seconds, ...rest] = asked;
      asked = rest;
      if (seconds === undefined) response.writeHead(200).end();
      else response.writeHead(429, { 'retry-after': seconds }).end();
    };
    outbox.add('chatcmpl-1');
    start('one');
    await until(() => outbox.waiting().length === 0);
    expect(logged[0]).toContain('"retry_in_ms":20000');
    expect(logged[1]).toContain('"retry_in_ms":300000');
  });

  it('says which event is not taken, why, and when it is tried again, until it is taken', async () => {
    let refusals = 1;
    const states: WebhookState[] = [];
    answer = (response) => {
      states.push(webhook.state());
      response.writeHead(refusals-- > 0 ? 403 : 200).end();
    };
    outbox.add('chatcmpl-1');
    const webhook = start('one');
    await until(() => outbox.waiting().length === 0);
    expect(states).toEqual([
      { delivers: true },
      {
        delivers: true,
        failing: { event: 'chatcmpl-1', reason: 'status 403', tries: 1, nextTryAtMs: expect.any(Number) },
      },
    ]);
    expect(webhook.state()).toEqual({ delivers: true });
  });

  it('a receiver that resets the connection or is not there loses nothing', async () => {
    let resets = 2;
    answer = (response) => {
      if (resets-- > 0) response.socket?.resetAndDestroy();
      else response.writeHead(200).end();
    };
    outbox.add('chatcmpl-1');
    outbox.add('chatcmpl-2');
    start('one');
    await until(() => outbox.waiting().length === 0);
    expect(ids()).toEqual(['chatcmpl-1', 'chatcmpl-1', 'chatcmpl-1', 'chatcmpl-2']);
  });

  it('acknowledges what is delivered before it waits for a retry', async () => {
    answer = (response, { id }) => void response.writeHead(id === 'chatcmpl-2' ? 500 : 200).end();
    outbox.add('chatcmpl-1');
    outbox.add('chatcmpl-2');
    start('one');
    await until(() => ids().length > 3);
    expect(outbox.waiting()).toEqual(['chatcmpl-2']);
  });

  it('of two services on one store one delivers, until it ends', async () => {
    for (let index = 0; index < 60; index++) outbox.add(`a-${index}`);
    const one = start('one');
    start('two');
    await until(() => outbox.waiting().length === 0);
    await one.close();
    outbox.add('b');
    await until(() => outbox.waiting().length === 0);
    expect(ids()).toEqual([...Array.from({ length: 60 }, (_, index) => `a-${index}`), 'b']);
  });

  it('stops at once where another service has taken the lease', async () => {
    answer = (response) => void response.writeHead(500).end();
    outbox.add('chatcmpl-1');
    start('one');
    await until(() => ids().length > 2);
    outbox.lose();
    const before = ids().length;
    await until(() => waits.filter((ms) => ms === 10_000).length > 12);
    expect(ids().length - before).toBeLessThan(6);
  });

  it('continues after the store was away', async () => {
    outbox.setAway(true);
    start('one');
    outbox.add('chatcmpl-1');
    await until(() => waits.includes(5_000));
    outbox.setAway(false);
    await until(() => outbox.waiting().length === 0);
    expect(ids()).toEqual(['chatcmpl-1']);
  });

  it('closes at once while the receiver does not answer, and keeps the event', async () => {
    answer = () => {};
    outbox.add('chatcmpl-1');
    const webhook = start('one');
    await until(() => ids().length === 1);
    await webhook.close();
    expect(outbox.waiting()).toEqual(['chatcmpl-1']);
  });
});
