import type { Message } from '../../domain/chat-request.ts';
import type { JsonObject, JsonValue } from '../../domain/json.ts';

/*
 * `cache_control` marks the end of a prefix of the prompt that the API keeps (platform.claude.com/docs/en/build-with-claude/
 * prompt-caching). Clients write it on a part, a message, a call or a tool; it is handed on as it came. The API refuses it on
 * thoughts, and says of blocks inside a tool result that the result itself has to be marked.
 */

interface WithRests {
  readonly rest?: JsonObject;
  readonly nestedRest?: JsonObject;
}

/** The mark of a part, a message, a call or a tool; undefined where it has none, or null. */
export function cacheControlOf({ rest, nestedRest }: WithRests): JsonValue | undefined {
  return rest?.['cache_control'] ?? nestedRest?.['cache_control'] ?? undefined;
}

/** The mark of the last part of a message that has one: where the parts become one block, it is that block's. */
export function cacheControlOfParts(message: Message): JsonValue | undefined {
  const { content } = message;
  if (typeof content !== 'object' || content === null) return undefined;
  const part = content.findLast((each) => cacheControlOf(each) !== undefined);
  return part === undefined ? undefined : cacheControlOf(part);
}

/** The blocks with this mark on the last one that can have it; the same ones without a mark. */
export function withCacheControl(
  blocks: readonly JsonObject[],
  control: JsonValue | undefined,
): readonly JsonObject[] {
  if (control === undefined) return blocks;
  const last = blocks.findLastIndex(({ type }) => type !== 'thinking' && type !== 'redacted_thinking');
  return blocks.map((block, index) => (index === last ? { ...block, cache_control: control } : block));
}
