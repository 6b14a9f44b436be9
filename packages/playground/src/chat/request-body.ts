import type { Draft } from './chat-state.ts';
import { parameterValues } from './parameters.ts';

/** The JSON body of the request, as it is sent and as the code samples show it. */
export type RequestBody = Readonly<Record<string, unknown>>;

export function requestBody({ model, system, messages, parameters, stream }: Draft): RequestBody {
  return {
    model,
    messages: [
      ...(system.trim() === '' ? [] : [{ role: 'system', content: system }]),
      ...messages.map(({ role, text }) => ({ role, content: text })),
    ],
    ...parameterValues(parameters),
    ...(stream ? { stream: true } : {}),
  };
}
