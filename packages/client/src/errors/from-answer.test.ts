import { errorCodes, errorKind } from '@tailrace/protocol';
import { expect, test } from 'vitest';
import { errorOfEvent, errorOfResponse } from './from-answer.ts';

/** Which statuses of the table have a code in a stream that is not the usual one of its type: their answers come before any stream. */
const onlyBeforeStreams = ['method_not_allowed', 'body_too_large', 'unsupported_media_type'];

test('an error event has the status that the server’s table gives its code', () => {
  for (const code of errorCodes) {
    const { status, type } = errorKind(code);
    if (onlyBeforeStreams.includes(code)) continue;
    expect([code, errorOfEvent({ message: 'x', code, type }, undefined).status]).toEqual([code, status]);
  }
});

test('foreign servers write the status as code, a text as error, or nothing that can be read', async () => {
  expect(errorOfEvent({ code: 529, message: 'full' }, undefined)).toMatchObject({
    status: 529,
    message: '529 full',
  });
  expect(errorOfEvent('gone', undefined)).toMatchObject({ status: undefined, message: 'gone' });
  const of = (text: string) => errorOfResponse(new Response(text, { status: 400 }));
  expect(await of('{"error":"bad"}')).toMatchObject({ message: '400 bad' });
  expect(await of('{"message":"bad","code":"x"}')).toMatchObject({ message: '400 bad', code: 'x' });
  expect(await of('<html>')).toMatchObject({ message: '400 <html>', code: undefined });
  expect(await of('')).toMatchObject({ message: '400 (no body)' });
});

test('a number that is no status, and a type that all objects have, are not taken for a status', () => {
  for (const error of [{ code: '1301' }, { code: 11_200 }, { type: 'constructor' }, { type: '__proto__' }])
    expect(errorOfEvent({ message: 'x', ...error }, undefined)).toMatchObject({
      status: undefined,
      message: 'x',
    });
});
