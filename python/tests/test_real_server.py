"""Against a real Tailrace server, whose models are the scripts of test/support/lab.ts."""

from __future__ import annotations

import asyncio
import gc
import importlib.metadata
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
from cutting_proxy import CuttingProxy
from real_server import real_server

from tailrace import AsyncTailrace, Reconnect, ReconnectPolicy, StreamTimeouts, Tailrace

server = real_server()
HI: Any = [{"role": "user", "content": "Hi"}]
ANSWER = "Rivers carry water downhill."
STEADY = "drop " * 20
PAGES = Path(__file__).parent.parent


clients: list[Tailrace] = []


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    while clients:
        clients.pop().close()


def client(port: int = server.port, **options: Any) -> Tailrace:
    made = Tailrace(
        api_key=server.api_key, base_url=f"http://127.0.0.1:{port}/v1", reconnects=ReconnectPolicy(first_delay=0.05), **options
    )
    clients.append(made)
    return made


def ask(tailrace: Tailrace, model: str) -> Any:
    return tailrace.chat.completions.create(model=f"lab/{model}", messages=HI, stream=True)


def test_a_stream_arrives_whole_with_its_usage() -> None:
    stream = ask(client(), "plain")
    assert "".join(stream.text) == ANSWER
    assert stream.usage.completion_tokens > 0
    record = server.record_of(stream.completion_id)
    assert (record["status"], record["request_id"]) == ("completed", stream.request_id)


def test_one_connection_serves_one_stream_after_the_other() -> None:
    tailrace = client()
    for _ in range(3):
        stream = ask(tailrace, "plain")
        local = stream.response.extensions["network_stream"].get_extra_info("client_addr")
        assert stream.final_text() == ANSWER
        assert local == ask(tailrace, "plain").response.extensions["network_stream"].get_extra_info("client_addr")


def test_a_stream_whose_connection_is_cut_at_any_byte_arrives_whole() -> None:
    told: list[Reconnect] = []
    # The first one ends in the head: the request is sent again, with its key.
    limits = [10, 900, 1100, 1400, 777, 2000, 1234]
    before = server.count_of("lab/steady")
    with CuttingProxy(server.port, limits) as proxy:
        stream = ask(client(proxy.port, on_reconnect=told.append), "steady")
        assert list(stream.text) == ["drop "] * 20
    assert proxy.cuts == len(limits)
    assert len(told) >= len(limits) - 1
    assert stream.usage is not None
    assert server.record_of(stream.completion_id)["status"] == "completed"
    assert server.count_of("lab/steady") == before + 1, "nothing was generated twice"


def test_the_async_stream_heals_while_its_connections_are_reset() -> None:
    async def main() -> None:
        with CuttingProxy(server.port) as proxy:
            async with AsyncTailrace(api_key=server.api_key, base_url=f"http://127.0.0.1:{proxy.port}/v1") as tailrace:
                told: list[Reconnect] = []
                stream: Any = await tailrace.chat.completions.create(model="lab/steady", messages=HI, stream=True)
                stream.on_reconnect(told.append)
                text = ""
                async for piece in stream.text:
                    text += piece
                    if len(text) in (15, 45, 80):
                        proxy.drop()
                assert text == STEADY
                assert len(told) >= 3

    asyncio.run(main())


def test_cancel_stops_the_generation_also_after_a_reconnect() -> None:
    with CuttingProxy(server.port) as proxy:
        told: list[Reconnect] = []
        stream = ask(client(proxy.port, on_reconnect=told.append), "endless")
        said = None
        for number, _ in enumerate(stream.text):
            if number == 3:
                proxy.drop()
            if told and number > 5:
                said = stream.cancel()
        assert said == "cancelled"
    assert server.record_of(stream.completion_id)["status"] == "cancelled"


def test_a_break_stops_the_generation() -> None:
    stream = ask(client(), "endless")
    for _ in stream:
        break
    assert server.record_of(stream.completion_id)["status"] == "cancelled"


def test_a_break_of_a_stream_that_cannot_be_resumed_stops_it_too() -> None:
    stream = ask(client(resumable=False), "endless")
    for _ in stream:
        break
    # Its key keeps it all the same, so that the request may be sent again.
    assert server.record_of(stream.completion_id)["status"] == "cancelled"


def test_a_stream_with_comments_only_is_a_first_token_timeout() -> None:
    with pytest.raises(openai.APITimeoutError):
        client(stream_timeouts=StreamTimeouts(first_token=1), max_retries=0).chat.completions.create(
            model="lab/mute", messages=HI, stream=True
        ).final_text()


def test_an_error_in_the_stream_has_status_code_and_request_id() -> None:
    stream = ask(client(), "cut")
    with pytest.raises(openai.InternalServerError) as caught:
        list(stream)
    error = caught.value
    assert (error.status_code, error.code, error.request_id) == (502, "upstream_cut", stream.request_id)
    assert stream.partial_text == "Rivers carry "


def test_a_refusal_is_openai_s() -> None:
    with pytest.raises(openai.RateLimitError) as caught:
        ask(client(max_retries=0), "rate-limited")
    assert caught.value.code == "rate_limit_exceeded"


def test_models_and_answers_that_do_not_stream_are_openai_s() -> None:
    tailrace = client()
    assert "lab/plain" in [model.id for model in tailrace.models.list()]
    completion = tailrace.chat.completions.create(model="lab/plain", messages=HI)
    assert completion.choices[0].message.content == ANSWER


def blocks(text: str) -> list[str]:
    return re.findall(r"```py(?:thon)?\n(.*?)```", text, re.DOTALL)


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAILRACE_API_KEY", server.api_key)
    monkeypatch.setenv("TAILRACE_BASE_URL", server.base_url)


README = blocks((PAGES / "README.md").read_text("utf-8"))
# The programs end without closing their clients.
ends_open = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")


def run_program(program: str, name: str, **names: Any) -> None:
    # As a module of its own would: names of the program are globals.
    exec(compile(program, name, "exec"), {"__name__": "__main__", **names})
    # Its clients are collected here, not in a later test.
    gc.collect()


@ends_open
@pytest.mark.usefixtures("environment")
@pytest.mark.parametrize("number", range(len(README)))
def test_the_programs_of_our_readme_run(number: int, capsys: pytest.CaptureFixture[str]) -> None:
    run_program(README[number], f"README.md, program {number + 1}")
    if "print(" in README[number]:
        assert ANSWER in capsys.readouterr().out


def openai_s_programs() -> list[str]:
    """The programs of openai's README that ask for chat completions of OpenAI itself."""
    page = importlib.metadata.metadata("openai")
    text = str(page.get_payload() or page["Description"])
    others = ("AzureOpenAI", "workload_identity", "DefaultAioHttpClient", "bedrock")
    return [block for block in blocks(text) if "chat.completions" in block and not any(name in block for name in others)]


@ends_open
@pytest.mark.usefixtures("environment")
def test_the_programs_of_openai_s_readme_run_with_only_the_import_changed() -> None:
    programs = openai_s_programs()
    assert len(programs) >= 5
    for program in programs:
        changed = program.replace("from openai import OpenAI", "from tailrace import Tailrace as OpenAI")
        changed = changed.replace("from openai import AsyncOpenAI", "from tailrace import AsyncTailrace as AsyncOpenAI")
        names: dict[str, Any] = {}
        if "await client" in changed:
            indented = "\n".join(f"    {line}" for line in changed.splitlines())
            changed = f"import asyncio\nasync def main():\n{indented}\nasyncio.run(main())"
            names["client"] = AsyncTailrace()
        elif "OpenAI(" not in changed:
            names["client"] = Tailrace()
        run_program(changed, "openai's README", **names)
