"""Frame types that cross rooms.

A frame is what a station says to a station in another room: how finished a turn sounds, a clause to
be spoken, how far the caller has heard. Imports Pipecat's frames and `call` only.
"""
