import { crc32 } from 'node:zlib';

/*
 * One entry of the spool on disk:
 *
 *     length of the text (4 bytes, little endian) │ CRC-32 of these 4 bytes and the text (4) │ the text: JSON in UTF-8
 *
 * The length is part of the checksum: zeros, which a file system may leave at the end of a file after a power failure, are no
 * entry.
 */
export const headBytes = 8;

/** The entries as the bytes of a spool file. */
export function encodeFrames(entries: readonly unknown[]): Uint8Array {
  const texts = entries.map((entry) => JSON.stringify(entry));
  const lengths = texts.map((text) => Buffer.byteLength(text));
  const bytes = Buffer.allocUnsafe(lengths.reduce((sum, length) => sum + headBytes + length, 0));
  let at = 0;
  for (const [index, text] of texts.entries()) {
    const length = lengths[index] ?? 0;
    const end = at + headBytes + length;
    bytes.writeUInt32LE(length, at);
    // For the moment in the place of the checksum, so that all that it is of stands together.
    bytes.writeUInt32LE(length, at + 4);
    bytes.write(text, at + headBytes, 'utf8');
    bytes.writeUInt32LE(crc32(bytes.subarray(at + 4, end)), at + 4);
    at = end;
  }
  return bytes;
}

/** The text of the entry at `at`, and where it ends; undefined where there is no whole and undamaged one. */
export function frameAt(
  bytes: Buffer,
  at: number,
): { readonly text: Buffer; readonly end: number } | undefined {
  if (at + headBytes > bytes.length) return undefined;
  const length = bytes.readUInt32LE(at);
  const end = at + headBytes + length;
  if (end > bytes.length || bytes.readUInt32LE(at + 4) !== checksum(bytes, at, length)) return undefined;
  return { text: bytes.subarray(at + headBytes, end), end };
}

function checksum(bytes: Buffer, at: number, length: number): number {
  return crc32(bytes.subarray(at + headBytes, at + headBytes + length), crc32(bytes.subarray(at, at + 4)));
}
