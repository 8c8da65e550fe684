"""The lab: stand-ins good enough to prove things on. Nothing in production imports it."""
