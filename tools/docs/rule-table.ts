import { type Rule, type RuleSet, ruleGroups, rules } from '@tailrace/conformance';
import { markdownTable } from './markdown-table.ts';

/** The rules of one set in `docs/check.md`, a table for each group. */
export function ruleTables(set: RuleSet): string {
  const own = rules.filter((rule) => rule.set === set);
  return ruleGroups
    .map((group) => ({ group, found: own.filter((rule) => rule.group === group) }))
    .filter(({ found }) => found.length > 0)
    .map(({ group, found }) => `\n### ${set}: ${group}\n\n${ruleTable(found)}`)
    .join('');
}

function ruleTable(found: readonly Rule[]): string {
  return markdownTable(
    ['rule', 'where it is broken', 'what is expected', 'why'],
    found.map(({ id, severity, expects, why }) => [`\`${id}\``, severity, escaped(expects), escaped(why)]),
  );
}

/** A bar would end the cell; angle brackets would be HTML. */
function escaped(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('<', '&lt;');
}
