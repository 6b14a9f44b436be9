import type { Verdict } from './judge.ts';

/** What a client got for one request. */
export interface ClientRecord {
  readonly requestId: string;
  readonly status: number;
  readonly verdict: Verdict;
}

interface LoggedRequest {
  readonly route: string;
  readonly request_id: string;
  readonly status: number | null;
  readonly outcome: string;
  readonly code?: string;
  readonly prompt_tokens?: number;
  readonly completion_tokens?: number;
}

/**
 * Where the server's log and its clients disagree, one sentence each: every request has exactly one line,
 * and the line agrees with what the client got.
 */
export function disagreements(records: readonly ClientRecord[], logs: string): string[] {
  const lines = new Map<string, LoggedRequest[]>();
  for (const line of requestLines(logs)) {
    lines.set(line.request_id, [...(lines.get(line.request_id) ?? []), line]);
  }
  const problems = records.flatMap((record) => {
    const found = lines.get(record.requestId) ?? [];
    lines.delete(record.requestId);
    const [line] = found;
    if (line === undefined || found.length > 1) return [`${record.requestId} has ${found.length} lines`];
    const [seen, logged] = [JSON.stringify(seenBy(record)), JSON.stringify(loggedAs(line))];
    return seen === logged ? [] : [`${record.requestId}: the client saw ${seen}, the log says ${logged}`];
  });
  return [...problems, ...[...lines.keys()].map((id) => `${id} is in the log, and no client sent it`)];
}

export function requestLines(logs: string): readonly LoggedRequest[] {
  return logs.split('\n').flatMap((line) => {
    if (!line.startsWith('{')) return [];
    const fields = JSON.parse(line) as LoggedRequest;
    return fields.route === '/v1/chat/completions' ? [fields] : [];
  });
}

function seenBy({ status, verdict: { outcome, usage, begun } }: ClientRecord) {
  switch (outcome.kind) {
    case 'whole':
      return {
        status,
        outcome: 'completed',
        code: null,
        tokens: [usage?.prompt_tokens ?? null, usage?.completion_tokens ?? null],
      };
    case 'error-event':
      return { status, outcome: begun ? 'cut' : 'failed', code: outcome.code };
    case 'http-error':
      return { status, outcome: 'failed', code: outcome.code };
  }
}

function loggedAs(line: LoggedRequest) {
  const { status, outcome, code } = line;
  const tokens = [line.prompt_tokens ?? null, line.completion_tokens ?? null];
  return { status, outcome, code: code ?? null, ...(outcome === 'completed' ? { tokens } : {}) };
}
