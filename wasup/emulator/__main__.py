"""`python -m wasup.emulator`."""

from wasup.emulator.serve import command_line

if __name__ == "__main__":
    command_line()
