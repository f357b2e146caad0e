"""Measuring and proving on homes that are not part of the package: speed of the road, public data."""
