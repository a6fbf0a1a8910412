"""Twilio Media Streams: text messages in, audio, keys and marks out, and back."""
