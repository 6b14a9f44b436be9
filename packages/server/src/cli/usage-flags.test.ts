import { describe, expect, it } from 'vitest';
import { parseUsageFlags } from './usage-flags.ts';

const parse = (...args: string[]) => parseUsageFlags(args, Date.parse('2026-11-28T12:00:00Z'));

describe('the words after usage', () => {
  it.each([
    [[], { type: 'usage', form: 'table', query: '' }],
    [
      ['--group-by', 'key,day', '--since=7d', '--json'],
      { type: 'usage', form: 'json', query: 'group_by=key%2Cday&since=7d', groupNames: ['key_id', 'day'] },
    ],
    [
      ['--tag', 'team=blue', '--owner=acme', '--csv', '--data-dir', 'd', '--config=c.yaml'],
      {
        type: 'usage',
        form: 'csv',
        query: 'owner=acme&tag=team%3Dblue',
        place: { dataDir: 'd', config: 'c.yaml' },
      },
    ],
    [['--since', '2026-11-28T10:00:00+01:00'], { query: 'since=2026-11-28T10%3A00%3A00%2B01%3A00' }],
    [['--budgets', '--owner', 'acme'], { type: 'budgets', form: 'table', query: 'owner=acme' }],
    [['--help'], { type: 'help' }],
    [['-h', '--json'], { type: 'help' }],
  ])('%j', (args, asked) => {
    expect(parse(...args)).toMatchObject(asked);
  });

  it.each([
    [
      ['--grup-by', 'key'],
      'there is no flag --grup-by here (did you mean "--group-by"?); see tailrace usage --help',
    ],
    [['week'], 'unexpected "week"; see tailrace usage --help'],
    [['--since'], '--since needs a value; see tailrace usage --help'],
    [['--since', '--json'], '--since needs a value; see tailrace usage --help'],
    [['--json=yes'], '--json takes no value; see tailrace usage --help'],
    [['--json', '--csv'], '--json and --csv exclude each other'],
    [
      ['--since', 'yesterday'],
      '--since is "yesterday"; expected a date (2026-11-28), a time (2026-11-28T09:00:00Z) or a duration (7d, 24h)',
    ],
    [
      ['--group-by', 'ownr'],
      '--group-by has "ownr" (did you mean "owner"?); expected some of key, owner, user, model, target, day, hour and tag:NAME, with commas between them',
    ],
    [['--budgets', '--since', '7d'], '--since does not go with --budgets'],
  ])('%j is refused', (args, message) => {
    expect(parse(...args)).toEqual({ type: 'refused', message });
  });
});
