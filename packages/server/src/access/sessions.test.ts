import { createSecretKey, type KeyObject } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { createEndedSessions } from './ended-sessions.ts';
import { createSessions, sessionLifeS, sessionLongestS } from './sessions.ts';
import { createStreamSignature } from './stream-signature.ts';

const secretOf = (byte: number) => createSecretKey(Buffer.alloc(32, byte));
const hourS = 3_600;

/** One process of a service. All of these share a clock. */
function processWith(given: { secret?: KeyObject | undefined; adminKeys?: readonly string[] } = {}) {
  const adminKeys = given.adminKeys ?? ['key_1'];
  const time = { s: 1_800_000_000 };
  const ended = createEndedSessions(() => time.s * 1_000);
  let ids = 0;
  const sessions = createSessions({
    secret: () => ('secret' in given ? given.secret : secretOf(1)),
    isAdminKey: (id) => adminKeys.includes(id),
    ended,
    newId: () => {
      ids += 1;
      return String(ids).padStart(32, '0');
    },
    now: () => time.s * 1_000,
  });
  const begin = () => sessions.begin({ keyId: 'key_1', secure: false })?.token ?? '';
  return { sessions, time, ended, begin };
}

describe('a session', () => {
  it('holds for twelve hours, in every process with the same secret', () => {
    const { sessions, time, begin } = processWith();
    const other = processWith();
    const token = begin();
    const startedS = time.s;
    expect(other.sessions.read(token)).toEqual({
      type: 'valid',
      session: {
        id: '0'.repeat(31) + 1,
        keyId: 'key_1',
        startedS,
        expiresS: startedS + sessionLifeS,
        secure: false,
      },
    });
    time.s = startedS + sessionLifeS - 1;
    expect(sessions.read(token).type).toBe('valid');
    time.s = startedS + sessionLifeS;
    expect(sessions.read(token).type).toBe('invalid');
  });

  it('is renewed by its use, once an hour, for seven days in all', () => {
    const { sessions, time, begin } = processWith();
    let token = begin();
    const startedS = time.s;
    time.s += hourS - 1;
    expect(sessions.read(token)).not.toHaveProperty('renewed');
    time.s += 1;
    const read = sessions.read(token);
    expect(read).toMatchObject({ type: 'valid', session: { expiresS: time.s + sessionLifeS, startedS } });
    expect(sessions.read('renewed' in read ? (read.renewed ?? '') : '')).toMatchObject({
      session: read.type === 'valid' ? read.session : {},
    });
    let lastS = time.s;
    for (; time.s < startedS + 8 * 86_400; time.s += hourS) {
      const used = sessions.read(token);
      if (used.type !== 'valid') break;
      token = used.renewed ?? token;
      lastS = used.session.expiresS;
    }
    expect(lastS).toBe(startedS + sessionLongestS);
    expect(time.s).toBe(startedS + sessionLongestS);
  });

  it('ends with a rotation of the secret, and with its admin key', () => {
    const token = processWith().begin();
    expect(processWith({ secret: secretOf(2) }).sessions.read(token).type).toBe('invalid');
    expect(processWith({ adminKeys: ['key_2'] }).sessions.read(token).type).toBe('invalid');
  });

  it('that was signed out holds no more where this is known, nor does a renewed token of it', async () => {
    const { sessions, time, begin } = processWith();
    const token = begin();
    const another = begin();
    time.s += 2 * hourS;
    const read = sessions.read(token);
    if (read.type !== 'valid') throw new Error('it holds');
    await sessions.end(read.session);
    expect(sessions.read(token).type).toBe('invalid');
    expect(sessions.read(read.renewed ?? '').type).toBe('invalid');
    expect(sessions.read(another).type).toBe('valid');
    expect(processWith().sessions.read(token).type).toBe('valid');
    // Until no token of it can be valid, and no longer.
    time.s = read.session.expiresS - 1;
    expect(sessions.read(read.renewed ?? '').type).toBe('invalid');
  });

  it('cannot be made or read before the secret was read', () => {
    const { sessions } = processWith({ secret: undefined });
    expect(sessions.begin({ keyId: 'key_1', secure: true })).toBeUndefined();
    expect(sessions.read(processWith().begin()).type).toBe('unavailable');
    expect(sessions.read('x').type).toBe('invalid');
  });

  it('is no other text than its token', () => {
    const { sessions, begin } = processWith();
    const token = begin();
    for (let at = 0; at < token.length; at += 1) {
      const other = token[at] === '1' ? '2' : '1';
      expect(sessions.read(token.slice(0, at) + other + token.slice(at + 1)).type).toBe('invalid');
      expect(sessions.read(token.slice(0, at) + token.slice(at + 1)).type).toBe('invalid');
    }
    expect(sessions.read(`${token}\n`).type).toBe('invalid');
    expect(sessions.read(token.toUpperCase()).type).toBe('invalid');
  });

  it('is not opened by a signature of a stream, whose id the caller chose', () => {
    const { sessions, begin, time } = processWith();
    const claims = begin().split('.').slice(0, -1).join('.');
    const streams = createStreamSignature(() => secretOf(1));
    for (const id of [claims, `session\n${claims}`])
      expect(sessions.read(`${claims}.${streams.sign(id, time.s + hourS)}`).type).toBe('invalid');
  });
});

it('sessions that were signed out are kept until their time is over, ten thousand at most', () => {
  const time = { ms: 0 };
  const ended = createEndedSessions(() => time.ms);
  ended.add({ id: 'short', untilS: 1 });
  for (let made = 0; made < 10_000; made += 1) ended.add({ id: `long ${made}`, untilS: 100 });
  expect(ended.has('short')).toBe(false);
  expect(ended.has('long 0')).toBe(true);
  time.ms = 100_000;
  ended.add({ id: 'last', untilS: 101 });
  expect(ended.list()).toEqual([{ id: 'last', untilS: 101 }]);
});
