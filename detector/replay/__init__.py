"""Recorded mail and logs through the engine of the relay, in recorded time: nothing here reads a clock."""
