"""Attainment over periods, and what-if."""
