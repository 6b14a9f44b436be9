"""examples/fastapi_app.py, served by uvicorn in front of a real Tailrace server."""

from __future__ import annotations

import importlib.util
import json
import socket
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from real_server import real_server

server = real_server()
EXAMPLE = Path(__file__).parent.parent / "examples" / "fastapi_app.py"


def load(model: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("TAILRACE_API_KEY", server.api_key)
    monkeypatch.setenv("TAILRACE_BASE_URL", server.base_url)
    monkeypatch.setenv("MODEL", model)
    spec = importlib.util.spec_from_file_location("fastapi_app", EXAMPLE)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.app


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    running: list[tuple[uvicorn.Server, threading.Thread]] = []

    def start(model: str) -> str:
        listener = socket.create_server(("127.0.0.1", 0))
        app = uvicorn.Server(uvicorn.Config(load(model, monkeypatch), log_level="critical", timeout_graceful_shutdown=5))
        ready = threading.Event()
        started = app.startup

        async def startup(*args: Any, **named: Any) -> None:
            await started(*args, **named)
            ready.set()

        app.startup = startup  # type: ignore[method-assign]
        thread = threading.Thread(target=app.run, args=([listener],), daemon=True)
        thread.start()
        running.append((app, thread))
        assert ready.wait(60)
        return f"http://127.0.0.1:{listener.getsockname()[1]}"

    yield start
    for app, thread in running:
        app.should_exit = True
        thread.join(60)


def post(url: str) -> Any:
    body = json.dumps({"text": "Hi"}).encode()
    request = urllib.request.Request(f"{url}/answer", body, {"content-type": "application/json"})
    return urllib.request.urlopen(request, timeout=60)


def test_the_page_and_the_whole_answer(serve: Any) -> None:
    url = serve("lab/plain")
    with urllib.request.urlopen(url, timeout=60) as page:
        assert b"<form>" in page.read()
    with post(url) as answer:
        assert answer.read().decode() == "Rivers carry water downhill."


def test_a_browser_that_leaves_stops_the_generation(serve: Any) -> None:
    answer = post(serve("lab/endless"))
    assert answer.read(5) == b"drop "
    completion_id = answer.headers["x-completion-id"]
    answer.close()
    assert server.record_of(completion_id)["status"] == "cancelled"


def test_an_answer_that_breaks_off_is_no_whole_one(serve: Any) -> None:
    with post(serve("lab/cut")) as answer, pytest.raises(Exception, match=r"IncompleteRead|Connection"):
        raise Exception(repr(answer.read()))


def test_a_refusal_has_its_status(serve: Any) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        post(serve("lab/refused"))
    assert caught.value.code == 502
    assert json.load(caught.value)["error"] == "upstream_refused"
