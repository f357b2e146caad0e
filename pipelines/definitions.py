"""The one code location of the desk: what is assembled for the home that the environment names.

Put here: `defs`, which Dagster looks for. Keep out: what it is made of (assembly.py); a run brings its own home.
"""

import os

from assets.stages.plan import HOME_VARIABLE, Plan, home_from_environment
from pipelines.assembly import build

defs = build(Plan.of_home(home_from_environment()), os.environ.get(HOME_VARIABLE, ""))
