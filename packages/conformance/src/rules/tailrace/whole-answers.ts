import { answerOf, isCount, objectAt, objectsIn } from '../../reading/body.ts';
import { viewOf } from '../../reading/stream-view.ts';
import type { Exchange, Recording } from '../../wire/exchange.ts';
import {
  excerpt,
  type Finding,
  judgeEach,
  named,
  notApplicable,
  type Opinion,
  wholeAnswers,
} from '../judging.ts';
import type { Rule } from '../rule.ts';

const answers = { set: 'tailrace', group: 'answers', severity: 'failure' } as const;

export const strictAnswerRules: readonly Rule[] = [
  {
    ...answers,
    id: 'whole-form',
    expects:
      'An answer without a stream has id chatcmpl-…, object, created, model, system_fingerprint, usage, and choices with index, message {role, content, refusal}, logprobs and finish_reason.',
    why: 'A program that reads both forms finds the same fields in both.',
    probes: ['plain', 'length', 'neutral-values', 'content-parts'],
    judge: judgeEach(wholeAnswers, 'no request was answered without a stream', wholeForm),
  },
  {
    ...answers,
    id: 'same-prompt',
    expects: 'The same messages have the same prompt_tokens, streaming and not.',
    why: 'What a request costs must not depend on whether it streams.',
    probes: ['plain', 'stream-with-usage'],
    judge: judgeEach(named('stream-with-usage'), 'no stream was asked for with its usage', samePrompt),
  },
];

function wholeForm(exchange: Exchange) {
  const body = answerOf(exchange);
  const findings: Finding[] = [];
  const { id, system_fingerprint: fingerprint, usage } = body;
  if (typeof id !== 'string' || !id.startsWith('chatcmpl-')) findings.push({ seen: `id is ${excerpt(id)}` });
  if (typeof fingerprint !== 'string')
    findings.push({ seen: `system_fingerprint is ${excerpt(fingerprint)}` });
  if (!isCount(objectAt({ usage }, 'usage')['total_tokens']))
    findings.push({ seen: `usage is ${excerpt(usage)}` });
  for (const choice of objectsIn(body['choices'])) {
    const message = objectAt(choice, 'message');
    const missing = [
      ...['index', 'message', 'logprobs', 'finish_reason'].filter((name) => !(name in choice)),
      ...['role', 'content', 'refusal'].filter((name) => !(name in message)),
    ];
    if (missing.length > 0)
      findings.push({ seen: `a choice without ${missing.join(', ')}: ${excerpt(choice)}` });
  }
  return findings;
}

function samePrompt(exchange: Exchange, recording: Recording): Opinion {
  const whole = recording.get('plain');
  const alone = whole === undefined ? undefined : objectAt(answerOf(whole), 'usage')['prompt_tokens'];
  const streamed = viewOf(exchange).usages.at(-1);
  if (alone === undefined || streamed === undefined) return notApplicable('one of them has no usage');
  const { prompt_tokens: prompt } = streamed.usage;
  return prompt === alone
    ? undefined
    : { event: streamed.event, seen: `prompt_tokens ${excerpt(prompt)} streaming, ${excerpt(alone)} not` };
}
