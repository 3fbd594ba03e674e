"""WhatsApp played on loopback, as a process of its own: `python -m wasup.emulator --port 8765`.

Nothing is imported here, so that the `emulated` provider can share `wire` without loading a server.
"""
