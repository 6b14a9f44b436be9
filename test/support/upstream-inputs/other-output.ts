import type { UpstreamInput } from './input.ts';
import {
  completion,
  delta,
  done,
  finish,
  finishing,
  openaiInputs,
  role,
  text,
  usage,
} from './openai-wire.ts';

/** Output under a name that chat completions do not have. */

const { raw, stream, json } = openaiInputs('unnamed output');

const picture = { type: 'image_url', image_url: { url: 'data:image/png;base64,iVBORw0KGgo=' } };
const citation = { type: 'url_citation', url_citation: { url: 'https://example.org/', title: 'An example' } };
const voice = { id: 'audio_1', data: 'UklGRg==', transcript: 'Hello world' };
const hello = { text: 'Hello world' };
const parts = {
  other: 'content in parts is text, thoughts and content_parts',
  text: 'the accumulator for Node joins the parts as text: [object Object]',
};
const partsInJson = { other: parts.other };

export const otherOutputInputs: readonly UpstreamInput[] = [
  stream('images', [role(), text('Hello world'), delta({ images: [picture] }), finish()], {
    right: { ...hello, other: { images: [picture] } },
  }),
  stream('images-alone', [role(), delta({ images: [picture] }), finish()], {
    right: { other: { images: [picture] } },
  }),
  stream('images-beside-text', [role(), delta({ content: 'Hello world', images: [picture] }), finish()], {
    right: { ...hello, other: { images: [picture] } },
  }),
  stream(
    'images-beside-the-role',
    [delta({ role: 'assistant', content: '', images: [picture] }), text('Hello world'), finish()],
    {
      right: { ...hello, other: { images: [picture] } },
    },
  ),
  stream(
    'images-beside-the-finish',
    [role(), text('Hello world'), delta({ images: [picture] }, finishing())],
    {
      right: { ...hello, other: { images: [picture] } },
    },
  ),
  stream('images-after-the-finish', [role(), text('Hello world'), finish(), delta({ images: [picture] })], {
    right: { ...hello, other: { images: [picture] } },
  }),
  stream('images-twice', [role(), delta({ images: [picture] }), delta({ images: [picture] }), finish()], {
    right: { other: { images: [picture, picture] } },
  }),
  stream('audio', [role(), delta({ audio: voice }), finish()], { right: { other: { audio: voice } } }),
  stream('annotations', [role(), text('Hello world'), delta({ annotations: [citation] }), finish()], {
    right: { ...hello, other: { annotations: [citation] } },
  }),
  stream(
    'two-fields',
    [role(), text('Hello world'), delta({ annotations: [citation], images: [picture] }), finish()],
    {
      right: { ...hello, other: { annotations: [citation], images: [picture] } },
    },
  ),
  stream('an-unknown-field', [role(), text('Hello world'), delta({ x_mood: { calm: 1 } }), finish()], {
    right: { ...hello, other: { x_mood: { calm: 1 } } },
  }),
  stream(
    'fields-that-carry-nothing',
    [
      delta({ role: 'assistant', content: '', images: [], audio: null, annotations: {}, x_mood: '' }),
      text('Hello world'),
      finish(),
    ],
    { right: hello },
  ),
  stream(
    'image-part-in-the-content',
    [role(), delta({ content: [{ type: 'text', text: 'Hello world' }, picture] }), finish()],
    { right: { ...hello, other: { content_parts: [picture] } }, differs: parts },
  ),
  stream(
    'thoughts-as-parts',
    [
      role(),
      delta({ content: [{ type: 'thinking', thinking: [{ type: 'text', text: 'I greet.' }] }] }),
      delta({ content: [{ type: 'text', text: 'Hello world' }] }),
      finish(),
    ],
    { right: { ...hello, reasoning: 'I greet.' }, differs: parts },
  ),
  stream(
    'thoughts-as-plain-parts',
    [role(), delta({ content: [{ type: 'thinking', thinking: 'I greet.' }] }), text('Hello world'), finish()],
    { right: { ...hello, reasoning: 'I greet.' }, differs: parts },
  ),
  stream(
    'text-as-parts',
    [
      role(),
      delta({ content: [{ type: 'text', text: 'Hello' }] }),
      delta({ content: [{ type: 'text', text: ' world' }] }),
      finish(),
    ],
    { right: hello, differs: parts },
  ),
  stream(
    'thoughts-after-the-text',
    [role(), text('Hello'), delta({ reasoning_content: 'More.' }), text(' world'), finish()],
    { right: { ...hello, reasoning: 'More.' } },
  ),
  stream(
    'thoughts-under-another-name',
    [role(), delta({ reasoning: 'I greet.' }), text('Hello world'), finish()],
    {
      right: { ...hello, reasoning: 'I greet.' },
    },
  ),
  stream(
    'thoughts-under-both-names',
    [role(), delta({ reasoning_content: 'I greet.', reasoning: 'I greet.' }), text('Hello world'), finish()],
    { right: { ...hello, reasoning: 'I greet.' } },
  ),
  stream(
    'audio-in-pieces',
    [
      role(),
      delta({ audio: { id: 'audio_1', transcript: 'Hello' } }),
      delta({ audio: { transcript: ' world' } }),
      delta({ audio: { data: 'UklG' } }),
      delta({ audio: { data: 'Rg==' } }),
      finish(),
    ],
    { right: { other: { audio: { id: 'audio_1', transcript: 'Hello world', data: 'UklGRg==' } } } },
  ),
  stream(
    'reference-part',
    [
      role(),
      delta({ content: [{ type: 'text', text: 'Hello world' }] }),
      delta({ content: [{ type: 'reference', reference_ids: [1] }] }),
      finish(),
    ],
    {
      right: { ...hello, other: { content_parts: [{ type: 'reference', reference_ids: [1] }] } },
      differs: parts,
    },
  ),
  raw('images-and-a-cut', [role(), text('Hello'), delta({ images: [picture] })], {
    right: { fails: 'upstream_cut' },
  }),
  json('images-in-json', completion({ content: 'Hello world', images: [picture] }), {
    right: { ...hello, other: { images: [picture] } },
  }),
  json('audio-in-json', completion({ content: null, audio: voice }), { right: { other: { audio: voice } } }),
  json('annotations-in-json', completion({ content: 'Hello world', annotations: [citation] }), {
    right: { ...hello, other: { annotations: [citation] } },
  }),
  json('parts-in-json', completion({ content: [{ type: 'text', text: 'Hello world' }, picture] }), {
    right: { ...hello, other: { content_parts: [picture] } },
    differs: partsInJson,
  }),
  json(
    'thoughts-as-parts-in-json',
    completion({
      content: [
        { type: 'thinking', thinking: [{ type: 'text', text: 'I greet.' }] },
        { type: 'text', text: 'Hello world' },
      ],
    }),
    { right: { ...hello, reasoning: 'I greet.' }, differs: partsInJson },
  ),
  raw(
    'refusal',
    [role(), delta({ refusal: 'I will' }), delta({ refusal: ' not.' }), finish(), usage(), done],
    {
      right: { refusal: 'I will not.' },
    },
  ),
];
