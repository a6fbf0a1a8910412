"""The process's environment; the only place in the project that reads it.

Apart from the settings because whoever only starts other processes (the demo) need not load them.
"""

from __future__ import annotations

import os


def settle_libraries() -> None:
    """Say what libraries read when they are imported; ahead of everything else.

    OpenBLAS would share the features of each smart-turn score, two milliseconds of work, among as
    many threads as there are cores, and their waiting for each other costs nine.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def process_environment() -> dict[str, str]:
    """A copy of this process's environment.

    Pipecat prints whole conversations at DEBUG unless told otherwise before its first language
    model is built, so that is said here, ahead of everything.
    """
    os.environ.setdefault("PIPECAT_LOG_LLM_CONTEXT", "off")
    return dict(os.environ)
