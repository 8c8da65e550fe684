"""Stand-ins good enough to prove things on; loaded by the command line and by tests alone."""
