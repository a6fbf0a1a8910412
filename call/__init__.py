"""The call: plain decisions about a telephone conversation.

What enters is a fact and the time; what leaves is an action. Nothing here knows Pipecat, asyncio, a
clock, a socket, a log or a setting's file. May import the standard library (without those) and pure
offline tables: num2words, sentencex, phonenumbers, stdnum.
"""
