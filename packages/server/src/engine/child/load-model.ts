import { fail, failure, ok, type Result } from '../../domain/failure.ts';
import { inspectModelFile } from '../between/model-file.ts';
import type { ModelInfo, ModelToLoad } from '../between/protocol.ts';
import type { ChatTemplate } from './chat-template.ts';
import type { LoadedModel } from './model.ts';
import type { Native } from './native.ts';
import { createPrompter, type Prompter } from './prompt.ts';
import { detectReasoningTags } from './reasoning-tags.ts';
import type { TemplateThread } from './template-thread.ts';

export interface ServedModel {
  readonly model: LoadedModel;
  readonly prompter: Prompter;
  readonly template: ChatTemplate;
  readonly tags: ReturnType<typeof detectReasoningTags>;
  readonly info: ModelInfo;
}

/**
 * Loads one model file: the weights, then the template, which has a time limit of its own. Fingerprint, context and
 * abilities are those of the loaded file. A file that changes during the load is refused.
 */
export async function loadModel(
  wanted: ModelToLoad,
  native: Pick<Native, 'load'>,
  templates: TemplateThread,
): Promise<Result<ServedModel>> {
  const before = await inspectModelFile(wanted.file);
  if (!before.ok) return before;
  const { fingerprint, stamp } = before.value;
  const loaded = await native.load({ ...wanted, context: contextFor(wanted, fingerprint) });
  if (!loaded.ok) return loaded;
  const model = loaded.value;
  const { vocabulary } = model;
  const opened = await templates.open(wanted.file, {
    source: model.template,
    bosText: vocabulary.bosText ?? '',
    eosText: vocabulary.eosText ?? '',
  });
  if (!opened.ok) return opened;
  const after = await inspectModelFile(wanted.file);
  if (!after.ok) return after;
  if (after.value.stamp !== stamp || after.value.fingerprint !== fingerprint) return fail(changed(wanted));
  const template = opened.value;
  const tags = detectReasoningTags(model.template);
  const { contextLength } = model.info;
  return ok({
    model,
    prompter: createPrompter({ template, tags, vocabulary, contextLength }),
    template,
    tags,
    info: { ...model.info, fingerprint },
  });
}

/** A context that was decided before is for the file with that fingerprint only. */
function contextFor({ context, decided }: ModelToLoad, fingerprint: string): number | 'max' {
  return decided === undefined || decided.fingerprint === fingerprint ? context : decided.otherwise;
}

function changed({ file }: ModelToLoad) {
  return failure(
    'internal_error',
    `The model file ${file} changed while it was loaded. Load it again when it is complete.`,
  );
}
