/** What is to happen, by its time: a binary heap. */
export class Agenda<T> {
  private readonly times: number[] = [];
  private readonly things: T[] = [];

  get size(): number {
    return this.times.length;
  }

  add(time: number, thing: T): void {
    let at = this.times.length;
    this.times.push(time);
    this.things.push(thing);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (this.timeAt(parent) <= time) break;
      this.move(parent, at);
      at = parent;
    }
    this.put(at, time, thing);
  }

  /** Removes what comes first; undefined where nothing is left. */
  next(): { readonly time: number; readonly thing: T } | undefined {
    const time = this.times[0];
    const thing = this.things[0];
    const lastTime = this.times.pop();
    const lastThing = this.things.pop();
    if (time === undefined || thing === undefined || lastTime === undefined || lastThing === undefined) {
      return undefined;
    }
    const { length } = this.times;
    if (length > 0) {
      let at = 0;
      for (;;) {
        let child = 2 * at + 1;
        if (child >= length) break;
        if (child + 1 < length && this.timeAt(child + 1) < this.timeAt(child)) child += 1;
        if (this.timeAt(child) >= lastTime) break;
        this.move(child, at);
        at = child;
      }
      this.put(at, lastTime, lastThing);
    }
    return { time, thing };
  }

  private timeAt(at: number): number {
    return this.times[at] ?? Number.POSITIVE_INFINITY;
  }

  private move(from: number, to: number): void {
    this.put(to, this.timeAt(from), this.things[from] as T);
  }

  private put(at: number, time: number, thing: T): void {
    this.times[at] = time;
    this.things[at] = thing;
  }
}
