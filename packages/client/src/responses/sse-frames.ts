import { APIError } from '../errors/errors.ts';
import type { ChatStream } from '../stream/contract.ts';

/** The frames of `toSSEResponse`. */
export async function* sseFrames(stream: ChatStream): AsyncGenerator<string, void, undefined> {
  let number = stream.cursor;
  try {
    for await (const chunk of stream) {
      yield frame(asciiJson(chunk), number);
      number = stream.cursor;
    }
    await stream.finalCompletion();
    yield frame('[DONE]', number);
  } catch (error) {
    yield frame(asciiJson({ error: errorBodyOf(error, stream.requestId) }), number);
  }

  /** `before`: the number of the event before. Events without numbers leave the cursor where it is. */
  function frame(data: string, before: number): string {
    const { cursor } = stream;
    return `${cursor > before ? `id: ${cursor}\n` : ''}data: ${data}\n\n`;
  }
}

/** Nothing that stands between can cut a character in two. */
function asciiJson(value: object): string {
  return JSON.stringify(value).replace(
    /[^ -~]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function errorBodyOf(error: unknown, requestId: string | undefined): object {
  const known = error instanceof APIError ? error : undefined;
  return {
    message: known?.error?.message ?? known?.message ?? 'The stream broke.',
    type: known?.type ?? 'server_error',
    param: known?.param ?? null,
    code: known?.code ?? 'internal_error',
    request_id: known?.requestID ?? requestId,
  };
}
