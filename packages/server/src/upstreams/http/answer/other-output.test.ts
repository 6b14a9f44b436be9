import { expect, test } from 'vitest';
import { parseExactly } from '../../../domain/exact-json.ts';
import type { JsonObject, JsonValue } from '../../../domain/json.ts';
import { answerBounds, createAnswerBudget } from './answer-budget.ts';
import { type OtherField, otherField, otherPart, withoutMembers, writeOther } from './other-output.ts';

const object = (json: string) => parseExactly(json) as JsonObject;

function write(fields: readonly OtherField[], hidden: readonly string[] = []) {
  const written: string[] = [];
  const target = {
    writer: { other: (field: string, value: string) => void written.push(`${field} ${value}`) },
    budget: createAnswerBudget(),
    hidden,
  };
  const failures = fields.map((field) => writeOther(field, target)?.code);
  return { written, failed: failures.find((code) => code !== undefined) };
}

test('a field is written as it came, in ASCII', () => {
  const holder = object('{"n":12345678901234567890,"é":{"x":1.0,"t":"ü"}}');
  expect(write([otherField(holder, 'n'), otherField(holder, 'é')]).written).toEqual([
    'n 12345678901234567890',
    'é {"x":1.0,"t":"\\u00fc"}',
  ]);
});

test('what is left of a part has the spelling of its numbers', () => {
  const part = object('{"type":"text","text":"a","n":1.0}');
  const rest = withoutMembers(part, new Set(['text']));
  expect(rest && otherPart(rest).value).toBe('[{"type":"text","n":1.0}]');
  expect(
    withoutMembers(object('{"type":"text","text":"a","n":[],"m":{}}'), new Set(['text'])),
  ).toBeUndefined();
});

test.each(['content', 'role', 'tool_calls', 'reasoning_content', 'refusal', 'extra_content', '__proto__'])(
  'the name %s of our own stream, or of a prototype, is a cut',
  (name) => {
    const { written, failed } = write([{ field: name, value: '1' }]);
    expect({ written, failed }).toEqual({ written: [], failed: 'upstream_cut' });
  },
);

test('a value that is nested too deep to be written is a cut', () => {
  let value: JsonValue = 1;
  for (let level = 0; level < 100_000; level += 1) value = [value];
  expect(write([otherField({ images: value }, 'images')]).failed).toBe('upstream_cut');
});

test('a long name, and too many names, are a protocol error; many values of one name are not', () => {
  const of = (name: string): OtherField => ({ field: name, value: '1' });
  expect(write([of('x'.repeat(answerBounds.otherName))]).failed).toBeUndefined();
  expect(write([of('x'.repeat(answerBounds.otherName + 1))]).failed).toBe('upstream_protocol');
  const names = Array.from({ length: answerBounds.otherFields + 1 }, (_, at) => of(`x${at}`));
  expect(write(names.slice(1)).failed).toBeUndefined();
  expect(write(names).failed).toBe('upstream_protocol');
  expect(write(Array.from({ length: 1_000 }, () => of('images'))).failed).toBeUndefined();
});

test('a secret of the configuration is a cut, in the name, in the value and in a large value', () => {
  const hidden = ['sk-Kq9zv7WxLm3', 'team', 'openrouter.ai', '10.0.0.5:8000'];
  const of = (field: string, value: string) => write([{ field, value: JSON.stringify(value) }], hidden);
  const padding = 'A'.repeat(64 * 1024);
  expect(of('sk-Kq9zv7WxLm3', 'a').failed).toBe('upstream_cut');
  expect(of('images', 'so sk-Kq9zv7WxLm3').failed).toBe('upstream_cut');
  expect(of('images', `${padding}sk-Kq9zv7WxLm3${padding}`).failed).toBe('upstream_cut');
  expect(of('images', Buffer.from('a sk-Kq9zv7WxLm3').toString('base64')).failed).toBe('upstream_cut');
  expect(of('images', 'http://10.0.0.5:8000/a.png').failed).toBe('upstream_cut');
  // Words of a header, and public hosts that a citation names.
  expect(of('annotations', 'the team of https://openrouter.ai/docs').failed).toBeUndefined();
});
