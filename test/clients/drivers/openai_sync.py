"""OpenAI's SDK for Python, the blocking client."""

import functools

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


@functools.lru_cache
def shared(base_url, api_key):
    """One client for many calls: a new one takes more time than such a call."""
    return client({"baseUrl": base_url, "apiKey": api_key})


# What the SDK shows, as it is: for tests that compare an upstream with this server in front of it.


def see_chunks(call, outcome):
    api = shared(call["baseUrl"], call["apiKey"])
    with api.chat.completions.create(**arguments(call["request"]), stream=True) as chunks:
        for chunk in chunks:
            outcome["seen"].append(chunk.to_dict(mode="json"))


def see_accumulated(call, outcome):
    api = shared(call["baseUrl"], call["apiKey"])
    with api.chat.completions.stream(**arguments(call["request"])) as running:
        outcome["seen"].append(running.get_final_completion().to_dict(mode="json"))


def see_whole(call, outcome):
    api = shared(call["baseUrl"], call["apiKey"])
    outcome["seen"].append(api.chat.completions.create(**arguments(call["request"])).to_dict(mode="json"))


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
    seeing = {"seeChunks": see_chunks, "seeAccumulated": see_accumulated, "seeWhole": see_whole}
    others = {"turns": turns, "models": models, "model": model}
    lines.serve({**operations, **seeing, **others}, lines.openai_error)
