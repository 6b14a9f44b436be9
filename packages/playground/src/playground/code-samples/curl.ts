import type { RequestBody } from '../../chat/request-body.ts';
import type { WireExchange } from '../../chat/wire-log.ts';
import { jsonAt, streams } from './literals.ts';

export function curl(body: RequestBody, origin: string): string {
  return [
    `curl ${streams(body) ? '-N ' : ''}${origin}/v1/chat/completions \\`,
    `  -H "Authorization: Bearer $TAILRACE_API_KEY" \\`,
    `  -H "Content-Type: application/json" \\`,
    `  -d ${quoted(jsonAt(body, 0))}`,
  ].join('\n');
}

/** A request that the page has sent, with its very headers and body. The server that it went to is that of the page. */
export function curlOf(exchange: WireExchange, origin: string): string {
  const { method, path, requestHeaders, requestBody } = exchange;
  const lines = [
    `curl -N ${method === 'GET' || requestBody !== undefined ? '' : `-X ${method} `}${quoted(origin + path)}`,
    `-H "Authorization: Bearer $TAILRACE_API_KEY"`,
    ...requestHeaders.map(([name, value]) => `-H ${quoted(`${name}: ${value}`)}`),
    ...(requestBody === undefined ? [] : [`--data-raw ${quoted(requestBody)}`]),
  ];
  return lines.join(' \\\n  ');
}

/** Inside of single quotes a shell knows no escape: the quote is closed, written and opened again. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
