"""``python -m proxy.cli`` is the command without its script."""

from proxy.cli.main import main

if __name__ == "__main__":
    main()
