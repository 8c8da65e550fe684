"""Older files of an organisation rewritten for this sitekit: planned here, never written here.

    from sitekit.migrate import plan

    for change in plan("examples/horizon").changes:
        print(change.difference())

Only what a step changes is touched, see `sitekit.migrate.written`.
"""

from .plan import Change, Plan, plan
from .steps import STEPS, Known, Step

__all__ = ["STEPS", "Change", "Known", "Plan", "Step", "plan"]
