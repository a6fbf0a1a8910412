"""Other people's way of building the same bot, to measure against in the same run.

May import Pipecat, which the rest of the lab does not; imports nothing of the bot.
"""
