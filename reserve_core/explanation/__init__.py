"""Explains how the mappings treat a request: which one responds, and why the others don't.

`walk` reads the table for a request that nobody sends; `trace` has what happened to one that was dispatched.
"""
