"""Fires timers at their due time, once their partition has read up to it."""
