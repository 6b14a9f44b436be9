"""The `requests` library with `iter_lines`, as countless scripts do it."""

import json

import requests

import lines


def headers(call):
    return {"authorization": f"Bearer {call['apiKey']}", **(call.get("headers") or {})}


def answer(response):
    if response.status_code >= 400:
        raise lines.Refused(response.status_code, response.json()["error"])
    return response


def post(call, body, **options):
    url = f"{call['baseUrl']}/chat/completions"
    return answer(requests.post(url, json=body, headers=headers(call), timeout=120, **options))


def complete(call, outcome):
    lines.note_completion(outcome, post(call, call["request"]).json())


def stream(call, outcome):
    with post(call, {**call["request"], "stream": True}, stream=True) as response:
        outcome["iterating"] = True
        for line in response.iter_lines():
            if not line.startswith(b"data: "):
                continue
            if line == b"data: [DONE]":
                return
            chunk = json.loads(line[6:])
            if "error" in chunk:
                raise lines.Refused(None, chunk["error"])
            lines.note_chunk(outcome, chunk)
            if outcome["pieces"] == call.get("stopAfter"):
                return
        raise EOFError("the stream ended without [DONE]")


def turns(call, outcome):
    first = post(call, call["request"]).json()
    messages = [
        *call["request"]["messages"],
        first["choices"][0]["message"],
        {"role": "user", "content": call["question"]},
    ]
    lines.note_completion(outcome, post(call, {**call["request"], "messages": messages}).json())


def get(call, path):
    return answer(requests.get(f"{call['baseUrl']}{path}", headers=headers(call), timeout=60)).json()


def models(call, outcome):
    outcome["ids"] = [model["id"] for model in get(call, "/models")["data"]]


def model(call, outcome):
    outcome["ids"] = [get(call, f"/models/{call['modelId']}")["id"]]


operations = {"complete": complete, "stream": stream, "turns": turns, "models": models, "model": model}
lines.serve(operations, lines.openai_error)
