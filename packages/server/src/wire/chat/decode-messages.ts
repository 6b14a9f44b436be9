import type { AssistantMessage, Content, ContentPart, Message, ToolCall } from '../../domain/chat-request.ts';
import { failure } from '../../domain/failure.ts';
import type { JsonValue } from '../../domain/json.ts';
import { withoutHalfPairs } from '../../domain/json-escapes.ts';
import { needOnce, type Requirement } from '../../domain/requirements.ts';
import {
  describeValue,
  type Findings,
  listAt,
  listField,
  missing,
  objectAt,
  objectField,
  type Place,
  pathTo,
  plainField,
  rawField,
  restMembers,
  restOf,
  stringAt,
  stringField,
  wrongType,
  wrongValue,
} from '../fields.ts';
import { membersIn, membersOfCall, membersOfMessage, membersOfPart } from './known-members.ts';
import {
  audioFields,
  calledFields,
  callFields,
  chatBounds,
  imageFields,
  messageFields,
} from './plain-fields.ts';

const roles = messageFields.role.enum;

/** Known members of an assistant's message that go into `rest`. `annotations` are left out: no target takes them back. */
const uninterpretedOfAssistant = new Set(['audio', 'function_call', 'tool_call_id']);
const uninterpretedOfOthers = new Set(
  [...membersOfMessage.keys()].filter((name) => !['role', 'content', 'name'].includes(name)),
);
const uninterpretedOfTool = new Set([...uninterpretedOfOthers].filter((name) => name !== 'tool_call_id'));

/** `messages`, at least one. What not every target reads (images, audio…) is added to `requirements`. */
export function decodeMessages(place: Place, requirements: Requirement[]): Message[] {
  if (rawField(place, 'messages') === undefined) {
    missing(place, 'messages', 'an array with at least one message');
    return [];
  }
  const messages = listField(place, 'messages', chatBounds.messages, (value, path, findings) =>
    decodeMessage(value, path, findings, requirements),
  );
  if (messages?.length === 0) {
    wrongValue(place.findings, 'messages', "'messages' must have at least one message.");
  }
  return messages ?? [];
}

function decodeMessage(
  value: JsonValue,
  path: string,
  findings: Findings,
  requirements: Requirement[],
): Message | undefined {
  const place = objectAt(findings, path, value);
  if (place === undefined) return undefined;
  if (rawField(place, 'role') === undefined) return missing(place, 'role', `one of ${roles.join(', ')}`);
  const role = plainField(place, messageFields, 'role');
  switch (role) {
    case undefined:
      return undefined;
    case 'assistant':
      return decodeAssistant(place, requirements);
    case 'tool': {
      const content = decodeRequiredContent(place, requirements);
      const toolCallId = plainField(place, messageFields, 'tool_call_id');
      const name = plainField(place, messageFields, 'name');
      if (toolCallId === undefined) return missing(place, 'tool_call_id', 'the id of the call this answers');
      const rest = restMembers(restOf(place, membersOfMessage, uninterpretedOfTool));
      return { role, content, toolCallId, ...(name === undefined ? {} : { name }), ...rest };
    }
    case 'system':
    case 'developer':
    case 'user': {
      const name = plainField(place, messageFields, 'name');
      const content = decodeRequiredContent(place, requirements);
      const rest = restMembers(restOf(place, membersOfMessage, uninterpretedOfOthers));
      return { role, content, ...(name === undefined ? {} : { name }), ...rest };
    }
  }
}

/**
 * An assistant's message is accepted as an SDK returned it: with `content: null`, `refusal`, `annotations`, `audio`,
 * `function_call: null`, and our own `reasoning_content` and `extra_content`.
 */
function decodeAssistant(place: Place, requirements: Requirement[]): AssistantMessage | undefined {
  const content = decodeContent(place, requirements);
  const toolCalls = listField(place, 'tool_calls', chatBounds.toolCalls, decodeToolCall) ?? [];
  const refusal = plainField(place, messageFields, 'refusal');
  const name = plainField(place, messageFields, 'name');
  const reasoning = plainField(place, messageFields, 'reasoning_content');
  const extra = objectField(place, 'extra_content');
  if (rawField(place, 'function_call') !== undefined) {
    needOnce(requirements, { feature: 'functions', param: pathTo(place, 'function_call') });
  }
  const saysNothing =
    !Object.hasOwn(place.object, 'content') && toolCalls.length === 0 && refusal === undefined;
  if (saysNothing && rawField(place, 'function_call') === undefined && reasoning === undefined) {
    return missing(place, 'content', 'an assistant message has content, tool_calls or a refusal');
  }
  const said = content === undefined && Object.hasOwn(place.object, 'content') ? null : content;
  return {
    role: 'assistant',
    toolCalls,
    ...(said === undefined ? {} : { content: said }),
    ...(refusal === undefined ? {} : { refusal }),
    ...(name === undefined ? {} : { name }),
    ...(reasoning === undefined ? {} : { reasoning }),
    ...(extra === undefined ? {} : { extra: extra.object }),
    ...restMembers(restOf(place, membersOfMessage, uninterpretedOfAssistant)),
  };
}

function decodeRequiredContent(place: Place, requirements: Requirement[]): Content {
  const content = decodeContent(place, requirements);
  if (content === undefined) missing(place, 'content', 'a string or an array of content parts');
  return content ?? [];
}

function decodeContent(place: Place, requirements: Requirement[]): Content | undefined {
  const value = rawField(place, 'content');
  if (value === undefined) return undefined;
  const param = pathTo(place, 'content');
  if (typeof value === 'string') {
    return stringAt(place.findings, param, value);
  }
  if (!Array.isArray(value)) {
    return wrongType(place.findings, param, 'a string or an array of content parts', value);
  }
  if (value.length === 0) {
    return wrongValue(place.findings, param, `'${param}' must have at least one content part.`);
  }
  return listAt(place.findings, param, value, chatBounds.parts, (item, path, findings) =>
    decodePart(item, path, findings, requirements),
  );
}

function decodePart(
  value: JsonValue,
  path: string,
  findings: Findings,
  requirements: Requirement[],
): ContentPart | undefined {
  const place = objectAt(findings, path, value);
  if (place === undefined) return undefined;
  const type = rawField(place, 'type');
  switch (type) {
    case 'text':
      return requireText(place, 'text', (text) => ({ type: 'text', text, ...restOfPart(place, 'text') }));
    case 'refusal':
      return requireText(place, 'refusal', (refusal) => ({
        type: 'refusal',
        refusal,
        ...restOfPart(place, 'refusal'),
      }));
    case 'image_url':
      needOnce(requirements, {
        feature: 'image_input',
        param: path,
        hint: 'It is an image; this model reads text.',
      });
      return decodeImage(place);
    case 'input_audio':
      needOnce(requirements, {
        feature: 'audio_input',
        param: path,
        hint: 'It is audio; this model reads text.',
      });
      return decodeAudio(place);
    case 'file': {
      needOnce(requirements, {
        feature: 'file_input',
        param: path,
        hint: 'It is a file; this model reads text.',
      });
      const file = objectField(place, 'file');
      if (file === undefined) return missing(place, 'file', 'an object');
      return { type: 'file', file: file.object, ...restOfPart(place, 'file') };
    }
    case undefined:
      return missing(place, 'type', 'the kind of content part');
    default:
      if (typeof type !== 'string') return wrongType(findings, pathTo(place, 'type'), 'a string', type);
      findings.report(
        failure(
          'unsupported_parameter',
          `'${pathTo(place, 'type')}' must be one of text, image_url, input_audio, file, refusal.`,
          { param: pathTo(place, 'type') },
        ),
      );
      return undefined;
  }
}

function requireText(
  place: Place,
  key: string,
  make: (text: string) => ContentPart,
): ContentPart | undefined {
  const text = stringField(place, key);
  if (text === undefined) return missing(place, key, `a string, got ${describeValue(place.object[key])}`);
  return make(text);
}

function decodeImage(place: Place): ContentPart | undefined {
  const image = objectField(place, 'image_url');
  if (image === undefined) return missing(place, 'image_url', 'an object with a url');
  const url = plainField(image, imageFields, 'url');
  const detail = plainField(image, imageFields, 'detail');
  if (url === undefined) return missing(image, 'url', 'an http(s) or data URL');
  const rest = restOfPart(place, 'image_url', image);
  return { type: 'image', url, ...(detail === undefined ? {} : { detail }), ...rest };
}

function decodeAudio(place: Place): ContentPart | undefined {
  const audio = objectField(place, 'input_audio');
  if (audio === undefined) return missing(place, 'input_audio', 'an object with data and format');
  const data = plainField(audio, audioFields, 'data');
  const format = plainField(audio, audioFields, 'format');
  if (data === undefined) return missing(audio, 'data', 'base64 audio');
  if (format === undefined) return missing(audio, 'format', 'the audio format, wav or mp3');
  return { type: 'audio', data, format, ...restOfPart(place, 'input_audio', audio) };
}

/** For each kind of part the member names of the other kinds: a part that has them keeps them in `rest`. */
const uninterpretedOfPart = new Map(
  [...membersOfPart.keys()].map((own) => [
    own,
    new Set([...membersOfPart.keys()].filter((name) => name !== 'type' && name !== own)),
  ]),
);

/** The rest of a part whose member `own` is decoded, and of the object in that member (`inside`) where it is decoded too. */
function restOfPart(place: Place, own: string, inside?: Place) {
  return restMembers(
    restOf(place, membersOfPart, uninterpretedOfPart.get(own)),
    inside === undefined ? undefined : restOf(inside, membersIn(membersOfPart, own)),
  );
}

/** Arguments are JSON in a text: in it half of a surrogate pair is an escape, which some targets parse and then refuse. */
function withoutEscapedHalves(written: string): string {
  return /\\ud[89a-f]/i.test(written) ? withoutHalfPairs(Buffer.from(written)).toString() : written;
}

function decodeToolCall(value: JsonValue, path: string, findings: Findings): ToolCall | undefined {
  const place = objectAt(findings, path, value);
  if (place === undefined) return undefined;
  const type = plainField(place, callFields, 'type');
  if (type !== undefined && type !== 'function') {
    const param = pathTo(place, 'type');
    findings.report(failure('unsupported_parameter', `'${param}' must be 'function'.`, { param }));
    return undefined;
  }
  const id = plainField(place, callFields, 'id');
  const called = objectField(place, 'function');
  const extra = objectField(place, 'extra_content');
  if (id === undefined) return missing(place, 'id', 'the id of the call');
  if (called === undefined) return missing(place, 'function', 'an object with name and arguments');
  const name = plainField(called, calledFields, 'name');
  const args = plainField(called, calledFields, 'arguments');
  if (name === undefined) return missing(called, 'name', 'the name of the function');
  if (args === undefined) return missing(called, 'arguments', 'the arguments as JSON text');
  return {
    id,
    name,
    arguments: withoutEscapedHalves(args),
    ...(extra === undefined ? {} : { extra: extra.object }),
    ...restMembers(restOf(place, membersOfCall), restOf(called, membersIn(membersOfCall, 'function'))),
  };
}
