import type { Dice } from './dice.ts';
import type { Frame, Framing, Json, MutableStream } from './mutable-stream.ts';

const encoder = new TextEncoder();

/** Reads the frames of a stream that is written as the standard says, with LF as the end of lines. */
export function framesOf(text: string): Frame[] {
  return text
    .split(/\n\n+/)
    .filter((block) => block.trim() !== '')
    .map(frameOf);
}

function frameOf(block: string): Frame {
  const frame: Frame = { data: undefined };
  const data: string[] = [];
  for (const line of block.split('\n')) {
    if (line.startsWith(':')) frame.comment = line.slice(1);
    else if (line.startsWith('event:')) frame.name = line.slice('event:'.length).trim();
    else if (line.startsWith('data:')) data.push(line.slice('data:'.length).trim());
  }
  const text = data.join('\n');
  if (data.length > 0) frame.data = text.startsWith('{') ? (JSON.parse(text) as Json) : text;
  return frame;
}

/** The body of the answer, before its damage. */
export function bytesOf({ frames, form, framing }: MutableStream, dice: Dice): Buffer {
  const texts = frames.map(({ data }) => textOf(data, framing));
  if (form === 'json') return Buffer.from(texts.join(''));
  if (form === 'json-list') return Buffer.from(`[${texts.join('\n,\n')}]`);
  const parts: (string | Buffer)[] = [framing.mark ? '\ufeff' : ''];
  for (const [at, frame] of frames.entries()) {
    const isLast = at === frames.length - 1;
    const lines = linesOf(frame, texts[at] ?? '', framing, dice);
    for (const [line, content] of lines.entries()) {
      parts.push(...content);
      const isOpen = isLast && line === lines.length - 1 && framing.ending === 'nothing';
      if (!isOpen) parts.push(dice.pick(framing.lineEnds));
    }
    const hasGap = isLast
      ? framing.ending === 'gap'
      : framing.gaps === 'all' || (framing.gaps === 'some' && dice.chance(0.5));
    if (hasGap) parts.push(dice.pick(framing.lineEnds));
  }
  return Buffer.concat(parts.map((part) => (typeof part === 'string' ? encoder.encode(part) : part)));
}

type Line = readonly (string | Buffer)[];

function linesOf({ name, data, comment }: Frame, text: string, framing: Framing, dice: Dice): Line[] {
  const lines: Line[] = [];
  if (comment !== undefined) lines.push([`:${comment}`]);
  if (name !== undefined) lines.push([`event: ${name}`]);
  if (framing.extraLines.length > 0) lines.push([dice.pick(framing.extraLines)]);
  if (data === undefined) return lines;
  if (Buffer.isBuffer(data)) return [...lines, ['data: ', data]];
  for (const line of text.split('\n')) lines.push([`data:${dice.pick(framing.spaces)}${line}`]);
  return lines;
}

/** The JSON of a frame as the framing spells it. */
export function textOf(data: Frame['data'], { json }: Pick<Framing, 'json'>): string {
  if (data === undefined || Buffer.isBuffer(data)) return '';
  if (typeof data === 'string') return data;
  switch (json) {
    case 'plain':
      return JSON.stringify(data);
    case 'lines':
      return JSON.stringify(data, undefined, 1);
    case 'spaced':
      return JSON.stringify(data, undefined, 1).replaceAll(/\n */g, ' ');
    case 'escaped':
      return JSON.stringify(data).replaceAll(
        /[^ -~]/g,
        (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
      );
  }
}

/** The reads in which the body comes. */
export function readsOf(bytes: Buffer, reads: MutableStream['reads'], dice: Dice): readonly Buffer[] {
  if (reads === 'whole') return [bytes];
  const pieces: Buffer[] = [];
  const most = reads === 'bytes' ? 1 : 1 + dice.below(2 * Math.max(1, Math.ceil(bytes.length / 8)));
  for (let at = 0; at < bytes.length; ) {
    const end = at + 1 + (reads === 'bytes' ? 0 : dice.below(most));
    pieces.push(bytes.subarray(at, end));
    at = end;
  }
  return pieces;
}
