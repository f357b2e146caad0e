"""Assembly: what is run, when, for which home, and the commands people type. Nothing here computes."""
