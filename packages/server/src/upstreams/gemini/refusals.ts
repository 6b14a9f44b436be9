import type { ChatRequest, ContentPart, Message } from '../../domain/chat-request.ts';
import { type Failure, failure } from '../../domain/failure.ts';
import { notAccepted, partProblem } from '../http/request/message-parts.ts';
import { toolHistoryProblem } from '../http/request/tool-history.ts';
import { imagePart } from './contents.ts';
import type { GeminiModel } from './models.ts';

/**
 * The failure for a request that the API refuses with 400 because of a value, though the model honours its features; undefined
 * where it accepts the request.
 */
export function refusalOf(request: ChatRequest, model: GeminiModel): Failure | undefined {
  return (
    formatProblem(request, model) ??
    candidatesProblem(request) ??
    stopProblem(request) ??
    toolNameProblem(request) ??
    partProblem(request.messages, problemOfPart) ??
    toolHistoryProblem(request.messages)
  );
}

/** "Function calling with a response mime type: 'application/json' is unsupported". */
function formatProblem(request: ChatRequest, model: GeminiModel): Failure | undefined {
  if (request.responseFormat.type === 'text' || request.tools.length === 0 || model.jsonWithTools) {
    return undefined;
  }
  const message = "This model takes 'response_format' or 'tools', not both. Leave one of them out.";
  return notAccepted('response_format', message);
}

const mostCandidates = 8;

function candidatesProblem({ n }: ChatRequest): Failure | undefined {
  if (n <= mostCandidates) return undefined;
  return notAccepted('n', `'n' must be 1 to ${mostCandidates} for this model, got ${n}.`);
}

const mostStops = 5;

function stopProblem({ stop }: ChatRequest): Failure | undefined {
  if (stop.length <= mostStops) return undefined;
  const message = `'stop' may have at most ${mostStops} items for this model, got ${stop.length}.`;
  return failure('invalid_value', message, { param: 'stop' });
}

/** "Invalid function name. Must start with a letter or an underscore." */
function toolNameProblem({ tools }: ChatRequest): Failure | undefined {
  const index = tools.findIndex(({ name }) => !/^[A-Za-z_]/.test(name));
  if (index < 0) return undefined;
  const param = `tools[${index}].function.name`;
  return notAccepted(param, `'${param}' must begin with a letter or '_' for this model.`);
}

function problemOfPart(part: ContentPart, role: Message['role'], param: string): Failure | undefined {
  if (part.type === 'text' || part.type === 'refusal') return undefined;
  if (role !== 'user') {
    return notAccepted(param, `'${param}' is no text: this model takes that of users only.`);
  }
  if (part.type !== 'image' || imagePart(part.url) !== undefined) return undefined;
  const url = `${param}.image_url.url`;
  const message = `'${url}' must be an http(s) URL, or a base64 data URL of a PNG, JPEG, WebP, HEIC or HEIF.`;
  return failure('invalid_value', message, { param: url });
}
