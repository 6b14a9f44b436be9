"""One scripted stream with network accidents, all of it drawn from a number."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from typing import Any

WORDS = ["Über ", "die ", "Brücke ", "日本", "😀", " \n\n", "data: [DONE]", "a", "\u2028", '"quoted" ', "é" * 3, "\\u0041 ", "wide " * 9]
CUTS = ["before_head", "reset_before_head", "in_head", "in_event", "between", "ended", "reset", "idle"]
REFUSALS = ["status_500", "status_503", "status_429", "html"]


@dataclass
class Connection:
    """What happens to one connection: ``whole``, one of CUTS after some events, or a refusal."""

    what: str
    events: int = 0
    """How many events it carries before its accident."""


@dataclass
class Plan:
    seed: int
    kept: bool
    """The server numbers its events and keeps them, as Tailrace does; otherwise it is any other server."""
    payloads: list[str]
    connections: list[Connection]
    choices: int
    texts: list[str]
    ending: str
    """``whole``, ``error``, ``done_early``, ``lost`` (the server forgets the stream) or ``down`` (it is never reached again)."""
    line_end: bytes
    bom: bool
    chunked: bool
    ascii_only: bool
    done: bool
    """The stream ends with [DONE]."""
    repeats_events: bool
    """A resume sends an event again that the client has."""
    comments: bool
    write_sizes: list[int]
    calls: list[dict[str, str]] = field(default_factory=lambda: [])

    @property
    def idles(self) -> bool:
        return any(connection.what == "idle" for connection in self.connections)


def draw_plan(seed: int) -> Plan:
    rng = random.Random(seed)
    kept = rng.random() < 0.7
    ending = rng.choices(["whole", "error", "done_early", "lost", "down"], [16, 2, 1, 1, 1])[0]
    if not kept and ending in ("lost", "down"):
        ending = "whole"
    choices = 2 if rng.random() < 0.1 else 1
    texts = ["".join(rng.choices(WORDS, k=rng.randint(1, 12))) for _ in range(choices)]
    ascii_only = rng.random() < 0.5
    calls = [{"name": "weather", "arguments": '{"place": "Zürich 😀"}'}] if rng.random() < 0.15 else []
    payloads = _payloads(rng, texts, calls, ending, ascii_only)
    done = ending in ("whole", "lost", "down", "done_early") and not (not kept and rng.random() < 0.2)
    if done or ending == "done_early":
        done = True
        payloads.append("[DONE]")
    plan = Plan(
        seed=seed,
        kept=kept,
        payloads=payloads,
        connections=[],
        choices=choices,
        texts=texts,
        ending=ending,
        line_end=rng.choice([b"\n", b"\n", b"\n", b"\r\n", b"\r"]),
        bom=rng.random() < 0.1,
        chunked=rng.random() < 0.7,
        ascii_only=ascii_only,
        done=done,
        repeats_events=rng.random() < 0.2,
        comments=rng.random() < 0.3,
        write_sizes=[rng.choice([1, 2, 3, 7, 40, 4000, 4000, 4000]) for _ in range(8)],
        calls=calls,
    )
    plan.connections = _connections(rng, plan)
    return plan


def _payloads(
    rng: random.Random, texts: list[str], calls: list[dict[str, str]], ending: str, ascii_only: bool
) -> list[str]:
    head: dict[str, Any] = {"id": "chatcmpl-x", "object": "chat.completion.chunk", "created": 1, "model": "m"}

    def chunk(index: int, delta: dict[str, Any], finish: str | None = None, **more: Any) -> str:
        choice = {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish}
        return json.dumps({**head, "choices": [choice], **more}, ensure_ascii=ascii_only)

    made = [chunk(index, {"role": "assistant", "content": ""}) for index in range(len(texts))]
    for index, text in enumerate(texts):
        at = 0
        while at < len(text):
            size = rng.randint(1, 9)
            made.append(chunk(index, {"content": text[at : at + size]}))
            at += size
    for index, call in enumerate(calls):
        begin = {"index": index, "id": "call_1", "type": "function", "function": {"name": call["name"], "arguments": ""}}
        made.append(chunk(0, {"tool_calls": [begin]}))
        for letter in (call["arguments"][:9], call["arguments"][9:]):
            made.append(chunk(0, {"tool_calls": [{"index": index, "function": {"arguments": letter}}]}))
    if ending == "done_early":
        return made
    if ending == "error":
        error = {"message": "cut", "type": "upstream_error", "code": "upstream_cut", "param": None, "request_id": "req-of-event"}
        return [*made, json.dumps({"error": error})]
    usage = {"prompt_tokens": 3, "completion_tokens": 7, "total_tokens": 10}
    for index in range(len(texts)):
        last = index == len(texts) - 1
        reason = "tool_calls" if calls and index == 0 else "stop"
        made.append(chunk(index, {}, reason, **({"usage": usage} if last else {})))
    return made


def _connections(rng: random.Random, plan: Plan) -> list[Connection]:
    count = len(plan.payloads)
    made: list[Connection] = []
    reached = 0
    for _ in range(rng.choice([0, 1, 1, 2, 3, 4])):
        what = rng.choice([*CUTS, *REFUSALS] if made else CUTS[:-1])
        if what == "idle" and rng.random() < 0.6:
            what = "between"
        carries = what in ("in_event", "between", "ended", "reset", "idle")
        events = rng.randint(0, max(0, count - 1 - reached)) if carries else 0
        if not plan.kept and carries and made:
            # Another server begins anew: what it repeats must be undelivered.
            events = 0
        made.append(Connection(what, events))
        reached += events
        if not plan.kept and events > 0:
            # The last connection of a stream that nobody keeps.
            return made
    if plan.kept and plan.ending == "lost":
        first = Connection(rng.choice(["between", "in_event", "ended"]), max(1, min(2, count - reached - 2)))
        return [*made, first, Connection("status_404")]
    if plan.kept and plan.ending == "down":
        first = Connection("between", max(1, min(2, count - reached - 2)))
        return [*made, first, *[Connection(rng.choice(["before_head", "status_503", "in_head"])) for _ in range(7)]]
    return [*made, Connection("whole")]
