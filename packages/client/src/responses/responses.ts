/*
 * Responses for the routes of an app, made of a stream. What makes the frames is loaded when a body is read: a page that only reads
 * streams does not carry it.
 */
import type { ChatStream } from '../stream/contract.ts';
import { streamedResponse } from './body.ts';
import type { UIMessageStreamInit } from './ui-message-chunk.ts';

/**
 * A stream as server-sent events in the form of Tailrace's own streams: one `data:` line of JSON for each chunk, then `[DONE]`. Where
 * the events of the stream have numbers, these have the same ones. A stream that is not whole ends in an error event, without `[DONE]`;
 * the message of an error that is no `APIError` stays here.
 *
 * Headers: `x-request-id`, `tailrace-completion-id` and `tailrace-stream-url` as the stream had them, where its head has come; `init`
 * wins. Who cancels the body aborts the stream.
 */
export function toSSEResponse(stream: ChatStream, init?: ResponseInit): Response {
  const headers = { 'content-type': 'text/event-stream; charset=utf-8' };
  return streamedResponse(stream, ({ sseFrames }) => sseFrames(stream), headers, init);
}

/**
 * The text of choice 0 as plain text. A text has no place for an error: where the stream is not whole, the body is broken off, so that
 * its reader sees a failed request and not a short answer. Who cancels the body aborts the stream.
 */
export function toTextResponse(stream: ChatStream, init?: ResponseInit): Response {
  const headers = { 'content-type': 'text/plain; charset=utf-8' };
  return streamedResponse(stream, ({ textFrames }) => textFrames(stream), headers, init);
}

/**
 * A stream in the protocol of the AI SDK's `useChat` (UI message stream, version 1): text, reasoning and tool calls of choice 0. A
 * stream that is not whole ends in an `error` chunk, one that was aborted here in `abort`; neither has a `finish` or `[DONE]`.
 * Who cancels the body aborts the stream.
 */
export function toUIMessageStreamResponse(stream: ChatStream, init?: UIMessageStreamInit): Response {
  const headers = { 'content-type': 'text/event-stream', 'x-vercel-ai-ui-message-stream': 'v1' };
  return streamedResponse(stream, ({ uiMessageFrames }) => uiMessageFrames(stream, init), headers, init);
}
