"""OpenAI's SDK for Python, the asynchronous client."""

from openai import AsyncOpenAI

import lines
from openai_sync import arguments


def client(call):
    return AsyncOpenAI(
        base_url=call["baseUrl"], api_key=call["apiKey"], max_retries=0, default_headers=call.get("headers") or {}
    )


async def complete(call, outcome):
    async with client(call) as api:
        completion = await api.chat.completions.create(**arguments(call["request"]))
        lines.note_completion(outcome, completion.model_dump())


async def stream(call, outcome):
    async with client(call) as api:
        async with await api.chat.completions.create(**arguments(call["request"]), stream=True) as chunks:
            outcome["iterating"] = True
            async for chunk in chunks:
                lines.note_chunk(outcome, chunk.model_dump())
                if outcome["pieces"] == call.get("stopAfter"):
                    break


async def helper(call, outcome):
    async with client(call) as api:
        async with api.chat.completions.stream(**arguments(call["request"])) as running:
            outcome["iterating"] = True
            lines.note_completion(outcome, (await running.get_final_completion()).model_dump())


async def turns(call, outcome):
    async with client(call) as api:
        first = await api.chat.completions.create(**arguments(call["request"]))
        messages = [
            *call["request"]["messages"],
            first.choices[0].message,
            {"role": "user", "content": call["question"]},
        ]
        second = await api.chat.completions.create(**arguments({**call["request"], "messages": messages}))
        lines.note_completion(outcome, second.model_dump())


async def models(call, outcome):
    async with client(call) as api:
        outcome["ids"] = [model.id async for model in api.models.list()]


async def model(call, outcome):
    async with client(call) as api:
        outcome["ids"] = [(await api.models.retrieve(call["modelId"])).id]


operations = {"complete": complete, "stream": stream, "helper": helper}
lines.serve({**operations, "turns": turns, "models": models, "model": model}, lines.openai_error)
