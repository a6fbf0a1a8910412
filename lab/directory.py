"""The small look-ups by which SDKs and `offhook check` learn whether keys, models and voices exist.

Three vendors have `GET /v1/models`; on the lab's one port the authentication header tells them
apart. Whatever name is asked for exists, unless it begins with `missing`."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from lab import anthropic, cartesia, deepgram, elevenlabs
from lab.world import WORLD, is_missing, is_wrong_key

CLAUDES = {
    "claude-haiku-4-5": "Claude Haiku 4.5",
    "claude-sonnet-4-5": "Claude Sonnet 4.5",
    "claude-sonnet-5": "Claude Sonnet 5",
}
NOVAS = ("nova-3", "nova-2", "flux-general-en", "flux-general-multi")
ELEVEN_MODELS = ("eleven_flash_v2_5", "eleven_turbo_v2_5", "eleven_multilingual_v2")
ELEVEN_VOICES = {"21m00Tcm4TlvDq8ikWAM": "Rachel", "EXAVITQu4vr4xnSDxMaL": "Sarah"}
CARTESIA_VOICES = {"a0e99841-438c-4a64-b679-ae501e7d6091": "Barbershop Man"}
PROJECT = "11111111-1111-4111-8111-111111111111"
EPOCH = "2026-01-01T00:00:00Z"


async def models(request: web.Request) -> web.Response:
    """`GET /v1/models` of whichever vendor the client means."""
    if "xi-api-key" in request.headers:
        return _eleven_refusal(request) or web.json_response(
            [_eleven_model(m) for m in ELEVEN_MODELS]
        )
    if "x-api-key" in request.headers or "anthropic-version" in request.headers:
        await request.app[WORLD].shake_hands(request, anthropic.NAME)
        listed = [_claude(name) for name in CLAUDES]
        page = {"data": listed, "has_more": False}
        page |= {"first_id": listed[0]["id"], "last_id": listed[-1]["id"]}
        return anthropic.door_error(request) or web.json_response(page)
    return _deepgram_refusal(request) or web.json_response(
        {"stt": [_nova(name) for name in NOVAS], "tts": []}
    )


async def model(request: web.Request) -> web.Response:
    """`GET /v1/models/{id}` (Claude, Deepgram)."""
    name = request.match_info["id"]
    if "x-api-key" in request.headers or "anthropic-version" in request.headers:
        if refused := anthropic.door_error(request):
            return refused
        if not name.startswith("claude"):
            return anthropic.refusal(404, f"model: {name}")
        return web.json_response(_claude(name))
    return _deepgram_refusal(request) or web.json_response(_nova(name))


async def projects(request: web.Request) -> web.Response:
    """Deepgram `GET /v1/projects`."""
    listed = {"projects": [{"project_id": PROJECT, "name": "Lab"}]}
    return _deepgram_refusal(request) or web.json_response(listed)


async def balances(request: web.Request) -> web.Response:
    """Deepgram `GET /v1/projects/{id}/balances`."""
    balance = {"balance_id": PROJECT, "amount": 100.0, "units": "usd", "purchase_order_id": "lab"}
    return _deepgram_refusal(request) or web.json_response({"balances": [balance]})


async def token(request: web.Request) -> web.Response:
    """Deepgram `GET /v1/auth/token`: whose key this is."""
    details = {"api_key_id": PROJECT, "scopes": ["usage:write"], "created": EPOCH}
    return _deepgram_refusal(request) or web.json_response(details)


async def eleven_voices(request: web.Request) -> web.Response:
    """ElevenLabs `GET /v1/voices` and `/v2/voices`."""
    listed = {
        "voices": [_eleven_voice(name) for name in ELEVEN_VOICES],
        "has_more": False,
        "total_count": len(ELEVEN_VOICES),
        "next_page_token": None,
    }
    return _eleven_refusal(request) or web.json_response(listed)


async def eleven_voice(request: web.Request) -> web.Response:
    """ElevenLabs `GET /v1/voices/{id}`."""
    name = request.match_info["id"]
    if refused := _eleven_refusal(request):
        return refused
    if is_missing(name):
        text = f"A voice for the voice_id {name} was not found."
        return elevenlabs.refusal(404, "voice_not_found", text)
    return web.json_response(_eleven_voice(name))


async def eleven_subscription(request: web.Request) -> web.Response:
    """ElevenLabs `GET /v1/user/subscription`."""
    return _eleven_refusal(request) or web.json_response(_subscription())


async def eleven_user(request: web.Request) -> web.Response:
    """ElevenLabs `GET /v1/user`."""
    user = {
        "user_id": "lab",
        "subscription": _subscription(),
        "is_new_user": False,
        "is_onboarding_completed": True,
        "is_onboarding_checklist_completed": True,
        "can_use_delayed_payment_methods": False,
        "created_at": 1767225600,
        "seat_type": "workspace_member",
        "is_api_key_hashed": False,
        "has_open_invoices": False,
        "subscription_extras": None,
        "xi_api_key": None,
    }
    return _eleven_refusal(request) or web.json_response(user)


async def cartesia_voices(request: web.Request) -> web.Response:
    """Cartesia `GET /voices`."""
    is_first = "starting_after" not in request.query
    listed = [_cartesia_voice(name) for name in CARTESIA_VOICES if is_first]
    page = {"data": listed, "has_more": False, "next_page": None}
    return _cartesia_refusal(request) or web.json_response(page)


async def cartesia_voice(request: web.Request) -> web.Response:
    """Cartesia `GET /voices/{id}`."""
    name = request.match_info["id"]
    if refused := _cartesia_refusal(request):
        return refused
    if is_missing(name):
        return cartesia.refusal(404, f"The voice {name} was not found")
    return web.json_response(_cartesia_voice(name))


async def cartesia_status(request: web.Request) -> web.Response:
    """Cartesia `GET /`."""
    return web.json_response({"ok": True, "version": "lab"})


def routes() -> list[web.RouteDef]:
    """Where the look-ups live."""
    return [
        web.get("/v1/models", models),
        web.get("/v1/models/{id}", model),
        web.get("/v1/projects", projects),
        web.get("/v1/projects/{id}/balances", balances),
        web.get("/v1/auth/token", token),
        web.get("/v1/voices", eleven_voices),
        web.get("/v2/voices", eleven_voices),
        web.get("/v1/voices/{id}", eleven_voice),
        web.get("/v1/user", eleven_user),
        web.get("/v1/user/subscription", eleven_subscription),
        web.get("/voices", cartesia_voices),
        web.get("/voices/{id}", cartesia_voice),
        web.get("/", cartesia_status),
    ]


def _deepgram_refusal(request: web.Request) -> web.Response | None:
    if is_wrong_key(deepgram.key_of(request)):
        return deepgram.refusal(401, "Invalid credentials.")
    return None


def _eleven_refusal(request: web.Request) -> web.Response | None:
    if is_wrong_key(request.headers.get("xi-api-key")):
        return elevenlabs.refusal(401, "invalid_api_key", "Invalid API key")
    return None


def _cartesia_refusal(request: web.Request) -> web.Response | None:
    if is_wrong_key(cartesia.key_of(request)):
        return cartesia.refusal(401, "Invalid API key")
    return None


def _claude(name: str) -> dict[str, Any]:
    title = CLAUDES.get(name, name)
    return {"type": "model", "id": name, "display_name": title, "created_at": EPOCH}


def _nova(name: str) -> dict[str, Any]:
    return {
        "name": name,
        "canonical_name": name,
        "architecture": name.split("-")[0],
        "languages": ["en", "ar", "multi"],
        "version": "lab",
        "uuid": PROJECT,
        "batch": False,
        "streaming": True,
        "formatted_output": True,
    }


def _eleven_model(name: str) -> dict[str, Any]:
    return {
        "model_id": name,
        "name": name,
        "can_do_text_to_speech": True,
        "can_be_finetuned": False,
        "can_do_voice_conversion": False,
        "languages": [{"language_id": "en", "name": "English"}],
        "max_characters_request_free_user": 2500,
        "max_characters_request_subscribed_user": 10000,
        "model_rates": {"character_cost_multiplier": 0.5},
    }


def _eleven_voice(name: str) -> dict[str, Any]:
    return {
        "voice_id": name,
        "name": ELEVEN_VOICES.get(name, name),
        "category": "premade",
        "labels": {},
        "available_for_tiers": [],
        "high_quality_base_model_ids": list(ELEVEN_MODELS),
        "settings": {"stability": 0.5, "similarity_boost": 0.75},
    }


def _subscription() -> dict[str, Any]:
    return {
        "tier": "creator",
        "character_count": 0,
        "character_limit": 100_000,
        "can_extend_character_limit": False,
        "allowed_to_extend_character_limit": False,
        "next_character_count_reset_unix": 1893456000,
        "voice_slots_used": 0,
        "professional_voice_slots_used": 0,
        "voice_limit": 30,
        "max_voice_add_edits": 100,
        "voice_add_edit_counter": 0,
        "professional_voice_limit": 1,
        "can_extend_voice_limit": False,
        "can_use_instant_voice_cloning": False,
        "can_use_professional_voice_cloning": False,
        "currency": "usd",
        "status": "active",
        "billing_period": "monthly_period",
        "character_refresh_period": "monthly_period",
        "open_invoices": [],
        "has_open_invoices": False,
    }


def _cartesia_voice(name: str) -> dict[str, Any]:
    return {
        "id": name,
        "name": CARTESIA_VOICES.get(name, name),
        "description": "A voice of the lab",
        "language": "en",
        "is_owner": False,
        "is_public": True,
        "created_at": EPOCH,
        "gender": None,
    }
