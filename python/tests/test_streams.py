"""What a stream of ``Tailrace`` does, one behaviour a test; the server is scripted."""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Iterator
from typing import Any, Callable

import openai
import pytest
from openai import OpenAI, Stream
from plain_server import KEPT, USAGE, Exchange, PlainServer, chunk

from tailrace import (
    Reconnect,
    ReconnectPolicy,
    StreamTimeoutError,
    StreamTimeouts,
    StreamTruncatedError,
    Tailrace,
    TailraceStream,
)
from tailrace._http import httpx

Serve = Callable[[Callable[[Exchange], None]], PlainServer]
HI: Any = [{"role": "user", "content": "Hi"}]
FAST = ReconnectPolicy(attempts=3, first_delay=0.001)
# With a short timeout, on a machine that is busy: a head that comes late is asked for again.
PATIENT: Any = {"max_retries": 50, "reconnects": ReconnectPolicy(attempts=50, first_delay=0.001)}


clients: list[Tailrace] = []


@pytest.fixture
def serve() -> Iterator[Serve]:
    servers: list[PlainServer] = []

    def start(answer: Callable[[Exchange], None]) -> PlainServer:
        servers.append(PlainServer(answer))
        return servers[-1]

    yield start
    while clients:
        clients.pop().close()
    for server in servers:
        server.__exit__()


def client_of(server: PlainServer, **options: Any) -> Tailrace:
    """A client that the fixture closes."""
    clients.append(Tailrace(**{"api_key": "key", "base_url": server.base_url, "reconnects": FAST, **options}))
    return clients[-1]


def ask(client: OpenAI, **more: Any) -> TailraceStream:
    return client.chat.completions.create(**{"model": "m", "messages": HI, "stream": True, **more})


def whole(exchange: Exchange) -> None:
    exchange.stream_head()
    for number, payload in enumerate([chunk(""), chunk("Hel"), chunk("lo"), chunk(finish="stop", usage=USAGE), "[DONE]"], 1):
        exchange.event(payload, number)


def cut_once(exchange: Exchange) -> None:
    """Two events, then the connection ends; the rest on the next one."""
    exchange.stream_head()
    if exchange.asked.method == "POST":
        exchange.event(chunk(""), 1)
        exchange.event(chunk("Hel"), 2)
        return
    assert exchange.asked.head["last-event-id"] == "2"
    for number, payload in enumerate([chunk("lo"), chunk(finish="stop", usage=USAGE), "[DONE]"], 3):
        exchange.event(payload, number)


class Endless:
    """Sends text until its client leaves, and notes that; answers a cancel."""

    def __init__(self, head: str = KEPT) -> None:
        self.head = head
        self.left = threading.Event()
        self.cancelled = threading.Event()

    def __call__(self, exchange: Exchange) -> None:
        if exchange.asked.path.endswith("/cancel"):
            self.cancelled.set()
            exchange.answer(200, {"id": "chatcmpl-1", "status": "cancelled"})
            return
        exchange.stream_head(self.head)
        exchange.event(chunk("Hel"), 1 if self.head else None)
        if exchange.wait_for_leave():
            self.left.set()


def test_a_whole_stream_is_one_of_openai(serve: Serve) -> None:
    server = serve(whole)
    stream = ask(client_of(server))
    assert isinstance(stream, Stream)
    assert stream.completion_id == "chatcmpl-1"
    assert stream.request_id == "req-1"
    assert stream.usage is None
    assert [chunk.choices[0].delta.content for chunk in stream] == ["", "Hel", "lo", None]
    assert stream.complete
    assert stream.usage is not None and stream.usage.total_tokens == 5
    assert stream.final_text() == "Hello"
    [asked] = server.asked
    assert asked.head["tailrace-resumable"] == "true"
    assert asked.head["idempotency-key"].startswith("tailrace-python-")
    assert asked.head["authorization"] == "Bearer key"


def test_text_gives_the_pieces(serve: Serve) -> None:
    assert list(ask(client_of(serve(cut_once))).text) == ["Hel", "lo"]


def test_a_lost_connection_is_picked_up_and_told(serve: Serve) -> None:
    server = serve(cut_once)
    told: list[Reconnect] = []
    stream = ask(client_of(server), extra_headers={"x-own": "1"}).on_reconnect(told.append)
    completion = stream.final_completion()
    assert completion.object == "chat.completion"
    assert completion.choices[0].message.content == "Hello"
    assert completion.choices[0].finish_reason == "stop"
    assert completion.usage is not None and completion.usage.total_tokens == 5
    assert [(one.attempt, one.after, one.delay) for one in told] == [(1, 2, 0.0)]
    assert server.paths() == ["POST /v1/chat/completions", "GET /v1/chat/completions/chatcmpl-1/events"]
    assert server.asked[1].head["x-own"] == "1"
    assert "idempotency-key" not in server.asked[1].head


def test_the_client_can_be_told_of_reconnects_too(serve: Serve) -> None:
    told: list[Reconnect] = []
    client = client_of(serve(cut_once)).with_options(on_reconnect=told.append)
    assert ask(client).final_text() == "Hello"
    assert len(told) == 1


@pytest.mark.parametrize("leave", ["break", "with", "close", "raise"])
def test_leaving_closes_the_connection_and_stops_the_generation(serve: Serve, leave: str) -> None:
    answer = Endless()
    stream = ask(client_of(serve(answer)))
    if leave == "break":
        for _ in stream:
            break
    elif leave == "with":
        with stream:
            next(stream)
    elif leave == "close":
        next(stream)
        stream.close()
    else:
        with pytest.raises(KeyError):
            for _ in stream:
                raise KeyError
    assert answer.left.wait(30)
    assert answer.cancelled.wait(30)
    assert not stream.complete
    assert stream.partial_text == "Hel"
    assert list(stream) == []
    with pytest.raises(StreamTruncatedError) as caught:
        stream.final_text()
    assert caught.value.partial_text == "Hel"


def test_a_break_out_of_the_text_closes_too(serve: Serve) -> None:
    answer = Endless(head="")
    for _ in ask(client_of(serve(answer))).text:
        break
    assert answer.left.wait(30)


def test_other_readers_keep_their_stream_where_closing_does_not_cancel(serve: Serve) -> None:
    answer = Endless()
    server = serve(answer)
    for _ in ask(client_of(server, cancel_on_close=False)):
        break
    assert answer.left.wait(30)
    assert server.paths() == ["POST /v1/chat/completions"]


def test_cancel_stops_the_generation_and_ends_the_loop(serve: Serve) -> None:
    answer = Endless()
    server = serve(answer)
    stream = ask(client_of(server))
    said = [stream.cancel() for _ in stream]
    assert said == ["cancelled"]
    assert answer.left.wait(30)
    assert server.paths()[1:] == ["POST /v1/chat/completions/chatcmpl-1/cancel"]
    assert not stream.complete


def test_another_thread_may_cancel_a_reader_that_waits(serve: Serve) -> None:
    answer = Endless()
    stream = ask(client_of(serve(answer)))
    assert next(stream).choices[0].delta.content == "Hel"
    canceller = threading.Timer(0.05, stream.cancel)
    canceller.start()
    # The reader waits for bytes that never come.
    assert list(stream) == []
    canceller.join()
    assert answer.cancelled.is_set()


def test_cancel_on_a_server_without_that_route_closes(serve: Serve) -> None:
    answer = Endless(head="")
    stream = ask(client_of(serve(answer)))
    next(stream)
    assert stream.cancel() is None
    assert answer.left.wait(30)


def test_another_server_that_breaks_off_is_an_exception_with_the_partial_text(serve: Serve) -> None:
    def answer(exchange: Exchange) -> None:
        exchange.stream_head("")
        exchange.event(chunk("Hel"))

    server = serve(answer)
    stream = ask(client_of(server))
    with pytest.raises(StreamTruncatedError) as caught:
        list(stream)
    error = caught.value
    assert isinstance(error, openai.APIConnectionError)
    assert (error.partial_text, error.request_id, error.completion_id) == ("Hel", "req-1", "chatcmpl-1")
    assert error.partial_completion is not None
    assert error.partial_completion.choices[0].finish_reason is None
    assert len(server.asked) == 1
    with pytest.raises(StreamTruncatedError):
        stream.final_text()


def test_a_request_is_sent_again_only_while_nothing_was_delivered(serve: Serve) -> None:
    def answer(exchange: Exchange) -> None:
        exchange.stream_head("")
        if len(server.asked) < 3:
            return
        for payload in (chunk("Hi"), chunk(finish="stop"), "[DONE]"):
            exchange.event(payload)

    server = serve(answer)
    assert ask(client_of(server)).final_text() == "Hi"
    keys = {asked.head["idempotency-key"] for asked in server.asked}
    assert (len(server.asked), len(keys)) == (3, 1)
    assert len({asked.body for asked in server.asked}) == 1


def unkept(exchange: Exchange) -> None:
    if "idempotency-key" in exchange.asked.head or "tailrace-resumable" in exchange.asked.head:
        exchange.answer(503, {"error": {"code": "storage_unavailable", "message": "no", "type": "overloaded_error"}})
    else:
        whole(exchange)


def test_an_answer_that_the_server_cannot_keep_comes_all_the_same(serve: Serve) -> None:
    server = serve(unkept)
    client = client_of(server).with_options(max_retries=0)
    assert ask(client).final_text() == "Hello"
    assert ["tailrace-resumable" in asked.head for asked in server.asked] == [True, False]
    with pytest.raises(openai.InternalServerError):
        ask(client, extra_headers={"idempotency-key": "mine"})


def test_a_caller_s_own_key_is_kept(serve: Serve) -> None:
    server = serve(whole)
    ask(client_of(server), extra_headers={"idempotency-key": "mine"}).final_text()
    assert server.asked[0].head["idempotency-key"] == "mine"


@pytest.mark.parametrize(
    ("error", "expected", "status"),
    [
        ({"code": "upstream_cut", "type": "upstream_error"}, openai.InternalServerError, 502),
        ({"code": "rate_limit_exceeded"}, openai.RateLimitError, 429),
        ({"code": "completion_cancelled"}, openai.ConflictError, 409),
        ({"code": 529, "message": "Overloaded"}, openai.InternalServerError, 529),
        ({"type": "invalid_request_error"}, openai.BadRequestError, 400),
        ("a plain text", openai.InternalServerError, 500),
    ],
)
def test_an_error_event_is_the_exception_of_its_status(serve: Serve, error: Any, expected: Any, status: int) -> None:
    def answer(exchange: Exchange) -> None:
        exchange.stream_head()
        exchange.event(chunk("Hel"), 1)
        exchange.event({"error": error}, 2)

    stream = ask(client_of(serve(answer)))
    with pytest.raises(expected) as caught:
        list(stream)
    assert caught.value.status_code == status
    assert caught.value.request_id == "req-1"
    assert stream.partial_text == "Hel"


def test_a_flat_error_event_is_one_too(serve: Serve) -> None:
    def answer(exchange: Exchange) -> None:
        exchange.stream_head("")
        exchange.send('event: error\ndata: {"message": "out of memory", "code": "x"}\n\n')

    with pytest.raises(openai.InternalServerError, match="out of memory"):
        list(ask(client_of(serve(answer))))


def test_sloppy_events_are_read(serve: Serve) -> None:
    def answer(exchange: Exchange) -> None:
        exchange.stream_head("")
        exchange.send(": x\nid: 9\n\nretry: 5\n\ndata: ping\n\nevent: ping\ndata: {}\n\nevent: ping\n\n")
        bare = {"choices": [{"finish_reason": None}]}
        exchange.event(bare)
        exchange.event(chunk("Hi", finish="stop"))
        exchange.send('data: {"usage": {"total_tokens": 3}}\n')

    stream = ask(client_of(serve(answer)))
    assert stream.final_text() == "Hi"
    assert stream.usage is not None and stream.usage.total_tokens == 3


def test_calls_of_sloppy_servers_are_put_together(serve: Serve) -> None:
    pieces: list[Any] = [
        {"index": 0, "id": "a", "type": "function", "function": {"name": "weather", "arguments": '{"p'}},
        {"index": 0, "id": "a", "function": {"name": "weather", "arguments": '":1}'}},
        {"index": 0, "id": "b", "function": {"name": "ti", "arguments": ""}},
        {"index": 0, "id": "b", "function": {"name": None, "arguments": "{}"}},
        {"id": "c", "function": {"name": "other", "arguments": "{"}},
        {"function": {"arguments": "}"}},
    ]

    def answer(exchange: Exchange) -> None:
        exchange.stream_head("")
        for piece in pieces:
            made = chunk()
            made["choices"][0]["delta"] = {"tool_calls": [piece]}
            exchange.event(made)
        exchange.event(chunk(finish="tool_calls"))
        exchange.event("[DONE]")

    completion = ask(client_of(serve(answer))).final_completion()
    calls: Any = completion.choices[0].message.tool_calls
    assert [(call.id, call.function.name, call.function.arguments) for call in calls] == [
        ("a", "weather", '{"p":1}'),
        ("b", "ti", "{}"),
        ("c", "other", "{}"),
    ]
    assert completion.choices[0].message.content is None


def test_a_gap_in_the_numbers_is_a_lost_connection(serve: Serve) -> None:
    def answer(exchange: Exchange) -> None:
        if exchange.asked.method == "POST":
            exchange.stream_head()
            exchange.event(chunk(""), 1)
            exchange.event(chunk("lo"), 3)
            return
        assert exchange.asked.head["last-event-id"] == "1"
        exchange.stream_head()
        for number, payload in enumerate([chunk("Hel"), chunk("lo"), chunk(finish="stop"), "[DONE]"], 2):
            exchange.event(payload, number)

    assert ask(client_of(serve(answer))).final_text() == "Hello"


def test_an_event_that_is_torn_each_time_does_not_go_on_for_ever(serve: Serve) -> None:
    def answer(exchange: Exchange) -> None:
        exchange.stream_head()
        if exchange.asked.method == "POST":
            exchange.event(chunk("Hel"), 1)
        exchange.event('{"choices": [{"del', 2)

    with pytest.raises(StreamTruncatedError):
        list(ask(client_of(serve(answer))))


def test_a_stream_that_the_server_cannot_keep_any_longer_ends_as_any_other(serve: Serve) -> None:
    def answer(exchange: Exchange) -> None:
        exchange.stream_head()
        exchange.event(chunk("Hel"), 1)
        for payload in (chunk("lo"), chunk(finish="stop"), "[DONE]"):
            exchange.event(payload)

    assert ask(client_of(serve(answer))).final_text() == "Hello"


def test_a_finish_is_enough_where_only_done_is_missing(serve: Serve) -> None:
    def answer(exchange: Exchange) -> None:
        if exchange.asked.method == "GET":
            exchange.answer(404, {"error": {"message": "gone", "code": "completion_not_found"}})
            return
        exchange.stream_head()
        exchange.event(chunk("Hello"), 1)
        exchange.event(chunk(finish="stop"), 2)

    stream = ask(client_of(serve(answer)))
    assert stream.final_text() == "Hello"


def test_a_server_that_has_lost_the_stream_is_the_cause(serve: Serve) -> None:
    def answer(exchange: Exchange) -> None:
        if exchange.asked.method == "GET":
            exchange.answer(410, {"error": {"message": "gone", "code": "events_gone"}})
            return
        exchange.stream_head()
        exchange.event(chunk("Hel"), 1)

    with pytest.raises(StreamTruncatedError, match="gone") as caught:
        list(ask(client_of(serve(answer))))
    assert isinstance(caught.value.__cause__, openai.APIStatusError)
    assert caught.value.__cause__.code == "events_gone"


def test_retry_after_is_waited_for_and_no_longer_than_a_minute(serve: Serve) -> None:
    told: list[Reconnect] = []

    def answer(exchange: Exchange) -> None:
        if exchange.asked.method == "POST":
            exchange.stream_head()
            exchange.event(chunk("Hel"), 1)
            return
        wait = ["retry-after-ms: 40\r\n", "retry-after: 61\r\n"][len(server.asked) - 2]
        exchange.answer(503, {"error": {"message": "busy", "code": "overloaded"}}, wait)

    server = serve(answer)
    with pytest.raises(StreamTruncatedError):
        list(ask(client_of(server)).on_reconnect(told.append))
    assert [one.delay for one in told] == [0.0, 0.04]


def test_no_first_token_in_time_is_a_timeout_although_comments_come(serve: Serve) -> None:
    cancelled = threading.Event()

    def answer(exchange: Exchange) -> None:
        if exchange.asked.path.endswith("/cancel"):
            cancelled.set()
            exchange.answer(200, {"status": "cancelled"})
            return
        exchange.stream_head()
        while True:
            exchange.send(": keepalive\n\n")
            if cancelled.wait(0.02):
                return

    timeouts = StreamTimeouts(first_token=0.3)
    with pytest.raises(StreamTimeoutError) as caught:
        list(ask(client_of(serve(answer), stream_timeouts=timeouts, **PATIENT)))
    assert caught.value.kind == "first_token"
    assert isinstance(caught.value, openai.APITimeoutError)
    assert cancelled.wait(30)


def test_no_output_in_time_is_a_timeout_that_nobody_resumes(serve: Serve) -> None:
    server = serve(Endless())
    timeouts = StreamTimeouts(idle_content=0.2, idle_bytes=60)
    with pytest.raises(StreamTimeoutError) as caught:
        list(ask(client_of(server, stream_timeouts=timeouts, **PATIENT)))
    assert (caught.value.kind, caught.value.partial_text) == ("idle_content", "Hel")
    assert "GET" not in "".join(server.paths())


def test_no_byte_in_time_is_a_lost_connection(serve: Serve) -> None:
    def answer(exchange: Exchange) -> None:
        if exchange.asked.method == "GET":
            exchange.stream_head()
            for number, payload in enumerate([chunk("lo"), chunk(finish="stop"), "[DONE]"], 2):
                exchange.event(payload, number)
            return
        Endless()(exchange)

    timeouts = StreamTimeouts(idle_bytes=0.2)
    assert ask(client_of(serve(answer), stream_timeouts=timeouts, **PATIENT)).final_text() == "Hello"


def test_no_byte_in_time_from_another_server_is_a_timeout(serve: Serve) -> None:
    timeouts = StreamTimeouts(idle_bytes=0.2)
    with pytest.raises(StreamTimeoutError) as caught:
        list(ask(client_of(serve(Endless(head="")), stream_timeouts=timeouts, **PATIENT)))
    assert caught.value.kind == "idle_bytes"


def slowly(exchange: Exchange) -> None:
    exchange.stream_head("")
    for payload in [chunk("Hel"), chunk("lo"), chunk(finish="stop"), "[DONE]"]:
        exchange.event(payload)
        time.sleep(0.5)


def test_the_time_of_the_reader_is_not_the_silence_of_the_server(serve: Serve) -> None:
    stream = ask(client_of(serve(slowly), stream_timeouts=StreamTimeouts(idle_content=0.45)))
    # The server is due 0.5 s after each chunk, and the reader waits for less than half of it.
    for _ in stream:
        time.sleep(0.3)
    assert stream.complete


def test_a_stream_with_a_bound_on_its_output_is_closed_when_its_reader_drops_it(serve: Serve) -> None:
    gone = threading.Event()

    def answer(exchange: Exchange) -> None:
        exchange.stream_head("")
        exchange.event(chunk("Hel"))
        if exchange.wait_for_leave():
            gone.set()

    stream = ask(client_of(serve(answer), stream_timeouts=StreamTimeouts(idle_content=60)))
    next(stream)
    del stream
    gc.collect()
    assert gone.wait(30)
    deadline_s = time.monotonic() + 30
    while any(thread.name == "tailrace-output" for thread in threading.enumerate()):
        assert time.monotonic() < deadline_s
        time.sleep(0.01)


def test_ctrl_c_in_the_midst_of_a_read_stops_the_generation(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    server = serve(Endless())
    stream = ask(client_of(server))
    next(stream)
    monkeypatch.setattr(TailraceStream, "_next_piece", interrupted)
    with pytest.raises(KeyboardInterrupt):
        next(stream)
    assert stream.response.is_closed
    assert server.paths()[-1] == "POST /v1/chat/completions/chatcmpl-1/cancel"
    with pytest.raises(StreamTruncatedError):
        stream.final_text()


def test_a_refusal_before_the_stream_is_that_of_openai(serve: Serve) -> None:
    server = serve(lambda exchange: exchange.answer(404, {"error": {"message": "no", "code": "model_not_found"}}))
    with pytest.raises(openai.NotFoundError) as caught:
        ask(client_of(server))
    assert caught.value.code == "model_not_found"


def test_an_answer_that_does_not_stream_is_untouched(serve: Serve) -> None:
    def answer(exchange: Exchange) -> None:
        message = {"role": "assistant", "content": "Hello"}
        exchange.answer(200, {"id": "x", "object": "chat.completion", "choices": [{"index": 0, "message": message}]})

    server = serve(answer)
    completion = client_of(server).chat.completions.create(model="m", messages=HI)
    assert completion.choices[0].message.content == "Hello"
    assert "tailrace-resumable" not in server.asked[0].head
    assert "idempotency-key" not in server.asked[0].head


def test_openai_s_helper_reads_a_healing_stream_and_closes_it(serve: Serve) -> None:
    client = client_of(serve(cut_once))
    with client.chat.completions.stream(model="m", messages=HI) as helper:
        events = [event.type for event in helper]
        assert helper.get_final_completion().choices[0].message.content == "Hello"
    assert "content.done" in events

    answer = Endless()
    with client_of(serve(answer)).chat.completions.stream(model="m", messages=HI) as helper:
        next(helper)
    assert answer.left.wait(30)


def test_raw_responses_are_parsed_to_a_healing_stream(serve: Serve) -> None:
    client = client_of(serve(cut_once))
    raw = client.chat.completions.with_raw_response.create(model="m", messages=HI, stream=True)
    assert raw.headers["x-request-id"] == "req-1"
    stream = raw.parse()
    assert isinstance(stream, TailraceStream)
    assert stream.final_text() == "Hello"


def test_streaming_responses_are_parsed_to_a_healing_stream(serve: Serve) -> None:
    client = client_of(serve(cut_once))
    with client.chat.completions.with_streaming_response.create(model="m", messages=HI, stream=True) as response:
        stream = response.parse()
        assert isinstance(stream, TailraceStream)
        assert stream.final_text() == "Hello"
    with client.chat.completions.with_streaming_response.create(model="m", messages=HI, stream=True) as response:
        assert b"Hel" in b"".join(response.iter_bytes())


def test_the_response_is_that_of_the_current_connection(serve: Serve) -> None:
    stream = ask(client_of(serve(cut_once)))
    assert stream.response.status_code == 200
    assert isinstance(stream.response, httpx.Response)
    stream.response.close()
    assert list(stream) == []


def test_options_of_a_copy_change_only_that(serve: Serve) -> None:
    server = serve(whole)
    client = client_of(server, resumable=True)
    other = client.with_options(resumable=False, max_retries=0, default_headers={"x-own": "1"})
    assert isinstance(other, Tailrace)
    ask(other).final_text()
    ask(client).final_text()
    ask(other.copy()).final_text()
    assert ["tailrace-resumable" in asked.head for asked in server.asked] == [False, True, False]
    assert ["x-own" in asked.head for asked in server.asked] == [True, False, True]


def test_the_environment_says_where_and_with_which_key(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("KEY", "ADMIN_KEY", "ORG_ID", "PROJECT_ID"):
        monkeypatch.setenv(f"OPENAI_API_{name}" if name == "KEY" else f"OPENAI_{name}", "openai's")
    monkeypatch.setenv("OPENAI_BASE_URL", "https://openai.example/v1")
    with pytest.raises(openai.OpenAIError, match="TAILRACE_API_KEY"):
        Tailrace()
    monkeypatch.setenv("TAILRACE_API_KEY", "ours")
    client = Tailrace()
    assert (client.api_key, str(client.base_url)) == ("ours", "http://127.0.0.1:7245/v1/")
    assert (client.organization, client.project) == (None, None)
    monkeypatch.setenv("TAILRACE_BASE_URL", "http://gpu:1/v1")
    assert str(Tailrace(api_key="x").base_url) == "http://gpu:1/v1/"
    assert str(client.with_options(timeout=1).base_url) == "http://127.0.0.1:7245/v1/"


@pytest.mark.parametrize("reader", ["waits", "has a chunk", "has read nothing"])
def test_closing_the_client_in_mid_stream_is_told_and_stops_the_generation(reader: str, serve: Serve) -> None:
    answer = Endless()
    client = client_of(serve(answer))
    stream = ask(client)
    closing: list[threading.Thread] = []
    if reader == "has read nothing":
        client.close()
    with pytest.raises(StreamTruncatedError, match="The client was closed") as caught:
        for _ in stream:
            if reader == "has a chunk":
                client.close()
            else:
                closing.append(threading.Timer(0.2, client.close))
                closing[0].start()
    for thread in closing:
        thread.join()
    assert caught.value.partial_text == ("" if reader == "has read nothing" else "Hel")
    assert answer.cancelled.wait(30)
    assert answer.left.wait(30)


def test_a_copy_of_the_client_closes_the_streams_of_both(serve: Serve) -> None:
    client = client_of(serve(Endless()))
    stream = ask(client)
    with pytest.raises(StreamTruncatedError, match="The client was closed"):
        for _ in stream:
            client.with_options(max_retries=0).close()


def test_an_http_client_that_is_closed_under_a_stream_is_told_at_once(serve: Serve) -> None:
    client = client_of(serve(Endless()), reconnects=ReconnectPolicy(attempts=100, first_delay=50, longest_delay=50))
    with pytest.raises(StreamTruncatedError, match="The client was closed"):
        for _ in ask(client):
            client._client.close()


def test_a_stream_that_has_ended_does_not_mind_that_the_client_is_closed(serve: Serve) -> None:
    client = client_of(serve(whole))
    stream = ask(client)
    assert stream.final_text() == "Hello"
    client.close()
    assert stream.final_text() == "Hello"
    assert list(stream) == []
