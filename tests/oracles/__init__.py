"""Authorities that sitekit did not write, behind one interface; see docs/oracles.md."""
