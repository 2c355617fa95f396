"""Simulated data, for trying the examples where no data are at hand.

Nothing here was measured, and scores on it say nothing about real data. Every data set
has its `simulated` set, so that whatever is printed about it says so.
"""

from simulated.documents import simulated_documents
from simulated.listops import simulated_listops
from simulated.pathfinder import simulated_pathfinder
from simulated.sounds import simulated_sounds
from simulated.wingbeats import simulated_wingbeats

__all__ = [
    "simulated_documents",
    "simulated_listops",
    "simulated_pathfinder",
    "simulated_sounds",
    "simulated_wingbeats",
]
