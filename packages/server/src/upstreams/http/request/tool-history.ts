import type { Message } from '../../../domain/chat-request.ts';
import { type Failure, failure } from '../../../domain/failure.ts';

/**
 * The failure for a history in which tool calls and results do not match; undefined where they match. Anthropic and Gemini
 * refuse such a history: each call must have its result directly after the assistant's turn, and each result its call.
 */
export function toolHistoryProblem(messages: readonly Message[]): Failure | undefined {
  /** The calls of the last assistant's turn that have no result yet: their number by id. */
  const open = new Map<string, number>();
  let unanswered = 0;
  let turn = 0;
  let answering = false;
  for (const [index, message] of messages.entries()) {
    switch (message.role) {
      // Instructions are sent elsewhere in the request.
      case 'system':
      case 'developer':
        break;
      case 'tool': {
        const calls = open.get(message.toolCallId) ?? 0;
        if (calls === 0) return resultAlone(index, message.toolCallId);
        open.set(message.toolCallId, calls - 1);
        unanswered -= 1;
        answering = true;
        break;
      }
      case 'user':
        if (unanswered > 0) return callAlone(turn);
        break;
      case 'assistant':
        // Adjacent messages of one role are one turn; after a result a new turn begins.
        if (unanswered > 0 && answering) return callAlone(turn);
        if (message.toolCalls.length > 0) turn = index;
        for (const { id } of message.toolCalls) open.set(id, (open.get(id) ?? 0) + 1);
        unanswered += message.toolCalls.length;
        answering = false;
        break;
    }
  }
  return unanswered > 0 ? callAlone(turn) : undefined;
}

function resultAlone(index: number, id: string): Failure {
  const param = `messages[${index}].tool_call_id`;
  const message = `'${param}' must be the id of a tool call directly before it that has no result yet, got '${id.slice(0, 100)}'.`;
  return failure('invalid_value', message, { param });
}

function callAlone(index: number): Failure {
  const param = `messages[${index}].tool_calls`;
  const message = `Every call of '${param}' must be answered by a message with role 'tool' directly behind it.`;
  return failure('invalid_value', message, { param });
}
