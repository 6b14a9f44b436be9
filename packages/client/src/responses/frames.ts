/* What makes the bodies of responses, in one part that is loaded when the first body is read. */
export { jsonLines } from './json-lines.ts';
export { sseFrames } from './sse-frames.ts';
export { textFrames } from './text-frames.ts';
export { uiMessageFrames } from './ui-message-frames.ts';
