"""`python -m simulators.figures`: see `figures`."""

import sys

from simulators.figures.figures import main

sys.exit(main())
