"""`wasup demo`: the main job, played live and checked against the emulator's own log."""

from wasup.cli.demo.run import run_demo

__all__ = ["run_demo"]
