"""Breaks a running Pledge on purpose and checks, independently of it, that nothing went wrong.

`ground` is a broker and a database server of its own, `world` the four services as processes,
`load` what comes in, `scenarios` what is done to them, `judge` the oracle.
"""
