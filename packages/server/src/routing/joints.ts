import { decodeJsonText, jsonText } from '@tailrace/protocol';
import { createStopMatcher } from '../domain/stop-matcher.ts';
import type { EventBatch, StreamEvent } from '../domain/stream-event.ts';
import type { Delivered } from './delivered.ts';

/** What a joint makes of one batch of the target that takes over. */
export type JointOutcome =
  /** The events that are new to the client; none while the target repeats delivered text. */
  | { readonly type: 'events'; readonly batch: EventBatch }
  /** The target's answer differs from the delivered text: this target cannot continue it. */
  | { readonly type: 'diverged' }
  /** A stop string that began in the delivered text is complete, so the answer ends here. */
  | { readonly type: 'stopped' }
  /** The target has more text than `max_tokens` allows, so the answer ends here, with finish reason `length`. */
  | { readonly type: 'length' };

/** Takes each batch of the target that takes over, and passes on the events that are new to the client. */
export type Joint = (batch: EventBatch) => JointOutcome;

/**
 * A joint for a replay: the second target runs the same request. The joint compares its answer with the delivered reasoning
 * and text, unit by unit, and passes on what follows. A replay may end before the delivered text ends and still be correct.
 * This happens where the rest of the delivered text is the beginning of a stop string: the first target was cut inside that
 * string. Then the outcome is `stopped`.
 */
export function createReplayJoint(delivered: Delivered, stops: readonly string[] = []): Joint {
  const text = delivered.text;
  const reasoning = delivered.reasoning;
  let textAt = 0;
  let reasoningAt = 0;

  /** Whether the delivered text that the replay has not reproduced is the beginning of a stop string. */
  const restBeginsStop = () => {
    const rest = text.slice(textAt);
    return reasoningAt === reasoning.length && stops.some((stop) => stop !== rest && stop.startsWith(rest));
  };

  /** The part of an event that is new; `delivered` where none is. */
  const newPart = (event: StreamEvent): StreamEvent | 'delivered' | 'diverged' | 'stopped' => {
    switch (event.type) {
      case 'start':
      case 'usage':
      case 'failed':
        return event;
      case 'reasoning-delta': {
        if (textAt === text.length && reasoningAt === reasoning.length) return event;
        // Between two parts of the delivered text there was no reasoning.
        if (textAt > 0) return 'diverged';
        const decoded = decodeJsonText(event.json);
        const expected = reasoning.slice(reasoningAt, reasoningAt + decoded.length);
        if (!decoded.startsWith(expected)) return 'diverged';
        reasoningAt += expected.length;
        if (expected.length === decoded.length) return 'delivered';
        // The replay has more reasoning, but the delivered answer text had already begun.
        if (text !== '') return 'diverged';
        return { type: event.type, choice: event.choice, json: jsonText(decoded.slice(expected.length)) };
      }
      case 'text-delta': {
        if (reasoningAt < reasoning.length) return 'diverged';
        const decoded = decodeJsonText(event.json);
        const expected = text.slice(textAt, textAt + decoded.length);
        if (!decoded.startsWith(expected)) return 'diverged';
        textAt += expected.length;
        if (expected.length === decoded.length && expected.length > 0) return 'delivered';
        if (expected === '') return event;
        // The rest has neither a token count nor log probabilities, because the values of the delta are for its delivered
        // part too.
        return { type: event.type, choice: event.choice, json: jsonText(decoded.slice(expected.length)) };
      }
      case 'refusal-delta':
      case 'tool-call-start':
      case 'tool-call-delta':
      case 'other-delta':
      case 'finish':
        if (textAt === text.length && reasoningAt === reasoning.length) return event;
        return event.type === 'finish' && event.reason === 'stop' && restBeginsStop()
          ? 'stopped'
          : 'diverged';
    }
  };

  return (batch) => {
    const fresh: StreamEvent[] = [];
    for (const event of batch) {
      const part = newPart(event);
      if (part === 'diverged' || part === 'stopped') return { type: part };
      if (part !== 'delivered') fresh.push(part);
    }
    return { type: 'events', batch: fresh };
  };
}

/**
 * Events that a prefix joint holds at most. A target may send many events without text; above this number the joint
 * releases them.
 */
const maxHeldEvents = 1_024;

/**
 * A joint for a prefix: the target continues the delivered text. It finds stop strings in its own text, but not one that
 * began in the delivered text. So the joint holds the first events until no such stop string can end in them any more. It
 * takes one step for each character and stop string. It holds no more text than the length of the longest stop string.
 */
export function createPrefixJoint(delivered: Delivered, stops: readonly string[]): Joint {
  const matchers = stops.map(createStopMatcher);
  const longest = Math.max(0, ...stops.map((stop) => stop.length));
  const tail = longest < 2 ? '' : delivered.text.slice(-(longest - 1));
  for (const matcher of matchers) {
    for (let at = 0; at < tail.length; at += 1) matcher.step(tail.charCodeAt(at));
  }
  let held: StreamEvent[] = [];
  /** UTF-16 units of the new text so far. */
  let fresh = 0;

  /** Whether a stop string that began in the delivered text may still end in the new text. */
  const mayEndAcross = () => matchers.some((matcher) => matcher.matched() > fresh);
  let holding = mayEndAcross();

  /** True where a stop string that began in the delivered text ends in this piece of the new text. */
  function endsAcross(piece: string): boolean {
    for (let at = 0; at < piece.length && holding; at += 1) {
      fresh += 1;
      for (const matcher of matchers) if (matcher.step(piece.charCodeAt(at)) > fresh) return true;
      holding = mayEndAcross();
    }
    return false;
  }

  return (batch) => {
    if (!holding) return { type: 'events', batch };
    for (const event of batch) {
      held.push(event);
      if (event.type === 'text-delta' && endsAcross(decodeJsonText(event.json))) return { type: 'stopped' };
      if (event.type === 'finish' || event.type === 'failed') holding = false;
    }
    if (holding && held.length <= maxHeldEvents) return { type: 'events', batch: [] };
    holding = false;
    const released = held;
    held = [];
    return { type: 'events', batch: released };
  };
}

/**
 * A joint for a prefix that has reached `max_tokens`: no new text is passed on. The target's next event only decides whether
 * the answer ended here by itself, or because of `max_tokens`.
 */
export function createFullLengthJoint(): Joint {
  return (batch) => {
    for (const event of batch) {
      switch (event.type) {
        case 'finish':
        case 'failed':
          return { type: 'events', batch };
        case 'start':
        case 'usage':
          break;
        default:
          if (!('json' in event) || event.json !== '') return { type: 'length' };
      }
    }
    return { type: 'events', batch };
  };
}
