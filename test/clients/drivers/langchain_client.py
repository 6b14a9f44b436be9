"""LangChain for Python."""

from langchain_core.messages import HumanMessage
from langchain_openai import ChatOpenAI

import lines


def chat(call):
    request = dict(call["request"])
    request.pop("messages")
    include_usage = (request.pop("stream_options", None) or {}).get("include_usage", True)
    names = ("model", "max_tokens", "temperature", "top_p", "seed", "stop", "n")
    named = {name: request.pop(name) for name in names if name in request}
    return ChatOpenAI(
        **named,
        extra_body=request,
        base_url=call["baseUrl"],
        api_key=call["apiKey"],
        default_headers=call.get("headers") or {},
        max_retries=0,
        stream_usage=include_usage,
        use_responses_api=False,
    )


def note_usage(outcome, usage):
    if usage:
        outcome["usage"] = {
            "prompt": usage["input_tokens"],
            "completion": usage["output_tokens"],
            "total": usage["total_tokens"],
        }


def note_message(outcome, message):
    outcome["text"] = message.text
    outcome["finish"] = message.response_metadata["finish_reason"]
    outcome["usageEvents"] = 1
    note_usage(outcome, message.usage_metadata)


def complete(call, outcome):
    note_message(outcome, chat(call).invoke(call["request"]["messages"]))


def stream(call, outcome):
    chunks = chat(call).stream(call["request"]["messages"])
    outcome["iterating"] = True
    whole = None
    for chunk in chunks:
        outcome["events"] += 1
        outcome["pieces"] += 1 if chunk.text else 0
        outcome["usageEvents"] += 1 if chunk.usage_metadata else 0
        whole = chunk if whole is None else whole + chunk
        outcome["text"] = whole.text
        if outcome["pieces"] == call.get("stopAfter"):
            chunks.close()
            break
    if whole is not None:
        outcome["finish"] = whole.response_metadata.get("finish_reason")
        note_usage(outcome, whole.usage_metadata)


def turns(call, outcome):
    model = chat(call)
    first = model.invoke(call["request"]["messages"])
    note_message(outcome, model.invoke([*call["request"]["messages"], first, HumanMessage(call["question"])]))


lines.serve({"complete": complete, "stream": stream, "turns": turns}, lines.openai_error)
