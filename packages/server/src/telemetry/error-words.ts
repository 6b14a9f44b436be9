import { nestedRequestFields, requestFields } from '../domain/request-fields.ts';

/**
 * The words of errors of inference servers, taken from recorded errors of the vendors and of llama.cpp, vLLM, SGLang,
 * Ollama, CUDA and Node. Where `logging.content` is off, only these words of an upstream reach the log, so a word belongs
 * here only where it says something about a fault.
 */
const technical = `
abort aborted absent accept accepted access account action active address admin agent allocate allocated allocation
allowed already alternate alternating anthropic api app argument arguments array assert assertion assistant attempt
attention audio auth authenticate authenticated authentication authorization authorized available await azure bad
balance base64 batch bearer beam begin beta billing bind blob block blocked blocklist body boolean broken bucket budget
buffer bug bus busy bytecode cache cached call callback called calling calls cancelled candidate candidates cannot
canceled capacity cert certificate channel chat check checksum chunk citations claude client close closed cloud
cluster code coding column command compile completion completions compute config configuration configured conflict
connect connected connection constraint consumed content contents continuation control conversation core corrupt
could couldn count cpu crash create created credential credentials credit credits cublas cuda cudnn currently cut cutoff data
database deadline decode decoder decoding default defined definition deleted delta denied dependency deployed
deployment deprecated deserialize detected developer device dict dictionary directory disabled disallowed disconnected
disk dns doesn domain done download driver dropped duplicate embedding empty enabled encode encoding end ended endpoint
engine enough enter entity entries entry enum environment eof eos error errors event evicted exceed exceeded exceeding
exceeds exception executable execute executed execution executor exhausted exist exists exited expected expired expires
extra fail failed fails failure fatal features fetch field fields file files filter filtered finish finished flag
flagged float forbidden format formatted forward found fraction free frequency function functions gateway gemini gen
generate generated generation generator ggml ggufs gguf google gpu grammar graph greater grpc guard guardrail guided
handle handler hardware hash head header headers heap host html http https id identifier ids idle illegal image images
implemented inactive inappropriate increase increasing include incomplete incorrect index infer inference inf initial initialize inline
input inputs insert instance instruction instructions insufficient int integer interleave internal interrupted invalid
io is_error isn issue item items iteration job json kernel key keys killed kind kv language last launch layer length
less line list literal llama llm llms load loaded loader loading local lock locked logit logits logprob logprobs
lora loss lost machine malformed management mapping mask match matching matrix max maximum mem memory message messages
method min minimum misformatted mismatch missing mistral mixed modality model models moderation module multimodal multiple must mutex
name named nan native nccl negative network no node nodes non none not null nullptr number numeric object offline
offset only open openai operation option options order org organization origin outage output outside overflow overlap
overload overloaded overrun padding param parameter parameters parse parsed parser parsing part partial parts path
pattern payload pending permission permitted pipe plain planned policy pool port position positive preempted prefill
prefix presence present preset previous problem process processed processing processor profile prohibited project
prompt prompts proper properties property protected protocol provide provided provider proxy python pytorch pydantic
quantization quantized queue queued quota raise raised range rank rate raw reach reached read reading ready reason
reasoning reasons received recitation recognized reconnect redacted redirect reduce refer reference refusal refused region
regex register registered reject rejected released remaining remote remove repeated repetition replica replicas request
requested requests require required requires reserved reset resolve resource resources response responses responsible
restart restarting result results resume retries retry return returned role roles route router rpc run runner running
runtime safety sample sampler sampling scale scheduler schema scope script search seed segmentation selected send sequence
sequences serialize server servers service session setting settings shape shard shared shutdown shutting signal signature single
size slot slots socket software specified speculative split ssl stack stall start started starting state static status
std stop stopped stopping storage store stream streaming string structured supported supports suspended swap syntax
system tag target task template temperature temporarily temporary tensor terminate terminated terminating text than thinking
thought thread throttled throttling throw throwing thrown timed timeout tls token tokenize tokenizer tokenization tokens
tool tools top torch trace traceback transform transformer transient tried try trying tuple tunnel type types unable
unauthenticated unauthorized unavailable unclosed undefined unexpected unhandled unicode unique unit unknown unloaded
unloading unprocessable unreachable unread unrecognized unreadable unresponsive unset unspecified unsupported
unterminated update upgrade upstream url usage use used user utf utf8 valid validate validation value values vector version vertex
video violates violation vllm vocab vocabulary vram wait waiting warning wasn watchdog weight weights window without
won worker workers wrong xml zero web refuse pause turn malformed_call spii armor ai lmstudio sglang ollama jinja
wouldn exactly either conflicting mutually exclusive supply supplied specify unpaired following immediately consecutive
wide rule rules lower raised instead long longer short large larger small high higher low many few row triggered triggering tpm rpm rpd abuse fraud harm harmful sexual violence hate csam cyber biological toxic
application octet gzip br deflate zstd compress identity charset websocket form www urlencoded multipart ndjson
`;

/** A number beside one of these words is a measure and is shown; beside any other word it may belong to the prompt. */
const measures = `
b bit bits byte bytes characters concurrent ctx context day days dimension dimensions errno exit gb gib hour
hours http items kb kib least length level limit limits line loc max maximum mb mib min minimum minute minutes messages
milliseconds most ms n percent position port queue requested requests retries seconds second sec size
than token tokens total tb tib used window width height pixels pages sequences slots parts images minutely hourly daily
`;

/** Shown only between two words of the other lists. */
const joining = `
a after again all an and any are as at be because been before being below between beyond but by can contains did do does
during each even for from given gives goes had has have how however if in into is it its left may more near new next of off on
once one or other out over own per please please should since so such t s re ve ll that the their them then there these they
this those three through to too two under until up upon via was we were what when where which while who will with within would
yet you your above against about also because both
`;

const wordsOf = (text: string): string[] => text.trim().split(/\s+/);
const partsOf = (names: Iterable<string>): string[] => [...names].flatMap((name) => name.split('_'));

export type WordKind = 'technical' | 'measure' | 'joining';

/** Each word in small letters, with its list. */
export const errorWords: ReadonlyMap<string, WordKind> = new Map<string, WordKind>([
  ...wordsOf(joining).map((word) => [word, 'joining'] as const),
  ...[...wordsOf(technical), ...partsOf(requestFields), ...partsOf(nestedRequestFields)].map(
    (word) => [word, 'technical'] as const,
  ),
  ...wordsOf(measures).map((word) => [word, 'measure'] as const),
]);
