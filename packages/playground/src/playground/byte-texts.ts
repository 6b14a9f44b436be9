/** Signs that the fonts of every system have. */
const signs: Readonly<Record<string, string>> = { '\n': '↵\n', '\r': '←', '\t': '→' };

/** Bytes as text, in which one sees how its lines end: `data: {…}↵`. Other control characters have names, `‹1b›`. */
export function visibleText(bytes: Uint8Array): string {
  return new TextDecoder()
    .decode(bytes)
    .replaceAll(
      /[\u0000-\u001f\u007f]/g,
      (sign) => signs[sign] ?? `‹${sign.charCodeAt(0).toString(16).padStart(2, '0')}›`,
    );
}

const perLine = 16;

/** `00000010  64 61 74 61 3a 20 7b 22  69 64 22 3a 22 63 68 61  |data: {"id":"cha|`. */
export function hexDump(bytes: Uint8Array): string {
  const lines: string[] = [];
  for (let from = 0; from < bytes.length; from += perLine) {
    const line = bytes.subarray(from, from + perLine);
    const pairs = Array.from(line, (byte) => byte.toString(16).padStart(2, '0'));
    const hex = `${pairs.slice(0, 8).join(' ')}  ${pairs.slice(8).join(' ')}`.padEnd(3 * perLine);
    const text = Array.from(line, (byte) => (byte > 0x1f && byte < 0x7f ? String.fromCharCode(byte) : '.'));
    lines.push(`${from.toString(16).padStart(8, '0')}  ${hex}  |${text.join('')}|`);
  }
  return lines.join('\n');
}
