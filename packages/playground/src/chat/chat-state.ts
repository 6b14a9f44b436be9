import type { PageFailure } from '../api/failure.ts';
import { type MessageTree, noMessages } from './message-tree.ts';
import { noParameters, type ParameterTexts } from './parameters.ts';
import { type ResponseFormat, textFormat } from './response-format.ts';
import { noTools, type ToolSettings } from './tools.ts';
import type { WireLog } from './wire-log.ts';

/** What the request is made of; a reload keeps it. */
export interface Draft {
  readonly model: string;
  readonly system: string;
  readonly tree: MessageTree;
  readonly parameters: ParameterTexts;
  readonly tools: ToolSettings;
  readonly format: ResponseFormat;
  readonly stream: boolean;
}

export interface ChatState extends Draft {
  readonly running: boolean;
  readonly failure?: PageFailure | undefined;
  /** What the last request received; `wireVersion` changes when it has grown. */
  readonly wire?: WireLog | undefined;
  readonly wireVersion: number;
}

/** A completion that was running when the page was left. */
export interface LiveCompletion {
  readonly completionId: string;
  readonly messageId: string;
  /** The signed address of the stream on this server: it can be read and ended without a key. */
  readonly streamPath?: string | undefined;
  /** Where the completion continues an answer: how much of the message was there before. */
  readonly behind?: Behind | undefined;
}

/** Characters of a message that an earlier completion has written. */
export interface Behind {
  readonly text: number;
  readonly thoughts: number;
}

/** Only the draft of a chat, without what its last request has left. */
export function draftOf({ model, system, tree, parameters, tools, format, stream }: Draft): Draft {
  return { model, system, tree, parameters, tools, format, stream };
}

export const emptyDraft: Draft = {
  model: '',
  system: '',
  tree: noMessages,
  parameters: noParameters,
  tools: noTools,
  format: textFormat,
  stream: true,
};
