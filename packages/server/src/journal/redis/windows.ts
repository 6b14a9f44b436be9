import type { StreamImage } from '../stream-image.ts';

/**
 * The newest events of each stream that this process writes or follows: what readers near the end take without a call. The rest
 * lies in Redis only.
 */
export class Windows {
  /** What all windows take. */
  bytes = 0;
  private readonly totalBytes: () => number;
  /** What is counted for each. */
  private readonly sizes = new Map<StreamImage, number>();

  constructor(totalBytes: () => number) {
    this.totalBytes = totalBytes;
  }

  /** The window has grown: holds it to `most` bytes, and all together to their bound. */
  grew(image: StreamImage, most = windowBytes): void {
    image.keepNewest(most);
    this.count(image);
    const totalBytes = this.totalBytes();
    if (this.bytes <= totalBytes) return;
    this.shorten(image, totalBytes);
    for (const other of this.sizes.keys()) {
      if (this.bytes <= totalBytes) return;
      this.shorten(other, totalBytes);
    }
  }

  /** The window is no longer counted. */
  release(image: StreamImage): void {
    this.bytes -= this.sizes.get(image) ?? 0;
    this.sizes.delete(image);
  }

  private count(image: StreamImage): void {
    this.bytes += image.bytes - (this.sizes.get(image) ?? 0);
    this.sizes.set(image, image.bytes);
  }

  private shorten(image: StreamImage, totalBytes: number): void {
    image.keepNewest(Math.max(0, image.bytes - (this.bytes - totalBytes)));
    this.count(image);
  }
}

/** 5 s of a fast stream. The newest event is always kept. */
export const windowBytes = 256 * 1024;
