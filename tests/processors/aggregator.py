"""Pipecat's user aggregator with our strategies, as a call has it."""

from __future__ import annotations

from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import (
    LLMContextAggregatorPair,
    LLMUserAggregatorParams,
)
from pipecat.turns.user_turn_strategies import UserTurnStrategies

from call.confidence import Doubt
from call.floor import Floor
from call.measures import Recorder
from call.speculation import Speculation
from call.waits import Endpoint
from processors.turn_start import TurnStart
from processors.turn_stop import TurnStop


def pair(
    *,
    floor: Floor,
    settings: Endpoint | None = None,
    recorder: Recorder | None = None,
    speculation: Speculation | None = None,
    doubt: Doubt | None = None,
) -> LLMContextAggregatorPair:
    """Both halves of one conversation."""
    stop = TurnStop(
        settings or Endpoint(),
        floor=floor,
        recorder=recorder,
        speculation=speculation,
        doubt=doubt,
    )
    strategies = UserTurnStrategies(start=[TurnStart(floor=floor, recorder=recorder)], stop=[stop])
    return LLMContextAggregatorPair(
        LLMContext(),
        user_params=LLMUserAggregatorParams(user_turn_strategies=strategies, empty_user_turn=None),
        realtime_service_mode=False,
    )
