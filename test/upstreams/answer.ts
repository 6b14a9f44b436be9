interface Call {
  readonly function: { readonly name?: string; readonly arguments?: string };
  readonly index?: number;
}

interface Said {
  readonly content?: string | null;
  readonly reasoning_content?: string | null;
  readonly tool_calls?: readonly Call[];
}

/** A completion or a chunk of one, as far as these tests look. */
export interface Wire {
  readonly choices: readonly {
    readonly delta?: Said;
    readonly message?: Said;
    readonly finish_reason: string | null;
  }[];
  readonly usage?: Readonly<Record<string, unknown>> | null;
}

/** What an answer said, however it came. */
export interface Answer {
  readonly text: string;
  readonly reasoning: string;
  readonly calls: readonly { readonly name: string; readonly arguments: unknown }[];
  readonly finish: string | null;
  readonly usage: Readonly<Record<string, unknown>>;
}

export type Fields = Readonly<Record<string, unknown>>;

export function wholeAnswer({ choices, usage }: Wire): Answer {
  const [choice] = choices;
  return {
    text: choice?.message?.content ?? '',
    reasoning: choice?.message?.reasoning_content ?? '',
    calls: (choice?.message?.tool_calls ?? []).map(({ function: called }) => ({
      name: called.name ?? '',
      arguments: JSON.parse(called.arguments ?? '') as unknown,
    })),
    finish: choice?.finish_reason ?? null,
    usage: counted(usage),
  };
}

/** The same of a stream's body, whose usage is on its last chunk. */
export function streamedAnswer(body: Buffer): Answer {
  const events = body.toString('utf8').split('\n\n').slice(0, -2);
  const chunks = events.map((event) => JSON.parse(event.slice('data: '.length)) as Wire);
  const deltas = chunks.map(({ choices }) => choices[0]?.delta);
  const calls: { name: string; arguments: string }[] = [];
  for (const call of deltas.flatMap((delta) => delta?.tool_calls ?? [])) {
    const known = calls[call.index ?? 0] ?? { name: '', arguments: '' };
    calls[call.index ?? 0] = {
      name: known.name + (call.function.name ?? ''),
      arguments: known.arguments + (call.function.arguments ?? ''),
    };
  }
  return {
    text: deltas.map((delta) => delta?.content ?? '').join(''),
    reasoning: deltas.map((delta) => delta?.reasoning_content ?? '').join(''),
    calls: calls.map((call) => ({ name: call.name, arguments: JSON.parse(call.arguments) as unknown })),
    finish: chunks.at(-1)?.choices[0]?.finish_reason ?? null,
    usage: counted(chunks.at(-1)?.usage),
  };
}

function counted(usage: Wire['usage']): Answer['usage'] {
  const { prompt_tokens, completion_tokens, total_tokens, prompt_tokens_details } = usage ?? {};
  return { prompt_tokens, completion_tokens, total_tokens, prompt_tokens_details };
}
