"""One profile for Hypothesis: a busy machine is no failure, so an example has no deadline."""

from hypothesis import settings

settings.register_profile("kangheng", deadline=None)
settings.load_profile("kangheng")
