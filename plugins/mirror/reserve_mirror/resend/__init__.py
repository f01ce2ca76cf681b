"""Sends a recorded request again, as it came or changed: from the server by its API, or by `reserve resend`."""
