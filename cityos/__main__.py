"""`python -m cityos`: the same as the command `cityos`."""

import sys

from cityos.cli import main

sys.exit(main())
