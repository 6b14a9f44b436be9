import type { OutboxEvent } from '../storage/contract.ts';

const types = {
  record: 'tailrace.usage.record',
  budget: 'tailrace.budget.threshold',
  refusal: 'tailrace.budget.refused',
} as const satisfies Record<OutboxEvent['type'], string>;

/** An event in the JSON format of CloudEvents 1.0 (structured mode): the body of a request of the webhook. */
export function cloudEvent(event: OutboxEvent, source: string): string {
  const attributes = JSON.stringify({
    specversion: '1.0',
    id: event.id,
    source,
    type: types[event.type],
    time: new Date(event.atMs).toISOString(),
    datacontenttype: 'application/json',
  });
  // The data is JSON already.
  return `${attributes.slice(0, -1)},"data":${event.data}}`;
}
