"""Simulated data, for trying the examples where no data are at hand.

Nothing here was measured, and scores on it say nothing about real data. Every data set
has its `simulated` set, so that whatever is printed about it says so.
"""

from simulated.documents import simulated_documents
from simulated.sounds import simulated_sounds
from simulated.wingbeats import simulated_wingbeats

__all__ = ["simulated_documents", "simulated_sounds", "simulated_wingbeats"]
