import { readTexts } from '../../redis/redis-connection.ts';
import { notKept } from '../broken-streams.ts';
import type { StreamImage } from '../stream-image.ts';
import { eventsKey, metaKey } from './keys.ts';
import { loadScript } from './scripts.ts';
import { away, type StoreLink } from './store-link.ts';

/** Brings events from Redis that have left the window of their image. Readers that ask for the same ones share a call. */
export class ImageLoader {
  private readonly link: StoreLink;
  private readonly loads = new Map<string, Promise<readonly string[]>>();

  constructor(link: StoreLink) {
    this.link = link;
  }

  /** As `StreamView.load`. Where the events are not kept any more, it changes the image before it rejects. */
  load(image: StreamImage, number: number): Promise<readonly string[]> {
    const name = `${number} ${image.facts.id}`;
    const known = this.loads.get(name);
    if (known !== undefined) return known;
    const loading = this.ask(image, number).finally(() => this.loads.delete(name));
    this.loads.set(name, loading);
    return loading;
  }

  private async ask(image: StreamImage, number: number): Promise<readonly string[]> {
    const { id } = image.facts;
    const answer = await this.link.ask(
      loadScript,
      [metaKey(id), eventsKey(id)],
      [number, image.lastEvent, loadBytes],
    );
    if (answer === away) throw new Error('Redis does not answer');
    const [type, ...payloads] = readTexts(answer);
    if (type === 'events' && payloads.length > 0) return payloads;
    if (type === 'first') image.keptFrom(Number(payloads[0]));
    if (type === 'unknown' && image.broken === undefined) {
      image.broken = notKept;
      image.changed();
    }
    throw new Error('these events are not kept any more');
  }
}

/** One load; it keeps Redis less than a millisecond. */
const loadBytes = 256 * 1024;
