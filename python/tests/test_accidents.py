"""Streams whose connections break, drawn from numbers: each token arrives once, or the right exception is raised.

``TAILRACE_TEST_WHOLE=1`` plays a thousand of them, each with both clients; ``TAILRACE_ACCIDENT=17`` plays one.
"""

from __future__ import annotations

import os
import random
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import anyio
import openai
import pytest
from accident_plan import Plan, draw_plan
from accident_server import AccidentServer
from openai.types.chat import ChatCompletionChunk

from tailrace import (
    AsyncTailrace,
    ReconnectPolicy,
    StreamTimeoutError,
    StreamTimeouts,
    StreamTruncatedError,
    Tailrace,
)

ALL = 1000
PART = 80


def seeds() -> list[int]:
    one = os.environ.get("TAILRACE_ACCIDENT")
    if one is not None:
        return [int(one)]
    if "TAILRACE_TEST_WHOLE" in os.environ:
        return list(range(ALL))
    return random.Random(int(os.environ.get("TAILRACE_TEST_SEED", "1"))).sample(range(ALL), PART)


def options_for(plan: Plan) -> dict[str, Any]:
    # A plan in which the server falls silent needs a client that notices soon. On a busy machine that client may find other waits
    # too long: it may try more often.
    patience = StreamTimeouts(idle_bytes=0.5 if plan.idles else 60.0)
    attempts = 50 if plan.idles and plan.ending != "down" else 6
    return {
        "stream_timeouts": patience,
        "reconnects": ReconnectPolicy(attempts=attempts, first_delay=0.001, longest_delay=0.002),
    }


def request_for(plan: Plan, name: str) -> dict[str, Any]:
    return {"model": name, "messages": [{"role": "user", "content": "Hi"}], "stream": True, "n": plan.choices}


def judge(plan: Plan, chunks: list[ChatCompletionChunk], error: Exception | None, stream: Any) -> None:
    """What arrived is what was written, once and in order; a failure is named."""
    texts = ["" for _ in plan.texts]
    for chunk in chunks:
        for choice in chunk.choices:
            texts[choice.index] += choice.delta.content or ""
    for text, written in zip(texts, plan.texts):
        assert written.startswith(text), "a token is missing, repeated or out of order"
    if stream is not None:
        assert stream.partial_text == texts[0]
        assert stream.complete == (error is None)
    if isinstance(error, StreamTruncatedError):
        assert error.partial_text == texts[0]
    if error is None:
        assert texts == plan.texts
        assert plan.ending not in ("error", "done_early")
        assert chunks[-1].choices[0].finish_reason is not None
        return
    expected = expected_errors(plan)
    assert isinstance(error, expected), f"{type(error)} instead of {expected}: {error}"
    if isinstance(error, openai.APIStatusError) and plan.ending == "error":
        assert (error.status_code, error.code, error.request_id) == (502, "upstream_cut", "req-of-event")


def expected_errors(plan: Plan) -> tuple[type[Exception], ...]:
    """What the plan may end in; empty where it has to arrive whole."""
    if plan.ending == "error" and (plan.kept or plan.connections[-1].what == "whole"):
        return (openai.InternalServerError,)
    if plan.ending in ("done_early", "lost", "down") and (plan.kept or plan.connections[-1].what == "whole"):
        return (StreamTruncatedError,)
    if not plan.kept:
        last = plan.connections[-1]
        if last.what == "idle":
            return (StreamTimeoutError,)
        if last.what != "whole":
            # A reset may overtake what was sent before it: also an error or an end.
            return (StreamTruncatedError,)
        # An answer that is no stream, in place of one.
        if any(connection.what == "html" for connection in plan.connections):
            return (StreamTruncatedError,)
    return ()


def must_be_whole(plan: Plan) -> bool:
    return plan.ending == "whole" and expected_errors(plan) == ()


def play(server: AccidentServer, shared: Tailrace, seed: int) -> None:
    plan, name = draw_plan(seed), f"{seed}-sync"
    chunks: list[ChatCompletionChunk] = []
    error: Exception | None = None
    stream: Any = None
    client = shared.with_options(**options_for(plan))
    try:
        stream = client.chat.completions.create(**request_for(plan, name))
        for chunk in stream:
            chunks.append(chunk)
    except openai.APIError as caught:
        error = caught
    finish(plan, chunks, error, stream, server, name)
    if stream is not None and error is None:
        assert_final(plan, stream.final_completion())


async def play_async(server: AccidentServer, shared: AsyncTailrace, seed: int) -> None:
    plan, name = draw_plan(seed), f"{seed}-async"
    chunks: list[ChatCompletionChunk] = []
    error: Exception | None = None
    stream: Any = None
    client = shared.with_options(**options_for(plan))
    try:
        stream = await client.chat.completions.create(**request_for(plan, name))
        async for chunk in stream:
            chunks.append(chunk)
    except openai.APIError as caught:
        error = caught
    finish(plan, chunks, error, stream, server, name)
    if stream is not None and error is None:
        assert_final(plan, await stream.final_completion())


def finish(
    plan: Plan, chunks: list[ChatCompletionChunk], error: Exception | None, stream: Any, server: AccidentServer, name: str
) -> None:
    judge(plan, chunks, error, stream)
    if must_be_whole(plan):
        assert error is None
    assert len(set(server.posts[name])) == 1, "each try of a call has the same Idempotency-Key"
    # A reset may overtake what was sent before it.
    if plan.kept and plan.connections[0].events > 0 and plan.connections[0].what != "reset":
        assert len(server.posts[name]) == 1, "an answer that was delivered in part was asked for again"


def assert_final(plan: Plan, completion: Any) -> None:
    assert [choice.message.content for choice in completion.choices] == plan.texts
    assert all(choice.finish_reason for choice in completion.choices)
    calls = completion.choices[0].message.tool_calls or []
    assert [{"name": call.function.name, "arguments": call.function.arguments} for call in calls] == plan.calls


def named(seed: int, error: BaseException) -> str:
    return f"TAILRACE_ACCIDENT={seed}: {type(error).__name__}: {error} <- {error.__cause__!r}"


def test_accidents_with_the_blocking_client(accident_server: AccidentServer) -> None:
    failures: list[str] = []

    with Tailrace(api_key="key", base_url=accident_server.base_url, max_retries=50) as shared:

        def one(seed: int) -> None:
            try:
                play(accident_server, shared, seed)
            except Exception as error:
                failures.append(named(seed, error))

        with ThreadPoolExecutor(12) as pool:
            list(pool.map(one, seeds()))
    assert not failures, "\n".join(failures)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_accidents_with_the_async_client(accident_server: AccidentServer, backend: str) -> None:
    failures: list[str] = []
    drawn = seeds()
    # Each seed with one of the two libraries.
    mine = [seed for seed in drawn if len(drawn) == 1 or seed % 2 == (backend == "trio")]

    async def all_of_them() -> None:
        places = anyio.Semaphore(24)

        async def one(shared: AsyncTailrace, seed: int) -> None:
            async with places:
                try:
                    await play_async(accident_server, shared, seed)
                except Exception as error:
                    failures.append(named(seed, error))

        shared = AsyncTailrace(api_key="key", base_url=accident_server.base_url, max_retries=50)
        async with shared, anyio.create_task_group() as group:
            for seed in mine:
                group.start_soon(one, shared, seed)

    anyio.run(all_of_them, backend=backend)
    assert not failures, "\n".join(failures)
