"""One job of export in a process of its own: `python -m keras_maelre.deployment JOB`.

The backend of the process is that which can write the format.
"""

import sys

from keras_maelre.deployment import job

job.answer(sys.argv[1])
