"""Arithmetic: frames in, frames out. Knows no database, no orchestrator, no clock, no path.

A number leaves this room with its interval, its method and, where it cannot be given, its status.
"""
