import type { JsonObject } from '../../domain/json.ts';
import type { Fault } from '../fault.ts';
import { closing, deltaFrame, type HealthyStream } from '../healthy-stream.ts';
import { alwaysWhole, breaksBeyondTakeover } from '../outcomes.ts';
import { type StreamPlan, streamed } from '../play-stream.ts';

/** Output that is no text: a field or a part of the content that chat completions have no name for, and thoughts. */

const picture: JsonObject = { type: 'image_url', image_url: { url: 'data:image/png;base64,iVBORw0KGgo=' } };
const thoughts = 'Where is the mill?';

/** By word: the delta that the wall sends. */
const deltas: Readonly<Record<string, JsonObject>> = {
  images: { images: [picture] },
  audio: { audio: { id: 'audio_wall', data: 'UklGRg==', transcript: 'the mill' } },
  annotations: {
    annotations: [{ type: 'url_citation', url_citation: { url: 'https://example.org/', title: 'The mill' } }],
  },
  parts: { content: [picture] },
  unknown: { x_wall: { depth: [1, 2, 3] } },
};

export const output: readonly Fault[] = [
  {
    name: 'unnamed-output',
    description: 'After three deltas one with output that is no text.',
    parameter: {
      kind: 'word',
      words: ['images', 'audio', 'annotations', 'parts', 'unknown'],
      means: 'the field; parts: an image as a part of the content',
    },
    play: streamed((stream, { word }) => between(stream, [deltaFrame(stream.answer, deltas[word] ?? {})])),
    expected: alwaysWhole,
    outputs: (word) => (word === 'parts' ? { content_parts: [picture] } : (deltas[word] ?? {})),
  },
  {
    name: 'unnamed-output-cut',
    description: 'After three deltas an image, and then the body ends in order.',
    play: streamed((stream) => ({
      pieces: [
        ...stream.roles,
        ...stream.deltas.slice(0, 3),
        deltaFrame(stream.answer, { images: [picture] }),
      ],
      end: 'whole',
    })),
    // No other target can send the same image again.
    expected: breaksBeyondTakeover(502, 'upstream_cut'),
  },
  {
    name: 'thought-parts',
    description: 'Thoughts before the text, as parts of the content.',
    parameter: {
      kind: 'word',
      words: ['list', 'string'],
      means: 'what a thought is: a list of texts, or one string',
    },
    play: streamed((stream, { word }) => {
      const thinking = word === 'list' ? [{ type: 'text', text: thoughts }] : thoughts;
      const thought = deltaFrame(stream.answer, { content: [{ type: 'thinking', thinking }] });
      return between(stream, [thought], 0);
    }),
    expected: alwaysWhole,
    thoughts,
  },
  {
    name: 'late-thoughts',
    description: 'Thoughts between two parts of the text.',
    play: streamed((stream) => between(stream, [deltaFrame(stream.answer, { reasoning_content: thoughts })])),
    expected: alwaysWhole,
    thoughts,
  },
];

function between(stream: HealthyStream, frames: readonly string[], at = 3): StreamPlan {
  return {
    pieces: [
      ...stream.roles,
      ...stream.deltas.slice(0, at),
      ...frames,
      ...stream.deltas.slice(at),
      ...closing(stream),
    ],
    end: 'whole',
  };
}
