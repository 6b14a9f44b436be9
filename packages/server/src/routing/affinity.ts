import { createHash } from 'node:crypto';
import { assertNever } from '../domain/assert-never.ts';
import { type ChatRequest, type ContentPart, partsOf } from '../domain/chat-request.ts';
import { createKeyCache } from '../domain/key-cache.ts';

/**
 * Which target has a chat's beginning in its cache. The next turn of a chat repeats all messages of the turn before. So
 * the hash of a request's messages is remembered with the target that served it, and is found again among the hashes of
 * the next request's prefixes. It holds 10,000 chats: where one more comes, the key that has most loses the chat that it
 * has not used for the longest time (`domain/key-cache.ts`).
 *
 * One for the life of the process: a reload of the configuration empties no cache of a target. Targets are remembered by
 * name. A name that the new configuration does not have is not among the `targets` of a request, so it is never
 * preferred. A name that leads to another server after a reload is still preferred: that server is as cold for the chat as
 * every other target, and warm for its next turn, so nothing is lost.
 */
export interface Affinity {
  /**
   * The name of the target that served the longest beginning of this request, of those in `targets`; undefined where none
   * of them did. The chat counts as used.
   */
  preferred(keyId: string, request: ChatRequest, targets: readonly string[]): string | undefined;
  /** The target of that name serves this request. */
  remember(keyId: string, request: ChatRequest, target: string): void;
}

const maxChats = 10_000;
/** Messages of a chat that are hashed at most: a longer chat prefers a target that served this beginning. */
const maxHashed = 512;
/** Characters that are hashed at each end of a part. */
const sampleLength = 512;

export function createAffinity(): Affinity {
  const warm = createKeyCache<string>({ maxEntries: maxChats });
  /** The hash of a whole request, kept from `preferred` until `remember`, so that its messages are hashed once. */
  const wholes = new WeakMap<ChatRequest, string>();

  function hashesOf(keyId: string, request: ChatRequest): string[] {
    const hashes = prefixHashes(keyId, request);
    const whole = hashes.at(-1);
    if (whole !== undefined) wholes.set(request, whole);
    return hashes;
  }

  return {
    preferred: (keyId, request, targets) => {
      // Without the whole request: equal requests of one turn are not an earlier turn, and are spread over the targets.
      for (const hash of hashesOf(keyId, request).slice(0, -1).reverse()) {
        const target = warm.get(keyId, hash);
        if (target !== undefined && targets.includes(target)) return target;
      }
      return undefined;
    },
    remember: (keyId, request, target) => {
      const whole = wholes.get(request) ?? hashesOf(keyId, request).at(-1);
      if (whole !== undefined) warm.set(keyId, whole, target);
    },
  };
}

/** One hash for each prefix of the messages, shortest first, in one pass over the messages. */
function prefixHashes(keyId: string, request: ChatRequest): string[] {
  const running = createHash('sha256').update(JSON.stringify([keyId, request.model]));
  return request.messages.slice(0, maxHashed).map((message) => {
    running.update(`\n${message.role}${partsOf(message).map(sampleOf).join('')}`);
    return running.copy().digest('base64url');
  });
}

/**
 * The length, the beginning and the end of a part: to hash megabytes would block the event loop. Two chats that are equal
 * in all of these prefer the same target, which is harmless.
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
