"""A page that shows an answer while it is generated. The key stays on this server; a browser that leaves stops the generation.

TAILRACE_API_KEY=$(cat data/api-key) uvicorn fastapi_app:app     # then open http://127.0.0.1:8000
"""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import openai
from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, JSONResponse, StreamingResponse
from pydantic import BaseModel

from tailrace import AsyncTailrace

MODEL = os.environ.get("MODEL", "default")


class Question(BaseModel):
    text: str


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncGenerator[None, None]:
    # One client for all requests: it keeps its connections.
    async with AsyncTailrace() as client:
        app.state.client = client
        yield


app = FastAPI(lifespan=lifespan)


@app.post("/answer")
async def answer(question: Question, request: Request) -> StreamingResponse:
    client: AsyncTailrace = request.app.state.client
    # What fails before the first token raises here, and becomes an answer with its status below.
    stream = await client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": question.text}], stream=True)

    async def pieces() -> AsyncGenerator[str, None]:
        # When the browser leaves, this task is cancelled, and `async with` stops the generation. A failure in mid-answer breaks
        # the response off, so the browser does not take a part for the whole.
        async with stream:
            async for piece in stream.text:
                yield piece

    headers = {"x-completion-id": stream.completion_id or "", "cache-control": "no-store"}
    return StreamingResponse(pieces(), media_type="text/plain; charset=utf-8", headers=headers)


async def refusal(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, openai.APIStatusError)
    # A wrong key is a fault of this server, not of its visitor.
    status = 502 if error.status_code in (401, 403) else error.status_code
    return JSONResponse({"error": error.code, "request_id": error.request_id}, status)


app.add_exception_handler(openai.APIStatusError, refusal)

PAGE = """<!doctype html>
<meta charset="utf-8"><title>Ask</title>
<form><input name="text" aria-label="Question" required> <button>Ask</button></form>
<pre style="white-space: pre-wrap"></pre>
<script type="module">
  const [form, out] = [document.querySelector('form'), document.querySelector('pre')];
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    out.textContent = '';
    try {
      const response = await fetch('answer', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ text: form.elements.text.value }),
      });
      if (!response.ok) throw new Error(await response.text());
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      for (let read; !(read = await reader.read()).done; ) out.textContent += read.value;
    } catch (error) {
      out.textContent += `\\n[the answer broke off: ${error.message}]`;
    }
  });
</script>
"""


@app.get("/")
async def page() -> HTMLResponse:
    return HTMLResponse(PAGE)
