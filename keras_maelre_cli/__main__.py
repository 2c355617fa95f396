"""`python -m keras_maelre_cli` is `keras-maelre`."""

import sys

from keras_maelre_cli.main import main

sys.exit(main())
