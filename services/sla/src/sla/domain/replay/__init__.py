"""Replays a ticket's facts under one policy: its cycles, their timers, its silences."""
