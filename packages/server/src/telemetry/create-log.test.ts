import { PassThrough, Writable } from 'node:stream';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { createLog, type LogOptions } from './create-log.ts';
import { createRedact } from './redact.ts';

const noon = Date.UTC(2026, 10, 21, 12, 0, 0, 7);

function logTo(stream: NodeJS.WritableStream & { isTTY?: boolean }, more: Partial<LogOptions> = {}) {
  return createLog({ level: 'info', format: 'json', stream, now: () => noon, ...more });
}

function collected(more: Partial<LogOptions> = {}) {
  const stream = new PassThrough();
  return { log: logTo(stream, more), text: () => String(stream.read() ?? '') };
}

describe('the JSON form', () => {
  it('is one object a line, without absent fields', () => {
    const { log, text } = collected();
    log.info('listening', { port: 7245, host: 'h', tls: false, user: null, more: undefined });
    expect(text()).toBe(
      '{"time":"2026-11-21T12:00:00.007Z","level":"info","msg":"listening","port":7245,"host":"h","tls":false,"user":null}\n',
    );
  });

  it('lets no field replace its own names', () => {
    const { log, text } = collected();
    log.info('one', { level: 'error', msg: 'two', time: 'never' });
    expect(JSON.parse(text())).toEqual({ time: '2026-11-21T12:00:00.007Z', level: 'info', msg: 'one' });
  });

  it('is one line of ASCII with the same content, whatever the text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (value) => {
        const { log, text } = collected({ redact: (same) => same });
        log.info(value, { value });
        const line = text();
        expect(line).toMatch(/^[\x20-\x7e]*\n$/);
        expect(JSON.parse(line)).toMatchObject({ msg: value, value });
      }),
    );
  });
});

describe('the pretty form', () => {
  it('is time, level, message and pairs', () => {
    const { log, text } = collected({ format: 'pretty' });
    log.warn('slow reader', {
      model: 'acme/chat',
      reason: 'no space',
      ttft_ms: 1.5,
      empty: '',
      quote: 'a"b',
    });
    expect(text()).toMatch(
      /^\d\d:\d\d:\d\d\.007 warn {2}slow reader model=acme\/chat reason="no space" ttft_ms=1\.5 empty="" quote="a\\"b"\n$/,
    );
  });

  it('lets no text end the line or control the terminal', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (value) => {
        const { log, text } = collected({ format: 'pretty' });
        log.info(value, { value, [value]: 1 });
        expect(text()).toMatch(/^[^\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]*\n$/);
      }),
    );
  });

  it('escapes what it cannot show', () => {
    const { log, text } = collected({ format: 'pretty' });
    log.info('a\nb\u001b[31mc');
    expect(text()).toContain('info  a\\nb\\u001b[31mc\n');
  });

  it('has colours where they are asked for', () => {
    const { log, text } = collected({ format: 'pretty', colour: true });
    log.error('x');
    expect(text()).toContain('\u001b[31merror\u001b[0m x\n');
  });
});

describe('the format auto', () => {
  it.each([
    [true, /^\d\d:/],
    [false, /^\{"time"/],
  ])('with isTTY %s', (isTTY, form) => {
    const stream = Object.assign(new PassThrough(), { isTTY });
    logTo(stream, { format: 'auto' }).info('x');
    expect(String(stream.read())).toMatch(form);
  });
});

describe('levels', () => {
  it('are a threshold below which nothing is written, and which can change', () => {
    const { log, text } = collected({ level: 'warn' });
    log.debug('1');
    log.info('2');
    log.warn('3');
    log.error('4');
    log.setLevel('debug');
    log.debug('5');
    log.setLevel('error');
    log.warn('6');
    expect([...text().matchAll(/"msg":"(\d)"/g)].map(([, digit]) => digit)).toEqual(['3', '4', '5']);
  });
});

describe('secrets', () => {
  it('are masked in messages and fields', () => {
    const { log, text } = collected({ redact: createRedact({ secrets: ['open-sesame'] }) });
    log.info('said open-sesame', { detail: 'Bearer open-sesame', url: 'redis://:pw@h' });
    expect(JSON.parse(text())).toMatchObject({ msg: 'said ***', detail: 'Bearer ***', url: 'redis://***@h' });
  });

  it('are masked where they have the shape of a key, though they are not configured', () => {
    const { log, text } = collected();
    log.info('sk-0123456789abcdef');
    expect(text()).not.toContain('0123456789');
  });
});

describe('a stream that cannot be written', () => {
  it('closed: nothing is thrown', () => {
    const stream = new PassThrough();
    const log = logTo(stream);
    stream.destroy(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));
    expect(() => log.info('x')).not.toThrow();
  });

  it('failing at each write: nothing is thrown, and the process gets no error', async () => {
    const stream = new Writable({ write: (_chunk, _encoding, done) => done(new Error('ENOSPC')) });
    const closed = new Promise((resolve) => stream.once('close', resolve));
    const log = logTo(stream);
    log.info('x');
    await closed;
    expect(() => log.info('y')).not.toThrow();
  });

  it('throwing: lines are counted as lost', () => {
    let broken = true;
    const stream = Object.assign(new PassThrough(), {
      write(this: PassThrough, chunk: string): boolean {
        if (broken) throw new Error('EAGAIN');
        return PassThrough.prototype.write.call(this, chunk, 'utf8');
      },
    });
    const log = logTo(stream);
    log.info('x');
    log.info('y');
    broken = false;
    log.info('z');
    const lines = String(stream.read())
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines).toMatchObject([{ level: 'warn', lines: 2 }, { msg: 'z' }]);
  });

  it('full: memory is bounded, and the next line that is written says how many were lost', () => {
    const waiting: (() => void)[] = [];
    const seen: string[] = [];
    const stream = new Writable({
      decodeStrings: false,
      write: (chunk: string, _encoding, done) => {
        seen.push(chunk);
        waiting.push(done);
      },
    });
    const log = logTo(stream);
    for (let n = 0; n < 200; n++) log.info('x'.repeat(20_000));
    expect(stream.writableLength).toBeLessThan(1.1 * 1024 ** 2);
    while (stream.writableLength > 0) {
      const done = waiting.shift();
      if (done === undefined) throw new Error('nothing is being written');
      done();
    }
    log.info('again');
    expect(seen.at(-1)).toMatch(/"level":"warn".*"lines":1\d\d\}\n.*"msg":"again"/);
  });
});

it('a very long text is cut', () => {
  const { log, text } = collected();
  log.info('x'.repeat(100_000));
  expect(text().length).toBeLessThan(40_000);
});
