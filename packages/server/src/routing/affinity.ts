import { createHash } from 'node:crypto';
import { assertNever } from '../domain/assert-never.ts';
import { type ChatRequest, type ContentPart, partsOf } from '../domain/chat-request.ts';
import { createKeyCache } from '../domain/key-cache.ts';

/**
 * Which target has a chat's beginning in its cache. The next turn of a chat repeats all messages of the one
 * before; so the hash of a request's messages, remembered with the target that served it, is found again as
 * a prefix of the next request's. Bounded, with room shared fairly between keys.
 */
export interface Affinity {
  /** The name of the target that is warm for this request, if any. */
  preferred(keyId: string, request: ChatRequest): string | undefined;
  remember(keyId: string, request: ChatRequest, target: string): void;
}

const maxChats = 10_000;
/** Messages of a chat that are hashed at most; a longer one finds no warm target. */
const maxHashed = 512;
/** Characters at either end of a part that are hashed. */
const sampleLength = 512;

export function createAffinity(): Affinity {
  const warm = createKeyCache<string>({ maxEntries: maxChats });
  /** What `remember` needs at the commit of a request has been hashed before: megabytes are hashed once. */
  const wholes = new WeakMap<ChatRequest, string>();

  function hashesOf(keyId: string, request: ChatRequest): string[] {
    const hashes = prefixHashes(keyId, request);
    const whole = hashes.at(-1);
    if (whole !== undefined) wholes.set(request, whole);
    return hashes;
  }

  return {
    preferred: (keyId, request) => {
      // Only what an earlier turn began: one-shot requests that are all the same are to be spread.
      for (const hash of hashesOf(keyId, request).slice(0, -1).reverse()) {
        const target = warm.get(keyId, hash);
        if (target !== undefined) return target;
      }
      return undefined;
    },
    remember: (keyId, request, target) => {
      const whole = wholes.get(request) ?? hashesOf(keyId, request).at(-1);
      if (whole !== undefined) warm.set(keyId, whole, target);
    },
  };
}

/** One hash for each prefix of the messages, shortest first; one pass over what is read of them. */
function prefixHashes(keyId: string, request: ChatRequest): string[] {
  const running = createHash('sha256').update(JSON.stringify([keyId, request.model]));
  return request.messages.slice(0, maxHashed).map((message) => {
    running.update(`\n${message.role}${partsOf(message).map(sampleOf).join('')}`);
    return running.copy().digest('base64url');
  });
}

/**
 * What is read of a part: its length, beginning and end. Megabytes are not hashed on the event loop to choose a
 * target; two chats that are alike in all of these are sent to the same one, and nothing else comes of it.
 */
function sampleOf(part: ContentPart): string {
  const text = textOf(part);
  const sample =
    text.length <= 2 * sampleLength ? text : text.slice(0, sampleLength) + text.slice(-sampleLength);
  return `\0${part.type}${text.length}:${sample}`;
}

function textOf(part: ContentPart): string {
  switch (part.type) {
    case 'text':
      return part.text;
    case 'refusal':
      return part.refusal;
    case 'image':
      return part.url;
    case 'audio':
      return part.data;
    case 'file':
      return JSON.stringify(part.file);
    default:
      return assertNever(part);
  }
}
