import type { Message } from '../../domain/chat-request.ts';
import type { JsonObject, JsonValue } from '../../domain/json.ts';

/*
 * `cache_control` marks the end of a prefix of the prompt that the API caches (platform.claude.com/docs/en/build-with-claude/
 * prompt-caching). Clients write it on a part, a message, a call or a tool; it is sent unchanged. The API refuses it on thoughts.
 * Inside a tool result it wants no marked block: the result itself has to be marked.
 */

interface WithRests {
  readonly rest?: JsonObject;
  readonly nestedRest?: JsonObject;
}

/** The mark of a part, a message, a call or a tool; undefined where it is absent or null. */
export function cacheControlOf({ rest, nestedRest }: WithRests): JsonValue | undefined {
  return rest?.['cache_control'] ?? nestedRest?.['cache_control'] ?? undefined;
}

/** The mark of the last marked part of a message. Where one block is made of all the parts, the block gets this mark. */
export function cacheControlOfParts(message: Message): JsonValue | undefined {
  const { content } = message;
  if (typeof content !== 'object' || content === null) return undefined;
  const part = content.findLast((each) => cacheControlOf(each) !== undefined);
  return part === undefined ? undefined : cacheControlOf(part);
}

/** The blocks, with the mark on the last block that can have one; the same blocks where there is no mark. */
export function withCacheControl(
  blocks: readonly JsonObject[],
  control: JsonValue | undefined,
): readonly JsonObject[] {
  if (control === undefined) return blocks;
  const last = blocks.findLastIndex(({ type }) => type !== 'thinking' && type !== 'redacted_thinking');
  return blocks.map((block, index) => (index === last ? { ...block, cache_control: control } : block));
}
