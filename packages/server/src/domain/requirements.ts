import type { ChatRequest } from './chat-request.ts';

/**
 * What a request can ask for that not every target honours. A target declares the set it honours; one that
 * lacks a feature the request needs is left out before any dice are thrown, and when none is left the
 * client hears which field it was.
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
  'unknown_fields',
] as const;

export type Feature = (typeof features)[number];

/** The features a target honours. An empty set is a statement, not an oversight. */
export type Capabilities = ReadonlySet<Feature>;

/** One thing the request needs, and the path of the field that needs it. */
export interface Requirement {
  readonly feature: Feature;
  readonly param: string;
  /** What the client may have meant, in words that follow the refusal. May be computed when it is read. */
  readonly hint?: string | undefined;
}

/**
 * Adds what a request needs, unless the list has that feature: a target honours a feature or it does not, and the
 * first field that needs it is the one to name. So the list has as many items as there are features at most.
 */
export function needOnce(requirements: Requirement[], requirement: Requirement): void {
  if (requirements.some(({ feature }) => feature === requirement.feature)) return;
  requirements.push(requirement);
}

/** The first requirement a target cannot honour, or undefined where it can serve the whole request. */
export function unmet(
  requirements: readonly Requirement[],
  capabilities: Capabilities,
): Requirement | undefined {
  return requirements.find((requirement) => !capabilities.has(requirement.feature));
}

/** A request and what it needs, as the wire hands it over. */
export interface DecodedRequest {
  readonly request: ChatRequest;
  readonly requirements: readonly Requirement[];
}
