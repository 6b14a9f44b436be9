interface Call {
  readonly function: { readonly name?: string | null; readonly arguments?: string | null };
  readonly index?: number;
}

interface Said {
  readonly content?: string | null;
  readonly reasoning_content?: string | null;
  /** Other servers' name for it. */
  readonly reasoning?: string | null;
  readonly tool_calls?: readonly Call[] | null;
}

interface WireChoice {
  readonly index?: number;
  readonly delta?: Said;
  readonly message?: Said;
  readonly finish_reason?: string | null;
}

/** A completion or a chunk of one, as far as these tests look. */
export interface Wire {
  readonly choices: readonly WireChoice[];
  readonly usage?: Readonly<Record<string, unknown>> | null;
}

/** The content of an answer, streamed or not. */
export interface Answer {
  readonly text: string;
  readonly reasoning: string;
  readonly calls: readonly { readonly name: string; readonly arguments: unknown }[];
  readonly finish: string | null;
  readonly usage: Readonly<Record<string, unknown>>;
}

export type Fields = Readonly<Record<string, unknown>>;

/** The first choice of a completion. */
export function wholeAnswer(wire: Wire): Answer {
  return first(wholeAnswers(wire));
}

/** The first choice of a stream's body. */
export function streamedAnswer(body: Buffer): Answer {
  return first(streamedAnswers(body));
}

/** Each choice of a completion, in order; the usage is that of all. */
export function wholeAnswers({ choices, usage }: Wire): Answer[] {
  return choices.map((choice) => answerOf([choice.message ?? {}], choice.finish_reason, usage));
}

/** The same of a stream's body. Tolerant, because it also reads other servers' streams; ours are checked elsewhere. */
export function streamedAnswers(body: Buffer): Answer[] {
  const data = body
    .toString('utf8')
    .split(/\r?\n/)
    .filter((line) => /^data: ?\{/.test(line));
  const chunks = data.map((line) => JSON.parse(line.slice('data:'.length)) as Wire);
  const usage = chunks.findLast((chunk) => chunk.usage != null)?.usage;
  const parts = chunks.flatMap(({ choices }) => choices ?? []);
  const indexes = [...new Set(parts.map(({ index }) => index ?? 0))].toSorted((one, other) => one - other);
  return indexes.map((wanted) => {
    const own = parts.filter(({ index }) => (index ?? 0) === wanted);
    const finish = own.findLast((part) => part.finish_reason != null)?.finish_reason;
    return answerOf(
      own.map(({ delta }) => delta ?? {}),
      finish,
      usage,
    );
  });
}

function answerOf(said: readonly Said[], finish: string | null | undefined, usage: Wire['usage']): Answer {
  const calls: { name: string; arguments: string }[] = [];
  for (const part of said) {
    for (const [place, call] of (part.tool_calls ?? []).entries()) {
      const at = call.index ?? place;
      const known = calls[at] ?? { name: '', arguments: '' };
      calls[at] = {
        name: known.name + (call.function.name ?? ''),
        arguments: known.arguments + (call.function.arguments ?? ''),
      };
    }
  }
  return {
    text: said.map(({ content }) => content ?? '').join(''),
    reasoning: said.map((part) => part.reasoning_content ?? part.reasoning ?? '').join(''),
    calls: calls.map((call) => ({ name: call.name, arguments: JSON.parse(call.arguments) as unknown })),
    finish: finish ?? null,
    usage: counted(usage),
  };
}

function first([answer]: readonly Answer[]): Answer {
  return answer ?? answerOf([], null, null);
}

function counted(usage: Wire['usage']): Answer['usage'] {
  const { prompt_tokens, completion_tokens, total_tokens, prompt_tokens_details } = usage ?? {};
  // Some servers write null for no text.
  const details = prompt_tokens_details ?? undefined;
  return { prompt_tokens, completion_tokens, total_tokens, prompt_tokens_details: details };
}
