/** Shorter values are no secrets, and would tear words apart. */
const shortest = 6;

/** Makes a function that takes secrets out of a text: a server may repeat the key in its error. */
export function redact(secrets: readonly (string | undefined)[]): (text: string) => string {
  const known = secrets
    .filter((secret): secret is string => secret !== undefined && secret.length >= shortest)
    .flatMap((secret) => [secret, secret.replace(/^Bearer /i, '')])
    // A report quotes JSON, also JSON within JSON.
    .flatMap((secret) => [secret, inJson(secret), inJson(inJson(secret))])
    .sort((a, b) => b.length - a.length);
  return (text) => known.reduce((kept, secret) => hideCut(kept.replaceAll(secret, '[secret]'), secret), text);
}

function inJson(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}

/** A text is shortened before it gets here: its end, and what stands before an ellipsis, may be the begin of a secret. */
function hideCut(text: string, secret: string): string {
  return text.replaceAll(/[^…]+(?=…|$)/g, (part) => {
    for (let length = Math.min(secret.length - 1, part.length); length >= 4; length -= 1) {
      if (part.endsWith(secret.slice(0, length))) return `${part.slice(0, -length)}[secret]`;
    }
    return part;
  });
}
