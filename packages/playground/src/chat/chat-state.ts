import type { ServedModel } from '../api/connection.ts';
import type { PageFailure } from '../api/failure.ts';
import type { AnswerFacts } from './answer.ts';
import { noParameters, type ParameterTexts } from './parameters.ts';
import type { WireLog } from './wire-log.ts';

export interface Message {
  readonly id: string;
  readonly role: 'user' | 'assistant';
  readonly text: string;
  readonly thoughts: string;
  /** Only of an answer, and only where it was made here and not written by hand. */
  readonly facts?: AnswerFacts | undefined;
}

/** What the request is made of; a reload keeps it. */
export interface Draft {
  readonly model: string;
  readonly system: string;
  readonly messages: readonly Message[];
  readonly parameters: ParameterTexts;
  readonly stream: boolean;
}

export interface PageState extends Draft {
  readonly access: 'looking' | 'refused' | 'open';
  /** Why the key was not taken. */
  readonly accessFailure?: PageFailure | undefined;
  readonly models: readonly ServedModel[];
  /** The text that is not sent yet. */
  readonly typed: string;
  readonly running: boolean;
  readonly failure?: PageFailure | undefined;
  /** What the last request received; `wireVersion` changes when it has grown. */
  readonly wire?: WireLog | undefined;
  readonly wireVersion: number;
}

export const initialState: PageState = {
  access: 'looking',
  models: [],
  model: '',
  system: '',
  messages: [],
  parameters: noParameters,
  stream: true,
  typed: '',
  running: false,
  wireVersion: 0,
};
