"""The wires to providers: one provider, one file; the switchboard that chooses them.

What enters is audio, a conversation or clauses; what leaves is words, text or audio, as frames.
`stt()`, `llm()` and `tts()` build the station that one line of settings names. May import `frames`
and `call`, Pipecat and the vendors' clients; no sibling room.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar

from pipecat.processors.frame_processor import FrameProcessor
from pipecat.services.llm_service import LLMService

from call.errors import SettingsError
from call.failover import Tolerance
from call.first_token import Patience
from call.measures import NullRecorder, Recorder
from call.recovery import Recovery, StandIn
from call.speculation import Speculation
from call.tongue import ARABIC, is_arabic
from services.anthropic import Claude, Prompt
from services.bilingual import Bilingual
from services.cartesia import Cartesia, CartesiaDialect
from services.cast import Cast, Member
from services.claude_client import Anthropic, Model, Models, claude_client
from services.deepgram import DeepgramSTT
from services.deepgram_address import Deepgram
from services.elevenlabs import ElevenLabs, ElevenLabsDialect
from services.failover import FailoverTTS
from services.phrases import Repertoire, VoiceKey
from services.pool import Keep, Pool
from services.voice import Dialect, Voice
from services.voices import Voices

_Builder = TypeVar("_Builder")


@dataclass(frozen=True)
class Hear:
    """The `[hear]` section: who turns the caller's voice into words."""

    provider: str = "deepgram"
    """The recogniser: deepgram."""
    ask_again_below: float = 0.75
    """The recogniser's confidence under which words are asked back ("Did I hear that right: …?"),
    where they are few or a number, day or name is among them. Below three in four, one answer in
    four would be about something that was not said; 0 asks never."""
    ask_again_words: int = 4
    """Turns of at most so many unsure words are asked back whatever they are about; longer ones
    carry their sense past a wrong word."""

    def __post_init__(self) -> None:
        _choose("hear", self.provider, _RECOGNISERS)
        if not 0 <= self.ask_again_below <= 1:
            raise ValueError(f"ask_again_below is {self.ask_again_below}; choose 0 to 1")
        if self.ask_again_words < 0:
            raise ValueError(f"ask_again_words is {self.ask_again_words}; choose 0 or more")


@dataclass(frozen=True)
class Think:
    """The `[think]` section: who answers."""

    provider: str = "anthropic"
    """The model's vendor: anthropic."""
    model: str = "claude-haiku-4-5"
    """Any model name of the vendor; the fastest one that books appointments reliably."""
    max_tokens: int = 200
    """Most tokens of a reply; 50 spoken words need about 75, tool calls some more."""
    stand_in_model: str = "claude-sonnet-4-6"
    """The model that is asked when the first one fails or is late; another family seldom fails with
    it. Empty: the first one is asked again."""
    stand_in_url: str = ""
    """Base URL of the stand-in where it is not the first one's: any vendor that speaks Anthropic's
    Messages; its key is STAND_IN_API_KEY."""
    stand_in_s: float = 60.0
    """Seconds for which the stand-in, once it had to answer, is asked first by all calls of the
    process, so that not every turn begins with waiting for a model that is down."""

    def __post_init__(self) -> None:
        _choose("think", self.provider, _MODELS)
        if not self.model:
            raise ValueError("model is empty; name one of the vendor's models")
        if self.stand_in_model == self.model and not self.stand_in_url:
            raise ValueError(f'"{self.model}" cannot be its own stand-in')
        if self.stand_in_s < 0:
            raise ValueError(f"stand_in_s {self.stand_in_s} must be 0 seconds or more")
        if self.max_tokens < 1:
            raise ValueError(f"max_tokens {self.max_tokens} must be at least 1")


@dataclass(frozen=True)
class Speak:
    """The `[speak]` section: who turns words into the agent's voice."""

    provider: str = "elevenlabs"
    """The voice: elevenlabs or cartesia."""
    stand_ins: tuple[str, ...] = ("cartesia",)
    """Voices to go on with when the first one falters, in order; one at which the agent has no
    voice is left out."""
    first_byte_budget_s: float = 0.4
    """A voice without a sound for this long, or for twice its live 95th percentile if that is
    less (never under 0.2 s), is late: the next one is asked as well, and the first to sound goes
    on."""
    stall_s: float = 1.5
    """A reply is given up when all its voices are late and the caller's ear has been dry for this
    long; the caller is never left without a sound for 2 s."""
    faults_to_open: int = 2
    """Faults of a voice in a row after which new replies begin with another one; a refused key or
    an empty quota does so at once."""
    probe_s: float = 5.0
    """A voice that is gone round is asked for a word after this long; twice as long after each
    time it fails, up to a minute."""

    def __post_init__(self) -> None:
        for name in (self.provider, *self.stand_ins):
            _choose("speak", name, _VOICES)
        if self.provider in self.stand_ins:
            raise ValueError(f'"{self.provider}" cannot be its own stand-in')
        if self.stall_s <= 0:
            raise ValueError(f"stall_s {self.stall_s} must be above 0 seconds")
        _ = self.tolerance

    @property
    def tolerance(self) -> Tolerance:
        """What a voice may take, for the rule that decides on it."""
        return Tolerance(
            first_byte_budget_s=self.first_byte_budget_s,
            faults_to_open=self.faults_to_open,
            probe_s=self.probe_s,
        )

    @property
    def voices(self) -> tuple[str, ...]:
        """All of them, in order of preference."""
        return (self.provider, *self.stand_ins)


class Services(Protocol):
    """The sections of the settings that this room reads."""

    @property
    def hear(self) -> Hear:
        """Which recogniser."""

    @property
    def think(self) -> Think:
        """Which model."""

    @property
    def speak(self) -> Speak:
        """Which voice."""

    @property
    def deepgram(self) -> Deepgram:
        """How Deepgram listens."""

    @property
    def patience(self) -> Patience:
        """How long the caller may hear nothing."""

    @property
    def anthropic(self) -> Anthropic:
        """How Claude is reached."""

    @property
    def elevenlabs(self) -> ElevenLabs:
        """How ElevenLabs sounds."""

    @property
    def cartesia(self) -> Cartesia:
        """How Cartesia sounds."""


def stt(
    settings: Services,
    keys: Mapping[str, str],
    *,
    recorder: Recorder,
    language: str,
    keyterms: Sequence[str] = (),
    spares: Pool | None = None,
) -> FrameProcessor:
    """The recogniser's station."""
    station = _choose("hear", settings.hear.provider, _RECOGNISERS)
    return station(
        getattr(settings, settings.hear.provider),
        _key(keys, settings.hear.provider),
        recorder=recorder,
        language=language,
        keyterms=keyterms,
        spares=spares,
    )


def keeps(
    settings: Services,
    keys: Mapping[str, str],
    *,
    language: str,
    keyterms: Sequence[str],
    voices: Mapping[str, str],
) -> tuple[Keep, Keep]:
    """What a call will dial first: the recogniser and the first voice."""
    ear, mouth = settings.hear.provider, settings.speak.provider
    key = VoiceKey(mouth, _voice(voices, mouth), language)
    section: Deepgram = getattr(settings, ear)
    return (
        section.keep(_key(keys, ear), language=language, keyterms=keyterms),
        voice(settings, keys, key=key, recorder=NullRecorder()).keep(),
    )


def models(settings: Services, keys: Mapping[str, str]) -> Models:
    """The warm models of a process, one client for each place they are at."""
    think, section = settings.think, settings.anthropic
    first = Model(think.model, claude_client(section, keys["anthropic"]))
    stand_in = None
    if think.stand_in_model:
        client = first.client
        if think.stand_in_url:
            elsewhere = replace(section, url=think.stand_in_url)
            client = claude_client(elsewhere, _key(keys, "stand_in"))
        stand_in = Model(think.stand_in_model, client)
    return Models(first, stand_in, StandIn(keep_s=think.stand_in_s))


def llm(
    settings: Services,
    *,
    recorder: Recorder,
    models: Models,
    prompt: Prompt,
    speculation: Speculation | None = None,
    recovery: Recovery | None = None,
) -> LLMService[Any]:
    """The model's station; `models` are the process's, which hold the keys already."""
    think = settings.think
    station = _choose("think", think.provider, _MODELS)
    return station(
        getattr(settings, think.provider),
        models=models,
        recorder=recorder,
        max_tokens=think.max_tokens,
        prompt=prompt,
        speculation=speculation,
        recovery=recovery,
        patience=settings.patience,
    )


def tts(
    settings: Services,
    keys: Mapping[str, str],
    *,
    recorder: Recorder,
    language: str,
    voices: Mapping[str, str],
    arabic: Mapping[str, str] | None = None,
    shared: Voices | None = None,
    spares: Pool | None = None,
) -> FailoverTTS:
    """The voice's station; `voices` names the voice to use at each provider, `arabic` those for
    replies in Arabic where the agent's language is another (else its own, told the language);
    `shared` is what the calls of the process share."""
    first = settings.speak.provider
    able = [name for name in settings.speak.stand_ins if keys.get(name) and voices.get(name)]
    used = {name: _voice(voices, name) for name in (first, *able)}
    shared = shared or Voices(tolerance=settings.speak.tolerance)
    besides = {} if _is_arabic(language) else {**used, **(arabic or {})}
    others = [VoiceKey(name, besides[name], ARABIC) for name in used if name in besides]

    def one(key: VoiceKey) -> Voice:
        return voice(settings, keys, key=key, recorder=recorder, spares=spares)

    def both(name: str) -> Voice | Bilingual:
        home = one(VoiceKey(name, used[name], language))
        other = next((key for key in others if key.provider == name), None)
        if other is None:
            return home
        return Bilingual(home, one(other), is_other=is_arabic)

    members = [Member(both(name), shared.health(name)) for name in used]
    repertoire = Repertoire(shared.store, language=language, voices=used, besides=others)
    cast = Cast(members, recorder=recorder, repertoire=repertoire)
    return FailoverTTS(cast, stall_s=settings.speak.stall_s)


def _is_arabic(language: str) -> bool:
    return language.partition("-")[0].lower() == ARABIC


def voice(
    settings: Services,
    keys: Mapping[str, str],
    *,
    key: VoiceKey,
    recorder: Recorder,
    spares: Pool | None = None,
) -> Voice:
    """One voice, not connected yet; a stand-in speaks at the first voice's speed, unless it has a
    speed of its own."""
    name = key.provider
    dialect = _choose("speak", name, _VOICES)
    section = getattr(settings, name)
    pace = getattr(settings, settings.speak.provider).speed
    if name != settings.speak.provider and section.speed == 1.0:
        slowest, fastest = section.SPEEDS
        section = replace(section, speed=min(fastest, max(slowest, pace)))
    return Voice(
        dialect(section, _key(keys, name), voice=key.voice, language=key.language),
        connect_timeout_s=section.connect_timeout_s,
        recorder=recorder,
        spares=spares,
    )


# ── the switchboard: a provider's name is also that of its section ───────────────────

_RECOGNISERS: dict[str, Callable[..., FrameProcessor]] = {"deepgram": DeepgramSTT}
_MODELS: dict[str, Callable[..., LLMService[Any]]] = {"anthropic": Claude}
_VOICES: dict[str, Callable[..., Dialect]] = {
    "elevenlabs": ElevenLabsDialect,
    "cartesia": CartesiaDialect,
}


def _choose(section: str, name: str, choices: Mapping[str, _Builder]) -> _Builder:
    if name not in choices:
        raise ValueError(f'{section}: unknown provider "{name}"; choose {" or ".join(choices)}')
    return choices[name]


def _key(keys: Mapping[str, str], provider: str) -> str:
    if not keys.get(provider):
        name = f"{provider.upper()}_API_KEY"
        raise SettingsError(name, "is missing", source="environment", remedy="set it")
    return keys[provider]


def _voice(voices: Mapping[str, str], provider: str) -> str:
    if not voices.get(provider):
        raise SettingsError(
            f"voice.{provider}", "is missing", source="agent", remedy="name a voice of the provider"
        )
    return voices[provider]
