"""A Twilio bot as Pipecat's own documentation builds one, with nothing changed and nothing added:
the yardstick.

    python -m lab.peers.stock --port 7870 --lab-port 7900

One pipeline per call: socket, recogniser, user context with Silero and smart-turn at their
defaults, Claude, ElevenLabs, socket, assistant context. Prompt and greeting come from agent.toml,
so that it holds the same conversation; it has no tools.
"""

from __future__ import annotations

import argparse
import socket
import sys
import tomllib
from dataclasses import dataclass, replace
from pathlib import Path

import uvicorn
from anthropic import AsyncAnthropic
from fastapi import FastAPI, Request, Response, WebSocket
from loguru import logger
from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.frames.frames import TTSSpeakFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import (
    LLMContextAggregatorPair,
    LLMUserAggregatorParams,
)
from pipecat.runner.utils import parse_telephony_websocket
from pipecat.serializers.twilio import TwilioFrameSerializer
from pipecat.services.anthropic.llm import AnthropicLLMService
from pipecat.services.deepgram.stt import DeepgramSTTService
from pipecat.services.elevenlabs.tts import ElevenLabsTTSService
from pipecat.transports.websocket.fastapi import (
    FastAPIWebsocketParams,
    FastAPIWebsocketTransport,
)
from pipecat.workers.runner import WorkerRunner

RATE_HZ = 8000


@dataclass(frozen=True)
class Setup:
    """Where the providers are and what the agent says."""

    deepgram_url: str
    anthropic_url: str
    elevenlabs_url: str
    twilio_url: str
    model: str
    voice: str
    prompt: str
    greeting: str


async def converse(websocket: WebSocket, setup: Setup) -> None:
    """One call, from the carrier's handshake to the hang-up."""
    _, call_data = await parse_telephony_websocket(websocket)
    serializer = TwilioFrameSerializer(
        stream_sid=call_data["stream_id"],
        call_sid=call_data["call_id"],
        account_sid="AC" + "0" * 31 + "1",
        auth_token="lab",
        base_url=setup.twilio_url,
    )
    transport = FastAPIWebsocketTransport(
        websocket=websocket,
        params=FastAPIWebsocketParams(
            audio_in_enabled=True,
            audio_out_enabled=True,
            add_wav_header=False,
            serializer=serializer,
        ),
    )
    stt = DeepgramSTTService(api_key="lab", base_url=setup.deepgram_url)
    llm = AnthropicLLMService(
        api_key="lab",
        client=AsyncAnthropic(api_key="lab", base_url=setup.anthropic_url),
        settings=AnthropicLLMService.Settings(
            model=setup.model, system_instruction=setup.prompt, max_tokens=200
        ),
    )
    tts = ElevenLabsTTSService(
        api_key="lab",
        url=setup.elevenlabs_url,
        settings=ElevenLabsTTSService.Settings(voice=setup.voice),
    )
    user_aggregator, assistant_aggregator = LLMContextAggregatorPair(
        LLMContext(),
        user_params=LLMUserAggregatorParams(vad_analyzer=SileroVADAnalyzer()),
    )
    worker = PipelineWorker(
        Pipeline(
            [
                transport.input(),
                stt,
                user_aggregator,
                llm,
                tts,
                transport.output(),
                assistant_aggregator,
            ]
        ),
        params=PipelineParams(
            audio_in_sample_rate=RATE_HZ,
            audio_out_sample_rate=RATE_HZ,
            enable_metrics=True,
            enable_usage_metrics=True,
        ),
    )
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)

    @transport.event_handler("on_client_connected")  # type: ignore[untyped-decorator]
    async def on_client_connected(transport: object, client: object) -> None:
        # Claude wants the conversation to open with the caller's words
        greeting = TTSSpeakFrame(setup.greeting, append_to_context=False)
        await worker.queue_frames([greeting])

    @transport.event_handler("on_client_disconnected")  # type: ignore[untyped-decorator]
    async def on_client_disconnected(transport: object, client: object) -> None:
        await runner.cancel()

    await runner.run()


def app(setup: Setup) -> FastAPI:
    """The bot's two doors: the voice webhook and the media socket."""

    web = FastAPI()

    @web.post("/")
    async def voice(request: Request) -> Response:
        host = request.headers["host"]
        twiml = f'<Response><Connect><Stream url="ws://{host}/ws"/></Connect></Response>'
        return Response(twiml, media_type="application/xml")

    @web.websocket("/ws")
    async def media(websocket: WebSocket) -> None:
        await websocket.accept()
        await converse(websocket, setup)

    return web


def setup(lab: str, *, agent: Path) -> Setup:
    """Providers at `lab` (host:port), words from the agent file."""
    words = tomllib.loads(agent.read_text("utf-8"))
    disclosure = words.get("disclosure", {})
    said = [words["greeting"]]
    if disclosure.get("enabled"):
        said.append(disclosure["text"])
    return Setup(
        deepgram_url=f"ws://{lab}",
        anthropic_url=f"http://{lab}",
        elevenlabs_url=f"ws://{lab}",
        twilio_url=f"http://{lab}",
        model="claude-haiku-4-5",
        voice=words["voices"]["elevenlabs"],
        prompt=words["prompt"].strip(),
        greeting=" ".join(said),
    )


class Server(uvicorn.Server):
    """Says when it answers."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """One line on standard output once the port is bound."""
        await super().startup(sockets)
        if not self.should_exit:
            sys.stdout.write(f"stock answers on http://{self.config.host}:{self.config.port}\n")
            sys.stdout.flush()


def main(argv: list[str] | None = None) -> int:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(prog="lab.peers.stock", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=7870)
    parser.add_argument("--lab-port", type=int, default=7900, help="the lab on this machine")
    for provider in ("deepgram", "anthropic", "elevenlabs"):
        parser.add_argument(f"--{provider}", help="base URL instead of the lab's")
    parser.add_argument("--agent", type=Path, default=Path("agent.toml"))
    options = parser.parse_args(argv)
    logger.remove()
    logger.add(sys.stderr, level="INFO")
    given = {
        f"{provider}_url": url
        for provider in ("deepgram", "anthropic", "elevenlabs")
        if (url := getattr(options, provider))
    }
    made = replace(setup(f"127.0.0.1:{options.lab_port}", agent=options.agent), **given)
    config = uvicorn.Config(app(made), host=options.host, port=options.port, log_level="warning")
    server = Server(config)
    server.run()
    return 0 if server.started else 1


if __name__ == "__main__":
    sys.exit(main())
