"""`python -m foremend` is the console script."""

from foremend.cli import main

main()
