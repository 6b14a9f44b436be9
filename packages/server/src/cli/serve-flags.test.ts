import { describe, expect, it } from 'vitest';
import { parseServeFlags, serveUsage } from './serve-flags.ts';

describe('the words after serve', () => {
  it.each<readonly [readonly string[], object]>([
    [[], {}],
    [['--config', 'a.yaml'], { config: 'a.yaml' }],
    [['--config=a=b.yaml'], { config: 'a=b.yaml' }],
    [['--listen', '0.0.0.0:80', '--workers', '2'], { listen: '0.0.0.0:80', workers: '2' }],
    [['--model', 'x.gguf', '--data-dir=d'], { model: 'x.gguf', dataDir: 'd' }],
    [['--no-engine'], { noEngine: true }],
    [['--workers=1', '--workers=2'], { workers: '2' }],
    [['--model', '-x.gguf'], { model: '-x.gguf' }],
    [['--help'], { help: true }],
    [['-h'], { help: true }],
  ])('%j', (argv, flags) => {
    expect(parseServeFlags(argv)).toEqual({ ok: true, flags: { help: false, ...flags } });
  });

  it.each([
    [
      ['--confg', 'a'],
      'unknown flag "--confg" (did you mean "--config"?); npm start -- --help lists the flags',
    ],
    [['--port=80'], 'unknown flag "--port" (use --listen HOST:PORT); npm start -- --help lists the flags'],
    [['-c', 'a'], 'unknown flag "-c"; npm start -- --help lists the flags'],
    [
      ['extra'],
      'unexpected "extra": flags must follow "--" (npm start -- --listen …); npm start -- --help lists the flags',
    ],
    [['--config'], '--config needs a value'],
    [['--config='], '--config needs a value'],
    [['--config', '--no-engine'], '--config needs a value'],
    [['--no-engine=yes'], '--no-engine takes no value'],
  ])('%j is refused', (argv, message) => {
    expect(parseServeFlags(argv)).toEqual({ ok: false, message });
  });

  it('the help names every flag', () => {
    for (const flag of [
      '--config',
      '--listen',
      '--model',
      '--data-dir',
      '--no-engine',
      '--workers',
      '--help',
    ]) {
      expect(serveUsage).toContain(`  ${flag} `);
    }
  });
});
