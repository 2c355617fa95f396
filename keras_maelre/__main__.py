"""`python -m keras_maelre` is `keras-maelre`, after the seconds that Keras takes."""

import sys

from keras_maelre_cli.main import main

sys.exit(main())
