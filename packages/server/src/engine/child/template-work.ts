import { Template } from '@huggingface/jinja';
import { openTemplate, type Render, type TemplateFacts, type TemplateMessage } from './chat-template.ts';
import type { TemplateTool } from './generic-tools.ts';

/** A chat template, and the texts of the vocabulary that it may write. */
export interface TemplateSource {
  readonly source: string;
  readonly bosText: string;
  readonly eosText: string;
}

export type TemplateTask =
  /** `source`: undefined where the file has none. */
  | {
      readonly type: 'open';
      readonly template: Omit<TemplateSource, 'source'> & { readonly source: string | undefined };
    }
  | {
      readonly type: 'render';
      readonly template: TemplateSource;
      readonly messages: readonly TemplateMessage[];
      readonly tools: readonly TemplateTool[];
    };

export type TemplateAnswer =
  | { readonly type: 'opened'; readonly facts: TemplateFacts }
  | { readonly type: 'rendered'; readonly text: string }
  /** `reason`: of the template, or of its engine. */
  | { readonly type: 'refused'; readonly reason: string }
  | { readonly type: 'too-long'; readonly units: number };

/** The most UTF-16 units of a prompt with its marks: more than an ordinary request can have. */
const mostUnits = 64 << 20;
/** The most compiled templates that are kept, one a model; the oldest is dropped first. */
const templatesKept = 64;

/**
 * Opens and renders chat templates, one task after the other. A template is a program by the author of the model file:
 * it may take any time and memory, so it runs on a thread that can be ended (`template-thread.ts`).
 */
export function createTemplateWork(): (task: TemplateTask) => TemplateAnswer {
  const compiled = new Map<string, Template>();

  function compile({ source, bosText, eosText }: TemplateSource): Render {
    let template = compiled.get(source);
    if (template === undefined) {
      template = new Template(source);
      const [oldest] = compiled.keys();
      if (compiled.size >= templatesKept && oldest !== undefined) compiled.delete(oldest);
      compiled.set(source, template);
    }
    const kept = template;
    return (messages, tools) =>
      kept.render({
        messages,
        add_generation_prompt: true,
        bos_token: bosText,
        eos_token: eosText,
        tools: tools.length > 0 ? tools : null,
        documents: null,
      });
  }

  function render(task: Extract<TemplateTask, { readonly type: 'render' }>): TemplateAnswer {
    try {
      const text = compile(task.template)(task.messages, task.tools);
      return text.length > mostUnits ? { type: 'too-long', units: text.length } : { type: 'rendered', text };
    } catch (error) {
      const reason = error instanceof Error ? error.message.slice(0, 200) : 'no reason given';
      return { type: 'refused', reason };
    }
  }

  return (task) => {
    if (task.type === 'render') return render(task);
    const { source, ...texts } = task.template;
    return { type: 'opened', facts: openTemplate(source, (one) => compile({ source: one, ...texts })) };
  };
}
