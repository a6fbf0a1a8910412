"""What the model is told of a tool's answer, whatever the tool's server made of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import aiohttp
from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from bot.tools import Tool

Result = dict[str, Any] | list[Any]

ERROR_CHARS = 300
"""of a tool's own error sentence; more does not fit a spoken reply"""


def failed(error: str) -> dict[str, Any]:
    """Why there is none."""
    return {"ok": False, "error": error}


def wrong(tool: Tool, arguments: Mapping[str, Any]) -> str | None:
    """What is wrong with the arguments, for the model."""
    error = best_match(Draft202012Validator(tool.parameters).iter_errors(dict(arguments)))
    if error is None:
        return None
    place = ".".join(str(part) for part in error.absolute_path) or "the arguments"
    return f"Wrong arguments: {place}: {error.message}"


async def bounded(response: aiohttp.ClientResponse, limit: int) -> bytes | None:
    """The answer's bytes, or None when there are more than `limit`."""
    body = bytearray()
    async for chunk in response.content.iter_chunked(4096):
        body += chunk
        if len(body) > limit:
            return None
    return bytes(body)


def read(tool: Tool, status: int, body: bytes | None) -> tuple[str, Result]:
    """What the model is told, from the status and what came with it."""
    if body is None:
        return "broke", failed(f"{tool.name} answered more than can be read out.")
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        answer = None
    if status >= 500:
        return "down", failed(f"{tool.name} is out of order right now.")
    if not 200 <= status < 300:
        own = answer.get("error") if isinstance(answer, dict) else None
        sentence = own[:ERROR_CHARS] if isinstance(own, str) and own else f"{tool.name} refused."
        return "refused", failed(sentence)
    if not isinstance(answer, dict | list):
        return "broke", failed(f"{tool.name} gave an answer that cannot be read.")
    return "ok", answer
