import type { StreamRule } from './stream-report.ts';
import { excerpt } from './stream-shapes.ts';

/** Adds a broken rule to the checker's list. */
export type Report = (rule: StreamRule, message: string, eventNumber: number) => void;

/**
 * Checks what only the bytes show and a decoder tolerates: byte order mark, line ends, blank lines, unknown lines.
 * `numbered`: the framing of resumed streams, where a keepalive comment ends with a single LF.
 */
export function checkFraming(bytes: Uint8Array, numbered: boolean, report: Report): void {
  // One character a byte, so that a byte order mark and bytes that are not UTF-8 stay visible.
  let text = new TextDecoder('latin1').decode(bytes);
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) {
    report('framing-bom', 'the body starts with EF BB BF', 1);
    text = text.slice(3);
  }
  if (text.includes('\r')) {
    report('framing-cr', 'a carriage return in the body', 1);
    text = text.replaceAll(/\r\n?/g, '\n');
  }
  const blocks = text.split('\n\n');
  // What follows the last blank line is empty, or an event that was cut: the decoder reports that.
  blocks.pop();
  let events = 0;
  for (const block of blocks) {
    const lines = block.split('\n');
    if (lines[0] === '') {
      report('framing-separator', 'a blank line too many', events + 1);
      lines.shift();
    }
    if (lines.some((line) => line.startsWith('data'))) events += 1;
    const dataLines = withoutNumbering(numbered ? lines.filter((line) => !line.startsWith(':')) : lines);
    if (dataLines.length > 1) {
      const onlyComments = dataLines.filter((line) => !line.startsWith(':')).length < 2;
      report(
        onlyComments ? 'framing-separator' : 'framing-line',
        `${dataLines.length} lines where there should be one: ${excerpt(block)}`,
        events,
      );
    }
    for (const line of dataLines) {
      if (!line.startsWith('data: ') && !line.startsWith(':') && line !== '') {
        report('framing-line', `unexpected line ${excerpt(line)}`, events);
      }
    }
  }
}

/** Without an `id:` line: the checker judges ids, which it sees on the events. */
function withoutNumbering(lines: string[]): string[] {
  return lines[0]?.startsWith('id: ') === true ? lines.slice(1) : lines;
}
