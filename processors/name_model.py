"""Names in free text: one name model for the whole process, read off the event loop.

The model is presidio's analyzer over a spaCy pipeline (the extra `presidio`); nothing else imports
them. A call never waits longer than the budget: words that the model has not read by then go on as
they are, and are counted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from typing import Any

from loguru import logger

from call.measures import NAMES_MISSED, NullRecorder, Recorder
from call.privacy_free_names import Reader, Spot

_WAITING = 8  # texts; more would be late anyway
_FIRST = "Ask Peter Miller about it."


class NameModel:
    """The process's reader of names: `await spot(text)` tells where they are.

    Made once per process, `preload()`ed before the first call, `close()`d at the end.
    """

    def __init__(
        self,
        load: Callable[[], Reader],
        *,
        budget_s: float,
        waiting: int = _WAITING,
        recorder: Recorder | None = None,
    ) -> None:
        self._load = load
        self._reader: Reader | None = None
        self._budget_s = budget_s
        self._limit = waiting
        self._recorder = recorder or NullRecorder()
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="names")
        self._under_way = 0

    def preload(self) -> None:
        """Load the model and read once, so that no call pays for it. Blocks."""
        if self._reader is None:
            self._reader = self._load()
            self._reader(_FIRST)

    async def spot(self, text: str) -> Sequence[Spot]:
        """Where names are; nothing when the model is late, busy or broken."""
        reader = self._reader
        if reader is None or self._under_way >= self._limit:
            return self._missed("busy")
        try:
            reading = asyncio.get_running_loop().run_in_executor(self._pool, reader, text)
        except RuntimeError:  # closed: the process goes down
            return self._missed("failed")
        self._under_way += 1
        reading.add_done_callback(self._over)
        done, _ = await asyncio.wait((reading,), timeout=self._budget_s)
        if not done:
            reading.cancel()  # one that waits is forgotten, one that runs is ignored
            return self._missed("late")
        if reading.cancelled() or reading.exception() is not None:
            return self._missed("failed")
        return reading.result()

    def close(self) -> None:
        """Let the thread go; what it reads is dropped."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _over(self, reading: asyncio.Future[Sequence[Spot]]) -> None:
        self._under_way -= 1
        if not reading.cancelled():
            reading.exception()  # looked at: a text may stand in it, and nobody is to print it

    def _missed(self, reason: str) -> Sequence[Spot]:
        self._recorder.count(NAMES_MISSED, reason=reason)
        logger.debug("words went on before names were looked for: {}", reason)
        return ()


def absent(model: str) -> str:
    """What is missing for this model on this machine; empty when nothing is."""
    for package in ("presidio_analyzer", "spacy", model):
        if find_spec(package) is None:
            return package
    return ""


def presidio(model: str) -> Reader:
    """Presidio's analyzer, reduced to the names of people. Takes seconds."""
    from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
    from presidio_analyzer.nlp_engine import NerModelConfiguration, SpacyNlpEngine
    from presidio_analyzer.predefined_recognizers import SpacyRecognizer

    language = model[:2]
    engine = SpacyNlpEngine(
        models=[{"lang_code": language, "model_name": model}],
        ner_model_configuration=NerModelConfiguration(
            model_to_presidio_entity_mapping={"PERSON": "PERSON", "PER": "PERSON"}
        ),
    )
    engine.load()
    pipeline: Any = engine.nlp[language]
    needed = ("tok2vec", "transformer", "ner")
    pipeline.select_pipes(enable=[each for each in needed if each in pipeline.pipe_names])
    names = SpacyRecognizer(supported_language=language, supported_entities=["PERSON"])
    analyzer = AnalyzerEngine(
        nlp_engine=engine,
        registry=RecognizerRegistry(recognizers=[names], supported_languages=[language]),
        supported_languages=[language],
    )

    def read(text: str) -> Sequence[Spot]:
        results = analyzer.analyze(text, language=language, entities=["PERSON"])
        return [(each.start, each.end) for each in results]

    return read
