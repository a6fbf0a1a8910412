"""The windows: what people see of the calls: logs, numbers, records.

Implements `call.measures.Recorder` for the outside. Nothing here changes a call.
"""
