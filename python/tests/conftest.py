from __future__ import annotations

import os
from typing import Iterator

import openai._base_client as base_client
import pytest
from accident_server import AccidentServer


@pytest.fixture(scope="session")
def accident_server() -> Iterator[AccidentServer]:
    server = AccidentServer()
    yield server
    server.close()


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the machine's environment, and retries of ``openai`` that do not wait for half a second."""
    for name in [name for name in os.environ if name.startswith(("OPENAI_", "TAILRACE_API", "TAILRACE_BASE"))]:
        monkeypatch.delenv(name)
    for name in ("INITIAL_RETRY_DELAY", "MAX_RETRY_DELAY"):
        monkeypatch.setattr(base_client, name, 0.001)
