/** Shorter values are no secrets, and would tear words apart. */
const shortest = 6;

/** Makes a function that takes secrets out of a text: a server may repeat the key in its error. */
export function redact(secrets: readonly (string | undefined)[]): (text: string) => string {
  const known = secrets
    .filter((secret): secret is string => secret !== undefined && secret.length >= shortest)
    .flatMap((secret) => [secret, secret.replace(/^Bearer /i, '')])
    .sort((a, b) => b.length - a.length);
  return (text) => known.reduce((kept, secret) => kept.replaceAll(secret, '[secret]'), text);
}
