"""`python -m xnp` is the command `xnp`."""

import sys

from xnp.cli import main

sys.exit(main())
