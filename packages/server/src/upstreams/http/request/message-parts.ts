import { type ContentPart, type Message, partsOf } from '../../../domain/chat-request.ts';
import { type Failure, failure } from '../../../domain/failure.ts';

/** The text of these parts, joined. Images and audio have none. */
export function textOfParts(parts: readonly ContentPart[]): string {
  return parts
    .map((part) => (part.type === 'text' ? part.text : part.type === 'refusal' ? part.refusal : ''))
    .join('');
}

/** The first failure that `problemOf` returns for a part of a message; `param` is the part's path in the request. */
export function partProblem(
  messages: readonly Message[],
  problemOf: (part: ContentPart, role: Message['role'], param: string) => Failure | undefined,
): Failure | undefined {
  for (const [index, message] of messages.entries()) {
    for (const [place, part] of partsOf(message).entries()) {
      const problem = problemOf(part, message.role, `messages[${index}].content[${place}]`);
      if (problem !== undefined) return problem;
    }
  }
  return undefined;
}

/** The failure for a value that the model does not accept although the value is valid. */
export function notAccepted(param: string, message: string): Failure {
  return failure('unsupported_parameter', message, { param });
}
