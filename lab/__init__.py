"""Outside the building: emulated Deepgram, Claude, ElevenLabs, Cartesia, Twilio, and callers.

Talks to a bot only over sockets and shares no code with it; started as a process (`python -m lab`).
"""
