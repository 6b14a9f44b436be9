import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSseDecoder } from '@tailrace/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startTestApp, type TestApp, testAdminKey, testKey } from '../../testing/start-app.ts';

const answers = `
every: 10ms
answers:
  - when: {last_message_contains: slow}
    steps: [{wait: 300ms}, {text: "a b c d e f g h i j"}]
  - when: {last_message_contains: torn}
    steps: [{text: "a b"}, {fail: {code: upstream_cut, message: It was cut.}}]
  - when: {last_message_contains: refused}
    times: 1
    steps: [{fail: {code: upstream_refused, message: Not now.}}]
  - when: {last_message_contains: late failure}
    steps: [{wait: 200ms}, {fail: {code: upstream_refused, message: Not now.}}]
  - when: {last_message_contains: endless}
    steps: [{text: "a"}, hang]
  - steps: [{text: "a b c d e f g h i j"}]
`;
const folder = mkdtempSync(join(tmpdir(), 'tailrace-kept-'));
const script = join(folder, 'answers.yaml');
const config = `
upstreams: {lab: {kind: scripted, script: ${script}}}
models: {chat: {targets: [{upstream: lab, model: demo}]}}
retry: {per_target: 1, total: 1}
stream: {grace: 200ms, retention: 5s}
limits: {requests_per_minute: 100000}
`;

let app: TestApp;
beforeAll(async () => {
  writeFileSync(script, answers);
  app = await startTestApp({ config, files: { [script]: '' } });
});
afterAll(async () => {
  await app?.stop();
  rmSync(folder, { recursive: true, force: true });
});

type Headers = Record<string, string>;
const path = '/v1/chat/completions';
const resumable = { 'tailrace-resumable': 'true' };

function ask(
  text: string,
  headers: Headers = {},
  more: object = {},
  signal?: AbortSignal,
): Promise<Response> {
  return fetch(`${app.url}${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${testKey}`, 'content-type': 'application/json', ...headers },
    body: JSON.stringify({
      model: 'chat',
      stream: true,
      messages: [{ role: 'user', content: text }],
      ...more,
    }),
    ...(signal === undefined ? {} : { signal }),
  });
}

function read(id: string, query = '', headers: Headers = {}): Promise<Response> {
  return fetch(`${app.url}${path}/${id}/events${query}`, {
    headers: { authorization: `Bearer ${testKey}`, ...headers },
  });
}

interface Event {
  readonly id: string;
  readonly data: string;
}

function eventsOf(body: string): Event[] {
  const events: Event[] = [];
  const decoder = createSseDecoder({}, (item) => {
    if (item.type === 'event') events.push({ id: item.lastEventId, data: item.data });
  });
  decoder.push(new TextEncoder().encode(body));
  decoder.end();
  return events;
}

async function allEvents(response: Response): Promise<Event[]> {
  expect(response.status).toBe(200);
  return eventsOf(await response.text());
}

/** Reads so many events of an answer, and leaves. */
async function readSome(text: string, count: number, headers: Headers = resumable) {
  const leaving = new AbortController();
  const response = await ask(text, headers, {}, leaving.signal);
  const id = response.headers.get('tailrace-completion-id') ?? '';
  let body = '';
  for await (const piece of response.body ?? []) {
    body += new TextDecoder().decode(piece);
    if (eventsOf(body).length >= count) break;
  }
  leaving.abort();
  return { id, events: eventsOf(body) };
}

async function codeOf(response: Response): Promise<unknown> {
  const { error } = (await response.json()) as { error: { code: string } };
  return [response.status, error.code];
}

const record = async (id: string) => {
  const response = await fetch(`${app.url}/admin/v1/requests?limit=100`, {
    headers: { authorization: `Bearer ${testAdminKey}` },
  });
  const { data } = (await response.json()) as { data: { id: string; status: string }[] };
  return data.filter((one) => one.id === id);
};

describe('a resumable stream', () => {
  it('has numbers from 1 to its [DONE], and names its completion', async () => {
    const response = await ask('hello', resumable);
    const id = response.headers.get('tailrace-completion-id');
    const events = await allEvents(response);
    expect(events.map((event) => event.id)).toEqual(events.map((_, index) => `${index + 1}`));
    expect(events.at(-1)?.data).toBe('[DONE]');
    expect(events[0]?.data).toContain(`"id":"${id}"`);
  });

  it('is read again from each event on, byte for byte, and an ended one with nothing left is 204', async () => {
    const response = await ask('hello', resumable);
    const id = response.headers.get('tailrace-completion-id') ?? '';
    const body = await response.text();
    const all = eventsOf(body);
    for (let after = 0; after < all.length; after += 1) {
      const again = await read(id, after === 0 ? '' : `?after=${after}`);
      const text = await again.text();
      expect(text).toBe(body.slice(after === 0 ? 0 : body.indexOf(`id: ${after + 1}\n`)));
    }
    for (const query of [`?after=${all.length}`]) {
      const nothing = await read(id, query);
      expect([nothing.status, await nothing.text()]).toEqual([204, '']);
    }
    const wins = await allEvents(await read(id, '?after=1', { 'last-event-id': '3' }));
    expect(wins[0]?.id).toBe('4');
    expect(await record(id)).toMatchObject([{ status: 'completed' }]);
  });

  it('is picked up in mid-stream without a gap or a repetition, by several readers', async () => {
    const whole = await allEvents(await ask('hello', resumable));
    const { id, events } = await readSome('hello', 3);
    const rest = await Promise.all(
      [1, 2, 3].map(async () => allEvents(await read(id, `?after=${events.length}`))),
    );
    const withoutIds = (list: readonly Event[]) =>
      list.map(({ id, data }) => [id, data.replace(/"(id|created)":("[^"]*"|\d+),/g, '')]);
    for (const one of rest) expect(withoutIds([...events, ...one])).toEqual(withoutIds(whole));
    expect(await record(id)).toMatchObject([{ status: 'completed' }]);
  });

  it('waits for its first event where it is picked up before it', async () => {
    const first = ask('slow', { ...resumable, 'idempotency-key': 'slow-1' });
    await new Promise((resolve) => setTimeout(resolve, 100));
    const again = await ask('slow', { 'idempotency-key': 'slow-1', 'last-event-id': '0' });
    const [one, other] = await Promise.all([first.then(allEvents), allEvents(again)]);
    expect(other).toEqual(one);
  });

  it('ends in its numbered error event, for later readers too', async () => {
    const response = await ask('torn', resumable);
    const id = response.headers.get('tailrace-completion-id') ?? '';
    const all = await allEvents(response);
    expect(JSON.parse(all.at(-1)?.data ?? '')).toMatchObject({ error: { code: 'upstream_cut' } });
    expect(all.at(-1)?.id).toBe(`${all.length}`);
    expect(await allEvents(await read(id, `?after=${all.length - 1}`))).toEqual(all.slice(-1));
    expect((await read(id, `?after=${all.length}`)).status).toBe(204);
  });

  it('is stopped when no reader comes back, and says so to one that comes too late', async () => {
    const { id } = await readSome('endless', 2);
    await expect.poll(() => record(id)).toMatchObject([{ status: 'abandoned' }]);
    const late = await allEvents(await read(id));
    expect(JSON.parse(late.at(-1)?.data ?? '')).toMatchObject({ error: { code: 'completion_cancelled' } });
  });

  it('refuses what it cannot continue', async () => {
    const { id } = await readSome('endless', 2);
    expect(await codeOf(await read(id, '?after=99'))).toEqual([400, 'invalid_value']);
    for (const after of ['-1', '1.5', 'x', '', '01', '1&after=1']) {
      expect(await codeOf(await read(id, `?after=${after}`))).toEqual([400, 'invalid_value']);
    }
    expect(await codeOf(await read('chatcmpl-none'))).toEqual([404, 'completion_not_found']);
    const foreign = await read(id, '', { authorization: `Bearer ${testAdminKey}` });
    expect(await codeOf(foreign)).toEqual([404, 'completion_not_found']);
    expect(await codeOf(await ask('x', resumable, { stream: false }))).toEqual([400, 'invalid_value']);
    expect(await codeOf(await ask('x', { 'tailrace-resumable': 'yes' }))).toEqual([400, 'invalid_value']);
    expect(await codeOf(await ask('x', { 'last-event-id': '1' }))).toEqual([400, 'missing_parameter']);
    for (const key of ['', 'x'.repeat(256)]) {
      expect(await codeOf(await ask('x', { 'idempotency-key': key }))).toEqual([400, 'invalid_value']);
    }
  });

  it('leaves a line in the log when its client has left, and one at its end', async () => {
    const { id } = await readSome('hello', 3);
    const linesOf = () => app.logged().filter((line) => line['id'] === id);
    await expect.poll(linesOf).toMatchObject([{ outcome: 'completed', completion_tokens: 10 }]);
    const requestId = linesOf()[0]?.['request_id'];
    const lines = app.logged().filter((line) => line['request_id'] === requestId);
    expect(lines).toMatchObject([{ outcome: 'detached' }, { outcome: 'completed' }]);
  });

  it('is not kept where it was not asked for', async () => {
    const response = await ask('hello');
    const id = response.headers.get('tailrace-completion-id') ?? '';
    expect((await allEvents(response)).map((event) => event.id)).toEqual(Array(13).fill(''));
    expect(await codeOf(await read(id))).toEqual([404, 'completion_not_found']);
  });

  it('answers HEAD with the status of a request that failed before any output', async () => {
    const response = await ask('late failure', resumable);
    const id = response.headers.get('tailrace-completion-id') ?? '';
    await response.text();
    const statuses = ['HEAD', 'GET'].map(async (method) => {
      const headers = { authorization: `Bearer ${testKey}` };
      const answer = await fetch(`${app.url}${path}/${id}/events`, { method, headers });
      return answer.status;
    });
    expect(await Promise.all(statuses)).toEqual([502, 502]);
  });

  it('answers HEAD with the head alone', async () => {
    const response = await ask('hello', resumable);
    const id = response.headers.get('tailrace-completion-id') ?? '';
    await response.text();
    const head = await fetch(`${app.url}${path}/${id}/events`, {
      method: 'HEAD',
      headers: { authorization: `Bearer ${testKey}` },
    });
    expect([head.status, head.headers.get('content-type')]).toEqual([
      200,
      'text/event-stream; charset=utf-8',
    ]);
  });
});

describe('a resumable stream at its own address', () => {
  const at = (id: string, query = '', method = 'GET') =>
    fetch(`${app.url}/v1/streams/${id}${query}`, {
      method,
      headers: { authorization: `Bearer ${testKey}` },
    });

  it('is followed there while it runs, and has the events of the answer without [DONE]', async () => {
    const answer = await ask('slow', { ...resumable, 'idempotency-key': 'address-1' });
    const id = answer.headers.get('tailrace-completion-id') ?? '';
    const live = await at(id, '?offset=-1&live=sse');
    const [events, body] = await Promise.all([allEvents(answer), live.text()]);
    const messages = eventsOf(body).flatMap(({ data }) =>
      data.startsWith('[') ? [...JSON.parse(data)] : [],
    );
    const expected: unknown[] = events.slice(0, -1).map(({ data }) => JSON.parse(data));
    expect(messages).toEqual(expected);
    expect(await (await at(id)).json()).toEqual(expected);
  });

  it('says there what is left of the limits of a key; a signed address has none', async () => {
    const answer = await ask('hello', resumable);
    const id = answer.headers.get('tailrace-completion-id') ?? '';
    const signed = answer.headers.get('tailrace-stream-url') ?? '';
    await answer.text();
    const limitOf = ({ headers }: Response) => headers.get('x-ratelimit-limit-requests');
    for (const method of ['GET', 'HEAD']) expect(limitOf(await at(id, '', method)), method).toBe('100000');
    expect(limitOf(await at('chatcmpl-none'))).toBe('100000');
    expect(limitOf(await fetch(signed))).toBeNull();
    expect(limitOf(await at(id, '', 'DELETE'))).toBe('100000');
  });

  it('is cancelled there, ends for its reader in the error event, and is dropped there when it has ended', async () => {
    const answer = await ask('endless', resumable);
    const id = answer.headers.get('tailrace-completion-id') ?? '';
    expect((await at(id, '', 'DELETE')).status).toBe(204);
    const events = await allEvents(answer);
    expect(JSON.parse(events.at(-1)?.data ?? '')).toMatchObject({ error: { code: 'completion_cancelled' } });
    expect(await record(id)).toMatchObject([{ status: 'cancelled' }]);
    const kept = await at(id);
    expect(kept.headers.get('stream-closed')).toBe('true');
    expect(await kept.json()).toEqual(events.map(({ data }) => JSON.parse(data)));
    expect((await at(id, '', 'DELETE')).status).toBe(204);
    expect(await codeOf(await at(id))).toEqual([404, 'completion_not_found']);
    expect(await codeOf(await read(id))).toEqual([404, 'completion_not_found']);
  });
});

describe('an idempotency key', () => {
  for (const stream of [true, false]) {
    it(`gets the same answer again, ${stream ? 'streamed' : 'as one body'}, and runs once`, async () => {
      const headers = { 'idempotency-key': `once-${stream}` };
      const [first, second] = await Promise.all([1, 2].map(() => ask('slow', headers, { stream })));
      const third = await ask('slow', headers, { stream });
      const bodies = await Promise.all([first, second, third].map((response) => response?.text()));
      expect(new Set(bodies).size).toBe(1);
      expect(bodies[0]).not.toContain('id: 1\n');
      const replayed = [first, second, third].map((response) => response?.headers.get('idempotent-replayed'));
      expect(replayed.filter((value) => value === 'true')).toHaveLength(2);
      const id = third.headers.get('tailrace-completion-id') ?? '';
      expect(await record(id)).toHaveLength(1);
      expect(await codeOf(await ask('other', headers, { stream }))).toEqual([409, 'idempotency_key_reused']);
    });
  }

  it('gets the headers of the first answer, and attaching costs nothing', async () => {
    const headers = { ...resumable, 'idempotency-key': 'headers-1' };
    const first = await ask('slow', headers);
    const id = first.headers.get('tailrace-completion-id') ?? '';
    const others = [await ask('slow', headers), await read(id)];
    const left = (answer: Response) => Number(answer.headers.get('x-ratelimit-remaining-requests'));
    for (const other of others) {
      expect(other.headers.get('x-ratelimit-limit-requests')).toBe('100000');
      expect(left(other)).toBeGreaterThanOrEqual(left(first));
    }
    for (const name of ['tailrace-completion-id', 'tailrace-stream-url']) {
      expect(first.headers.get(name), name).toBeTruthy();
      expect(others[0]?.headers.get(name), name).toBe(first.headers.get(name));
    }
    await Promise.all([first, ...others].map((answer) => answer.text()));
  });

  it('is free again after a bug before the run, and those who wait for the answer get the failure', async () => {
    const { ledger } = app.ledger;
    const { admit } = ledger;
    const headers = { 'idempotency-key': 'bug-1' };
    let waiting: Promise<Response> | undefined;
    ledger.admit = async () => {
      waiting ??= ask('hello', headers);
      await new Promise((resolve) => setTimeout(resolve, 100));
      throw new Error('a bug of this test');
    };
    try {
      expect(await codeOf(await ask('hello', headers))).toEqual([500, 'internal_error']);
      expect(await codeOf(await (waiting ?? fetch(app.url)))).toEqual([500, 'internal_error']);
    } finally {
      ledger.admit = admit;
    }
    expect((await ask('hello', headers)).status).toBe(200);
  });

  it('leaves a line in the log that says how the reader ended, for each who shares the answer', async () => {
    const linesOf = (path: string) =>
      app
        .logged()
        .filter(({ route }) => route === path)
        .map(({ outcome, status, code }) => [outcome, status, code]);
    const failing = { 'idempotency-key': 'log-1' };
    await Promise.all([1, 2].map(async () => (await ask('late failure', failing)).text()));
    await expect
      .poll(() => linesOf(path).slice(-2))
      .toEqual(Array(2).fill(['failed', 502, 'upstream_refused']));

    const answer = await ask('endless', resumable);
    const id = answer.headers.get('tailrace-completion-id') ?? '';
    const reader = await read(id);
    await fetch(`${app.url}${path}/${id}/cancel`, {
      method: 'POST',
      headers: { authorization: `Bearer ${testKey}` },
    });
    await Promise.all([answer, reader].map((one) => one.text()));
    const cancelled = ['cancelled', 200, 'completion_cancelled'];
    await expect.poll(() => linesOf(`${path}/{id}/events`).at(-1)).toEqual(cancelled);
    expect(linesOf(path).at(-1)).toEqual(cancelled);
  });

  it('runs again after a failure without output', async () => {
    const headers = { 'idempotency-key': 'refused-1' };
    expect((await ask('refused', headers)).status).toBe(502);
    expect((await ask('refused', headers)).status).toBe(200);
  });

  it('attaches to what runs while the server takes nothing new', async () => {
    const headers = { 'idempotency-key': 'full-1' };
    const first = ask('slow', headers);
    await new Promise((resolve) => setTimeout(resolve, 100));
    app.shed({ code: 'overloaded', message: 'Full.' });
    try {
      expect(await codeOf(await ask('slow', { 'idempotency-key': 'full-2' }))).toEqual([503, 'overloaded']);
      const again = await ask('slow', headers);
      expect(await again.text()).toBe(await (await first).text());
    } finally {
      app.shed(undefined);
    }
  });

  it('never starts a run for a request that continues one', async () => {
    const headers = { 'idempotency-key': 'never-1', 'last-event-id': '0' };
    expect(await codeOf(await ask('hello', headers))).toEqual([404, 'completion_not_found']);
    expect(await codeOf(await ask('hello', headers))).toEqual([404, 'completion_not_found']);
  });

  it('is refused where it is too long or given twice', async () => {
    expect(await codeOf(await ask('x', { 'idempotency-key': 'k'.repeat(256) }))).toEqual([
      400,
      'invalid_value',
    ]);
    expect((await ask('x', { 'idempotency-key': 'k'.repeat(255) })).status).toBe(200);
  });
});
