import { expect, test, vi } from 'vitest';
import { APIConnectionError } from '../errors/errors.ts';
import type { ChatMessage } from './chat-message.ts';
import { type AnswerRequest, type ChatSource, createChatStore } from './chat-store.ts';
import { type ScriptedAnswer, scriptedAnswer, scriptedPage } from './testing/scripted-answer.ts';

const lostError = new APIConnectionError();

/** A chat whose answers are those that `answers` has, in turn. */
function startChat({
  kept = new Map<string, string>(),
  initialMessages = [] as readonly ChatMessage[],
  resume = undefined as boolean | undefined,
  stopOnUnmount = false,
  streamUrl = '/stream',
} = {}) {
  const page = scriptedPage(kept);
  const answers: ScriptedAnswer[] = [];
  const requests: AnswerRequest[] = [];
  const addresses: string[] = [];
  const seen = { finished: [] as string[], errors: [] as Error[], reconnects: 0, renders: 0, unused: 0 };
  const store = createChatStore({
    ...{ key: 'chat', initialMessages, page },
    onUse(isUsed) {
      if (!isUsed) seen.unused += 1;
    },
  });
  const next = (): ScriptedAnswer => {
    const answer = scriptedAnswer(streamUrl || undefined);
    answers.push(answer);
    return answer;
  };
  const source: ChatSource = {
    onFinish: ({ content }) => seen.finished.push(content),
    onError: (error) => seen.errors.push(error),
    onReconnect() {
      seen.reconnects += 1;
    },
    body: { model: 'm' },
    resume,
    stopOnUnmount,
    ask(request) {
      requests.push(request);
      return next();
    },
    readAt(address) {
      addresses.push(address);
      return next();
    },
  };
  const show = (): (() => void) => {
    return store.show(
      () => {
        seen.renders += 1;
      },
      () => source,
    );
  };
  const texts = (): readonly string[] => store.state().messages.map(({ content }) => content);
  return { store, page, answers, requests, addresses, seen, source, show, texts };
}

/** Lets all that waits in promises come to its end. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function answerAt(answers: readonly ScriptedAnswer[], at: number): Promise<ScriptedAnswer> {
  await settled();
  const answer = answers[at];
  if (answer === undefined) throw new Error(`no answer ${at} was asked for`);
  return answer;
}

test('a message is shown at once, its answer as it streams, and both are sent with the next message', async () => {
  const { store, page, answers, requests, seen, source, show, texts } = startChat();
  show();
  const sent = store.send({ content: 'one' }, source);
  expect([texts(), store.state().status]).toEqual([['one'], 'submitted']);
  const first = await answerAt(answers, 0);
  first.begin();
  first.say('Hel');
  await settled();
  page.draw();
  expect([texts(), store.state().status]).toEqual([['one', 'Hel'], 'streaming']);
  first.say('lo');
  first.finish();
  await sent;
  page.draw();
  expect([texts(), store.state().status, seen.finished]).toEqual([['one', 'Hello'], 'ready', ['Hello']]);
  expect(store.state().messages[1]).toMatchObject({ finishReason: 'stop', completionId: 'chatcmpl-1' });
  void store.send({ content: 'two' }, source);
  expect(JSON.parse(requests[1]?.body ?? '')).toEqual({
    model: 'm',
    messages: [
      { role: 'user', content: 'one' },
      { role: 'assistant', content: 'Hello' },
      { role: 'user', content: 'two' },
    ],
  });
  expect(requests[1]?.idempotencyKey).not.toBe(requests[0]?.idempotencyKey);
});

test('chunks between two frames are drawn once, and messages that do not change stay the same objects', async () => {
  const { store, page, answers, seen, source, show } = startChat();
  show();
  void store.send({ content: 'one' }, source);
  const answer = await answerAt(answers, 0);
  answer.begin();
  answer.say('a');
  await settled();
  page.draw();
  const before = store.state().messages;
  const { renders } = seen;
  for (let count = 0; count < 100; count += 1) {
    answer.say('b');
    await settled();
  }
  expect(seen.renders).toBe(renders);
  page.draw();
  expect(seen.renders).toBe(renders + 1);
  expect(page.draw()).toBe(false);
  const after = store.state().messages;
  expect([after[0] === before[0], after[1] === before[1]]).toEqual([true, false]);
});

test('hooks that show one chat share the reading of its answer', async () => {
  const { store, page, answers, seen, source, show } = startChat();
  const hide = show();
  show();
  void store.send({ content: 'one' }, source);
  const answer = await answerAt(answers, 0);
  answer.begin();
  hide();
  answer.say('whole');
  answer.finish();
  await settled();
  page.draw();
  expect([answers.length, seen.finished]).toEqual([1, ['whole']]);
});

test('stop cancels on the server, keeps what has come, and says that it is incomplete', async () => {
  const { store, page, answers, requests, source, show, texts, seen } = startChat();
  show();
  const sent = store.send({ content: 'one' }, source);
  const answer = await answerAt(answers, 0);
  answer.begin();
  answer.say('half');
  await settled();
  await store.stop();
  expect([texts(), store.state().status, answer.isCancelled()]).toEqual([['one', 'half'], 'ready', true]);
  expect(store.state().messages[1]?.incomplete).toBe(true);
  await sent;
  answer.say('late');
  await settled();
  page.draw();
  expect([texts(), seen.finished, seen.errors]).toEqual([['one', 'half'], [], []]);
  void store.send({ content: 'two' }, source);
  expect(JSON.parse(requests[1]?.body ?? '').messages).toHaveLength(3);
});

test('stop before the head stops what the head will name', async () => {
  const { store, answers, source, show } = startChat();
  show();
  void store.send({ content: 'one' }, source);
  const stopped = store.stop();
  expect(store.state().status).toBe('ready');
  await stopped;
  expect((await answerAt(answers, 0)).isCancelled()).toBe(true);
});

test('a failure leaves its beginning and its error, and a new try replaces it', async () => {
  const { store, page, answers, requests, seen, source, show, texts } = startChat();
  show();
  void store.send({ content: 'one' }, source);
  const answer = await answerAt(answers, 0);
  answer.begin();
  answer.say('ha');
  const failure = new Error('upstream_cut');
  answer.fail(failure);
  await settled();
  page.draw();
  expect(store.state()).toMatchObject({ status: 'error', error: failure });
  expect([texts(), store.state().messages[1]?.incomplete, seen.errors]).toEqual([
    ['one', 'ha'],
    true,
    [failure],
  ]);
  page.return();
  await settled();
  expect(answers).toHaveLength(1);
  void store.regenerate(source);
  expect([texts(), store.state().status, store.state().error]).toEqual([['one'], 'submitted', undefined]);
  expect(JSON.parse(requests[1]?.body ?? '').messages).toEqual([{ role: 'user', content: 'one' }]);
});

test('regenerate of an earlier answer drops what came after it', async () => {
  const initialMessages: ChatMessage[] = [
    { id: 'u1', role: 'user', content: 'one' },
    { id: 'a1', role: 'assistant', content: 'first' },
    { id: 'u2', role: 'user', content: 'two' },
    { id: 'a2', role: 'assistant', content: 'second' },
  ];
  const { store, source, show, texts } = startChat({ initialMessages });
  show();
  void store.regenerate(source, 'unknown');
  expect(texts()).toHaveLength(4);
  void store.regenerate(source, 'a1');
  expect(texts()).toEqual(['one']);
});

test('a reload reads the answer anew, and shows what was there until that has caught up', async () => {
  const kept = new Map<string, string>();
  const before = startChat({ kept });
  before.show();
  void before.store.send({ content: 'one' }, before.source);
  const cut = await answerAt(before.answers, 0);
  cut.begin();
  cut.say('a', 'b', 'c');
  await settled();
  before.page.draw();
  before.page.leave();

  const { store, page, answers, addresses, show, texts, seen } = startChat({ kept });
  expect(texts()).toEqual([]);
  show();
  expect([texts(), store.state().status]).toEqual([['one', 'abc'], 'streaming']);
  const again = await answerAt(answers, 0);
  expect(addresses).toEqual(['/stream']);
  again.begin();
  again.say('a', 'b');
  await settled();
  page.draw();
  expect(texts()).toEqual(['one', 'abc']);
  again.say('c', 'd');
  again.finish();
  await settled();
  page.draw();
  expect([texts(), store.state().status, seen.finished]).toEqual([['one', 'abcd'], 'ready', ['abcd']]);
  expect(store.state().messages[1]?.id).toBe(before.store.state().messages[1]?.id ?? 'none');
});

test('an answer that cannot be read on is incomplete after a reload', async () => {
  const kept = new Map<string, string>();
  const before = startChat({ kept, streamUrl: '' });
  before.show();
  void before.store.send({ content: 'one' }, before.source);
  const cut = await answerAt(before.answers, 0);
  cut.begin();
  cut.say('half');
  await settled();
  before.page.leave();
  const { store, answers, show, texts } = startChat({ kept });
  show();
  expect([texts(), store.state().status, answers.length]).toEqual([['one', 'half'], 'ready', 0]);
  expect(store.state().messages[1]?.incomplete).toBe(true);
});

test('a chat that the app has emptied stays empty when the page returns', async () => {
  const { store, page, answers, source, show, texts } = startChat();
  show();
  void store.send({ content: 'one' }, source);
  const cut = await answerAt(answers, 0);
  cut.begin();
  cut.fail(lostError);
  await settled();
  store.setMessages([]);
  page.return();
  await settled();
  expect([texts(), answers.length]).toEqual([[], 1]);
});

test('a request that found no network is sent again with its key when the page returns', async () => {
  const { store, page, answers, requests, source, show, texts } = startChat();
  show();
  void store.send({ content: 'one' }, source);
  (await answerAt(answers, 0)).fail(lostError);
  await settled();
  page.draw();
  expect(store.state().status).toBe('error');
  page.return();
  const answer = await answerAt(answers, 1);
  expect(requests[1]).toEqual(requests[0]);
  answer.begin();
  answer.say('whole');
  answer.finish();
  await settled();
  page.draw();
  expect(texts()).toEqual(['one', 'whole']);
});

test('a reload before the head asks again with the same key and the same bytes', async () => {
  const kept = new Map<string, string>();
  const before = startChat({ kept });
  before.show();
  void before.store.send({ content: 'one' }, before.source);
  await answerAt(before.answers, 0);
  before.page.leave();
  const { requests, show, answers } = startChat({ kept });
  show();
  await answerAt(answers, 0);
  expect(requests).toEqual(before.requests);
});

test('a chat at rest is there after a reload, but not in place of given messages', async () => {
  const kept = new Map<string, string>();
  const before = startChat({ kept });
  before.show();
  void before.store.send({ content: 'one' }, before.source);
  const answer = await answerAt(before.answers, 0);
  answer.begin();
  answer.say('whole');
  answer.finish();
  await settled();
  const empty = startChat({ kept });
  empty.show();
  expect(empty.texts()).toEqual(['one', 'whole']);
  const given = startChat({ kept, initialMessages: [{ id: '1', role: 'user', content: 'mine' }] });
  given.show();
  expect(given.texts()).toEqual(['mine']);
  expect([empty.answers.length, given.answers.length]).toEqual([0, 0]);
});

test('with resume: false a reload shows the beginning, and resume() reads on', async () => {
  const kept = new Map<string, string>();
  const before = startChat({ kept });
  before.show();
  void before.store.send({ content: 'one' }, before.source);
  const cut = await answerAt(before.answers, 0);
  cut.begin();
  cut.say('a');
  await settled();
  before.page.leave();
  const { store, page, answers, source, show, texts } = startChat({ kept, resume: false });
  show();
  page.return();
  await settled();
  expect([texts(), store.state().status, answers.length]).toEqual([['one', 'a'], 'ready', 0]);
  void store.resume(source);
  const again = await answerAt(answers, 0);
  again.begin();
  again.say('a', 'b');
  again.finish();
  await settled();
  page.draw();
  expect(texts()).toEqual(['one', 'ab']);
});

test('a connection that stays lost is an error until the page returns', async () => {
  const { store, page, answers, addresses, seen, source, show, texts } = startChat();
  show();
  void store.send({ content: 'one' }, source);
  const cut = await answerAt(answers, 0);
  cut.begin();
  cut.say('a', 'b');
  cut.fail(lostError);
  await settled();
  page.draw();
  expect([texts(), store.state().status]).toEqual([['one', 'ab'], 'error']);
  page.return();
  page.return();
  const again = await answerAt(answers, 1);
  expect([addresses, store.state().status, texts()]).toEqual([['/stream'], 'streaming', ['one', 'ab']]);
  again.begin();
  again.say('a', 'b', 'c');
  again.finish();
  await settled();
  page.draw();
  expect([texts(), seen.finished, seen.reconnects, answers.length]).toEqual([['one', 'abc'], ['abc'], 1, 2]);
});

test('an answer goes on when its last hook unmounts, and the chat is forgotten when it ends', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout'] });
  try {
    const { store, answers, seen, source, show, texts } = startChat();
    const hide = show();
    void store.send({ content: 'one' }, source);
    const answer = await answerAt(answers, 0);
    answer.begin();
    hide();
    vi.runAllTimers();
    answer.say('whole');
    await settled();
    expect([answer.isCancelled(), seen.unused]).toEqual([false, 0]);
    answer.finish();
    await settled();
    expect(seen.unused).toBe(1);
    show();
    expect(texts()).toEqual(['one']);
  } finally {
    vi.useRealTimers();
  }
});

test('with stopOnUnmount the answer stops when the last hook goes for good, not when strict mode mounts it again', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout'] });
  try {
    const { store, answers, source, show } = startChat({ stopOnUnmount: true });
    const hide = show();
    void store.send({ content: 'one' }, source);
    const answer = await answerAt(answers, 0);
    answer.begin();
    answer.say('a');
    await settled();
    hide();
    const hideAgain = show();
    vi.runAllTimers();
    await settled();
    expect(answer.isCancelled()).toBe(false);
    hideAgain();
    vi.runAllTimers();
    await settled();
    expect(answer.isCancelled()).toBe(true);
  } finally {
    vi.useRealTimers();
  }
});

test('storage that is full or holds something else does not disturb the chat', async () => {
  const { store, source, show, texts } = startChat({
    kept: new Map([['chat', '{"messages":1}']]),
  });
  show();
  void store.send({ content: 'one' }, source);
  expect(texts()).toEqual(['one']);
});

test('no key is kept: neither headers nor anything but messages, address and the request of an answer', async () => {
  const { store, page, answers, source, show } = startChat();
  show();
  void store.send({ content: 'one' }, source);
  const answer = await answerAt(answers, 0);
  answer.begin();
  answer.say('a');
  await settled();
  page.leave();
  const record = JSON.parse(page.kept.get('chat') ?? '{}');
  expect(Object.keys(record)).toEqual(['messages', 'run']);
  expect(Object.keys(record.run).toSorted()).toEqual(['answer', 'cursor', 'id', 'streamUrl']);
});

test.each([
  '{"messages":[null]}',
  '{"messages":["x"]}',
  '{"messages":[{"id":"a","role":"user","content":{}}]}',
])('what is no chat in the storage is not shown: %s', (text) => {
  const { show, texts } = startChat({ kept: new Map([['chat', text]]) });
  show();
  expect(texts()).toEqual([]);
});
