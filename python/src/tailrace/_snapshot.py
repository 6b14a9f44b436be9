"""The answer so far, put together from its chunks."""

from __future__ import annotations

from typing import Any, cast

# Fields of a delta that come in pieces of text.
_TEXTS = ("content", "refusal", "reasoning_content", "reasoning")


class _Choice:
    def __init__(self) -> None:
        self.texts: dict[str, list[str]] = {}
        self.calls: list[dict[str, Any]] = []
        self.role = "assistant"
        self.finish: str | None = None
        self.logprobs: dict[str, list[Any]] | None = None
        self.other: dict[str, Any] = {}

    def add(self, choice: dict[str, Any]) -> None:
        delta = choice["delta"]
        for name, value in delta.items():
            if name in _TEXTS:
                if isinstance(value, str) and value:
                    self.texts.setdefault(name, []).append(value)
            elif name == "role":
                self.role = value or self.role
            elif name == "tool_calls":
                for call in objects(value):
                    self._add_call(call)
            elif value not in (None, "", [], {}):
                # Output without a name of ours: images, annotations, audio. Lists are continued, everything else is replaced.
                old = self.other.get(name)
                both = isinstance(old, list) and isinstance(value, list)
                self.other[name] = [*old, *value] if both else value
        for name, value in as_object(choice.get("logprobs")).items():
            if isinstance(value, list):
                self.logprobs = self.logprobs or {}
                self.logprobs.setdefault(name, []).extend(cast("list[Any]", value))

    def _add_call(self, piece: dict[str, Any]) -> None:
        call = self._call_of(piece)
        call_id = piece.get("id")
        if isinstance(call_id, str) and call_id:
            call["id"] = call_id
        said = as_object(piece.get("function"))
        function = call["function"]
        name = said.get("name")
        # Several servers repeat the whole name with every piece.
        if isinstance(name, str) and name != function["name"]:
            function["name"] += name
        arguments = said.get("arguments")
        if isinstance(arguments, str):
            function["arguments"] += arguments
        if isinstance(piece.get("extra_content"), dict):
            call["extra_content"] = piece["extra_content"]

    def _call_of(self, piece: dict[str, Any]) -> dict[str, Any]:
        """The call that a piece belongs to: by its index, else by its id, else the last one."""
        index = piece.get("index")
        call_id = piece.get("id")
        for call in self.calls:
            same_id = not call_id or not call["id"] or call["id"] == call_id
            if (index is not None and call["index"] == index and same_id) or (
                index is None and call_id and call["id"] == call_id
            ):
                return call
        if index is None and not call_id and self.calls:
            return self.calls[-1]
        made = {"index": index, "id": "", "type": "function", "function": {"name": "", "arguments": ""}}
        self.calls.append(made)
        return made

    def text(self, name: str = "content") -> str:
        return "".join(self.texts.get(name, ()))

    def as_json(self, index: int) -> dict[str, Any]:
        message: dict[str, Any] = {
            "role": self.role,
            "content": self.text() if "content" in self.texts or not self.calls else None,
            "refusal": self.text("refusal") or None,
            **{name: self.text(name) for name in self.texts if name not in ("content", "refusal")},
            **self.other,
        }
        if self.calls:
            message["tool_calls"] = [
                {name: value for name, value in call.items() if name != "index"} for call in self.calls
            ]
        return {
            "index": index,
            "message": message,
            "finish_reason": self.finish,
            "logprobs": self.logprobs,
        }


class Snapshot:
    """Text, calls, counts and reasons that arrived so far."""

    def __init__(self) -> None:
        self._choices: dict[int, _Choice] = {}
        self._head: dict[str, Any] = {}
        self.usage: dict[str, Any] | None = None

    def add(self, chunk: dict[str, Any]) -> None:
        """Takes a chunk whose choices have deltas."""
        if not self._head:
            self._head = {
                name: chunk[name] for name in ("id", "created", "model", "system_fingerprint") if name in chunk
            }
        usage = as_object(chunk.get("usage"))
        if usage:
            self.usage = usage
        for choice in objects(chunk.get("choices")):
            index = choice["index"]
            kept = self._choices.setdefault(index, _Choice())
            kept.add(choice)
            reason = choice.get("finish_reason")
            # Servers that break off write reasons that are none; `""` and `"null"` mean that it is not finished.
            if isinstance(reason, str) and reason not in ("", "null", "error", "abort"):
                kept.finish = reason

    @property
    def text(self) -> str:
        """The text of the first choice."""
        first = self._choices.get(0)
        return "" if first is None else first.text()

    @property
    def completion_id(self) -> str | None:
        """The id that the chunks have."""
        own = self._head.get("id")
        return own if isinstance(own, str) else None

    @property
    def empty(self) -> bool:
        return not self._choices

    def finished(self, wanted: int) -> bool:
        """True where each choice that was seen has its finish, and there are at least ``wanted`` of them."""
        reasons = [choice.finish for choice in self._choices.values()]
        return len(reasons) >= max(wanted, 1) and None not in reasons

    def as_json(self) -> dict[str, Any]:
        """The completion, as a server would have written it without streaming."""
        return {
            "object": "chat.completion",
            **self._head,
            "choices": [choice.as_json(index) for index, choice in sorted(self._choices.items())],
            "usage": self.usage,
        }


def as_object(value: object) -> dict[str, Any]:
    """The value where it is a JSON object, else an empty one."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def objects(value: object) -> list[dict[str, Any]]:
    """Those elements of a JSON array that are objects."""
    if not isinstance(value, list):
        return []
    return [item for item in cast("list[Any]", value) if isinstance(item, dict)]
