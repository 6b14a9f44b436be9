import { viewOf } from '../reading/stream-view.ts';
import { headerOf } from '../wire/exchange.ts';
import type { Probe } from './probe.ts';
import { river } from './questions.ts';

/** Leaves a resumable stream, and reads it again: the rest, the whole, and as the Durable Streams protocol does. */
export const resumeProbe: Probe = {
  name: 'resume',
  about: 'a resumable stream that is left and read again (where it is offered)',
  requests: 6,
  tokens: 32,
  alone: true,
  async run({ ask, send }) {
    const first = await ask(
      'resume',
      { messages: river, max_tokens: 32, stream: true },
      { headers: { 'tailrace-resumable': 'true' }, leaveAfter: 3 },
    );
    const id = first.response === undefined ? undefined : headerOf(first.response, 'tailrace-completion-id');
    const last = viewOf(first).items.findLast((item) => item.type === 'event')?.lastEventId ?? '';
    if (id === undefined || !/^\d+$/.test(last)) return;
    const events = `/chat/completions/${id}/events`;
    await send('resume/rest', { method: 'GET', path: `${events}?after=${last}` });
    await send('resume/again', { method: 'GET', path: `${events}?after=0` });
    await send('resume/beyond', { method: 'GET', path: `${events}?after=1000000` });
    await send('resume/durable', { method: 'GET', path: `/streams/${id}?offset=-1` });
    await send('resume/durable-head', { method: 'HEAD', path: `/streams/${id}` });
  },
};
