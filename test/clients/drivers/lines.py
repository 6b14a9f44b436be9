"""The driver protocol of lines.mjs, in Python: a JSON line in, a JSON line out."""

import asyncio
import inspect
import json
import sys


def serve(operations, describe_error):
    for line in sys.stdin:
        call = json.loads(line)
        outcome = {
            "text": "",
            "pieces": 0,
            "events": 0,
            "finish": None,
            "usage": None,
            "usageEvents": 0,
            "ids": [],
            "seen": [],
            "position": None,
            "error": None,
            "iterating": False,
        }
        try:
            result = operations[call["op"]](call, outcome)
            if inspect.isawaitable(result):
                asyncio.run(result)
        except Exception as error:  # noqa: BLE001: whatever the library raises is the result
            outcome["error"] = {
                "classes": [kind.__name__ for kind in type(error).__mro__],
                "status": None,
                "code": None,
                "param": None,
                "type": None,
                "message": str(error),
                "duringIteration": outcome["iterating"],
                **describe_error(error),
            }
        print(json.dumps({"id": call["id"], "outcome": outcome}), flush=True)


def note_chunk(outcome, chunk):
    """Notes one chunk given as plain JSON."""
    outcome["events"] += 1
    if chunk.get("usage"):
        outcome["usage"] = usage_of(chunk["usage"])
        outcome["usageEvents"] += 1
    for choice in chunk["choices"]:
        if choice["delta"].get("content"):
            outcome["text"] += choice["delta"]["content"]
            outcome["pieces"] += 1
        outcome["finish"] = choice["finish_reason"] or outcome["finish"]


def note_completion(outcome, completion):
    choice = completion["choices"][0]
    outcome["text"] = choice["message"]["content"] or ""
    outcome["finish"] = choice["finish_reason"]
    outcome["usage"] = usage_of(completion["usage"])
    outcome["usageEvents"] = 1


def usage_of(usage):
    return {
        "prompt": usage["prompt_tokens"],
        "completion": usage["completion_tokens"],
        "total": usage["total_tokens"],
    }


def openai_error(error):
    """The fields of an exception of OpenAI's SDK, which LangChain passes through."""
    return {
        "status": getattr(error, "status_code", None),
        "code": getattr(error, "code", None),
        "param": getattr(error, "param", None),
        "type": getattr(error, "type", None),
    }


class Refused(Exception):
    """An error envelope met by a client that knows no exceptions of its own."""

    def __init__(self, status, error):
        super().__init__(error["message"])
        self.status_code = status
        self.code = error["code"]
        self.param = error["param"]
        self.type = error["type"]
