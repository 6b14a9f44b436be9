import type { ChatRequest } from './chat-request.ts';

/**
 * The features of a request that not every target honours. A target declares those that it honours. A target that lacks a
 * feature of the request is not asked, and where none is left the failure names the field.
 */
export const features = [
  'temperature',
  'top_p',
  'max_tokens',
  'stop',
  'seed',
  'n',
  'presence_penalty',
  'frequency_penalty',
  'logit_bias',
  'logprobs',
  'json_object',
  'json_schema',
  'tools',
  'tool_choice',
  'functions',
  'image_input',
  'audio_input',
  'file_input',
  'audio_output',
  'prediction',
  'web_search',
  'continued_answer',
  'unknown_fields',
] as const;

/** One of {@link features}. */
export type Feature = (typeof features)[number];

/** The features that a target honours; the set may be empty. */
export type Capabilities = ReadonlySet<Feature>;

/** One feature that the request needs. */
export interface Requirement {
  readonly feature: Feature;
  /** The path of the field that needs it. */
  readonly param: string;
  /**
   * A sentence for the end of the failure's message, such as the field that the client probably meant. It may be computed
   * only when it is read.
   */
  readonly hint?: string | undefined;
}

/**
 * Adds a requirement, unless the list has one with the same feature: a failure names the first field that needs the feature.
 * So the list is never longer than the number of features.
 */
export function needOnce(requirements: Requirement[], requirement: Requirement): void {
  if (requirements.some(({ feature }) => feature === requirement.feature)) return;
  requirements.push(requirement);
}

/** The first requirement that a target with these capabilities does not honour; undefined where it honours all. */
export function unmet(
  requirements: readonly Requirement[],
  capabilities: Capabilities,
): Requirement | undefined {
  return requirements.find((requirement) => !capabilities.has(requirement.feature));
}

/** A request and its requirements, as a surface decodes them. */
export interface DecodedRequest {
  readonly request: ChatRequest;
  readonly requirements: readonly Requirement[];
}
