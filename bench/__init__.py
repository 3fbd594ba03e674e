"""Benches of whole systems: `python -m bench --help`.

Each section starts what it needs (a database, the WhatsApp emulator, wasup, each a process of its own), measures,
prints a table, and cleans up after itself. Figures depend on the machine, which is described first.
"""
