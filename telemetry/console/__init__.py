"""The page for whoever runs the phone: live calls, waterfalls, percentiles, causes of slow turns.

Call records and budgets enter, HTML leaves; nothing here changes a call. Every page is whole
without JavaScript; the one script only asks for fresh parts when the event stream says that
something happened. Everything is loaded from the same origin, nothing is written unescaped.
"""
