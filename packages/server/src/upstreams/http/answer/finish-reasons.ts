import type { FinishReason } from '@tailrace/protocol';

/**
 * The finish reasons of all providers, each in the form of {@link plainReason} (contract, section 7). Gateways and
 * emulators pass on the reasons of other providers, so each dialect knows all of them. A reason that says only that
 * the answer failed (`error`, `network_error`, `OTHER`) is none of these: such an answer is torn.
 */
const reasonsOf: Readonly<Record<FinishReason, readonly string[]>> = {
  stop: ['stop', 'eos', 'eostoken', 'endturn', 'stopsequence', 'complete'],
  length: [
    'length',
    'lengthlimit',
    'maxlength',
    'modellength',
    'contextlength',
    'contextlengthexceeded',
    'contextwindowexceeded',
    'modelcontextwindowexceeded',
    'maxtokens',
    'maxtokensreached',
    'maxtokensexceeded',
    'maxnewtokens',
    'maxoutputtokens',
    'maxcompletiontokens',
    // watsonx.
    'tokenlimit',
    'tokenlimitreached',
    // Gemini: the answer is longer than one request may return.
    'continuation',
  ],
  tool_calls: ['toolcalls', 'toolcall', 'tooluse', 'functioncall'],
  content_filter: [
    'contentfilter',
    'contentfiltered',
    'filter',
    'filtered',
    'contentpolicy',
    'contentpolicyviolation',
    'policyviolation',
    'responsibleaipolicyviolation',
    'contentblocked',
    'contentmoderation',
    'moderation',
    'moderated',
    'moderationblocked',
    'blocked',
    'refusal',
    'sensitive',
    'sensitivecontent',
    'unsafe',
    'datainspectionfailed',
    'risk',
    'riskcontrol',
    'contentrisk',
    'safety',
    'safetyerror',
    'safetyfilter',
    'safetyblocked',
    // Bedrock.
    'guardrail',
    'guardrails',
    'guardrailblocked',
    'guardrailintervened',
    // Cohere.
    'toxic',
    'errortoxic',
    // Gemini and Vertex AI.
    'recitation',
    'blocklist',
    'prohibitedcontent',
    'spii',
    'imagesafety',
    'imageprohibitedcontent',
    'imagerecitation',
    'modelarmor',
  ],
};

const reasons: ReadonlyMap<string, FinishReason> = new Map(
  (Object.keys(reasonsOf) as FinishReason[]).flatMap((reason) =>
    reasonsOf[reason].map((name) => [name, reason] as const),
  ),
);

/** The spellings of an absent reason. */
const none = new Set(['', 'null', 'none', 'unspecified']);

/** Longer than any reason; the text of a longer one is not read. */
const longestReason = 64;

/** `content_filter`, `CONTENT-FILTER` and `FinishReason.ContentFilter` are one reason, as members of an enumeration are. */
function plainReason(given: string): string {
  if (given.length > longestReason) return given;
  const letters = given.toLowerCase().replaceAll(/[-_.\s]/g, '');
  return letters.replace(/^(?:finish|block)reason/, '');
}

/** Whether a value names a reason, known or not, why an answer finished or (Gemini) was blocked. */
export function isReason(value: unknown): value is string {
  return typeof value === 'string' && !none.has(plainReason(value));
}

/** The finish reason for a provider's reason; undefined where that is no finish, and then the answer is torn. */
export function finishReasonOf(given: string): FinishReason | undefined {
  return reasons.get(plainReason(given));
}
