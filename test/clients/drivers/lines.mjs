// A driver is one client library behind one small protocol: a JSON line in, a JSON line out. The same words
// are spoken by the Python drivers, so that one table of cases runs against all of them.
//
//   in   {id, op, baseUrl, apiKey, headers?, request?, modelId?, stopAfter?, how?, question?, streamUrl?, offset?, live?}
//   out  {id, outcome}
//
// An outcome is what the library showed its user: the joined text, the finish reason, the usage it reported
// and how often, or the exception it raised and whether that happened during iteration.
import { createInterface } from 'node:readline';

/** @param {Record<string, (call: any, outcome: any) => Promise<void>>} operations */
export function serve(operations, describeError) {
  createInterface({ input: process.stdin }).on('line', async (line) => {
    const call = JSON.parse(line);
    const outcome = {
      text: '',
      pieces: 0,
      events: 0,
      finish: null,
      usage: null,
      usageEvents: 0,
      ids: [],
      seen: [],
      position: null,
      error: null,
      iterating: false,
    };
    try {
      const operation = operations[call.op];
      if (operation === undefined) throw new Error(`this driver cannot ${call.op}`);
      await operation(call, outcome);
    } catch (error) {
      outcome.error = {
        classes: classesOf(error),
        status: null,
        code: null,
        param: null,
        type: null,
        message: String(error?.message ?? error),
        duringIteration: outcome.iterating,
        ...describeError(error),
      };
    }
    process.stdout.write(`${JSON.stringify({ id: call.id, outcome })}\n`);
  });
}

/** Notes one chunk of a stream in the form of OpenAI's protocol. */
export function noteChunk(outcome, chunk) {
  outcome.events += 1;
  if (chunk.usage) {
    outcome.usage = usageOf(chunk.usage);
    outcome.usageEvents += 1;
  }
  for (const choice of chunk.choices) {
    if (choice.delta.content) {
      outcome.text += choice.delta.content;
      outcome.pieces += 1;
    }
    outcome.finish = choice.finish_reason ?? outcome.finish;
  }
}

export function noteCompletion(outcome, completion) {
  const choice = completion.choices[0];
  outcome.text = choice.message.content ?? '';
  outcome.finish = choice.finish_reason;
  outcome.usage = usageOf(completion.usage);
  outcome.usageEvents = completion.usage ? 1 : 0;
}

export function usageOf(usage) {
  if (!usage) return null;
  return { prompt: usage.prompt_tokens, completion: usage.completion_tokens, total: usage.total_tokens };
}

/** The names of an exception's class and of what that class extends: users catch either. */
export function classesOf(error) {
  const names = [];
  for (let kind = error?.constructor; kind?.name; kind = Object.getPrototypeOf(kind)) names.push(kind.name);
  return names;
}
