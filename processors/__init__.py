"""The stations of the list: one file, one FrameProcessor, one concern; plus the turn strategies.

Frames enter, frames leave; every rule is asked of `call`. No sockets, no provider SDK. Stations do
not import each other.
"""

import os

# ONNX Runtime reports its use to its vendor unless this is set before it is first imported.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
