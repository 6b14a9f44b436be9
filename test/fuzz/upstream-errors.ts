import type { Dice } from './dice.ts';
import { planted } from './planted.ts';

/** What an upstream knows and must not reach a client through its errors: its key, our header, its address, the prompt. */
function secretText(dice: Dice, mark: string, port: number): string {
  const secret = dice.pick([
    planted.upstreamKey,
    planted.upstreamHeader,
    ...['', ':', '::'].map((before) => Buffer.from(`${before}${planted.upstreamKey}`).toString('base64')),
    Buffer.from(planted.upstreamKey).toString('hex'),
    Buffer.from(planted.upstreamHeader).toString('hex'),
    `http://127.0.0.1:${port}/openai/v1`,
    mark,
    mark,
  ]);
  return dice.pick([
    secret,
    `Incorrect API key provided: ${secret}. You can find your key in the console.`,
    `Could not process ${secret} because the maximum context length is 4096 tokens`,
    `${'word '.repeat(dice.int(0, 80))}${secret}`,
    `error near "${secret}`,
    `${secret} [${secret}] '${secret}'`,
  ]);
}

/** An error in one of the forms that vendors have, with secrets in any of its fields. */
export function errorValue(dice: Dice, mark: string, port: number): unknown {
  const text = () => secretText(dice, mark, port);
  const some = (usual: unknown) => (dice.oneIn(2) ? text() : usual);
  const fields = {
    message: text(),
    type: some('invalid_request_error'),
    param: some('messages'),
    code: dice.oneIn(3) ? dice.int(300, 600) : some('invalid_value'),
    status: some('INVALID_ARGUMENT'),
  };
  const forms: readonly unknown[] = [
    { error: fields },
    { error: text() },
    fields,
    { detail: text() },
    { detail: [{ loc: ['body', 'messages', 0, text()], msg: text(), type: some('missing'), input: text() }] },
    { message: { detail: [{ loc: ['body', text()], msg: text() }] } },
    { type: 'error', error: fields, request_id: text() },
    [
      {
        error: {
          ...fields,
          details: [{ '@type': text(), fieldViolations: [{ field: text(), description: text() }] }],
        },
      },
    ],
    { object: 'error', ...fields },
    { error: { message: text(), metadata: { raw: text(), provider_name: text() }, code: 400 } },
  ];
  return dice.pick(forms);
}

/** The body of a refusal: JSON, text, HTML, or nothing that can be read. */
export function errorBody(dice: Dice, mark: string, port: number): Buffer {
  const json = JSON.stringify(errorValue(dice, mark, port));
  const text = secretText(dice, mark, port);
  return Buffer.from(
    dice.pick([
      json,
      json,
      json,
      json.slice(0, dice.int(0, json.length)),
      text,
      `<html><body><h1>${text}</h1></body></html>`,
      `${text}\n`.repeat(1 + dice.size(3_000)),
      '',
      `\ufeff${json}`,
    ]),
  );
}

/** Headers of a refusal or an answer, some of them with secrets or absurd values. */
export function oddHeaders(dice: Dice, mark: string, port: number): readonly string[] {
  const text = () => secretText(dice, mark, port).replace(/[\r\n]/g, ' ');
  const all: readonly (() => string)[] = [
    () => `Retry-After: ${dice.pick(['0', '1', '-5', '99999999999', 'soon', '1e9', text()])}`,
    () => `WWW-Authenticate: Bearer realm="${text()}"`,
    () => `Location: http://127.0.0.1:${port}/${encodeURIComponent(text())}`,
    () => `x-request-id: ${text()}`,
    () => `Server: ${text()}`,
    () => `Set-Cookie: a=${text()}`,
    () => `X-Long: ${'x'.repeat(dice.size(20_000))}`,
    () => `Content-Encoding: ${dice.pick(['gzip', 'identity', 'br', text()])}`,
    () => 'Keep-Alive: timeout=0',
    () => 'Connection: close',
  ];
  return Array.from({ length: dice.int(0, 3) }, () => dice.pick(all)());
}
