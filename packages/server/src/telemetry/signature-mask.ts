import { plainForm } from './plain-form.ts';

/** A text without any of these has no equals sign, in whatever spelling. */
const mayHold = /[=%\\&＝]/;
const signature = /signature=([^&\s"'<>]+)/g;

/**
 * Masks the value behind each `signature=` in a text: whoever reads the signed address of a stream can read and cancel it. Also
 * where a client has escaped the address, once or several times, as a whole or in part; and in an address that was cut.
 */
export function maskSignatures(text: string, mask = '***'): string {
  if (!mayHold.test(text)) return text;
  const { plain, startInText, endInText } = plainForm(text);
  let masked = '';
  let shown = 0;
  for (const { 0: whole, 1: value = '', index } of plain.matchAll(signature)) {
    const to = index + whole.length;
    masked += text.slice(shown, startInText(to - value.length)) + mask;
    shown = endInText(to);
  }
  return shown === 0 ? text : masked + text.slice(shown);
}
