import type { CheckReport, RuleResult } from '../check.ts';
import { ofSet, placeOf, setTitles } from './words.ts';

/** The report as JUnit’s XML, which CI systems show: a suite for each set, a case for each rule. A warning is a case that passes, with its text. */
export function junitReport(report: CheckReport): string {
  const suites = (['openai', 'tailrace'] as const).map((set) => {
    const results = ofSet(report, set);
    const failures = results.filter(({ verdict }) => verdict === 'fail').length;
    const skipped = results.filter(isSkipped).length;
    return (
      `  <testsuite name="${xml(setTitles[set])}" tests="${results.length}" failures="${failures}" skipped="${skipped}"` +
      ` errors="0" timestamp="${report.startedAt.slice(0, 19)}" time="${(report.durationMs / 1000).toFixed(3)}" hostname="${xml(report.endpoint)}">\n` +
      results.map(testCase).join('') +
      '  </testsuite>\n'
    );
  });
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites name="tailrace check">\n${suites.join('')}</testsuites>\n`;
}

function isSkipped({ verdict }: RuleResult): boolean {
  return verdict === 'not-applicable' || verdict === 'too-slow' || verdict === 'not-tried';
}

function testCase(result: RuleResult): string {
  const open = `    <testcase classname="${result.set}.${result.group}" name="${xml(result.id)}"`;
  const words = [
    `expected: ${result.expects}`,
    ...result.seen.map((one) => `seen: ${placeOf(one)}: ${one.seen}`),
    `why: ${result.why}`,
  ].join('\n');
  switch (result.verdict) {
    case 'pass':
      return `${open}/>\n`;
    case 'fail':
      return `${open}>\n      <failure message="${xml(result.seen[0]?.seen ?? '')}">${xml(words)}</failure>\n    </testcase>\n`;
    case 'warn':
      return `${open}>\n      <system-out>${xml(`warning\n${words}`)}</system-out>\n    </testcase>\n`;
    case 'not-applicable':
    case 'too-slow':
    case 'not-tried':
      return `${open}>\n      <skipped message="${xml(result.reason ?? '')}"/>\n    </testcase>\n`;
  }
}

/** XML 1.0 has no way to write most control characters. */
function xml(text: string): string {
  return text
    .toWellFormed()
    .replaceAll(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '\u{fffd}')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
