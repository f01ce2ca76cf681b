"""Sends a recorded request to a server, and reads its response: for `reserve listen` and whatever sends one again."""
