"""`python -m wasup` is the `wasup` command."""

from wasup.cli import main

if __name__ == "__main__":
    main()
