/**
 * An offset of the Durable Streams protocol (section 8 there): the number of the last message before it, with zeros in front, so
 * that offsets sort as texts. The first one, before all messages, is that of number 0.
 */
export function formatOffset(number: number): string {
  return String(number).padStart(digits, '0');
}

/** The number of an offset that {@link formatOffset} has written; undefined for every other text. */
export function parseOffset(text: string): number | undefined {
  return offsetForm.test(text) ? Number(text) : undefined;
}

const digits = 12;
const offsetForm = new RegExp(`^\\d{${digits}}$`);
