"""The work of the reference by other tools, each a program of its own that is measured and compared like the reference.

A program is called as the reference is: `python -m tests.long.benchmark.peers.NAME LANDING DATABASE --key FILE
--force FORCE`. Its libraries are no dependencies of the project: `make env-peers` installs them.
"""
