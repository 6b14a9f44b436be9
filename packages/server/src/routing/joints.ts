import { decodeJsonText, jsonText } from '@tailrace/protocol';
import { createStopMatcher } from '../domain/stop-matcher.ts';
import type { EventBatch, StreamEvent } from '../domain/stream-event.ts';
import type { Delivered } from './delivered.ts';

/** What comes of a batch while somebody else's words are being said again. */
export type JointOutcome =
  /** Events the client has not seen yet; none while the old ones are still being repeated. */
  | { readonly type: 'events'; readonly batch: EventBatch }
  /** It says something else: this target cannot go on with that answer. */
  | { readonly type: 'diverged' }
  /** A stop string that began before the joint is complete: the answer is over. */
  | { readonly type: 'stopped' }
  /** It has more to say than the client asked for: the answer is over, at its length. */
  | { readonly type: 'length' };

/** Stands at the joint of two answers and lets through what is new. */
export type Joint = (batch: EventBatch) => JointOutcome;

/**
 * A joint for a replay: the request was run again, and its answer is passed on from where it has reproduced
 * the delivered text, unit by unit. Reasoning likewise, before it. Where the first target was cut in a stop
 * string that it had begun to say, the replay ends before it, and so is the answer over.
 */
export function createReplayJoint(delivered: Delivered, stops: readonly string[] = []): Joint {
  const text = delivered.text;
  const reasoning = delivered.reasoning;
  let textAt = 0;
  let reasoningAt = 0;

  const endsInStop = () => {
    const rest = text.slice(textAt);
    return reasoningAt === reasoning.length && stops.some((stop) => stop !== rest && stop.startsWith(rest));
  };

  const repeat = (event: StreamEvent): StreamEvent | 'old' | 'diverged' | 'stopped' => {
    switch (event.type) {
      case 'start':
      case 'usage':
      case 'failed':
        return event;
      case 'reasoning-delta': {
        const said = decodeJsonText(event.json);
        const due = reasoning.slice(reasoningAt, reasoningAt + said.length);
        if (!said.startsWith(due)) return 'diverged';
        reasoningAt += due.length;
        if (due.length === said.length) return 'old';
        // More reasoning than there was, though the answer had already begun.
        if (text !== '') return 'diverged';
        return { type: event.type, choice: event.choice, json: jsonText(said.slice(due.length)) };
      }
      case 'text-delta': {
        if (reasoningAt < reasoning.length) return 'diverged';
        const said = decodeJsonText(event.json);
        const due = text.slice(textAt, textAt + said.length);
        if (!said.startsWith(due)) return 'diverged';
        textAt += due.length;
        if (due.length === said.length && due.length > 0) return 'old';
        if (due === '') return event;
        // Of a delta that is cut here, token counts and log probabilities would tell of old text too.
        return { type: event.type, choice: event.choice, json: jsonText(said.slice(due.length)) };
      }
      case 'refusal-delta':
      case 'tool-call-start':
      case 'tool-call-delta':
      case 'finish':
        if (textAt === text.length && reasoningAt === reasoning.length) return event;
        return event.type === 'finish' && event.reason === 'stop' && endsInStop() ? 'stopped' : 'diverged';
    }
  };

  return (batch) => {
    const fresh: StreamEvent[] = [];
    for (const event of batch) {
      const outcome = repeat(event);
      if (outcome === 'diverged' || outcome === 'stopped') return { type: outcome };
      if (outcome !== 'old') fresh.push(outcome);
    }
    return { type: 'events', batch: fresh };
  };
}

/** Events without text that are held for words behind them; a target that says so many says no more than that. */
const maxHeldEvents = 1_024;

/**
 * A joint for a prefix: the target goes on behind the delivered text and knows its own stop strings, but not
 * one that began before it. The first words are held until none can end in them any more: one step a character and
 * stop string, and no more text than the longest of them has.
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

  /** A stop string is under way that began in the old text. */
  const mayEndAcross = () => matchers.some((matcher) => matcher.matched() > fresh);
  let open = mayEndAcross();

  /** True where a stop string that began in the old text ends in this piece of the new one. */
  function endsAcross(said: string): boolean {
    for (let at = 0; at < said.length && open; at += 1) {
      fresh += 1;
      for (const matcher of matchers) if (matcher.step(said.charCodeAt(at)) > fresh) return true;
      open = mayEndAcross();
    }
    return false;
  }

  return (batch) => {
    if (!open) return { type: 'events', batch };
    for (const event of batch) {
      // Thoughts behind the beginning of an answer are not shown, and so need not be held.
      if (event.type !== 'reasoning-delta') held.push(event);
      if (event.type === 'text-delta' && endsAcross(decodeJsonText(event.json))) return { type: 'stopped' };
      if (event.type === 'finish' || event.type === 'failed') open = false;
    }
    if (open && held.length <= maxHeldEvents) return { type: 'events', batch: [] };
    open = false;
    const released = held;
    held = [];
    return { type: 'events', batch: released };
  };
}

/**
 * A joint for a prefix that is as long as the answer may be: nothing new is let through. What the target
 * would say next only tells whether the answer ends here by itself or at its length.
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
