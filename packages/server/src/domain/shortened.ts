/** A text of a client or an operator for a message: at most 64 characters of it. */
export function shortened(text: string): string {
  return text.length > 64 ? `${text.slice(0, 63)}…` : text;
}
