/** `data: <json>` and the blank line: the only frame of the default stream besides comments. */
export function sseData(json: string): string {
  return `data: ${json}\n\n`;
}

export const sseDone = 'data: [DONE]\n\n';
export const sseKeepalive = ': keepalive\n\n';
