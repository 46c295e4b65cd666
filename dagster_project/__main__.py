"""The entry point of `fcir`. Handles stop signals before importing `cli/app.py`, which takes 0.3 s."""

import sys

from dagster_project.cli.signals import stop_on_signals


def main() -> None:
    """Run the command."""
    stop_on_signals(sys.argv[1:])
    from dagster_project.cli.app import main as run_command

    run_command()


if __name__ == "__main__":
    main()
