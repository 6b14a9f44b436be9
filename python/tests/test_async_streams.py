"""What is the async stream's own: closing, cancellation of tasks, and the libraries it runs on. The rest is shared with the
blocking stream, and the accidents play both."""

from __future__ import annotations

import asyncio
import gc
import time
import weakref
from collections.abc import Awaitable
from typing import Any, Callable, cast

import anyio
import anyio.to_thread
import openai
import pytest
from openai import AsyncStream
from plain_server import USAGE, Exchange, PlainServer, chunk
from test_streams import FAST, HI, PATIENT, Endless, cut_once, unkept

from tailrace import (
    AsyncTailrace,
    AsyncTailraceStream,
    Reconnect,
    ReconnectPolicy,
    StreamTimeoutError,
    StreamTimeouts,
    StreamTruncatedError,
)

Body = Callable[[AsyncTailrace, PlainServer], Awaitable[None]]


def run(answer: Callable[[Exchange], None], body: Body, backend: str = "asyncio", **options: Any) -> None:
    async def main() -> None:
        with PlainServer(answer) as server:
            given: dict[str, Any] = {"api_key": "key", "base_url": server.base_url, "reconnects": FAST, **options}
            async with AsyncTailrace(**given) as client:
                await body(client, server)

    anyio.run(main, backend=backend)


async def ask(client: AsyncTailrace, **more: Any) -> AsyncTailraceStream:
    return cast(AsyncTailraceStream, await client.chat.completions.create(model="m", messages=HI, stream=True, **more))


async def happened(event: Any) -> bool:
    return await anyio.to_thread.run_sync(event.wait, 30)


both = pytest.mark.parametrize("backend", ["asyncio", "trio"])


@both
def test_a_lost_connection_is_picked_up_and_told(backend: str) -> None:
    told: list[Reconnect] = []

    async def note(reconnect: Reconnect) -> None:
        await anyio.sleep(0)
        told.append(reconnect)

    async def body(client: AsyncTailrace, server: PlainServer) -> None:
        stream = (await ask(client)).on_reconnect(note)
        assert isinstance(stream, AsyncStream)
        assert await stream.final_text() == "Hello"
        assert (stream.completion_id, stream.request_id, stream.complete) == ("chatcmpl-1", "req-1", True)
        assert stream.usage is not None and stream.usage.total_tokens == USAGE["total_tokens"]
        assert [one.after for one in told] == [2]

    run(cut_once, body, backend)


def test_an_answer_that_the_server_cannot_keep_comes_all_the_same() -> None:
    async def body(client: AsyncTailrace, server: PlainServer) -> None:
        stream = await ask(client.with_options(max_retries=0))
        assert await stream.final_text() == "Hello"
        assert ["tailrace-resumable" in asked.head for asked in server.asked] == [True, False]

    run(unkept, body)


def test_text_gives_the_pieces() -> None:
    async def body(client: AsyncTailrace, server: PlainServer) -> None:
        assert [piece async for piece in (await ask(client)).text] == ["Hel", "lo"]

    run(cut_once, body)


@pytest.mark.parametrize("leave", ["break", "break out of the text", "with", "close", "cancelled", "timeout"])
@both
def test_leaving_closes_the_connection_and_stops_the_generation(leave: str, backend: str) -> None:
    answer = Endless()

    async def body(client: AsyncTailrace, server: PlainServer) -> None:
        stream = await ask(client)
        if leave == "break":
            async for _ in stream:
                break
        elif leave == "break out of the text":
            async for _ in stream.text:
                break
        elif leave == "with":
            async with stream:
                await stream.__anext__()
        elif leave == "close":
            await stream.__anext__()
            await stream.close()
        elif leave == "timeout":
            with anyio.move_on_after(0.2):
                async for _ in stream:
                    pass
        else:
            async with anyio.create_task_group() as group:

                async def read() -> None:
                    async for _ in stream:
                        group.cancel_scope.cancel()

                group.start_soon(read)
        assert await happened(answer.left)
        assert await happened(answer.cancelled)
        assert not stream.complete
        with pytest.raises(StreamTruncatedError):
            await stream.final_text()

    run(answer, body, backend)


def foreign(exchange: Exchange) -> None:
    """As a server sends that keeps no stream: its body is not read behind the last event."""
    exchange.stream_head("")
    for payload in [chunk("Hel"), chunk("lo"), chunk(finish="stop"), "[DONE]"]:
        exchange.event(payload)
    exchange.wait_for_leave()


def torn(exchange: Exchange) -> None:
    exchange.stream_head()
    if exchange.asked.method == "POST":
        exchange.event(chunk("Hel"), 1)
        # Given up where it stands.
        exchange.event("{", 2)
        exchange.wait_for_leave()
        return
    for number, payload in enumerate([chunk("lo"), chunk(finish="stop"), "[DONE]"], 2):
        exchange.event(payload, number)


@both
@pytest.mark.parametrize("answer", [cut_once, foreign, torn])
@pytest.mark.parametrize("way", ["loop", "text", "final_text", "next"])
def test_a_stream_that_is_read_to_its_end_leaves_nothing_to_the_collector(
    way: str, answer: Callable[[Exchange], None], backend: str
) -> None:
    async def body(client: AsyncTailrace, server: PlainServer) -> None:
        stream = await ask(client)
        if way == "loop":
            async for _ in stream:
                pass
        elif way == "text":
            async for _ in stream.text:
                pass
        elif way == "final_text":
            await stream.final_text()
        else:
            with pytest.raises(StopAsyncIteration):
                while True:
                    await stream.__anext__()
        assert stream.partial_text == "Hello"
        assert stream.response.is_closed
        iterator = weakref.ref(cast(Any, stream)._iterator)
        del stream
        gc.collect()
        assert iterator() is None

    run(answer, body, backend)


@both
def test_a_reader_that_hears_of_the_close_first_does_not_keep_the_generation_going(backend: str) -> None:
    answer = Endless()

    async def body(client: AsyncTailrace, server: PlainServer) -> None:
        stream = await ask(client)
        release = getattr(stream, "_release")  # noqa: B009

        async def the_reader_wakes_first() -> None:
            await release()
            await anyio.wait_all_tasks_blocked()

        setattr(stream, "_release", the_reader_wakes_first)  # noqa: B010

        async def close_soon() -> None:
            await anyio.wait_all_tasks_blocked()
            await client.close()

        async with anyio.create_task_group() as group:
            group.start_soon(close_soon)
            with pytest.raises(StreamTruncatedError, match="The client was closed"):
                async for _ in stream:
                    pass
        assert await happened(answer.cancelled)

    run(answer, body, backend)


@both
@pytest.mark.parametrize("reader", ["waits", "has a chunk", "has read nothing", "waits for a reconnect"])
def test_closing_the_client_in_mid_stream_is_told_and_stops_the_generation(reader: str, backend: str) -> None:
    answer = Endless()
    cut = reader == "waits for a reconnect"

    def or_cut(exchange: Exchange) -> None:
        if not cut or exchange.asked.path.endswith("/cancel"):
            answer(exchange)
            return
        exchange.stream_head()
        exchange.event(chunk("Hel"), 1)

    async def body(client: AsyncTailrace, server: PlainServer) -> None:
        lost = anyio.Event()
        stream = (await ask(client)).on_reconnect(lambda told: lost.set() if told.delay else None)

        async def close_soon() -> None:
            if cut:
                await lost.wait()
            # The reader is at rest then, and waits.
            await anyio.wait_all_tasks_blocked()
            await client.close()

        if reader == "has read nothing":
            await client.close()
        async with anyio.create_task_group() as group:
            with pytest.raises(StreamTruncatedError, match="The client was closed") as caught:
                async for _ in stream:
                    if reader == "has a chunk":
                        await client.close()
                    else:
                        group.start_soon(close_soon)
        assert caught.value.partial_text == ("" if reader == "has read nothing" else "Hel")
        assert await happened(answer.cancelled)
        assert stream.response.is_closed

    slow = ReconnectPolicy(attempts=100, first_delay=50, longest_delay=50)
    run(or_cut, body, backend, **({"reconnects": slow} if cut else {}))


@both
def test_an_http_client_that_is_closed_under_a_stream_is_told_at_once(backend: str) -> None:
    async def body(client: AsyncTailrace, server: PlainServer) -> None:
        stream = await ask(client)
        with pytest.raises(StreamTruncatedError, match="The client was closed"):
            async for _ in stream:
                await cast(Any, client)._client.aclose()

    slow = ReconnectPolicy(attempts=100, first_delay=50, longest_delay=50)
    run(Endless(), body, backend, reconnects=slow)


@both
def test_a_stream_that_has_ended_does_not_mind_that_the_client_is_closed(backend: str) -> None:
    async def body(client: AsyncTailrace, server: PlainServer) -> None:
        stream = await ask(client)
        whole = await stream.final_text()
        await client.close()
        assert await stream.final_text() == whole

    run(cut_once, body, backend)


def test_a_cancelled_task_of_asyncio_closes_before_it_ends() -> None:
    answer = Endless()

    async def body(client: AsyncTailrace, server: PlainServer) -> None:
        stream = await ask(client)
        begun = asyncio.Event()

        async def read() -> None:
            async for _ in stream:
                begun.set()

        task = asyncio.ensure_future(read())
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert stream.response.is_closed
        assert await happened(answer.cancelled)

    run(answer, body)


@both
def test_cancel_from_another_task_ends_the_loop(backend: str) -> None:
    answer = Endless()

    async def body(client: AsyncTailrace, server: PlainServer) -> None:
        stream = await ask(client)
        said: list[str | None] = []
        async with anyio.create_task_group() as group:

            async def cancel() -> None:
                said.append(await stream.cancel())

            async for _ in stream:
                group.start_soon(cancel)
        assert said == ["cancelled"]
        assert await happened(answer.left)
        assert server.paths()[1:] == ["POST /v1/chat/completions/chatcmpl-1/cancel"]

    run(answer, body, backend)


@both
@pytest.mark.parametrize("kind", ["first_token", "idle_content", "idle_bytes"])
def test_silence_is_a_timeout(kind: str, backend: str) -> None:
    def answer(exchange: Exchange) -> None:
        if exchange.asked.path.endswith("/cancel"):
            exchange.answer(200, {"status": "cancelled"})
            return
        kept = kind != "idle_bytes"
        exchange.stream_head() if kept else exchange.stream_head("")
        if kind != "first_token":
            exchange.event(chunk("Hel"), 1 if kept else None)
        exchange.wait_for_leave()

    async def body(client: AsyncTailrace, server: PlainServer) -> None:
        with pytest.raises(StreamTimeoutError) as caught:
            await (await ask(client)).final_text()
        assert caught.value.kind == kind
        assert isinstance(caught.value, openai.APITimeoutError)

    timeouts: Any = {"idle_bytes": 60.0, kind: 0.3}
    run(answer, body, backend, stream_timeouts=StreamTimeouts(**timeouts), **PATIENT)


@both
@pytest.mark.parametrize("kind", ["idle_content", "idle_bytes"])
def test_the_time_of_the_reader_is_not_the_silence_of_the_server(kind: str, backend: str) -> None:
    def answer(exchange: Exchange) -> None:
        exchange.stream_head("")
        for payload in [chunk("Hel"), chunk("lo"), chunk(finish="stop"), "[DONE]"]:
            exchange.event(payload)
            time.sleep(0.02)

    async def body(client: AsyncTailrace, server: PlainServer) -> None:
        stream = await ask(client)
        async for _ in stream:
            await anyio.sleep(0.5)
        assert stream.complete

    timeouts: Any = {kind: 0.4}
    run(answer, body, backend, stream_timeouts=StreamTimeouts(**timeouts), **PATIENT)


def test_openai_s_helper_and_raw_responses_heal_too() -> None:
    async def body(client: AsyncTailrace, server: PlainServer) -> None:
        async with client.chat.completions.stream(model="m", messages=HI) as helper:
            async for _ in helper:
                pass
            completion = await helper.get_final_completion()
            assert completion.choices[0].message.content == "Hello"
        raw = await client.chat.completions.with_raw_response.create(model="m", messages=HI, stream=True)
        parsed: Any = raw.parse()
        assert isinstance(parsed, AsyncTailraceStream)
        assert await parsed.final_text() == "Hello"
        copied = client.with_options(max_retries=0)
        async with copied.chat.completions.with_streaming_response.create(model="m", messages=HI, stream=True) as response:
            stream: Any = await response.parse()
            assert await stream.final_text() == "Hello"

    run(cut_once, body)


def test_an_error_event_is_the_exception_of_its_status() -> None:
    def answer(exchange: Exchange) -> None:
        exchange.stream_head()
        exchange.event({"error": {"code": "overloaded", "message": "busy"}}, 1)

    async def body(client: AsyncTailrace, server: PlainServer) -> None:
        with pytest.raises(openai.InternalServerError, match="busy") as caught:
            await (await ask(client)).final_text()
        assert caught.value.status_code == 503

    run(answer, body)
