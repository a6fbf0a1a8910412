"""A station under test has as long to start as the machine takes."""

from __future__ import annotations

from pipecat.tests import utils

_START_S = 30.0  # Pipecat gives its own test pipelines a second

assert utils.run_test.__kwdefaults__ is not None
utils.run_test.__kwdefaults__["start_timeout"] = _START_S
