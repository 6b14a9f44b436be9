import { askJson } from '../../api/ask-json.ts';
import type { Connection } from '../../api/connection.ts';
import { randomId } from '../../api/random-id.ts';
import type { PickedUp } from '../../chat/answer.ts';
import type { Chat } from '../../chat/chat.ts';
import { branchOf } from '../../chat/message-tree.ts';
import { createSignal, type Watched } from '../../signals/signal.ts';
import { type LabFault, type SeenEnding, type Story, storyIn } from './lab-api.ts';

/** The last answer that a chat has got through the lab. */
export interface LabRunState {
  readonly fault?: LabFault;
  readonly setting?: string;
  readonly story?: Story | undefined;
  readonly pickedUp?: PickedUp | undefined;
  /** Undefined while it runs. */
  readonly ending?: SeenEnding | undefined;
}

export interface LabRun extends Watched<LabRunState> {
  /** Sends a message through a fault: this text; without one, the last of the chat; without any, a ready one. */
  send(fault: LabFault, setting: string, text: string): void;
}

const readyQuestion = 'Tell me about the mill.';
/** How often the story is asked for while it goes on. */
const everyMs = 200;
/** Looks at the story after the answer has ended: its record may come a moment later. */
const lastLooks = 10;

const runs = new WeakMap<Chat, LabRun>();

/** The lab's runs of a chat; they outlive the panel that shows them. */
export function labRunOf(chat: Chat, connection: Connection): LabRun {
  const run = runs.get(chat) ?? createLabRun(chat, connection);
  runs.set(chat, run);
  return run;
}

function createLabRun(chat: Chat, connection: Connection): LabRun {
  const signal = createSignal<LabRunState>({});
  const change = (next: Partial<LabRunState>): void => signal.set({ ...signal.get(), ...next });

  async function follow(name: string): Promise<void> {
    let ended = false;
    const unsubscribe = chat.subscribe(() => {
      if (ended) return;
      const { running } = chat.state();
      const pickedUp = lastFacts(chat)?.pickedUp;
      ended = !running;
      change({ pickedUp, ...(running ? {} : { ending: endingOf(chat) }) });
    });
    try {
      for (let looks = 0; looks < lastLooks; looks += ended ? 1 : 0) {
        const id = lastFacts(chat)?.completionId;
        // By the name while it is told by the process that answers; the record is known by its id only.
        const story = (await ask(name)) ?? (id === undefined ? undefined : await ask(id));
        if (story !== undefined) change({ story });
        if (ended && story?.ended === true) return;
        await new Promise((resolve) => window.setTimeout(resolve, everyMs));
      }
    } finally {
      unsubscribe();
    }
  }

  async function ask(nameOrId: string): Promise<Story | undefined> {
    const asked = await askJson(connection, `/v1/fault-lab/stories?name=${encodeURIComponent(nameOrId)}`);
    return asked.ok ? storyIn(asked.value) : undefined;
  }

  return {
    state: signal.get,
    subscribe: signal.subscribe,
    send(fault, setting, text) {
      const model = fault.models.find((one) => one.setting === setting)?.id;
      if (model === undefined || chat.state().running) return;
      const name = randomId();
      const through = { ...fault.asks, model, stream: true, metadata: { story: name } };
      signal.set({ fault, setting });
      const asked = branchOf(chat.state().tree).some(({ role }) => role === 'user');
      if (text !== '' || !asked) chat.send(text === '' ? readyQuestion : text, through);
      else chat.regenerate({ through });
      void follow(name);
    },
  };
}

function lastFacts(chat: Chat) {
  return branchOf(chat.state().tree).at(-1)?.facts;
}

function endingOf(chat: Chat): SeenEnding {
  const { failure } = chat.state();
  const facts = lastFacts(chat);
  if (failure !== undefined)
    return { kind: facts?.state === 'failed' ? 'error-event' : 'http-error', code: failure.code };
  return { kind: facts?.state === 'done' ? 'whole' : 'stopped' };
}
