"""The emulated Claude: `POST /v1/messages`, streamed as server-sent events or whole.

The answer is the receptionist's; the first token is due at (request) + (drawn delay, keyed by the
caller's words), each next one 12 ms later (or as the profile says) on an absolute schedule.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from aiohttp import web

from lab.billing import Bill, PromptCache, count
from lab.delays import Draw
from lab.faults import Fault
from lab.messages import error_in, last_words, results_at_end
from lab.outlet import Ended, Outlet, Quota
from lab.pipes import EventPipe, reset
from lab.receptionist import Reply
from lab.world import Stream, World, is_wrong_key, parse_object

NAME = "anthropic"
ERRORS = {
    400: "invalid_request_error", 401: "authentication_error", 402: "billing_error",
    403: "permission_error", 404: "not_found_error", 413: "request_too_large",
    429: "rate_limit_error", 500: "api_error", 504: "timeout_error", 529: "overloaded_error",
}  # fmt: skip
PIECES = re.compile(r"\s*[^\W_]{1,7}|\s*\S|\s+")
OF_THE_ANSWER = (
    "headers_only", "pings_only", "slow_first_token", "slow_tokens", "thinking_only", "refusal",
    "empty", "max_tokens", "malformed_tool_json",
)  # fmt: skip
"""Faults of the whole answer: a client begins to feel them with its request."""
FOREVER_S = 600.0  # the SDKs' own read timeout; nobody waits longer
THOUGHT = "The caller asked something. I should think about it a little longer. "


def refusal(
    status: int, message: str, *, kind: str = "", retry_after_s: float = 0.0
) -> web.Response:
    """An HTTP error before the stream."""
    request_id = f"req_{uuid4().hex[:24]}"
    headers = {"request-id": request_id}
    if status == 429:
        headers |= {
            "anthropic-ratelimit-requests-limit": "50",
            "anthropic-ratelimit-requests-remaining": "0",
        }
    if retry_after_s:
        headers["retry-after"] = f"{retry_after_s:g}"
    error = {"type": kind or ERRORS.get(status, "api_error"), "message": message}
    body = {"type": "error", "error": error, "request_id": request_id}
    return web.json_response(body, status=status, headers=headers)


def refuse_for(status: int, fault: Fault) -> web.Response:
    """A refusal a fault asked for."""
    kind = fault["code"] or ERRORS.get(status, "api_error")
    message = fault["message"] or kind.removesuffix("_error").replace("_", " ").capitalize()
    return refusal(status, message, kind=kind, retry_after_s=fault["retry_after_s"])


def door_error(request: web.Request) -> web.Response | None:
    """Headers every request must carry."""
    key = request.headers.get("x-api-key")
    if key is None:
        _, _, key = request.headers.get("Authorization", "").partition("Bearer ")
    if not key:
        return refusal(401, "x-api-key header is required")
    if is_wrong_key(key):
        return refusal(401, "invalid x-api-key")
    if "anthropic-version" not in request.headers:
        return refusal(400, "anthropic-version: header is required")
    return None


def quota() -> Quota:
    """The rate limit is hit in mid-stream."""
    error = {"type": "rate_limit_error", "message": "This request would exceed your rate limit"}
    return Quota({"type": "error", "error": error, "request_id": f"req_{uuid4().hex[:24]}"})


@dataclass(frozen=True)
class Answer:
    """One message on its way out."""

    id: str
    model: str
    texts: tuple[str, ...]
    """Pieces of the text, one token each."""
    tools: tuple[tuple[str, str, str], ...]
    """(id, name, input as JSON) per tool call."""
    stop_reason: str
    stop_sequence: str | None
    bill: Bill

    @property
    def output_tokens(self) -> int:
        """As billed."""
        return max(1, len(self.texts) + sum(8 + count(raw) for _, _, raw in self.tools))


class Claude:
    """The endpoint and its prompt cache."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.cache = PromptCache()
        world.on_reset.append(self.cache.clear)

    async def messages(self, request: web.Request) -> web.StreamResponse:
        """`POST /v1/messages`."""
        asked_at = asyncio.get_running_loop().time()
        raw = await request.text()
        body = parse_object(raw)
        words = last_words(body or {})
        self.world.streams[id(request)] = Stream(request, NAME)
        try:
            faults, shut = await self.world.knock(request, NAME, refuse=refuse_for, words=words)
            refused = shut or door_error(request) or self._refused(body)
            self._log(request, raw, refused)
            if refused is not None or body is None:
                return refused or refusal(400, "The request body is not valid JSON")
            return await self._answer(request, body, faults, asked_at)
        finally:
            self.world.streams.pop(id(request), None)

    def _refused(self, body: dict[str, Any] | None) -> web.Response | None:
        if body is None:
            return refusal(400, "The request body is not valid JSON: expected an object")
        if error := error_in(body):
            return refusal(400, error)
        if not str(body["model"]).startswith("claude"):
            return refusal(404, f"model: {body['model']}")
        limit = self.world.knobs.anthropic.max_running
        if limit and len(self.world.streams) > limit:
            return refusal(429, "Number of concurrent connections has exceeded your rate limit")
        return None

    def _log(self, request: web.Request, raw: str, refused: web.Response | None) -> None:
        self.world.log.add(
            NAME,
            "request",
            path=request.path_qs,
            version=request.headers.get("anthropic-version"),
            beta=request.headers.get("anthropic-beta"),
            status=refused.status if refused is not None else 200,
            body=raw,
        )

    async def _answer(
        self, request: web.Request, body: dict[str, Any], faults: list[Fault], asked_at: float
    ) -> web.StreamResponse:
        by_shape = {fault.shape: fault for fault in faults}
        for fault in faults:
            if fault.shape in OF_THE_ANSWER:
                self.world.noting(NAME, "")(fault)
        if (hole := by_shape.get("black_hole")) is not None:
            await asyncio.sleep(hole["for_s"] or FOREVER_S)
            reset(request)
            return web.Response(status=504)
        rounds = results_at_end(body)
        key = last_words(body) + (f" tool_results {rounds}" if rounds else "")
        draw = self.world.delays.take(NAME, "first_token", key=key)
        knobs = self.world.knobs.anthropic
        bill = self.cache.bill(
            body, now=time.monotonic(), life_s=knobs.cache_life_s, least=knobs.cache_min_tokens
        )
        answer = _shaped(self.world.engines.reply(body), body, bill, by_shape)
        self._log_answer(answer, draw)
        due_at = asked_at + draw.delay_s
        if body.get("stream") is True:
            return await Events(self.world, request, answer, by_shape, due_at).run()
        usage = answer.bill.as_usage(answer.output_tokens)
        self.world.log.add(NAME, "billed", id=answer.id, usage=usage)
        return await self._whole(answer, by_shape, due_at)

    async def _whole(
        self, answer: Answer, by_shape: dict[str, Fault], due_at: float
    ) -> web.Response:
        if slow := by_shape.get("slow_first_token") or by_shape.get("latency"):
            due_at += slow["delay_s"]
        due_at += self.world.delays.token_s * answer.output_tokens
        await asyncio.sleep(max(0.0, due_at - asyncio.get_running_loop().time()))
        content: list[dict[str, Any]] = []
        if answer.texts:
            content.append({"type": "text", "text": "".join(answer.texts)})
        content.extend(
            {"type": "tool_use", "id": use_id, "name": name, "input": json.loads(raw)}
            for use_id, name, raw in answer.tools
        )
        body = {
            **_message(answer),
            "content": content,
            "stop_reason": answer.stop_reason,
            "stop_sequence": answer.stop_sequence,
            "usage": answer.bill.as_usage(answer.output_tokens),
        }
        return web.json_response(body, headers={"request-id": f"req_{uuid4().hex[:24]}"})

    def _log_answer(self, answer: Answer, draw: Draw) -> None:
        self.world.log.add(
            NAME,
            "answer",
            id=answer.id,
            text="".join(answer.texts),
            tools=[{"name": name, "input": raw} for _, name, raw in answer.tools],
            stop_reason=answer.stop_reason,
            token_s=self.world.delays.token_s,
            usage=answer.bill.as_usage(answer.output_tokens),
            **draw.as_dict(),
        )

    async def count_tokens(self, request: web.Request) -> web.Response:
        """`POST /v1/messages/count_tokens`."""
        body = parse_object(await request.text())
        if refused := door_error(request):
            return refused
        if body is None:
            return refusal(400, "The request body is not valid JSON: expected an object")
        if error := error_in({"max_tokens": 1} | body):
            return refusal(400, error)
        bill = PromptCache().bill(body, now=0.0, life_s=1.0)
        return web.json_response({"input_tokens": bill.fresh + bill.written})


class Events:
    """One answer as server-sent events, through the faults of its request."""

    def __init__(
        self,
        world: World,
        request: web.Request,
        answer: Answer,
        by_shape: dict[str, Fault],
        due_at: float,
    ) -> None:
        self.world = world
        self.request = request
        self.answer = answer
        self.by_shape = by_shape
        self.due_at = due_at
        self.clock = asyncio.get_running_loop().time
        slow = by_shape.get("slow_tokens")
        self.token_s = slow["token_s"] if slow else world.delays.token_s
        self.deltas = 0
        self.is_whole = False
        self.outlet: Outlet

    async def run(self) -> web.StreamResponse:
        """Wait for the first token's time, then stream."""
        if slow := self.by_shape.get("slow_first_token"):
            self.due_at += slow["delay_s"]
        try:
            await self._until_due()
        except asyncio.CancelledError:
            self._log_bill()
            raise
        response = web.StreamResponse(
            headers={
                "content-type": "text/event-stream; charset=utf-8",
                "cache-control": "no-cache",
                "request-id": f"req_{uuid4().hex[:24]}",
            }
        )
        try:
            await response.prepare(self.request)
        except ConnectionError:  # nobody waits any more
            self._log_bill()
            raise
        pipe = EventPipe(self.request, response)
        # faults count deltas, not the events that open the message
        self.outlet = Outlet(pipe, quota=quota, note=self.world.noting(NAME, self.answer.id))
        try:
            await self._events()
            await response.write_eof()
        except (Ended, ConnectionError):
            if pipe.is_open:
                await response.write_eof()
        finally:
            self._log_bill()
        return response

    def _log_bill(self) -> None:
        """What is paid for: the prompt, and what had been written when nobody read on."""
        written = self.answer.output_tokens if self.is_whole else max(1, self.deltas)
        usage = self.answer.bill.as_usage(written)
        self.world.log.add(NAME, "billed", id=self.answer.id, usage=usage)

    async def _until_due(self) -> None:
        await asyncio.sleep(max(0.0, self.due_at - self.clock()))

    async def _events(self) -> None:
        if only := self.by_shape.get("headers_only"):
            await asyncio.sleep(only["for_s"] or FOREVER_S)
            self.outlet.reset()
            raise Ended
        usage = self.answer.bill.as_usage(1)
        start = {**_message(self.answer), "content": [], "stop_reason": None, "usage": usage}
        await self.outlet.say({"type": "message_start", "message": start})
        if pings := self.by_shape.get("pings_only"):
            await self._pings(pings)
        for fault in self.by_shape.values():
            self.outlet.afflict(fault)
        await self._thinking()
        index = await self._text(0)
        for use_id, name, raw in self.answer.tools:
            await self._tool(index, use_id, name, raw)
            index += 1
        delta = {"stop_reason": self.answer.stop_reason, "stop_sequence": self.answer.stop_sequence}
        out = self.answer.bill.as_usage(self.answer.output_tokens)
        del out["service_tier"]
        self.is_whole = True
        self.outlet.recover()
        await self.outlet.say({"type": "message_delta", "delta": delta, "usage": out})
        await self.outlet.say({"type": "message_stop"})

    async def _pings(self, fault: Fault) -> None:
        ends_at = self.clock() + (fault["for_s"] or FOREVER_S)
        while self.clock() < ends_at:
            await self.outlet.say({"type": "ping"})
            await asyncio.sleep(fault["every_s"])
        self.outlet.reset()
        raise Ended

    async def _thinking(self) -> None:
        if (fault := self.by_shape.get("thinking_only")) is None:
            return
        block = {"type": "thinking", "thinking": "", "signature": ""}
        await self._open(0, block)
        for _, piece in zip(range(fault["deltas"]), _endless(THOUGHT), strict=False):
            await self._delta(0, {"type": "thinking_delta", "thinking": piece})
        await self._delta(0, {"type": "signature_delta", "signature": "bGFi"})
        await self._close(0)

    async def _text(self, index: int) -> int:
        """The text block, if there is text; the next free index."""
        if not self.answer.texts:
            return index
        await self._open(index, {"type": "text", "text": ""})
        await self._ping()
        for piece in self.answer.texts:
            await self._delta(index, {"type": "text_delta", "text": piece})
        await self._close(index)
        return index + 1

    async def _tool(self, index: int, use_id: str, name: str, raw: str) -> None:
        await self._open(index, {"type": "tool_use", "id": use_id, "name": name, "input": {}})
        if index == 0:
            await self._ping()
        for piece in ("", *PIECES.findall(raw)):
            await self._delta(index, {"type": "input_json_delta", "partial_json": piece})
        await self._close(index)

    async def _open(self, index: int, block: dict[str, Any]) -> None:
        await self._frame({"type": "content_block_start", "index": index, "content_block": block})

    async def _close(self, index: int) -> None:
        await self._frame({"type": "content_block_stop", "index": index})

    async def _ping(self) -> None:
        await self._frame({"type": "ping"})

    async def _frame(self, event: dict[str, Any]) -> None:
        """An event that carries no token: the faults do not count it."""
        await self.outlet.inner.say(event)

    async def _delta(self, index: int, delta: dict[str, Any]) -> None:
        """One token at its time."""
        await self._until_due()
        self.due_at += self.token_s
        if (fault := self.by_shape.get("error_after")) and self.deltas >= fault["after"]:
            self.outlet.feel(fault)
            error = {"type": fault["type"], "message": fault["message"]}
            await self.outlet.inner.say(
                {"type": "error", "error": error, "request_id": f"req_{uuid4().hex[:24]}"}
            )
            raise Ended
        self.deltas += 1
        await self.outlet.say({"type": "content_block_delta", "index": index, "delta": delta})
        every = self.world.knobs.anthropic.ping_every
        if every and self.deltas % every == 0:
            await self._ping()


def _message(answer: Answer) -> dict[str, Any]:
    return {
        "id": answer.id,
        "type": "message",
        "role": "assistant",
        "model": answer.model,
        "stop_sequence": None,
    }


def _shaped(reply: Reply, body: dict[str, Any], bill: Bill, by_shape: dict[str, Fault]) -> Answer:
    """The receptionist's reply under the request's limits and the faults that change content."""
    text, stop_reason, stop_sequence = reply.text, reply.stop_reason, None
    tools = tuple((tool.id, tool.name, json.dumps(tool.input)) for tool in reply.tools)
    for stop in body.get("stop_sequences") or ():
        if stop in text:
            text, stop_reason, stop_sequence, tools = text.split(stop)[0], "stop_sequence", stop, ()
    if {"empty", "refusal", "thinking_only"} & by_shape.keys():
        text, tools, stop_reason = "", (), "refusal" if "refusal" in by_shape else "end_turn"
    if "malformed_tool_json" in by_shape:
        name = tools[0][1] if tools else _any_tool(body)
        tools, stop_reason = ((f"toolu_{uuid4().hex[:20]}", name, '{"day": "tues'),), "tool_use"
    pieces = tuple(PIECES.findall(text))
    limit = body["max_tokens"]
    if (fault := by_shape.get("max_tokens")) is not None:
        limit = min(limit, fault["tokens"])
    if len(pieces) > limit:
        pieces, tools, stop_reason, stop_sequence = pieces[:limit], (), "max_tokens", None
    return Answer(
        id=f"msg_{uuid4().hex[:24]}",
        model=str(body["model"]),
        texts=pieces,
        tools=tools,
        stop_reason=stop_reason,
        stop_sequence=stop_sequence,
        bill=bill,
    )


def _any_tool(body: dict[str, Any]) -> str:
    tools = body.get("tools") or [{}]
    return str(tools[0].get("name", "unknown"))


def _endless(text: str) -> Iterator[str]:
    while True:
        yield from PIECES.findall(text)
