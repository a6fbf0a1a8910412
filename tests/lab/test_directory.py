"""The small look-ups, judged by the vendors' own REST clients."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from tests.lab.clients import CARTESIA, CLAUDE, DEEPGRAM, ELEVEN, providers, session

pytestmark = pytest.mark.provider


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/v1/models", CLAUDE),
        ("/v1/models/claude-haiku-4-5", CLAUDE),
        ("/v1/models", DEEPGRAM),
        ("/v1/models/nova-3", DEEPGRAM),
        ("/v1/projects", DEEPGRAM),
        ("/v1/projects/1/balances", DEEPGRAM),
        ("/v1/auth/token", DEEPGRAM),
        ("/v1/models", ELEVEN),
        ("/v1/voices", ELEVEN),
        ("/v2/voices", ELEVEN),
        ("/v1/voices/abc", ELEVEN),
        ("/v1/user", ELEVEN),
        ("/v1/user/subscription", ELEVEN),
        ("/voices", CARTESIA),
        ("/voices/abc", CARTESIA),
    ],
)
async def test_a_good_key_is_answered_a_wrong_one_401(path: str, headers: dict[str, str]) -> None:
    """Each look-up knows its vendor by the header, takes a key, refuses a wrong one."""
    wrong = {n: v.replace("good", "wrong") for n, v in headers.items()}
    async with providers() as it, session() as client:
        async with client.get(it.http_url + path, headers=headers) as answer:
            assert answer.status == 200 and await answer.json()
        async with client.get(it.http_url + path, headers=wrong) as answer:
            assert answer.status == 401


async def test_names_that_begin_with_missing_do_not_exist() -> None:
    """A voice or model that is not there is the vendor's 404."""
    async with providers() as it, session() as client:
        for path, headers in (
            ("/v1/voices/missing-1", ELEVEN),
            ("/voices/missing-1", CARTESIA),
            ("/v1/models/gpt-9", CLAUDE),
        ):
            async with client.get(it.http_url + path, headers=headers) as answer:
                assert answer.status == 404, path


async def test_anthropic_sdk_lists_models() -> None:
    """anthropic's models endpoints parse."""
    from anthropic import AsyncAnthropic, NotFoundError

    async with providers() as it:
        async with AsyncAnthropic(base_url=it.http_url, api_key="good", max_retries=0) as client:
            listed = [model.id async for model in client.models.list()]
            one = await client.models.retrieve("claude-haiku-4-5")
            with pytest.raises(NotFoundError):
                await client.models.retrieve("gpt-9")
    assert "claude-haiku-4-5" in listed and one.display_name == "Claude Haiku 4.5"


@pytest.mark.filterwarnings("ignore:websockets.*is deprecated:DeprecationWarning")
async def test_deepgram_sdk_reads_projects_and_models() -> None:
    """deepgram-sdk's management endpoints parse, and a wrong key raises its ApiError."""
    from deepgram import AsyncDeepgramClient
    from deepgram.core.api_error import ApiError
    from deepgram.environment import DeepgramClientEnvironment

    async with providers() as it, httpx.AsyncClient() as web:
        place = DeepgramClientEnvironment(
            base=it.http_url, production=it.ws_url, agent=it.ws_url, agent_rest=it.http_url
        )
        client = AsyncDeepgramClient(api_key="good", environment=place, httpx_client=web)
        projects: Any = await client.manage.v1.projects.list()
        models: Any = await client.manage.v1.models.list()
        stranger = AsyncDeepgramClient(api_key="wrong", environment=place, httpx_client=web)
        with pytest.raises(ApiError) as caught:
            await stranger.manage.v1.projects.list()
    assert projects.projects[0].name == "Lab"
    assert "nova-3" in [model.name for model in models.stt]
    assert caught.value.status_code == 401


async def test_elevenlabs_sdk_reads_voices_and_models() -> None:
    """elevenlabs' REST client parses voices, models, the user, and sees 401 and 404."""
    from elevenlabs.client import ElevenLabs
    from elevenlabs.core.api_error import ApiError

    def run(url: str) -> Any:
        with httpx.Client() as web:
            return look(url, web)

    def look(url: str, web: httpx.Client) -> Any:
        client = ElevenLabs(api_key="good", base_url=url, httpx_client=web)
        found = (
            client.voices.search().voices,
            client.voices.get("abc").voice_id,
            client.models.list()[0].model_id,
            client.user.subscription.get().status,
            client.user.get().user_id,
        )
        codes = []
        with pytest.raises(ApiError) as caught:
            client.voices.get("missing-1")
        codes.append(caught.value.status_code)
        with pytest.raises(ApiError) as caught:
            ElevenLabs(api_key="wrong", base_url=url, httpx_client=web).models.list()
        codes.append(caught.value.status_code)
        return (*found, codes)

    async with providers() as it:
        voices, voice, model, status, user, codes = await asyncio.to_thread(run, it.http_url)
    assert voices and voice == "abc" and model == "eleven_flash_v2_5"
    assert (status, user, codes) == ("active", "lab", [404, 401])


async def test_cartesia_sdk_reads_voices() -> None:
    """cartesia's REST client parses voices and sees 401 and 404."""
    from cartesia import AsyncCartesia, AuthenticationError, NotFoundError

    async with providers() as it:
        async with AsyncCartesia(api_key="good", base_url=it.http_url) as client:
            listed = [voice.id async for voice in client.voices.list()]
            assert (await client.voices.get(listed[0])).id == listed[0]
            assert (await client.get_status()).ok
            with pytest.raises(NotFoundError):
                await client.voices.get("missing-1")
        async with AsyncCartesia(api_key="wrong", base_url=it.http_url) as client:
            with pytest.raises(AuthenticationError):
                await client.voices.get("abc")
