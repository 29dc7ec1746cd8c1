"""The program `newsletter`, also as `python -m newsletter`."""

from newsletter.cli.main import newsletter


def main() -> None:
    """Run the command line and leave with its exit code."""
    newsletter()


if __name__ == "__main__":
    main()
