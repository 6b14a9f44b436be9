"""httpx, streaming line by line."""

import json

import httpx

import lines


def headers(call):
    return {"authorization": f"Bearer {call['apiKey']}", **(call.get("headers") or {})}


def client(call):
    return httpx.Client(base_url=call["baseUrl"], headers=headers(call), timeout=120)


def answer(response):
    if response.status_code >= 400:
        response.read()
        raise lines.Refused(response.status_code, response.json()["error"])
    return response


def complete(call, outcome):
    with client(call) as api:
        lines.note_completion(outcome, answer(api.post("/chat/completions", json=call["request"])).json())


def stream(call, outcome):
    body = {**call["request"], "stream": True}
    with client(call) as api, api.stream("POST", "/chat/completions", json=body) as response:
        answer(response)
        outcome["iterating"] = True
        for line in response.iter_lines():
            if not line.startswith("data: "):
                continue
            if line == "data: [DONE]":
                return
            chunk = json.loads(line[6:])
            if "error" in chunk:
                raise lines.Refused(None, chunk["error"])
            lines.note_chunk(outcome, chunk)
            if outcome["pieces"] == call.get("stopAfter"):
                return
        raise EOFError("the stream ended without [DONE]")


def turns(call, outcome):
    with client(call) as api:
        first = answer(api.post("/chat/completions", json=call["request"])).json()
        messages = [
            *call["request"]["messages"],
            first["choices"][0]["message"],
            {"role": "user", "content": call["question"]},
        ]
        second = answer(api.post("/chat/completions", json={**call["request"], "messages": messages}))
        lines.note_completion(outcome, second.json())


def models(call, outcome):
    with client(call) as api:
        outcome["ids"] = [model["id"] for model in answer(api.get("/models")).json()["data"]]


def model(call, outcome):
    with client(call) as api:
        outcome["ids"] = [answer(api.get(f"/models/{call['modelId']}")).json()["id"]]


operations = {"complete": complete, "stream": stream, "turns": turns, "models": models, "model": model}
lines.serve(operations, lines.openai_error)
