"""OpenAI's SDK for Python, the blocking client."""

from openai import OpenAI

import lines


def client(call):
    return OpenAI(
        base_url=call["baseUrl"], api_key=call["apiKey"], max_retries=0, default_headers=call.get("headers") or {}
    )


def arguments(request):
    """Fields the SDK has no argument for go into `extra_body`, as its users do it."""
    known = {"model", "messages", "stream", "stream_options", "temperature", "top_p", "max_tokens"}
    known |= {"max_completion_tokens", "stop", "seed", "n", "presence_penalty", "frequency_penalty", "logit_bias"}
    known |= {"logprobs", "top_logprobs", "response_format", "tools", "tool_choice", "user"}
    named = {name: value for name, value in request.items() if name in known}
    extra = {name: value for name, value in request.items() if name not in known}
    return {**named, "extra_body": extra} if extra else named


def complete(call, outcome):
    completion = client(call).chat.completions.create(**arguments(call["request"]))
    lines.note_completion(outcome, completion.model_dump())


def stream(call, outcome):
    with client(call).chat.completions.create(**arguments(call["request"]), stream=True) as chunks:
        outcome["iterating"] = True
        for chunk in chunks:
            lines.note_chunk(outcome, chunk.model_dump())
            # Leaving the `with` block closes the connection; `break` alone would not.
            if outcome["pieces"] == call.get("stopAfter"):
                break


def helper(call, outcome):
    with client(call).chat.completions.stream(**arguments(call["request"])) as running:
        outcome["iterating"] = True
        lines.note_completion(outcome, running.get_final_completion().model_dump())


def turns(call, outcome):
    api = client(call)
    first = api.chat.completions.create(**arguments(call["request"]))
    message = first.choices[0].message
    for form in (message, message.model_dump()):
        messages = [*call["request"]["messages"], form, {"role": "user", "content": call["question"]}]
        second = api.chat.completions.create(**arguments({**call["request"], "messages": messages}))
    lines.note_completion(outcome, second.model_dump())


def models(call, outcome):
    outcome["ids"] = [model.id for model in client(call).models.list()]


def model(call, outcome):
    outcome["ids"] = [client(call).models.retrieve(call["modelId"]).id]


if __name__ == "__main__":
    operations = {"complete": complete, "stream": stream, "helper": helper}
    lines.serve({**operations, "turns": turns, "models": models, "model": model}, lines.openai_error)
