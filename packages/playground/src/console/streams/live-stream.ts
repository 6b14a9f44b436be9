import { isObject } from '../../api/json.ts';

/** A completion that runs now. */
export interface LiveStream {
  readonly id: string;
  readonly keyId: string;
  readonly owner: string;
  readonly model: string;
  /** The target that was asked last; undefined before the first. */
  readonly target: string | undefined;
  /** False for an answer that comes as one JSON body. */
  readonly stream: boolean;
  /** Delivered until now. */
  readonly tokens: number;
  /** Unix milliseconds. */
  readonly createdAtMs: number;
}

export interface LiveStreams {
  readonly streams: readonly LiveStream[];
  /** There are more than the list has. */
  readonly hasMore: boolean;
  /** When the answer came, by the browser's clock. Unix milliseconds. */
  readonly atMs: number;
}

export function readLiveStreams(body: unknown, atMs: number = Date.now()): LiveStreams {
  const { data, has_more: hasMore } = isObject(body) ? body : {};
  const streams = Array.isArray(data) ? data.flatMap((entry: unknown) => streamIn(entry)) : [];
  return { streams, hasMore: hasMore === true, atMs };
}

function streamIn(entry: unknown): LiveStream[] {
  if (!isObject(entry) || typeof entry['id'] !== 'string') return [];
  const text = (name: string): string => {
    const value = entry[name];
    return typeof value === 'string' ? value : '';
  };
  const tokens = entry['completion_tokens'];
  return [
    {
      id: entry['id'],
      keyId: text('key_id'),
      owner: text('owner'),
      model: text('model'),
      target: text('target') || undefined,
      stream: entry['stream'] === true,
      tokens: typeof tokens === 'number' ? tokens : 0,
      createdAtMs: Date.parse(text('created_at')),
    },
  ];
}
