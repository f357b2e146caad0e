"""Releases: writing one, putting it in force, verifying it without a home, explaining its figures."""
