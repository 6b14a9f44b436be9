import { createHash } from 'node:crypto';
import { assertNever } from '../domain/assert-never.ts';
import { type ChatRequest, type ContentPart, partsOf } from '../domain/chat-request.ts';
import { createKeyCache } from '../domain/key-cache.ts';

/**
 * Remembers which target has the beginning of a chat in its cache. The next turn of a chat repeats all earlier messages, so
 * the hash of this request is one of the prefix hashes of the next request. It holds 10,000 hashes, one for each request
 * that was served. When it is full, one key loses its least recently used hash (`domain/key-cache.ts`).
 *
 * One for the life of the process: a reload of the configuration empties no cache of a target. Targets are remembered by
 * name. A name that the new configuration does not have is not among the `targets` of a request, so it is never preferred.
 * A name may belong to another server after a reload and is still preferred. That server has nothing of this chat in its
 * cache, like every other target, so the choice costs nothing.
 */
export interface Affinity {
  /**
   * Among `targets`, the name of the target that served the longest beginning of this request; undefined where none of them
   * served one. The hash that was found counts as used.
   */
  preferred(keyId: string, request: ChatRequest, targets: readonly string[]): string | undefined;
  /** The target of that name serves this request. */
  remember(keyId: string, request: ChatRequest, target: string): void;
}

const maxHashes = 10_000;
/** At most so many messages of a chat are hashed, from its beginning on. */
const maxHashed = 512;
/** Characters that are hashed at each end of a part. */
const sampleLength = 512;

export function createAffinity(): Affinity {
  const targetsByHash = createKeyCache<string>({ maxEntries: maxHashes });
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
      const hashes = hashesOf(keyId, request);
      // The hash of the whole request is left out: equal requests are repetitions of one turn, and the balance spreads them
      // over the targets. A longer chat has no hash of the whole.
      if (request.messages.length <= maxHashed) hashes.pop();
      for (const hash of hashes.reverse()) {
        const target = targetsByHash.get(keyId, hash);
        if (target !== undefined && targets.includes(target)) return target;
      }
      return undefined;
    },
    remember: (keyId, request, target) => {
      const whole = wholes.get(request) ?? hashesOf(keyId, request).at(-1);
      if (whole !== undefined) targetsByHash.set(keyId, whole, target);
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
