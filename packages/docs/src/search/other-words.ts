import { stemOf } from './words.ts';

/*
 * What a reader calls things, and what the pages call them. Each line is one meaning; every word of it finds the others.
 */
const meanings = [
  'pay billing bill charge cost money price spend dollar',
  'close leave disconnect abort abandon gone quit',
  'stop cancel end halt abort kill exit terminate',
  'tab browser page window',
  'user caller reader customer person',
  'team owner customer tenant department',
  'limit quota throttle rate cap bound',
  'slow latency delay wait hang stall stuck',
  'fast speed performance quick throughput',
  'install setup start run launch',
  'deploy deployment container docker kubernetes systemd service production',
  'crash die dead kill restart lost outage down unreachable',
  'fail failure error fault refuse broken',
  'fallback failover backup takeover',
  'backup export dump restore copy',
  'upgrade update version migrate',
  'provider upstream vendor backend target',
  'key credential secret apikey',
  'rotate replace renew',
  'login sign signin sso oidc oauth',
  'authentication auth authorization authenticate required login',
  'graceful shutdown drain draining stop sigterm',
  'off disable disabled without',
  'schema json structured typed',
  'tool function call',
  'reasoning thought thinking think',
  'reconnect resume continue reload resumable pick',
  'memory ram heap weigh weight footprint kb',
  'two several many multiple both',
  'answer response reply result output completion',
  'prefill continue prefix beginning assistant',
  'switch change replace move',
  'question help support ask',
  'price tariff catalogue',
  'cut torn truncated incomplete broken partial break die midstream',
  'usage used consume count number',
  'client app application program sdk',
  'seed deterministic reproducible same repeat',
  'nginx proxy balancer buffering cloudflare ingress',
  'database postgres postgresql store storage sqlite',
  'log logging logs record audit',
  'metric monitoring prometheus grafana observability series',
  'alert alarm webhook notify notification pager oncall',
  'scale replica worker instance cluster horizontal',
  'test mock fake simulate scripted rehearse try fault',
  'gpu hardware cpu thread',
  'model weights gguf file',
  'environment variable env',
  'size length big large long maximum max',
  'cache cached caching',
  'hedge slow backup',
  'retry again attempt try repeat',
  'anthropic claude',
  'gemini google',
  'react hook component frontend',
  'nextjs next vercel',
  'python pip pypi',
  'typescript javascript node npm',
  'image picture vision audio',
  'header headers',
  'privacy content prompt stored retention',
  'delete remove revoke erase',
  'invoice export csv report',
].map((line) => line.split(' '));

/** The stems of other words for a meaning, by the stem of each of its words. */
const byStem = new Map<string, Set<string>>();
for (const words of meanings) {
  const stems = words.map(stemOf);
  for (const stem of stems) {
    const others = byStem.get(stem) ?? new Set<string>();
    for (const other of stems) if (other !== stem) others.add(other);
    byStem.set(stem, others);
  }
}

/** The stems of other words with the meaning of this stem. */
export function otherWords(stem: string): readonly string[] {
  return [...(byStem.get(stem) ?? [])];
}
