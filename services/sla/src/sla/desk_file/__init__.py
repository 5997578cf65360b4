"""Reads and checks a desk's sla.yaml and compiles it to a policy."""
