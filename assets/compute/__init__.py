"""Compute: reads parts in force, runs SQL in the engine, calls evaluations, returns frames. Writes nothing itself."""
