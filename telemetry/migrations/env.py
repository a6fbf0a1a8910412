"""Alembic's entry: migrate over the connection that `telemetry.store` holds."""

from __future__ import annotations

from alembic import context

context.configure(connection=context.config.attributes["connection"])
# no transaction of Alembic's own: the connection's stands around all steps, and its lock
context.run_migrations()
