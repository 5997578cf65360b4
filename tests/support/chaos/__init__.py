"""Breaks a running Pledge on purpose and checks, independently of it, that nothing went wrong.

`servers` is a broker and a database server for chaos alone, `deployment` the four services as
processes, `load` what is sent, `scenarios` the faults, `oracle` the verification.
"""
