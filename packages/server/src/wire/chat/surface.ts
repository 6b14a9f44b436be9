import { sseData, sseKeepalive } from '@tailrace/protocol';
import { type Failure, fail, failure, ok } from '../../domain/failure.ts';
import type {
  AnswerCollector,
  AnswerForm,
  Framing,
  RequestHeaders,
  RunIdentity,
  StreamEncoder,
  Surface,
} from '../contract.ts';
import { errorPayload, errorReply } from '../error-reply.ts';
import { randomId } from '../random-id.ts';
import { createChunkEncoder, identityOf, type UsageForm } from './chunk-encoder.ts';
import { createCompletionCollector } from './completion-collector.ts';
import { decodeChatRequest } from './decode-request.ts';
import { knownMembers } from './known-members.ts';

export interface ChatSurfaceOptions {
  /** Where usage goes, unless the sender's default or the request (`tailrace-usage-chunk`) says otherwise. */
  readonly usageChunk: 'inline' | 'separate';
}

const usageHeader = 'tailrace-usage-chunk';

/** The surface of OpenAI's chat completions (sections 2 to 4 of the wire contract). */
export function createChatSurface({ usageChunk }: ChatSurfaceOptions): Surface {
  return {
    name: 'chat',
    path: '/v1/chat/completions',
    members: knownMembers,
    // 128 random bits in 22 characters: the id is part of each chunk.
    newId: () => `chatcmpl-${randomId(16, 'base64url')}`,
    errorReply,
    framing,
    errorEvent: errorPayload,
    decode(body, headers, defaults) {
      const asked = usageFormAsked(headers, defaults?.usageChunk ?? usageChunk);
      if (typeof asked === 'object') return fail(asked);
      const decoded = decodeChatRequest(body);
      if (!decoded.ok) return decoded;
      const { request, requirements, includeUsage } = decoded.value;
      const usage: UsageForm = asked === 'separate' && !includeUsage ? 'none' : asked;
      return ok({ request, requirements, form: new ChatForm(request.n, usage) });
    },
  };
}

const framing: Framing = {
  contentType: 'text/event-stream; charset=utf-8',
  frame: sseData,
  comment: sseKeepalive,
};

class ChatForm implements AnswerForm {
  private readonly choices: number;
  private readonly usage: UsageForm;

  constructor(choices: number, usage: UsageForm) {
    this.choices = choices;
    this.usage = usage;
  }

  streamEncoder(run: RunIdentity): StreamEncoder {
    return createChunkEncoder(run, this.choices, this.usage);
  }

  collector(run: RunIdentity): AnswerCollector {
    const collector = createCompletionCollector(this.choices);
    return {
      add: collector.add,
      body: (served) => collector.toJson(identityOf(run, served)),
    };
  }
}

function usageFormAsked(
  headers: RequestHeaders,
  otherwise: 'inline' | 'separate',
): 'inline' | 'separate' | Failure {
  const [asked] = headers[usageHeader] ?? [];
  if (asked === undefined) return otherwise;
  if (asked === 'inline' || asked === 'separate') return asked;
  return failure('invalid_value', `The header '${usageHeader}' must be 'inline' or 'separate'.`, {
    param: usageHeader,
  });
}
