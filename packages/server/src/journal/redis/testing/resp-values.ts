/** Splits what a client or a server of Redis sends (RESP2) into whole values, as their bytes. */
export class RespValues {
  private bytes: Buffer = Buffer.alloc(0);

  push(bytes: Buffer): void {
    this.bytes = this.bytes.length === 0 ? bytes : Buffer.concat([this.bytes, bytes]);
  }

  /** The next value; undefined while it is not whole. */
  next(): Buffer | undefined {
    const end = this.endOf(0);
    if (end === undefined) return undefined;
    const value = this.bytes.subarray(0, end);
    this.bytes = this.bytes.subarray(end);
    return value;
  }

  private endOf(at: number): number | undefined {
    const lineEnd = this.bytes.indexOf('\r\n', at);
    if (lineEnd < 0) return undefined;
    const kind = this.bytes[at];
    const count = Number(this.bytes.toString('latin1', at + 1, lineEnd));
    let end: number | undefined = lineEnd + 2;
    if (kind === 0x24 && count >= 0) end += count + 2;
    if (kind === 0x2a) for (let left = count; left > 0 && end !== undefined; left -= 1) end = this.endOf(end);
    return end !== undefined && end <= this.bytes.length ? end : undefined;
  }
}

/** The words of a command, which is a list of texts. */
export function wordsOf(command: Buffer): readonly string[] {
  const words: string[] = [];
  let at = command.indexOf('\r\n') + 2;
  while (at < command.length) {
    const lineEnd = command.indexOf('\r\n', at);
    const length = Number(command.toString('latin1', at + 1, lineEnd));
    words.push(command.toString('latin1', lineEnd + 2, lineEnd + 2 + length));
    at = lineEnd + 2 + length + 2;
  }
  return words;
}
