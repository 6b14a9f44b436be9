"""The Tailrace server that the caller of these tests has started."""

from __future__ import annotations

import json
import os
import time
import urllib.request
from dataclasses import dataclass
from typing import Any

import pytest


@dataclass
class RealServer:
    port: int
    api_key: str
    admin_key: str

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def record_of(self, completion_id: str | None) -> dict[str, Any]:
        """The usage record of a request that has ended, or ends soon."""
        ends = time.monotonic() + 30
        while True:
            for record in self._admin("requests?limit=50")["data"]:
                if record["id"] == completion_id and record["status"] != "open":
                    return record
            assert time.monotonic() < ends, f"{completion_id} is still open"
            time.sleep(0.05)

    def count_of(self, model: str) -> int:
        """How many requests have asked for this model."""
        return len(self._admin(f"requests?limit=100&model={model}")["data"])

    def _admin(self, path: str) -> Any:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/admin/v1/{path}", headers={"authorization": f"Bearer {self.admin_key}"}
        )
        with urllib.request.urlopen(request, timeout=30) as response:
            return json.load(response)


def real_server() -> RealServer:
    """Skips the module where there is none."""
    said = os.environ.get("TAILRACE_TEST_SERVER")
    if said is None:
        pytest.skip("TAILRACE_TEST_SERVER names no server", allow_module_level=True)
    return RealServer(**json.loads(said))
