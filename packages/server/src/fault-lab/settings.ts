import type { ExpectedOutcomes } from '../wall/fault.ts';

/** What stands beside the broken target. */
export type Setting = 'truth' | 'failover' | 'takeover';

export interface SettingFacts {
  readonly name: Setting;
  readonly title: string;
  readonly description: string;
  /** The fault of `fault-lab/SETTING` without a further part. */
  readonly usualFault: string;
  /** Which of the wall's expected outcomes is that of this setting. */
  readonly expected: keyof ExpectedOutcomes;
}

export const settings: readonly SettingFacts[] = [
  {
    name: 'truth',
    title: 'The broken target alone',
    description: 'Nothing can help: the answer is whole all the same, or it ends in an error that says why.',
    usualFault: 'cut-rst:3',
    expected: 'one',
  },
  {
    name: 'failover',
    title: 'With a healthy second target',
    description: 'It is asked where the first one fails before its first word.',
    usualFault: '503',
    expected: 'second',
  },
  {
    name: 'takeover',
    title: 'With one that may take over',
    description: 'It also continues an answer that has begun, where the first one breaks off.',
    usualFault: 'cut-rst:3',
    expected: 'takeover',
  },
];
