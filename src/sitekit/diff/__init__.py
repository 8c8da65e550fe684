"""Differences between configurations, as data: pure, neither read from nor written anywhere."""
