"""`wasup demo`: the main job, played live and checked against the emulator's own log."""

from wasup.cli.demo.run import Size, run_demo

__all__ = ["Size", "run_demo"]
