import { stripVTControlCharacters } from 'node:util';
import type { CheckReport, RuleResult, Verdict } from '../check.ts';
import type { Plan } from '../plan.ts';
import { ofSet, placeOf, setTitles, tally, verdictWords } from './words.ts';

export interface TextOptions {
  /** Columns of the terminal. Default 100. */
  readonly width?: number | undefined;
  readonly colour: boolean;
}

/** Places of one rule that are shown; the other reports have more. */
const shownPlaces = 2;
const narrowest = 40;
const widest = 120;

/** What will be asked, before anything is. */
export function planText(plan: Plan, { width = 100 }: Pick<TextOptions, 'width'>): string {
  const head = `${plan.rules.length} rules, at most ${count(plan.requests, 'request')} and ${count(plan.tokens, 'completion token')} (prompts are short and come on top):`;
  const left = plan.leftOut.map(({ name }) => name).join(', ');
  return [
    wrap(head, width, '  '),
    ...plan.probes.map(({ name, about, requests, tokens }) => {
      const cost = `${count(requests, 'request')}${tokens === 0 ? '' : `, ${count(tokens, 'token')}`}`;
      return wrap(`${name}: ${about} (${cost})`, width, '      ', '  ');
    }),
    ...(plan.again === 0
      ? []
      : [
          wrap(
            `Up to ${plan.again} of them again, where the endpoint asks to wait (Retry-After) or the model refuses max_tokens or temperature.`,
            width,
            '  ',
          ),
        ]),
    ...(left === '' ? [] : [wrap(`Left out, for want of budget: ${left}.`, width, '  ')]),
  ].join('');
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

/** The report for people: failures first, then warnings; rules that hold are counted, and named where there is room. */
export function textReport(report: CheckReport, { width = 100, colour }: TextOptions): string {
  const columns = Math.max(narrowest, Math.min(widest, width));
  const paint = colour ? painted : plain;
  const seconds = (report.durationMs / 1000).toFixed(1);
  const head = wrap(
    `${report.endpoint}, model ${clean(report.model)}: ${report.requests} requests in ${seconds} s`,
    columns,
    '  ',
  );
  const { tooSlow } = report;
  const slow =
    tooSlow.length === 0
      ? ''
      : wrap(
          `Not judged, because the timeout cut them: ${tooSlow.join(', ')}. A longer --timeout judges them.`,
          columns,
          '  ',
        );
  const sets = (['openai', 'tailrace'] as const)
    .map((set) => ({ set, results: ofSet(report, set) }))
    .filter(({ results }) => results.length > 0)
    .map(({ set, results }) => {
      const broken = ['fail', 'warn'].flatMap((verdict) => results.filter((one) => one.verdict === verdict));
      return [
        `\n${wrap(setTitles[set], columns, '')}`,
        wrap(tally(results), columns, '  ', '  '),
        ...broken.map((result) => `\n${finding(result, columns, paint)}`),
        ...others(results, columns),
      ].join('');
    });
  return head + slow + sets.join('');
}

type Paint = (text: string, colour: 'red' | 'yellow') => string;
const plain: Paint = (text) => text;
const painted: Paint = (text, colour) => `\u001b[${colour === 'red' ? 31 : 33}m${text}\u001b[0m`;

function finding(result: RuleResult, columns: number, paint: Paint): string {
  const failed = result.verdict === 'fail';
  const label = failed ? paint('FAIL', 'red') : paint('warn', 'yellow');
  const shown = result.seen.slice(0, shownPlaces);
  const more = result.broken - shown.length;
  return [
    `  ${label}  ${result.id}\n`,
    wrap(`expected  ${result.expects}`, columns, ' '.repeat(18), '        '),
    ...shown.map((one) =>
      wrap(`seen      ${placeOf(one)}: ${clean(one.seen)}`, columns, ' '.repeat(18), '        '),
    ),
    ...(more > 0 ? [`                  and in ${count(more, 'more place')}\n`] : []),
    wrap(`why       ${result.why}`, columns, ' '.repeat(18), '        '),
  ].join('');
}

/** What was not judged, with its reason: a report that hid it would look better than the endpoint is. */
function others(results: readonly RuleResult[], columns: number): readonly string[] {
  const verdicts: readonly Verdict[] = ['not-applicable', 'too-slow', 'not-tried'];
  const byReason = Map.groupBy(
    results.filter(({ verdict }) => verdicts.includes(verdict)),
    ({ verdict, reason = '' }) => `${verdictWords[verdict]}: ${reason}`,
  );
  const lines = [...byReason].map(([reason, rules]) =>
    wrap(
      `${clean(reason)}: ${rules.map(({ id }) => id.slice(id.indexOf('/') + 1)).join(', ')}`,
      columns,
      '    ',
      '  ',
    ),
  );
  return lines.length === 0 ? [] : ['\n', ...lines];
}

/** Texts of the endpoint must not control the terminal. */
function clean(text: string): string {
  return stripVTControlCharacters(text).replaceAll(
    /[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g,
    ' ',
  );
}

/** Breaks a line at blanks, and words that are wider than the line. */
function wrap(text: string, columns: number, indent: string, first = ''): string {
  const lines: string[] = [];
  let line = first;
  let empty = true;
  for (const word of text.split(/(?<=\S)(?= )/)) {
    for (let rest = empty ? word.trimStart() : word; rest !== ''; ) {
      const room = columns - line.length;
      if (rest.length <= room) {
        line += rest;
        rest = '';
      } else if (empty) {
        line += rest.slice(0, room);
        rest = rest.slice(room);
      } else rest = rest.trimStart();
      empty = false;
      if (rest === '') break;
      lines.push(line);
      line = indent;
      empty = true;
    }
  }
  return `${[...lines, line].join('\n')}\n`;
}
