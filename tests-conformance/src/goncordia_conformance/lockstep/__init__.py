"""The driver and the model in lockstep: each step asks both and compares all that is to be seen."""
