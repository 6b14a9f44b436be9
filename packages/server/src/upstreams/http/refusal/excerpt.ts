import { errorWords } from '../../../telemetry/error-words.ts';
import { createSecretMask, type SecretMask } from '../../../telemetry/secret-mask.ts';
import { onOneLine } from '../../../telemetry/wording.ts';

const maxExcerpt = 300;
/** How many characters of a message are read. Some of the expressions below use look-behind, so the text must be short. */
export const maxRead = 2_000;

/**
 * Addresses and keys. The order is from wide to narrow, because a narrow expression would leave a part of a wide match. The
 * expressions may mask too much, never too little: `position:1024` is masked, because a host of a cluster looks the same.
 */
const hiddenShapes: readonly RegExp[] = [
  // URLs, with a scheme or without; then keys in headers, and a user before a host.
  /(?:[a-z][a-z0-9+.-]{0,31}:)?\/\/[^\s/]\S*/gi,
  /\b(?:Bearer|Basic)\s+\S+/gi,
  /[^\s@]{1,200}@[^\s@]+/g,
  // IPv6 in brackets or bare, with a zone, an IPv4 tail and a port.
  /(?<![\w:.])\[?(?:[0-9a-f]{0,4}:){2,8}(?:\d{1,3}(?:\.\d{1,3}){3}|[0-9a-f]{0,4})(?:%\w{1,32})?\]?(?::\d{1,5})?/gi,
  /(?<![\d.])\d{1,3}(?:\.\d{1,3}){3}(?![\d.]*\d)(?::\d+)?/g,
  /(?<![a-z])ip(?:-\d{1,3}){4}\S*/gi,
  // A name with a port, of any number of labels: `gpu7:8000`.
  /\b(?=[\w.-]{0,253}[a-z])\w(?:[\w.-]{0,252}\w)?:\d{2,5}\b\S*/gi,
  /\b[a-z0-9-]+(?:\.[a-z0-9-]+)*\.(?:com|net|org|edu|gov|mil|int|io|ai|dev|cloud|internal|intranet|local|localdomain|localhost|lan|home|corp|svc|arpa|onion|example|test|invalid|xyz|app|info|biz|tech|online|site|eu|us|ca|co|de|fr|uk|ch|nl|jp|cn|se|fi|dk|cz|pl|es|gr|ie|au|nz|br|mx|kr|tw|hk|sg)\b(?::\d+)?\S*/gi,
  /\blocalhost\b/gi,
  /\b(?:sk|pk|tr|tl|tns|gsk|xai|key|org|proj)[-_](?=[\w*.-]*[\d*])[\w*.-]{6,}/gi,
  /\b(?=\w*\d)(?=\w*[a-z])\w{32,}\b/gi,
];

/** Three labels or more, of which the last is a word: `gpu7.prod.acme.example`, but no version and no number. */
const dottedName =
  /(?<![\w.-])[\w-]{1,63}(?:\.[\w-]{1,63}){1,16}\.[a-z]{2,63}(?!\.?[\w-])(?:[:/][\w/]\S*)?/gi;
/** Endings of files that are no top-level domains. */
const fileEnding =
  /\.(?:gguf|ggml|json|jsonl|txt|ya?ml|toml|bin|pth|safetensors|onnx|log|cpp|cu|dll|jpe?g|png|pdf|gz|js|html|csv)$/i;

/** A name with dots that is no host: a file, a class, or a path of fields (`messages.0.content`). */
function isNoHost(name: string): boolean {
  if (fileEnding.test(name) || /\.[A-Z][A-Za-z]*[a-z][A-Z]\w*$|\.[A-Z][a-z]+[A-Z]\w*$/.test(name))
    return true;
  const labels = name.split('.');
  if (labels.slice(0, -1).every((label) => /^v?\d+$/i.test(label))) return true;
  return labels.every((label) => /^\d{1,3}$/.test(label) || hasOnlyErrorWords(label));
}

function hasOnlyErrorWords(label: string): boolean {
  return label
    .split(/[_-]|(?<=[a-z])(?=[A-Z])/)
    .every(
      (word) => errorWords.has(word.toLowerCase()) || errorWords.has(word.toLowerCase().replace(/s$/, '')),
    );
}

/** At most 300 characters of an upstream's message, on one line, without addresses and without anything like a key. */
export function excerpt(message: string, hidden: readonly string[]): string {
  const isCut = message.length > maxRead;
  const masked = maskOf(hidden).of(message.slice(0, maxRead), isCut);
  let text = isCut ? masked.replace(lastWord, '') : masked;
  text = text.replace(dottedName, (name) => (isNoHost(name) ? name : '…'));
  for (const shape of hiddenShapes) text = text.replace(shape, '…');
  text = onOneLine(text);
  if (text.length <= maxExcerpt) return isCut ? `${text}…` : text;
  // The last word is whole or left out: no expression recognises half a key.
  const kept = text.slice(0, maxExcerpt - 1);
  const isHalf = /[\x21-\x7e]/.test(text.charAt(maxExcerpt - 1));
  return `${(isHalf ? kept.replace(lastWord, '') : kept).toWellFormed()}…`;
}

const lastWord = /[\x21-\x7e]+$/;

/** Whether `text` holds one of the hidden texts, in any encoding that the mask knows. */
export function holdsHidden(text: string, hidden: readonly string[]): boolean {
  const mask = maskOf(hidden);
  if (mask.lastClean === text) return false;
  if (mask.of(text) !== text) return true;
  if (text.length <= longestRemembered) mask.lastClean = text;
  return false;
}

/** Long enough for the fingerprint of a model. Output of an answer, which is looked through too, is not kept. */
const longestRemembered = 128;

/** The mask of one upstream: making one takes about 50 µs. */
interface UpstreamMask {
  readonly of: SecretMask;
  /** The last text without a hidden one: a model's fingerprint is the same in each answer, and to look through it takes 10 µs. */
  lastClean: string | undefined;
}

const masks = new WeakMap<readonly string[], UpstreamMask>();

function maskOf(hidden: readonly string[]): UpstreamMask {
  const known = masks.get(hidden);
  if (known !== undefined) return known;
  const made: UpstreamMask = { of: createSecretMask(hidden, '…'), lastClean: undefined };
  masks.set(hidden, made);
  return made;
}
