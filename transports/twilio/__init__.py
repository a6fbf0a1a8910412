"""Twilio's telephone: Media Streams, webhooks, REST.

What enters are the carrier's JSON messages and signed form posts; what leaves are frames, TwiML and
one REST request. `protocol.py` knows the rules without I/O, `serializer.py` turns its events into
frames, `transport.py` picks up and holds `input.py` (from the carrier) and `output.py` with
`sender.py` (to it) on one `line.py`. May import Pipecat, FastAPI's WebSocket, `frames` and `call`.
"""
