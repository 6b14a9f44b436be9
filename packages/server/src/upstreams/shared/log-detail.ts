import { onOneLine } from './excerpt.ts';

/** What an upstream names its error by: what it gives of code, type, status, reason and path. */
export type ErrorNames = Readonly<Record<string, unknown>>;

/**
 * A refusal for the log. A provider may quote the prompt in its words, and the log holds content only where the
 * operator asked for it (`logging.content`); so of the body there are its names, its size where nothing else is
 * known, and the wording without what could be anybody's text. It is the same with `content: true`: there the
 * prompt stands beside it.
 */
export function logDetail(where: string, names: ErrorNames, message: string): string {
  const told = Object.entries(names).flatMap(([name, value]) => {
    const isName =
      typeof value === 'number' || (typeof value === 'string' && /^[\w.[\]-]{1,64}$/.test(value));
    return isName ? [`${name} ${value}`] : [];
  });
  const wording = withoutContent(message);
  return [where, ...told, ...(wording === '' ? [] : [`"${wording}"`])].join('; ');
}

const maxWording = 160;
const longestWord = 40;

/**
 * The wording of an error without what it quotes: from the first quotation mark or bracket to the last of any kind,
 * for what is quoted may hold such marks itself; to the end where the first one is never closed.
 */
export function withoutContent(message: string): string {
  const text = withoutQuotations(onOneLine(message)).replace(/\S+/g, (word) =>
    word.length > longestWord ? '…' : word,
  );
  return text.length > maxWording ? `${text.slice(0, maxWording - 1).toWellFormed()}…` : text;
}

/** An apostrophe inside a word opens nothing and closes nothing. */
const opening = /["`“„«{[]|(?<![\p{L}\p{N}])['‘]/u;
const closing = /["`“”»}\]]|['’](?!\p{L})/gu;
const closedBy: Readonly<Record<string, string>> = {
  '"': '"',
  '`': '`',
  '“': '”',
  '„': '“”',
  '«': '»',
  '{': '}',
  '[': ']',
  "'": "'",
  '‘': '’',
};

function withoutQuotations(text: string): string {
  const first = opening.exec(text);
  if (first === null) return text;
  const behind = text.slice(first.index + 1);
  const closers = [...behind.matchAll(closing)];
  const isClosed = closers.some(([mark]) => closedBy[first[0]]?.includes(mark) === true);
  const last = isClosed ? (closers.at(-1)?.index ?? 0) + 1 : behind.length;
  return `${text.slice(0, first.index)}…${behind.slice(last)}`;
}
