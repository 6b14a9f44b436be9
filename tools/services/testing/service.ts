/* A service for tests of instances: counts its starts in a file of its folder, and sends the count to each connection. */
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';

const [folder = '', port = ''] = process.argv.slice(2);
const file = path.join(folder, 'starts');
const starts = Number(readFileSync(file, 'utf8')) + 1;
if (!Number.isSafeInteger(starts)) {
  process.stderr.write('the file of starts is torn\n');
  process.exit(3);
}
writeFileSync(file, String(starts));
createServer((socket) => socket.end(String(starts))).listen(Number(port), '127.0.0.1');
