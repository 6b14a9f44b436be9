import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/*
 * The measure for what a follower costs: each answer of this server is a head and one event, and is held open. It prints its port.
 */
const held = new Set<ServerResponse>();
const server = createServer((_, response) => {
  held.add(response);
  response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
  response.write('data: one\n\n');
});
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`${(server.address() as AddressInfo).port}\n`);
});
