// The client of Durable Streams for JavaScript, as it is: it reads the stream of a completion.
import { DurableStream, stream } from '@durable-streams/client';
import { serve } from './lines.mjs';

const optionsOf = (call) => ({
  url: call.streamUrl,
  // A signed address needs no key.
  headers: call.apiKey === '' ? {} : { authorization: `Bearer ${call.apiKey}` },
});

async function follow(call, outcome) {
  const { offset = '-1', live, stopAfter } = call;
  const response = await stream({ ...optionsOf(call), offset, live, json: true });
  outcome.iterating = true;
  // Its promise `closed` resolves when the last batch has arrived, before the subscriber has it.
  await new Promise((resolve, reject) => {
    response.subscribeJson((batch) => {
      outcome.seen.push(...batch.items);
      outcome.position = { offset: batch.offset, closed: batch.streamClosed };
      if (!batch.streamClosed && !(outcome.seen.length >= stopAfter)) return;
      response.cancel();
      resolve();
    });
    response.closed.catch(reject);
  });
}

async function readAll(call, outcome) {
  const response = await stream({ ...optionsOf(call), offset: call.offset ?? '-1', live: false });
  outcome.seen = await response.json();
  outcome.position = { offset: response.offset, closed: response.streamClosed };
}

async function head(call, outcome) {
  const { offset, streamClosed } = await DurableStream.head(optionsOf(call));
  outcome.position = { offset, closed: streamClosed };
}

const remove = (call) => DurableStream.delete(optionsOf(call));

serve({ follow, readAll, head, remove }, ({ status = null, json, details }) => ({
  status,
  code: (json ?? details)?.error?.code ?? null,
}));
