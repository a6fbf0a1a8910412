"""What the agent says on its own account, without the model; defaults for each language it speaks.

An operator's `[phrases]` go before these. `call/recovery.py` says which of them is due.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

FILLER = "filler"
"""Kind of a phrase that breaks a silence: heard, but no part of the conversation."""


CATCHING_UP = "catching_up"
"""Kind of the phrase for a caller who waits while their words are heard again."""

REPLY = "reply"
"""Kind of the model's own words."""


@dataclass(frozen=True)
class Phrases:
    """What the agent says on its own account, without the model."""

    goodbye: str = "Thank you for calling. Goodbye."
    apology: str = "I am sorry, something went wrong on our side."
    busy: str = "All our lines are busy. Please leave a message after the tone."
    voicemail: str = "Please leave your name, number and message after the tone."
    cut_short: str = "Sorry, I have to stop here."
    """the process goes down in the middle of the call; the voicemail follows"""
    transfer: str = "One moment, I am putting you through."
    nobody: str = "I am sorry, nobody can come to the telephone right now."
    """instead of a person, before the voicemail"""
    misheard: str = "I am sorry, I cannot make out what you say on this line."
    """the caller's words stayed unsure"""
    recorded: str = "This call is recorded."
    """behind the disclosure, where recordings are on"""
    heard_right: str = "Did I hear that right: {heard}?"
    """words the recogniser was unsure of; {heard} stands for them"""
    heard_either: str = "I am not sure. Did you say {first}, or {second}?"
    """the second time, when the first was something else"""
    heard_again: str = "I heard: {heard}. If that is right, say yes. If not, please say it slowly."
    """the second time, when the first was denied"""
    once_more: str = "I am sorry. Please say it once more."
    """the first was denied, and nothing else was said"""
    whisper: str = "The telephone assistant passes you a caller."
    """to the person who takes over, before they hear the caller"""
    last_words: str = "They said:"
    """to the same, before what the caller said last"""
    fillers: tuple[str, ...] = (
        "One moment while I look that up.",
        "I am still on it, thank you for waiting.",
    )
    """while the answer is late, in turn; at least two, so that none is said twice running"""
    tool_fillers: tuple[str, ...] = (
        "Just a moment, I am checking that for you.",
        "This is taking a little longer than usual.",
    )
    """the same while a tool runs that has no filler of its own"""
    say_again: str = "I am sorry, I lost my thread. Could you say that again?"
    """the model answered with nothing, twice"""
    hard_of_hearing: str = "I am having trouble hearing you."
    """the recogniser is gone"""
    catching_up: str = "One moment, please."
    """the recogniser is back, and hears again what the caller said meanwhile"""

    still_there: str = "Are you still there?"
    """the caller has said nothing for `[idle] ask_s`"""
    still_there_again: str = "I cannot hear you. Are you still there?"
    """and nothing again"""
    silent_goodbye: str = "I cannot hear anybody, so I will hang up. Please call again. Goodbye."
    """and nothing a third time"""

    def __post_init__(self) -> None:
        for knob in fields(self):
            said = getattr(self, knob.name)
            texts = (said,) if isinstance(said, str) else said
            if not texts or not all(text.strip() for text in texts):
                raise ValueError(f"{knob.name} is empty; write the sentence the caller hears")
        for name, places in _PLACES.items():
            missing = [place for place in places if place not in getattr(self, name)]
            if missing:
                raise ValueError(f"{name} lacks {missing[0]}, which stands for what was heard")
        for name in ("fillers", "tool_fillers"):
            if len(getattr(self, name)) < 2:
                raise ValueError(
                    f"{name} has one sentence; write two, it is not said twice running"
                )


_PLACES = {
    "heard_right": ("{heard}",),
    "heard_again": ("{heard}",),
    "heard_either": ("{first}", "{second}"),
}


def phrases_in(language: str) -> Phrases:
    """The phrases of a language, as they come with the program."""
    return Phrases(**phrases_of(language))  # type: ignore[arg-type]


def phrases_of(language: str) -> Mapping[str, str | tuple[str, ...]]:
    """The phrases of a language where they are not English, by name; empty for one unknown."""
    return _BY_LANGUAGE.get(language.split("-")[0].lower(), {})


_BY_LANGUAGE: Mapping[str, Mapping[str, str | tuple[str, ...]]] = {
    "ar": {
        "goodbye": "شكراً لاتصالك. مع السلامة.",
        "apology": "نعتذر، حدث خطأ لدينا.",
        "busy": "جميع الخطوط مشغولة. اترك رسالتك بعد الصافرة.",
        "voicemail": "اترك اسمك ورقمك ورسالتك بعد الصافرة.",
        "cut_short": "عذراً، يجب أن أتوقف.",
        "transfer": "لحظة من فضلك، سأحوّلك.",
        "nobody": "عذراً، لا يمكن لأحد الرد على الهاتف الآن.",
        "misheard": "عذراً، لا أستطيع فهم ما تقول على هذا الخط.",
        "recorded": "هذه المكالمة مسجّلة.",
        "heard_right": "هل سمعتك جيداً: {heard}؟",
        "heard_either": "لست متأكداً. هل قلت {first} أم {second}؟",
        "heard_again": "سمعت: {heard}. إذا كان صحيحاً فقل نعم، وإلا فأعد القول ببطء من فضلك.",
        "once_more": "عذراً، أعد القول مرة أخرى من فضلك.",
        "whisper": "المساعد الهاتفي يحوّل إليك متصلاً.",
        "last_words": "قال المتصل:",
        "fillers": ("لحظة من فضلك، سأتحقق من ذلك.", "ما زلت أبحث، شكراً لانتظارك."),
        "tool_fillers": ("لحظة، أتحقق من ذلك الآن.", "يستغرق الأمر وقتاً أطول من المعتاد."),
        "say_again": "عذراً، هل يمكنك إعادة ما قلت؟",
        "hard_of_hearing": "أجد صعوبة في سماعك.",
        "catching_up": "لحظة من فضلك.",
        "still_there": "هل ما زلت على الخط؟",
        "still_there_again": "لا أسمعك. هل ما زلت على الخط؟",
        "silent_goodbye": "لا أسمع أحداً، سأنهي المكالمة الآن. يرجى الاتصال مرة أخرى. مع السلامة.",
    },
}

LANGUAGES = ("en", *_BY_LANGUAGE)
"""in which phrases come with the program"""
